#pragma once
// A YAML document as a tree of immutable nodes, and the reader that makes it.
//
// The reader is yaml-cpp's scanner (which no header names) with the strictness of ours on top:
// limits on size, depth and alias expansion, control characters refused, errors in go-yaml's
// wording ("yaml: line 3: …"). Aliases share the node of their anchor. Merge keys and duplicate
// keys are still in the tree; Entries() resolves the former and reports the latter.
//
// Thread safety: nodes are immutable once built.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/status.h"

namespace narthex::config {

struct Node;
using NodePtr = std::shared_ptr<const Node>;

struct Node {
  enum class Kind : uint8_t { kNull, kScalar, kSequence, kMapping };

  Kind kind = Kind::kNull;
  bool plain = true;  // scalar written without quotes; when printing: text that needs no quoting
  bool flow = false;  // sequence: print as [a, b]
  int line = 0;       // 1-based; 0 for nodes made by hand
  int column = 0;
  int depth = 1;               // levels of the subtree, aliases included
  uint64_t size = 1;           // nodes of the subtree with aliases expanded (saturating)
  std::string tag;             // explicit tag ("!!int" as "tag:yaml.org,2002:int"), else ""
  std::string value;           // scalar, its source text
  std::vector<NodePtr> items;  // sequence
  std::vector<std::pair<NodePtr, NodePtr>> members;  // mapping, in order

  bool is_null() const { return kind == Kind::kNull; }
  bool is_scalar() const { return kind == Kind::kScalar; }
  bool is_sequence() const { return kind == Kind::kSequence; }
  bool is_mapping() const { return kind == Kind::kMapping; }
};

struct ReadLimits {
  size_t max_bytes = 64 << 20;
  int max_depth = 100;
  uint64_t max_alias_nodes = 1'000'000;  // nodes added by expanding aliases, over the document
};

// Every document of the text; an empty text has none.
StatusOr<std::vector<NodePtr>> ReadDocuments(std::string_view text, const ReadLimits& limits = {});
// The first document, as go-yaml's Unmarshal reads it; a null node when there is none.
StatusOr<NodePtr> ReadDocument(std::string_view text, const ReadLimits& limits = {});

// What a scalar means under YAML 1.1 as go-yaml reads it.
enum class ScalarType : uint8_t { kNull, kBool, kInt, kFloat, kTimestamp, kMerge, kString };
struct Scalar {
  ScalarType type = ScalarType::kString;
  bool boolean = false;
  int64_t integer = 0;       // kInt; the value wraps when is_unsigned
  bool is_unsigned = false;  // kInt above the range of int64
  double number = 0;         // kFloat, and kInt as a double
};
Scalar ResolvePlain(std::string_view text);
Scalar Resolve(const Node& scalar);           // honours quotes and explicit tags
std::string_view ShortTag(const Node& node);  // "!!str", "!!seq" …

// One key of a mapping after merge keys ("<<") are applied; explicit keys win over merged ones.
struct Entry {
  std::string key;
  const Node* key_node = nullptr;
  const Node* value = nullptr;
  bool duplicate = false;  // the key occurred before in the same mapping
  int first_line = 0;      // of that earlier key
};
// InvalidArgument when "<<" has no mapping, or a key is no scalar.
StatusOr<std::vector<Entry>> Entries(const Node& mapping);

// ---- building trees to print ----
NodePtr MakeNull();
NodePtr MakeString(std::string text);  // quoted where reading it back would not give this string
NodePtr MakePlain(std::string text);   // a number, a boolean: printed as it is
NodePtr MakeSequence(std::vector<NodePtr> items);
NodePtr MakeFlowSequence(std::vector<NodePtr> scalars);  // [a, b]
NodePtr MakeMapping(std::vector<std::pair<std::string, NodePtr>> members);

// Prints in go-yaml v2's style: block mappings indented by two, sequences not indented below their
// key, "[]" and "{}" for empty ones, literal blocks for texts of several lines, long texts folded
// at the first blank behind column 80. Ends in a newline.
std::string Emit(const Node& node);

}  // namespace narthex::config
