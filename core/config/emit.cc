// Printing of trees in the style of go-yaml v2: which scalars need quotes, and which quotes.

#include "core/config/node.h"

namespace narthex::config {
namespace {

// What libyaml's emitter finds out about a text before it chooses a style.
struct Analysis {
  bool plain_allowed = true;
  bool single_allowed = true;
  bool literal_allowed = true;
  bool multiline = false;
};

bool StartsWithIndicator(std::string_view s) {
  if (s.starts_with("---") || s.starts_with("...")) return true;
  constexpr std::string_view kAlways = "#,[]{}&*!|>'\"%@`";
  if (kAlways.find(s[0]) != std::string_view::npos) return true;
  const bool blank_follows = s.size() == 1 || s[1] == ' ' || s[1] == '\t' || s[1] == '\n';
  return (s[0] == '-' || s[0] == '?' || s[0] == ':') && blank_follows;
}

bool HasInnerIndicator(std::string_view s) {
  for (size_t i = 0; i < s.size(); ++i) {
    const bool blank_follows =
        i + 1 == s.size() || s[i + 1] == ' ' || s[i + 1] == '\t' || s[i + 1] == '\n';
    if (s[i] == ':' && blank_follows) return true;
    if (s[i] == '#' && i > 0 && (s[i - 1] == ' ' || s[i - 1] == '\t' || s[i - 1] == '\n')) {
      return true;
    }
  }
  return false;
}

Analysis Analyse(std::string_view s) {
  Analysis a;
  if (s.empty()) return a;
  bool special = false, break_space = false, space_break = false;
  for (size_t i = 0; i < s.size(); ++i) {
    const unsigned char c = static_cast<unsigned char>(s[i]);
    if ((c < 0x20 && c != '\n') || c == 0x7f) special = true;
    if (c == '\n') a.multiline = true;
    if (i == 0) continue;
    if (c == ' ' && s[i - 1] == '\n') break_space = true;
    if (c == '\n' && s[i - 1] == ' ') space_break = true;
  }
  const bool edge_blank = s.front() == ' ' || s.front() == '\n' || s.back() == ' ' ||
                          s.back() == '\n';
  if (edge_blank || a.multiline || break_space || special || StartsWithIndicator(s) ||
      HasInnerIndicator(s)) {
    a.plain_allowed = false;
  }
  if (s.back() == ' ' || space_break || special) a.literal_allowed = false;
  if (break_space || space_break || special) a.single_allowed = false;
  return a;
}

void AppendDoubleQuoted(std::string_view s, std::string* out) {
  out->push_back('"');
  for (char ch : s) {
    const unsigned char c = static_cast<unsigned char>(ch);
    switch (c) {
      case '"': out->append("\\\""); break;
      case '\\': out->append("\\\\"); break;
      case '\n': out->append("\\n"); break;
      case '\r': out->append("\\r"); break;
      case '\t': out->append("\\t"); break;
      case 0: out->append("\\0"); break;
      case 7: out->append("\\a"); break;
      case 8: out->append("\\b"); break;
      case 11: out->append("\\v"); break;
      case 12: out->append("\\f"); break;
      case 27: out->append("\\e"); break;
      default:
        if (c < 0x20 || c == 0x7f) {
          out->append(fmt::format("\\x{:02X}", c));
        } else {
          out->push_back(ch);
        }
    }
  }
  out->push_back('"');
}

void AppendSingleQuoted(std::string_view s, std::string* out) {
  out->push_back('\'');
  for (char c : s) {
    if (c == '\'') out->push_back('\'');
    out->push_back(c);
  }
  out->push_back('\'');
}

// 1:30 and the like: YAML 1.1 readers other than go-yaml take them for numbers of base 60.
bool IsBase60(std::string_view s) {
  if (s.empty() || s.find(':') == std::string_view::npos) return false;
  if (s[0] != '+' && s[0] != '-' && (s[0] < '0' || s[0] > '9')) return false;
  for (char c : s.substr(1)) {
    if ((c < '0' || c > '9') && c != ':' && c != '_' && c != '.') return false;
  }
  return true;
}

class Printer {
 public:
  explicit Printer(std::string* out) : out_(out) {}

  // Prints a value behind "key:" or "-"; `indent` is the column of the enclosing block.
  void Value(const Node& node, int indent, bool in_sequence) {
    switch (node.kind) {
      case Node::Kind::kNull:
        out_->append(" null\n");
        return;
      case Node::Kind::kScalar:
        out_->push_back(' ');
        Text(node, indent);
        return;
      case Node::Kind::kSequence:
        if (node.items.empty()) {
          out_->append(" []\n");
        } else if (in_sequence) {
          out_->push_back(' ');
          Sequence(node, indent + 2, true);
        } else {
          out_->push_back('\n');
          Sequence(node, indent, false);
        }
        return;
      case Node::Kind::kMapping:
        if (node.members.empty()) {
          out_->append(" {}\n");
        } else if (in_sequence) {
          out_->push_back(' ');
          Mapping(node, indent + 2, true);
        } else {
          out_->push_back('\n');
          Mapping(node, indent + 2, false);
        }
        return;
    }
  }

  void Mapping(const Node& node, int indent, bool first_inline) {
    for (const auto& [key, value] : node.members) {
      if (!first_inline) out_->append(static_cast<size_t>(indent), ' ');
      first_inline = false;
      Key(*key);
      out_->push_back(':');
      Value(*value, indent, false);
    }
  }
  void Sequence(const Node& node, int indent, bool first_inline) {
    for (const NodePtr& item : node.items) {
      if (!first_inline) out_->append(static_cast<size_t>(indent), ' ');
      first_inline = false;
      out_->push_back('-');
      Value(*item, indent, true);
    }
  }
  void Text(const Node& node, int indent) {
    const std::string& s = node.value;
    const Analysis a = Analyse(s);
    if (node.plain) {
      out_->append(s);
    } else if (a.multiline) {
      if (a.literal_allowed) return Literal(s, indent);
      AppendDoubleQuoted(s, out_);
    } else {
      Quoted(s, a);
    }
    out_->push_back('\n');
  }

 private:
  void Quoted(const std::string& s, const Analysis& a) {
    if (ResolvePlain(s).type != ScalarType::kString || IsBase60(s)) {
      AppendDoubleQuoted(s, out_);
    } else if (a.plain_allowed) {
      out_->append(s);
    } else if (a.single_allowed) {
      AppendSingleQuoted(s, out_);
    } else {
      AppendDoubleQuoted(s, out_);
    }
  }
  void Key(const Node& key) {
    const Analysis a = Analyse(key.value);
    if (key.plain) {
      out_->append(key.value);
    } else if (a.multiline) {
      AppendDoubleQuoted(key.value, out_);
    } else {
      Quoted(key.value, a);
    }
  }
  void Literal(std::string_view s, int indent) {
    out_->push_back('|');
    // A text that opens with a blank must say how deep it is indented.
    if (s[0] == ' ' || s[0] == '\n') out_->push_back('2');
    if (s.back() != '\n') {
      out_->push_back('-');
    } else if (s.size() == 1 || s[s.size() - 2] == '\n') {
      out_->push_back('+');
    }
    out_->push_back('\n');
    const std::string margin(static_cast<size_t>(indent) + 2, ' ');
    while (!s.empty()) {
      const size_t end = s.find('\n');
      const std::string_view line = s.substr(0, end);
      if (!line.empty()) out_->append(margin).append(line);
      out_->push_back('\n');
      if (end == std::string_view::npos) break;
      s.remove_prefix(end + 1);
    }
  }

  std::string* out_;
};

std::shared_ptr<Node> NewNode(Node::Kind kind) {
  auto node = std::make_shared<Node>();
  node->kind = kind;
  return node;
}

}  // namespace

NodePtr MakeNull() { return NewNode(Node::Kind::kNull); }

NodePtr MakeString(std::string text) {
  auto node = NewNode(Node::Kind::kScalar);
  node->plain = false;
  node->value = std::move(text);
  return node;
}

NodePtr MakePlain(std::string text) {
  auto node = NewNode(Node::Kind::kScalar);
  node->value = std::move(text);
  return node;
}

NodePtr MakeSequence(std::vector<NodePtr> items) {
  auto node = NewNode(Node::Kind::kSequence);
  node->items = std::move(items);
  return node;
}

NodePtr MakeMapping(std::vector<std::pair<std::string, NodePtr>> members) {
  auto node = NewNode(Node::Kind::kMapping);
  for (auto& [key, value] : members) {
    node->members.emplace_back(MakeString(std::move(key)), std::move(value));
  }
  return node;
}

std::string Emit(const Node& node) {
  std::string out;
  Printer printer(&out);
  if (node.is_mapping() && !node.members.empty()) {
    printer.Mapping(node, 0, false);
  } else if (node.is_sequence() && !node.items.empty()) {
    printer.Sequence(node, 0, false);
  } else if (node.is_scalar()) {
    printer.Text(node, -2);
  } else {
    out = node.is_null() ? "null\n" : node.is_mapping() ? "{}\n" : "[]\n";
  }
  return out;
}

}  // namespace narthex::config
