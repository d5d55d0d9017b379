#include "core/template/parser.h"

#include <charconv>
#include <limits>

#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "core/strings/utf8.h"

namespace narthex::tmpl {
namespace {

constexpr int kMaxDepth = 200;  // nesting of blocks and parentheses
constexpr size_t kMaxText = 16 << 20;

std::string Describe(const Token& token) {
  switch (token.type) {
    case TokenType::kEof: return "EOF";
    case TokenType::kError: return token.value;
    default: break;
  }
  if (token.is_keyword()) return "<" + token.value + ">";
  // %.10q: the first ten runes, quoted.
  if (token.value.size() > 10) {
    size_t end = 0;
    for (int runes = 0; runes < 10 && end < token.value.size(); ++runes) {
      end += DecodeRune(std::string_view(token.value).substr(end)).width;
    }
    if (end < token.value.size()) return GoQuote(token.value.substr(0, end)) + "...";
  }
  return GoQuote(token.value);
}

// Integers in every Go base, underscores between digits.
bool ParseGoInt(std::string_view text, int64_t* out, bool* overflow) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char kind = static_cast<char>(text[1] | 0x20);
    base = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 8;
    text.remove_prefix(kind == 'x' || kind == 'o' || kind == 'b' ? 2 : 1);
  }
  std::string digits(text);
  std::erase(digits, '_');
  uint64_t magnitude = 0;
  auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  if (digits.empty() || end != digits.data() + digits.size()) return false;
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  *overflow = error == std::errc::result_out_of_range || magnitude > kMax + (negative ? 1 : 0);
  *out = static_cast<int64_t>(negative ? ~magnitude + 1 : magnitude);
  return true;
}

class Parser {
 public:
  Parser(const std::string& name, std::string_view text,
         const std::function<bool(std::string_view)>& has_function)
      : name_(name),
        text_(std::make_shared<const std::string>(text)),
        lexer_(*text_),
        has_function_(has_function) {}

  StatusOr<std::vector<std::shared_ptr<Tree>>> Parse() {
    if (text_->size() > kMaxText) {
      return OutOfRange("template: {}: larger than {} bytes", name_, kMaxText);
    }
    trees_.push_back(NewTree(name_));
    NodePtr root = New(NodeType::kList, 0);
    variables_ = {"$"};
    while (ok() && PeekNonSpace().type != TokenType::kEof) {
      if (Peek().type == TokenType::kLeft) {
        const Token left = Next();
        if (NextNonSpace().type == TokenType::kDefine) {
          Definition();
          continue;
        }
        Backup2(left);
      }
      NodePtr node = TextOrAction();
      if (node == nullptr) break;
      if (node->type == NodeType::kCommand) {  // {{end}} and {{else}}, see EndMark
        Fail(fmt::format("unexpected {}", node->text));
      } else {
        root->children.push_back(std::move(node));
      }
    }
    if (!ok()) return status_;
    trees_.front()->root = std::move(root);
    return std::move(trees_);
  }

 private:
  bool ok() const { return status_.ok(); }
  // Errors name the line of the last token read.
  NodePtr Fail(std::string_view message) {
    if (ok()) {
      status_ = InvalidArgument("template: {}:{}: {}", name_, line_, message);
    }
    return nullptr;
  }
  NodePtr Unexpected(const Token& token, std::string_view context) {
    if (token.type == TokenType::kError) return Fail(token.value);
    return Fail(fmt::format("unexpected {} in {}", Describe(token), context));
  }

  std::shared_ptr<Tree> NewTree(std::string name) {
    auto tree = std::make_shared<Tree>();
    tree->name = std::move(name);
    tree->parse_name = name_;
    tree->text = text_;
    return tree;
  }
  static NodePtr New(NodeType type, size_t pos) {
    auto node = std::make_unique<Node>();
    node->type = type;
    node->pos = pos;
    return node;
  }

  // ---- tokens: up to three can be put back ----
  Token Next() {
    Token token;
    if (!back_.empty()) {
      token = std::move(back_.back());
      back_.pop_back();
    } else {
      token = lexer_.Next();
    }
    line_ = token.line;
    return token;
  }
  void Backup(Token token) { back_.push_back(std::move(token)); }
  void Backup2(const Token& earlier) {
    // Called with the later token still in last_.
    back_.push_back(last_);
    back_.push_back(earlier);
  }
  const Token& Peek() {
    if (back_.empty()) back_.push_back(lexer_.Next());
    line_ = back_.back().line;
    return back_.back();
  }
  Token NextNonSpace() {
    do {
      last_ = Next();
    } while (last_.type == TokenType::kSpace);
    return last_;
  }
  const Token& PeekNonSpace() {
    Backup(NextNonSpace());
    return back_.back();
  }
  bool Expect(TokenType type, std::string_view context, Token* out = nullptr) {
    Token token = NextNonSpace();
    if (token.type != type) {
      Unexpected(token, context);
      return false;
    }
    if (out != nullptr) *out = std::move(token);
    return ok();
  }

  // ---- structure ----
  struct DepthGuard {
    explicit DepthGuard(Parser* p) : parser(p) {
      if (++parser->depth_ > kMaxDepth) parser->Fail("nested too deep");
    }
    ~DepthGuard() { --parser->depth_; }
    Parser* parser;
  };

  void Definition() {
    constexpr std::string_view kContext = "define clause";
    const Token token = NextNonSpace();
    std::string name;
    if (!TemplateName(token, kContext, &name)) return;
    if (!Expect(TokenType::kRight, kContext)) return;
    auto tree = NewTree(std::move(name));
    Isolated([&] { tree->root = BodyUntilEnd(kContext); });
    if (ok()) trees_.push_back(std::move(tree));
  }

  // A definition sees neither the variables nor the loops around it.
  void Isolated(const std::function<void()>& body) {
    std::vector<std::string> variables = {"$"};
    std::swap(variables, variables_);
    const int loops = std::exchange(loops_, 0);
    body();
    loops_ = loops;
    std::swap(variables, variables_);
  }

  bool TemplateName(const Token& token, std::string_view context, std::string* name) {
    if (token.type != TokenType::kString && token.type != TokenType::kRawString) {
      Unexpected(token, context);
      return false;
    }
    return Unquote(token.value, name);
  }
  bool Unquote(std::string_view text, std::string* out) {
    StatusOr<std::string> value = GoUnquote(text);
    if (!value.ok()) {
      Fail("invalid syntax");
      return false;
    }
    *out = *std::move(value);
    return true;
  }

  NodePtr BodyUntilEnd(std::string_view context) {
    NodePtr mark;
    NodePtr body = ItemList(&mark);
    if (ok() && mark->text != "{{end}}") {
      return Fail(fmt::format("unexpected {} in {}", mark->text, context));
    }
    return body;
  }

  // Nodes up to {{end}} or {{else}}, which lands in *mark.
  NodePtr ItemList(NodePtr* mark) {
    DepthGuard guard(this);
    NodePtr list = New(NodeType::kList, PeekNonSpace().pos);
    while (ok() && PeekNonSpace().type != TokenType::kEof) {
      NodePtr node = TextOrAction();
      if (node == nullptr) return nullptr;
      if (node->type == NodeType::kCommand) {
        *mark = std::move(node);
        return list;
      }
      list->children.push_back(std::move(node));
    }
    return Fail("unexpected EOF");
  }

  NodePtr TextOrAction() {
    Token token = NextNonSpace();
    switch (token.type) {
      case TokenType::kText: {
        NodePtr node = New(NodeType::kText, token.pos);
        node->text = std::move(token.value);
        return node;
      }
      case TokenType::kLeft: return Action();
      default: return Unexpected(token, "input");
    }
  }

  NodePtr Action() {
    const Token token = NextNonSpace();
    switch (token.type) {
      case TokenType::kBlock: return Block();
      case TokenType::kBreak: return Jump(token, NodeType::kBreak, "{{break}}");
      case TokenType::kContinue: return Jump(token, NodeType::kContinue, "{{continue}}");
      case TokenType::kElse: return Else(token);
      case TokenType::kEnd:
        if (!Expect(TokenType::kRight, "end")) return nullptr;
        return Mark(token, "{{end}}");
      case TokenType::kIf: return Control(NodeType::kIf, "if");
      case TokenType::kRange: return Control(NodeType::kRange, "range");
      case TokenType::kWith: return Control(NodeType::kWith, "with");
      case TokenType::kTemplate: return Invocation();
      default: break;
    }
    Backup(token);
    NodePtr node = New(NodeType::kAction, Peek().pos);
    node->pipe = Pipeline("command", TokenType::kRight);
    return ok() ? std::move(node) : nullptr;
  }

  // The end of a list: a command node that never gets into a tree.
  NodePtr Mark(const Token& token, std::string text) {
    NodePtr node = New(NodeType::kCommand, token.pos);
    node->text = std::move(text);
    return node;
  }
  NodePtr Else(const Token& token) {
    const Token& peek = PeekNonSpace();
    if (peek.type == TokenType::kIf || peek.type == TokenType::kWith) {
      return Mark(token, "{{else}}");
    }
    if (!Expect(TokenType::kRight, "else")) return nullptr;
    return Mark(token, "{{else}}");
  }
  NodePtr Jump(const Token& token, NodeType type, std::string_view text) {
    const Token next = NextNonSpace();
    if (next.type != TokenType::kRight) return Unexpected(next, text);
    if (loops_ == 0) return Fail(fmt::format("{} outside {{{{range}}}}", text));
    return New(type, token.pos);
  }

  NodePtr Control(NodeType type, std::string_view context) {
    DepthGuard guard(this);
    const size_t outer_variables = variables_.size();
    NodePtr node = New(type, Peek().pos);
    node->pipe = Pipeline(context, TokenType::kRight);
    if (!ok()) return nullptr;
    NodePtr mark;
    if (type == NodeType::kRange) ++loops_;
    node->body = ItemList(&mark);
    if (type == NodeType::kRange) --loops_;
    if (ok() && mark->text == "{{else}}") ElseBranch(type, context, node.get());
    variables_.resize(std::min(variables_.size(), outer_variables));
    return ok() ? std::move(node) : nullptr;
  }

  void ElseBranch(NodeType type, std::string_view context, Node* node) {
    const TokenType chained = type == NodeType::kIf     ? TokenType::kIf
                              : type == NodeType::kWith ? TokenType::kWith
                                                        : TokenType::kEof;
    const Token next = PeekNonSpace();
    if (next.type == TokenType::kIf || next.type == TokenType::kWith) {
      if (next.type != chained) {
        Unexpected(NextNonSpace(), context);
        return;
      }
      // {{else if}} is an if inside the else that shares its {{end}}.
      NextNonSpace();
      node->otherwise = New(NodeType::kList, next.pos);
      NodePtr inner = Control(type, context);
      if (inner != nullptr) node->otherwise->children.push_back(std::move(inner));
      return;
    }
    NodePtr mark;
    node->otherwise = ItemList(&mark);
    if (ok() && mark->text != "{{end}}") Fail("expected end; found " + mark->text);
  }

  NodePtr Block() {
    constexpr std::string_view kContext = "block clause";
    const Token token = NextNonSpace();
    NodePtr node = New(NodeType::kTemplate, token.pos);
    if (!TemplateName(token, kContext, &node->text)) return nullptr;
    node->pipe = Pipeline(kContext, TokenType::kRight);
    if (!ok()) return nullptr;
    auto tree = NewTree(node->text);
    Isolated([&] { tree->root = BodyUntilEnd(kContext); });
    if (!ok()) return nullptr;
    trees_.push_back(std::move(tree));
    return node;
  }

  NodePtr Invocation() {
    constexpr std::string_view kContext = "template clause";
    const Token token = NextNonSpace();
    NodePtr node = New(NodeType::kTemplate, token.pos);
    if (!TemplateName(token, kContext, &node->text)) return nullptr;
    if (NextNonSpace().type == TokenType::kRight) return node;
    Backup(last_);
    node->pipe = Pipeline(kContext, TokenType::kRight);
    return ok() ? std::move(node) : nullptr;
  }

  // ---- pipelines ----
  NodePtr Pipeline(std::string_view context, TokenType end) {
    DepthGuard guard(this);
    NodePtr pipe = New(NodeType::kPipe, PeekNonSpace().pos);
    if (!ok() || !Declarations(context, pipe.get())) return nullptr;
    while (ok()) {
      const Token token = NextNonSpace();
      if (token.type == end) {
        return CheckPipeline(*pipe, context) ? std::move(pipe) : nullptr;
      }
      switch (token.type) {
        case TokenType::kBool:
        case TokenType::kCharConstant:
        case TokenType::kNumber:
        case TokenType::kDot:
        case TokenType::kField:
        case TokenType::kIdentifier:
        case TokenType::kNil:
        case TokenType::kRawString:
        case TokenType::kString:
        case TokenType::kVariable:
        case TokenType::kLeftParen:
          Backup(token);
          pipe->children.push_back(Command());
          break;
        default: return Unexpected(token, context);
      }
    }
    return nullptr;
  }

  // "$x :=", "$x =", "$i, $v :=" in front of a pipeline.
  bool Declarations(std::string_view context, Node* pipe) {
    while (PeekNonSpace().type == TokenType::kVariable) {
      const Token variable = NextNonSpace();
      // A blank may stand between the variable and what follows.
      const Token after = Next();
      const Token next = after.type == TokenType::kSpace ? NextNonSpace() : after;
      if (next.type == TokenType::kAssign || next.type == TokenType::kDeclare) {
        pipe->assign = next.type == TokenType::kAssign;
        pipe->declared.push_back(variable.value);
        if (!pipe->assign) variables_.push_back(variable.value);
        return true;
      }
      const bool comma = next.type == TokenType::kChar && next.value == ",";
      if (!comma) {
        Backup(next);
        if (after.type == TokenType::kSpace) Backup(after);
        Backup(variable);
        return true;
      }
      pipe->declared.push_back(variable.value);
      variables_.push_back(variable.value);
      if (context != "range" || pipe->declared.size() > 1) {
        Fail(fmt::format("too many declarations in {}", context));
        return false;
      }
      const TokenType following = PeekNonSpace().type;
      if (following != TokenType::kVariable) {
        Unexpected(NextNonSpace(), "range");
        return false;
      }
    }
    return ok();
  }

  bool CheckPipeline(const Node& pipe, std::string_view context) {
    if (pipe.children.empty()) {
      Fail(fmt::format("missing value for {}", context));
      return false;
    }
    // Only the first command of a pipeline may be a value.
    for (size_t i = 1; i < pipe.children.size(); ++i) {
      switch (pipe.children[i]->children[0]->type) {
        case NodeType::kBool:
        case NodeType::kDot:
        case NodeType::kNil:
        case NodeType::kNumber:
        case NodeType::kString:
          Fail(fmt::format("non executable command in pipeline stage {}", i + 1));
          return false;
        default: break;
      }
    }
    return true;
  }

  NodePtr Command() {
    NodePtr command = New(NodeType::kCommand, PeekNonSpace().pos);
    while (ok()) {
      PeekNonSpace();
      NodePtr operand = Operand();
      if (!ok()) return nullptr;
      if (operand != nullptr) command->children.push_back(std::move(operand));
      const Token token = Next();
      if (token.type == TokenType::kSpace) continue;
      if (token.type == TokenType::kRight || token.type == TokenType::kRightParen) {
        Backup(token);
      } else if (token.type != TokenType::kPipe) {
        return Unexpected(token, "operand");
      }
      break;
    }
    if (ok() && command->children.empty()) return Fail("empty command");
    return ok() ? std::move(command) : nullptr;
  }

  NodePtr Operand() {
    NodePtr node = Term();
    if (node == nullptr || Peek().type != TokenType::kField) return node;
    const size_t pos = Peek().pos;
    std::vector<std::string> names;
    while (Peek().type == TokenType::kField) names.push_back(Next().value.substr(1));
    switch (node->type) {
      case NodeType::kField:
      case NodeType::kVariable:
        node->names.insert(node->names.end(), names.begin(), names.end());
        node->pos = pos;
        return node;
      case NodeType::kBool:
      case NodeType::kString:
      case NodeType::kNumber:
      case NodeType::kNil:
      case NodeType::kDot:
        return Fail(fmt::format("unexpected . after term {}", GoQuote(node->ToString())));
      default: break;
    }
    NodePtr chain = New(NodeType::kChain, pos);
    chain->children.push_back(std::move(node));
    chain->names = std::move(names);
    return chain;
  }

  // nullptr without an error when there is no term.
  NodePtr Term() {
    Token token = NextNonSpace();
    switch (token.type) {
      case TokenType::kIdentifier:
        if (!has_function_(token.value)) {
          return Fail(fmt::format("function {} not defined", GoQuote(token.value)));
        }
        return WithText(NodeType::kIdentifier, token);
      case TokenType::kDot: return New(NodeType::kDot, token.pos);
      case TokenType::kNil: return New(NodeType::kNil, token.pos);
      case TokenType::kBool: return WithText(NodeType::kBool, token);
      case TokenType::kVariable: return Variable(token);
      case TokenType::kField: {
        NodePtr node = New(NodeType::kField, token.pos);
        node->names.push_back(token.value.substr(1));
        return node;
      }
      case TokenType::kCharConstant:
      case TokenType::kNumber: return Number(token);
      case TokenType::kLeftParen: return Pipeline("parenthesized pipeline", TokenType::kRightParen);
      case TokenType::kString:
      case TokenType::kRawString: {
        NodePtr node = New(NodeType::kString, token.pos);
        node->source = token.value;
        return Unquote(token.value, &node->text) ? std::move(node) : nullptr;
      }
      default: Backup(std::move(token)); return nullptr;
    }
  }

  static NodePtr WithText(NodeType type, const Token& token) {
    NodePtr node = New(type, token.pos);
    node->text = token.value;
    return node;
  }

  NodePtr Variable(const Token& token) {
    for (const std::string& variable : variables_) {
      if (variable == token.value) return WithText(NodeType::kVariable, token);
    }
    return Fail(fmt::format("undefined variable {}", GoQuote(token.value)));
  }

  NodePtr Number(const Token& token) {
    NodePtr node = New(NodeType::kNumber, token.pos);
    node->source = token.value;
    if (token.type == TokenType::kCharConstant) {
      StatusOr<std::string> rune = GoUnquote(token.value);
      const DecodedRune decoded = rune.ok() ? DecodeRune(*rune) : DecodedRune{};
      if (!rune.ok() || rune->empty() || decoded.width != rune->size()) {
        return Fail(fmt::format("malformed character constant: {}", token.value));
      }
      node->is_int = node->is_char = true;
      node->integer = static_cast<int64_t>(decoded.rune);
      node->number = static_cast<double>(node->integer);
      node->is_float = true;
      return node;
    }
    if (token.value.ends_with('i')) return Fail("complex numbers are not implemented");
    bool overflow = false;
    const bool integral = ParseGoInt(token.value, &node->integer, &overflow);
    node->is_int = integral && !overflow;
    if (node->is_int) {
      node->number = static_cast<double>(node->integer);
      node->is_float = true;
      return node;
    }
    std::string digits = token.value;
    std::erase(digits, '_');
    const std::optional<double> number = ParseFloat(digits);
    const bool looks_integral = token.value.find_first_of(".eEpP") == std::string::npos;
    if (!number.has_value()) {
      return Fail(fmt::format("illegal number syntax: {}", GoQuote(token.value)));
    }
    if (looks_integral && !integral) {
      return Fail(fmt::format("integer overflow: {}", GoQuote(token.value)));
    }
    node->is_float = true;
    node->number = *number;
    // 1e3 is as good an int as 1000.
    if (!looks_integral && node->number == static_cast<double>(static_cast<int64_t>(
                                               std::min(std::max(node->number, -9e18), 9e18)))) {
      node->integer = static_cast<int64_t>(node->number);
      node->is_int = true;
    }
    return node;
  }

  const std::string name_;
  std::shared_ptr<const std::string> text_;
  Lexer lexer_;
  const std::function<bool(std::string_view)>& has_function_;
  std::vector<std::shared_ptr<Tree>> trees_;
  std::vector<Token> back_;
  Token last_;
  std::vector<std::string> variables_;
  int loops_ = 0;
  int depth_ = 0;
  int line_ = 1;
  Status status_;
};

}  // namespace

StatusOr<std::vector<std::shared_ptr<Tree>>> ParseText(
    const std::string& name, std::string_view text,
    const std::function<bool(std::string_view)>& has_function) {
  return Parser(name, text, has_function).Parse();
}

}  // namespace narthex::tmpl
