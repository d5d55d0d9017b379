#include "core/template/parser.h"

#include "core/template/parse_state.h"
#include "core/template/pipeline_parser.h"

namespace narthex::tmpl {
namespace {

constexpr size_t kMaxText = 16 << 20;

class Parser {
 public:
  Parser(const std::string& name, std::string_view text,
         const std::function<bool(std::string_view)>& has_function)
      : text_(std::make_shared<const std::string>(text)), state_(name, *text_, has_function) {}

  StatusOr<std::vector<std::shared_ptr<Tree>>> Parse() {
    if (text_->size() > kMaxText) {
      return OutOfRange("template: {}: larger than {} bytes", state_.name(), kMaxText);
    }
    trees_.push_back(NewTree(state_.name()));
    NodePtr root = NewNode(NodeType::kList, 0);
    while (state_.ok() && state_.PeekNonSpace().type != TokenType::kEof) {
      if (state_.Peek().type == TokenType::kLeft) {
        const Token left = state_.Next();
        Token next = state_.NextNonSpace();
        if (next.type == TokenType::kDefine) {
          Definition();
          continue;
        }
        state_.Backup(std::move(next));
        state_.Backup(left);
      }
      NodePtr node = TextOrAction();
      if (node == nullptr) break;
      if (node->type == NodeType::kCommand) {  // {{end}} and {{else}}, see Mark
        state_.Fail(fmt::format("unexpected {}", node->text));
      } else {
        root->children.push_back(std::move(node));
      }
    }
    if (!state_.ok()) return state_.status();
    trees_.front()->root = std::move(root);
    return std::move(trees_);
  }

 private:
  std::shared_ptr<Tree> NewTree(std::string name) {
    auto tree = std::make_shared<Tree>();
    tree->name = std::move(name);
    tree->parse_name = state_.name();
    tree->text = text_;
    return tree;
  }

  void Definition() {
    constexpr std::string_view kContext = "define clause";
    const Token token = state_.NextNonSpace();
    std::string name;
    if (!TemplateName(token, kContext, &name)) return;
    if (!state_.Expect(TokenType::kRight, kContext)) return;
    auto tree = NewTree(std::move(name));
    Isolated([&] { tree->root = BodyUntilEnd(kContext); });
    if (state_.ok()) trees_.push_back(std::move(tree));
  }

  // A definition sees neither the variables nor the loops around it.
  void Isolated(const std::function<void()>& body) {
    const int loops = std::exchange(loops_, 0);
    state_.WithFreshVariables(body);
    loops_ = loops;
  }

  bool TemplateName(const Token& token, std::string_view context, std::string* name) {
    if (token.type != TokenType::kString && token.type != TokenType::kRawString) {
      state_.Unexpected(token, context);
      return false;
    }
    return state_.Unquote(token.value, name);
  }

  NodePtr BodyUntilEnd(std::string_view context) {
    NodePtr mark;
    NodePtr body = ItemList(&mark);
    if (state_.ok() && mark->text != "{{end}}") {
      return state_.Fail(fmt::format("unexpected {} in {}", mark->text, context));
    }
    return body;
  }

  // Nodes up to {{end}} or {{else}}, which lands in *mark.
  NodePtr ItemList(NodePtr* mark) {
    const NestingGuard guard(&state_);
    NodePtr list = NewNode(NodeType::kList, state_.PeekNonSpace().pos);
    while (state_.ok() && state_.PeekNonSpace().type != TokenType::kEof) {
      NodePtr node = TextOrAction();
      if (node == nullptr) return nullptr;
      if (node->type == NodeType::kCommand) {
        *mark = std::move(node);
        return list;
      }
      list->children.push_back(std::move(node));
    }
    return state_.Fail("unexpected EOF");
  }

  NodePtr TextOrAction() {
    Token token = state_.NextNonSpace();
    switch (token.type) {
      case TokenType::kText: {
        NodePtr node = NewNode(NodeType::kText, token.pos);
        node->text = std::move(token.value);
        return node;
      }
      case TokenType::kLeft: return Action();
      default: return state_.Unexpected(token, "input");
    }
  }

  NodePtr Action() {
    const Token token = state_.NextNonSpace();
    switch (token.type) {
      case TokenType::kBlock: return Block();
      case TokenType::kBreak: return Jump(token, NodeType::kBreak, "{{break}}");
      case TokenType::kContinue: return Jump(token, NodeType::kContinue, "{{continue}}");
      case TokenType::kElse: return Else(token);
      case TokenType::kEnd:
        if (!state_.Expect(TokenType::kRight, "end")) return nullptr;
        return Mark(token, "{{end}}");
      case TokenType::kIf: return Control(NodeType::kIf, "if");
      case TokenType::kRange: return Control(NodeType::kRange, "range");
      case TokenType::kWith: return Control(NodeType::kWith, "with");
      case TokenType::kTemplate: return Invocation();
      default: break;
    }
    state_.Backup(token);
    NodePtr node = NewNode(NodeType::kAction, state_.Peek().pos);
    node->pipe = ParsePipeline(&state_, "command", TokenType::kRight);
    return state_.ok() ? std::move(node) : nullptr;
  }

  // The end of a list: a command node that never gets into a tree.
  static NodePtr Mark(const Token& token, std::string text) {
    NodePtr node = NewNode(NodeType::kCommand, token.pos);
    node->text = std::move(text);
    return node;
  }
  NodePtr Else(const Token& token) {
    const Token& peek = state_.PeekNonSpace();
    if (peek.type == TokenType::kIf || peek.type == TokenType::kWith) {
      return Mark(token, "{{else}}");
    }
    if (!state_.Expect(TokenType::kRight, "else")) return nullptr;
    return Mark(token, "{{else}}");
  }
  NodePtr Jump(const Token& token, NodeType type, std::string_view text) {
    const Token next = state_.NextNonSpace();
    if (next.type != TokenType::kRight) return state_.Unexpected(next, text);
    if (loops_ == 0) return state_.Fail(fmt::format("{} outside {{{{range}}}}", text));
    return NewNode(type, token.pos);
  }

  NodePtr Control(NodeType type, std::string_view context) {
    const NestingGuard guard(&state_);
    const size_t outer_variables = state_.variable_count();
    NodePtr node = NewNode(type, state_.Peek().pos);
    node->pipe = ParsePipeline(&state_, context, TokenType::kRight);
    if (!state_.ok()) return nullptr;
    NodePtr mark;
    if (type == NodeType::kRange) ++loops_;
    node->body = ItemList(&mark);
    if (type == NodeType::kRange) --loops_;
    if (state_.ok() && mark->text == "{{else}}") ElseBranch(type, context, node.get());
    state_.ForgetVariablesAfter(outer_variables);
    return state_.ok() ? std::move(node) : nullptr;
  }

  void ElseBranch(NodeType type, std::string_view context, Node* node) {
    const TokenType chained = type == NodeType::kIf     ? TokenType::kIf
                              : type == NodeType::kWith ? TokenType::kWith
                                                        : TokenType::kEof;
    const Token next = state_.PeekNonSpace();
    if (next.type == TokenType::kIf || next.type == TokenType::kWith) {
      if (next.type != chained) {
        state_.Unexpected(state_.NextNonSpace(), context);
        return;
      }
      // {{else if}} is an if inside the else that shares its {{end}}.
      state_.NextNonSpace();
      node->otherwise = NewNode(NodeType::kList, next.pos);
      NodePtr inner = Control(type, context);
      if (inner != nullptr) node->otherwise->children.push_back(std::move(inner));
      return;
    }
    NodePtr mark;
    node->otherwise = ItemList(&mark);
    if (state_.ok() && mark->text != "{{end}}") state_.Fail("expected end; found " + mark->text);
  }

  NodePtr Block() {
    constexpr std::string_view kContext = "block clause";
    const Token token = state_.NextNonSpace();
    NodePtr node = NewNode(NodeType::kTemplate, token.pos);
    if (!TemplateName(token, kContext, &node->text)) return nullptr;
    node->pipe = ParsePipeline(&state_, kContext, TokenType::kRight);
    if (!state_.ok()) return nullptr;
    auto tree = NewTree(node->text);
    Isolated([&] { tree->root = BodyUntilEnd(kContext); });
    if (!state_.ok()) return nullptr;
    trees_.push_back(std::move(tree));
    return node;
  }

  NodePtr Invocation() {
    constexpr std::string_view kContext = "template clause";
    const Token token = state_.NextNonSpace();
    NodePtr node = NewNode(NodeType::kTemplate, token.pos);
    if (!TemplateName(token, kContext, &node->text)) return nullptr;
    Token next = state_.NextNonSpace();
    if (next.type == TokenType::kRight) return node;
    state_.Backup(std::move(next));
    node->pipe = ParsePipeline(&state_, kContext, TokenType::kRight);
    return state_.ok() ? std::move(node) : nullptr;
  }

  const std::shared_ptr<const std::string> text_;
  ParseState state_;
  std::vector<std::shared_ptr<Tree>> trees_;
  int loops_ = 0;
};

}  // namespace

StatusOr<std::vector<std::shared_ptr<Tree>>> ParseText(
    const std::string& name, std::string_view text,
    const std::function<bool(std::string_view)>& has_function) {
  return Parser(name, text, has_function).Parse();
}

}  // namespace narthex::tmpl
