#include "core/template/tree.h"

#include <algorithm>

#include "core/strings/quote.h"

namespace narthex::tmpl {
namespace {

std::string Names(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += "." + name;
  return out;
}

std::string Branch(std::string_view keyword, const Node& node) {
  std::string out =
      fmt::format("{{{{{} {}}}}}{}", keyword, node.pipe->ToString(), node.body->ToString());
  if (node.otherwise != nullptr) out += "{{else}}" + node.otherwise->ToString();
  return out + "{{end}}";
}

std::string Pipeline(const Node& node) {
  std::string out;
  for (size_t i = 0; i < node.declared.size(); ++i) {
    out += (i > 0 ? ", " : "") + node.declared[i];
  }
  if (!node.declared.empty()) out += node.assign ? " = " : " := ";
  for (size_t i = 0; i < node.children.size(); ++i) {
    out += (i > 0 ? " | " : "") + node.children[i]->ToString();
  }
  return out;
}

std::string Command(const Node& node) {
  std::string out;
  for (size_t i = 0; i < node.children.size(); ++i) {
    if (i > 0) out += " ";
    const std::string text = node.children[i]->ToString();
    out += node.children[i]->type == NodeType::kPipe ? "(" + text + ")" : text;
  }
  return out;
}

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
}

}  // namespace

std::string Node::ToString() const {
  switch (type) {
    case NodeType::kText:
    case NodeType::kIdentifier:
    case NodeType::kBool: return text;
    case NodeType::kAction: return "{{" + pipe->ToString() + "}}";
    case NodeType::kIf: return Branch("if", *this);
    case NodeType::kRange: return Branch("range", *this);
    case NodeType::kWith: return Branch("with", *this);
    case NodeType::kBreak: return "{{break}}";
    case NodeType::kContinue: return "{{continue}}";
    case NodeType::kTemplate:
      return "{{template " + GoQuote(text) + (pipe != nullptr ? " " + pipe->ToString() : "") + "}}";
    case NodeType::kList: {
      std::string out;
      for (const NodePtr& child : children) out += child->ToString();
      return out;
    }
    case NodeType::kPipe: return Pipeline(*this);
    case NodeType::kCommand: return Command(*this);
    case NodeType::kNumber:
    case NodeType::kString: return source;
    case NodeType::kNil: return "nil";
    case NodeType::kDot: return ".";
    case NodeType::kField: return Names(names);
    case NodeType::kVariable: return text + Names(names);
    case NodeType::kChain: {
      const std::string base = children[0]->ToString();
      return (children[0]->type == NodeType::kPipe ? "(" + base + ")" : base) + Names(names);
    }
  }
  return "";
}

std::string Tree::LocationOf(const Node& node) const {
  const std::string_view before = std::string_view(*text).substr(0, node.pos);
  const size_t newline = before.rfind('\n');
  const size_t column = newline == std::string_view::npos ? node.pos : node.pos - newline - 1;
  return fmt::format("{}:{}:{}", parse_name, 1 + std::count(before.begin(), before.end(), '\n'),
                     column);
}

bool Tree::IsEmpty() const {
  return std::all_of(root->children.begin(), root->children.end(), [](const NodePtr& node) {
    return node->type == NodeType::kText && IsBlank(node->text);
  });
}

}  // namespace narthex::tmpl
