#include "core/template/pipeline_parser.h"

#include "core/strings/quote.h"
#include "core/template/number_literal.h"

namespace narthex::tmpl {
namespace {

class PipelineParser {
 public:
  explicit PipelineParser(ParseState* state) : state_(state) {}

  NodePtr Parse(std::string_view context, TokenType end) {
    const NestingGuard guard(state_);
    NodePtr pipe = NewNode(NodeType::kPipe, state_->PeekNonSpace().pos);
    if (!state_->ok() || !Declarations(context, pipe.get())) return nullptr;
    while (state_->ok()) {
      const Token token = state_->NextNonSpace();
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
          state_->Backup(token);
          pipe->children.push_back(Command());
          break;
        default: return state_->Unexpected(token, context);
      }
    }
    return nullptr;
  }

 private:
  // "$x :=", "$x =", "$i, $v :=" in front of a pipeline.
  bool Declarations(std::string_view context, Node* pipe) {
    while (state_->PeekNonSpace().type == TokenType::kVariable) {
      const Token variable = state_->NextNonSpace();
      // A blank may stand between the variable and what follows.
      const Token after = state_->Next();
      const Token next = after.type == TokenType::kSpace ? state_->NextNonSpace() : after;
      if (next.type == TokenType::kAssign || next.type == TokenType::kDeclare) {
        pipe->assign = next.type == TokenType::kAssign;
        pipe->declared.push_back(variable.value);
        if (!pipe->assign) state_->Declare(variable.value);
        return true;
      }
      const bool comma = next.type == TokenType::kChar && next.value == ",";
      if (!comma) {
        state_->Backup(next);
        if (after.type == TokenType::kSpace) state_->Backup(after);
        state_->Backup(variable);
        return true;
      }
      pipe->declared.push_back(variable.value);
      state_->Declare(variable.value);
      if (context != "range" || pipe->declared.size() > 1) {
        state_->Fail(fmt::format("too many declarations in {}", context));
        return false;
      }
      const TokenType following = state_->PeekNonSpace().type;
      if (following != TokenType::kVariable) {
        state_->Unexpected(state_->NextNonSpace(), "range");
        return false;
      }
    }
    return state_->ok();
  }

  bool CheckPipeline(const Node& pipe, std::string_view context) {
    if (pipe.children.empty()) {
      state_->Fail(fmt::format("missing value for {}", context));
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
          state_->Fail(fmt::format("non executable command in pipeline stage {}", i + 1));
          return false;
        default: break;
      }
    }
    return true;
  }

  NodePtr Command() {
    NodePtr command = NewNode(NodeType::kCommand, state_->PeekNonSpace().pos);
    while (state_->ok()) {
      state_->PeekNonSpace();
      NodePtr operand = Operand();
      if (!state_->ok()) return nullptr;
      if (operand != nullptr) command->children.push_back(std::move(operand));
      const Token token = state_->Next();
      if (token.type == TokenType::kSpace) continue;
      if (token.type == TokenType::kRight || token.type == TokenType::kRightParen) {
        state_->Backup(token);
      } else if (token.type != TokenType::kPipe) {
        return state_->Unexpected(token, "operand");
      }
      break;
    }
    if (state_->ok() && command->children.empty()) return state_->Fail("empty command");
    return state_->ok() ? std::move(command) : nullptr;
  }

  NodePtr Operand() {
    NodePtr node = Term();
    if (node == nullptr || state_->Peek().type != TokenType::kField) return node;
    const size_t pos = state_->Peek().pos;
    std::vector<std::string> names;
    while (state_->Peek().type == TokenType::kField)
      names.push_back(state_->Next().value.substr(1));
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
        return state_->Fail(fmt::format("unexpected . after term {}", GoQuote(node->ToString())));
      default: break;
    }
    NodePtr chain = NewNode(NodeType::kChain, pos);
    chain->children.push_back(std::move(node));
    chain->names = std::move(names);
    return chain;
  }

  // nullptr without an error when there is no term.
  NodePtr Term() {
    Token token = state_->NextNonSpace();
    switch (token.type) {
      case TokenType::kIdentifier:
        if (!state_->HasFunction(token.value)) {
          return state_->Fail(fmt::format("function {} not defined", GoQuote(token.value)));
        }
        return WithText(NodeType::kIdentifier, token);
      case TokenType::kDot: return NewNode(NodeType::kDot, token.pos);
      case TokenType::kNil: return NewNode(NodeType::kNil, token.pos);
      case TokenType::kBool: return WithText(NodeType::kBool, token);
      case TokenType::kVariable: return Variable(token);
      case TokenType::kField: {
        NodePtr node = NewNode(NodeType::kField, token.pos);
        node->names.push_back(token.value.substr(1));
        return node;
      }
      case TokenType::kCharConstant:
      case TokenType::kNumber: return Number(token);
      case TokenType::kLeftParen: return Parse("parenthesized pipeline", TokenType::kRightParen);
      case TokenType::kString:
      case TokenType::kRawString: {
        NodePtr node = NewNode(NodeType::kString, token.pos);
        node->source = token.value;
        return state_->Unquote(token.value, &node->text) ? std::move(node) : nullptr;
      }
      default: state_->Backup(std::move(token)); return nullptr;
    }
  }

  static NodePtr WithText(NodeType type, const Token& token) {
    NodePtr node = NewNode(type, token.pos);
    node->text = token.value;
    return node;
  }

  NodePtr Variable(const Token& token) {
    if (state_->IsDeclared(token.value)) return WithText(NodeType::kVariable, token);
    return state_->Fail(fmt::format("undefined variable {}", GoQuote(token.value)));
  }

  NodePtr Number(const Token& token) {
    NodePtr node = NewNode(NodeType::kNumber, token.pos);
    node->source = token.value;
    const Status parsed = ParseNumberLiteral(token, node.get());
    return parsed.ok() ? std::move(node) : state_->Fail(MessageOf(parsed));
  }

  ParseState* const state_;
};

}  // namespace

NodePtr ParsePipeline(ParseState* state, std::string_view context, TokenType end) {
  return PipelineParser(state).Parse(context, end);
}

}  // namespace narthex::tmpl
