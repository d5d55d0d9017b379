#pragma once
// The parsed form of one template. Private to the module.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::tmpl {

enum class NodeType : uint8_t {
  kText,
  kAction,
  kIf,
  kRange,
  kWith,
  kBreak,
  kContinue,
  kTemplate,
  kList,
  kPipe,
  kCommand,
  kBool,
  kNumber,
  kString,
  kNil,
  kDot,
  kField,
  kVariable,
  kIdentifier,
  kChain,
};

struct Node;
using NodePtr = std::unique_ptr<Node>;

struct Node {
  NodeType type;
  size_t pos = 0;  // byte offset in the text

  // kText, kString: the text; kNumber, kString: `source` as written; kIdentifier: the name;
  // kTemplate: the name; kBool: text "true"/"false".
  std::string text, source;
  // kField, kChain: the names behind the dots; kVariable: the variable, then names.
  std::vector<std::string> names;
  // kNumber
  bool is_int = false, is_float = false, is_char = false;
  int64_t integer = 0;
  double number = 0;
  // kPipe: variables set by it, and how
  std::vector<std::string> declared;
  bool assign = false;

  // kList: the nodes; kPipe: commands; kCommand: operands; kChain: one node.
  std::vector<NodePtr> children;
  // kAction, kIf, kRange, kWith, kTemplate
  NodePtr pipe;
  NodePtr body, otherwise;  // kList each

  // Go's Node.String(), which error messages quote.
  std::string ToString() const;
};

struct Tree {
  std::string name;        // of the template
  std::string parse_name;  // of the text it was in
  std::shared_ptr<const std::string> text;
  NodePtr root;  // kList

  // "name:line:column" of a node.
  std::string LocationOf(const Node& node) const;
  // Only blanks and comments (and definitions).
  bool IsEmpty() const;
};

}  // namespace narthex::tmpl
