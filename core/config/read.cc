// The fence around yaml-cpp: parser events to nodes.

#include <absl/container/flat_hash_map.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <limits>
#include <sstream>

#include "core/config/node.h"
#include "core/labels/names.h"

namespace narthex::config {
namespace {

// Thrown through yaml-cpp to leave its parser; never leaves this file.
struct Stop {
  Status status;
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const ReadLimits& limits, std::string_view text) : limits_(limits), text_(text) {}

  NodePtr TakeRoot() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {
    root_.reset();
    open_.clear();
    anchors_.clear();
    names_.clear();
    alias_nodes_ = 0;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto node = NewNode(mark, Node::Kind::kNull, "?");
    Close(std::move(node), anchor);
  }
  void OnAnchor(const YAML::Mark&, const std::string& name) override { names_.push_back(name); }
  void OnAlias(const YAML::Mark&, YAML::anchor_t anchor) override {
    auto it = anchors_.find(anchor);
    if (it == anchors_.end()) {
      // yaml-cpp numbers anchors from 1 as they are announced.
      const std::string name = anchor <= names_.size() ? names_[anchor - 1] : "";
      throw Stop{InvalidArgument("yaml: anchor '{}' value contains itself", name)};
    }
    alias_nodes_ += it->second->size;
    if (alias_nodes_ > limits_.max_alias_nodes) {
      throw Stop{InvalidArgument("yaml: document contains excessive aliasing")};
    }
    Attach(it->second);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    last_scalar_ = static_cast<size_t>(mark.pos);
    auto node = NewNode(mark, Node::Kind::kScalar, tag);
    node->plain = tag != "!";
    node->value = value;
    Close(std::move(node), anchor);
  }
  // Where the last scalar, with its anchor and tag, starts in the text.
  size_t last_scalar() const { return last_scalar_; }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(NewNode(mark, Node::Kind::kSequence, tag), anchor);
  }
  void OnSequenceEnd() override { CloseTop(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(NewNode(mark, Node::Kind::kMapping, tag), anchor);
  }
  void OnMapEnd() override { CloseTop(); }

 private:
  struct OpenNode {
    std::shared_ptr<Node> node;
    YAML::anchor_t anchor = 0;
    NodePtr key;  // of a mapping, waiting for its value
  };

  // In characters, of which yaml-cpp knows nothing: they are counted as the events come along.
  int Column(const YAML::Mark& mark) {
    const auto pos = static_cast<size_t>(std::max(mark.pos, 0));
    if (mark.line != line_ || pos < at_) {
      line_ = mark.line;
      at_ = pos - std::min(pos, static_cast<size_t>(std::max(mark.column, 0)));
      characters_ = 0;
    }
    for (; at_ < std::min(pos, text_.size()); ++at_) characters_ += (text_[at_] & 0xc0) != 0x80;
    return characters_ + 1;
  }

  std::shared_ptr<Node> NewNode(const YAML::Mark& mark, Node::Kind kind, const std::string& tag) {
    auto node = std::make_shared<Node>();
    node->kind = kind;
    node->line = mark.line + 1;
    node->column = Column(mark);
    if (tag != "?" && tag != "!") node->tag = tag;
    return node;
  }

  void Open(std::shared_ptr<Node> node, YAML::anchor_t anchor) {
    CheckDepth(static_cast<int>(open_.size()) + 1);
    open_.push_back({std::move(node), anchor, nullptr});
  }
  void CloseTop() {
    OpenNode top = std::move(open_.back());
    open_.pop_back();
    Close(std::move(top.node), top.anchor);
  }
  void Close(std::shared_ptr<Node> node, YAML::anchor_t anchor) {
    NodePtr done = std::move(node);
    if (anchor != 0) anchors_[anchor] = done;
    Attach(done);
  }
  void Attach(const NodePtr& node) {
    CheckDepth(static_cast<int>(open_.size()) + node->depth);
    if (open_.empty()) {
      root_ = node;
      return;
    }
    OpenNode& parent = open_.back();
    Node& into = *parent.node;
    into.depth = std::max(into.depth, node->depth + 1);
    constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max() / 4;
    into.size = std::min(kMost, into.size + node->size);
    if (into.is_sequence()) {
      into.items.push_back(node);
    } else if (parent.key == nullptr) {
      parent.key = node;
    } else {
      into.members.emplace_back(std::move(parent.key), node);
      parent.key = nullptr;
    }
  }
  void CheckDepth(int depth) const {
    if (depth > limits_.max_depth) {
      throw Stop{InvalidArgument("yaml: exceeded max depth of {}", limits_.max_depth)};
    }
  }

  const ReadLimits limits_;
  const std::string_view text_;
  int line_ = 0, characters_ = 0;  // how far Column() is
  size_t at_ = 0;
  NodePtr root_;
  std::vector<OpenNode> open_;
  absl::flat_hash_map<YAML::anchor_t, NodePtr> anchors_;
  std::vector<std::string> names_;
  uint64_t alias_nodes_ = 0;
  size_t last_scalar_ = 0;
};

// yaml-cpp's reasons in go-yaml's words, where both have one.
std::string_view GoWording(std::string_view message) {
  struct Pair {
    std::string_view ours, go;
  };
  static constexpr Pair kWords[] = {
      {"illegal map value", "mapping values are not allowed in this context"},
      {"illegal block entry", "block sequence entries are not allowed in this context"},
      {"illegal map key", "mapping keys are not allowed in this context"},
      {"illegal tab", "found a tab character that violates indentation"},
      {"end of map not found", "did not find expected key"},
      {"end of sequence not found", "did not find expected '-' indicator"},
      {"end of sequence flow not found", "did not find expected ',' or ']'"},
      {"end of map flow not found", "did not find expected ',' or '}'"},
      {"unknown token", "found character that cannot start any token"},
      {"illegal EOF in scalar", "found unexpected end of stream"},
  };
  for (const Pair& pair : kWords) {
    if (message.starts_with(pair.ours)) return pair.go;
  }
  return message;
}

// yaml-cpp takes the end of the text for the closing quote; only the last scalar can lack it.
bool IsTerminated(std::string_view text) {
  while (!text.empty() && (text[0] == '&' || text[0] == '!')) {
    text.remove_prefix(std::min(text.find_first_of(" \t\r\n"), text.size()));
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  }
  if (text.empty() || (text[0] != '"' && text[0] != '\'')) return true;
  const char quote = text[0];
  for (size_t i = 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || i + 1 == text.size() || text[i + 1] != quote) return true;
      ++i;
    }
  }
  return false;
}

Status ParseError(const YAML::Exception& e, std::string_view text) {
  if (e.msg.starts_with("the referenced anchor is not defined")) {
    std::string_view name = text.substr(std::min(static_cast<size_t>(e.mark.pos), text.size()));
    if (name.starts_with('*')) name.remove_prefix(1);
    return InvalidArgument("yaml: unknown anchor '{}' referenced",
                           name.substr(0, name.find_first_of(" \t\r\n,]}")));
  }
  // go-yaml leaves the first line unnamed.
  if (e.mark.line <= 0) return InvalidArgument("yaml: {}", GoWording(e.msg));
  return InvalidArgument("yaml: line {}: {}", e.mark.line + 1, GoWording(e.msg));
}

// Why the text is no UTF-8, in go-yaml's words.
std::string_view Utf8Fault(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t width = lead < 0x80             ? 1
                         : (lead & 0xe0) == 0xc0 ? 2
                         : (lead & 0xf0) == 0xe0 ? 3
                         : (lead & 0xf8) == 0xf0 ? 4
                                                 : 0;
    if (width == 0) return "invalid leading UTF-8 octet";
    if (i + width > text.size()) return "incomplete UTF-8 octet sequence";
    for (size_t k = 1; k < width; ++k) {
      if ((text[i + k] & 0xc0) != 0x80) return "invalid trailing UTF-8 octet";
    }
    i += width;
  }
  return "invalid Unicode character";
}

Status CheckText(std::string_view text, const ReadLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return OutOfRange("yaml: document larger than {} bytes", limits.max_bytes);
  }
  if (!IsValidUtf8(text)) return InvalidArgument("yaml: {}", Utf8Fault(text));
  for (unsigned char c : text) {
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) {
      return InvalidArgument("yaml: control characters are not allowed");
    }
  }
  return OkStatus();
}

StatusOr<std::vector<NodePtr>> Read(std::string_view text, const ReadLimits& limits,
                                    size_t max_documents) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  NX_RETURN_IF_ERROR(CheckText(text, limits));
  std::vector<NodePtr> documents;
  TreeBuilder builder(limits, text);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (documents.size() < max_documents && parser.HandleNextDocument(builder)) {
      NodePtr root = builder.TakeRoot();
      documents.push_back(root != nullptr ? std::move(root) : MakeNull());
    }
  } catch (const Stop& stop) {
    return stop.status;
  } catch (const YAML::Exception& e) {
    return ParseError(e, text);
  } catch (const std::exception& e) {
    return InvalidArgument("yaml: {}", e.what());
  }
  if (!IsTerminated(text.substr(std::min(builder.last_scalar(), text.size())))) {
    return InvalidArgument("yaml: line {}: found unexpected end of stream",
                           std::count(text.begin(), text.end(), '\n') + 1);
  }
  return documents;
}

}  // namespace

StatusOr<std::vector<NodePtr>> ReadDocuments(std::string_view text, const ReadLimits& limits) {
  return Read(text, limits, 10'000);
}

StatusOr<NodePtr> ReadDocument(std::string_view text, const ReadLimits& limits) {
  NX_ASSIGN_OR_RETURN(std::vector<NodePtr> documents, Read(text, limits, 1));
  return documents.empty() ? MakeNull() : documents.front();
}

}  // namespace narthex::config
