// Printing of trees in the style of go-yaml v2: which scalars need quotes, and which quotes.

#include "core/config/node.h"

namespace narthex::config {
namespace {

// What libyaml's emitter finds out about a text before it chooses a style.
struct Analysis {
  bool plain_allowed = true;
  bool flow_plain_allowed = true;
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
  const bool edge_blank =
      s.front() == ' ' || s.front() == '\n' || s.back() == ' ' || s.back() == '\n';
  if (edge_blank || a.multiline || break_space || special || StartsWithIndicator(s) ||
      HasInnerIndicator(s)) {
    a.plain_allowed = false;
  }
  a.flow_plain_allowed = a.plain_allowed && s[0] != '?' && s[0] != ':' &&
                         s.find_first_of(",?[]{}:") == std::string_view::npos;
  if (s.back() == ' ' || space_break || special) a.literal_allowed = false;
  if (break_space || space_break || special) a.single_allowed = false;
  return a;
}

// 1:30 and the like: YAML 1.1 readers other than go-yaml take them for numbers of base 60.
//   [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?
bool IsBase60(std::string_view s) {
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (s.starts_with('+') || s.starts_with('-')) s.remove_prefix(1);
  if (s.empty() || !digit(s[0])) return false;
  size_t i = 1;
  while (i < s.size() && (digit(s[i]) || s[i] == '_')) ++i;
  size_t groups = 0;
  for (; i < s.size() && s[i] == ':'; ++groups) {
    ++i;
    if (i + 1 < s.size() && s[i] >= '0' && s[i] <= '5' && digit(s[i + 1])) ++i;
    if (i >= s.size() || !digit(s[i])) return false;
    ++i;
  }
  if (groups == 0) return false;
  if (i < s.size() && s[i] == '.') {
    ++i;
    while (i < s.size() && (digit(s[i]) || s[i] == '_')) ++i;
  }
  return i == s.size();
}

constexpr size_t kBestWidth = 80;  // libyaml's default

class Printer {
 public:
  explicit Printer(std::string* out) : out_(out) {}

  // Prints a value behind "key:" or "-"; `indent` is the column of the enclosing block.
  void Value(const Node& node, int indent, bool in_sequence) {
    switch (node.kind) {
      case Node::Kind::kNull: out_->append(" null\n"); return;
      case Node::Kind::kScalar:
        out_->push_back(' ');
        Text(node, indent);
        return;
      case Node::Kind::kSequence:
        if (node.items.empty()) {
          out_->append(" []\n");
        } else if (node.flow) {
          out_->push_back(' ');
          FlowSequence(node, indent);
        } else {
          out_->push_back(in_sequence ? ' ' : '\n');
          Sequence(node, in_sequence ? indent + 2 : indent, in_sequence);
        }
        return;
      case Node::Kind::kMapping:
        if (node.members.empty()) {
          out_->append(" {}\n");
        } else {
          out_->push_back(in_sequence ? ' ' : '\n');
          Mapping(node, indent + 2, in_sequence);
        }
        return;
    }
  }

  // `first_inline`: the first entry continues the line that is open.
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
    margin_ = static_cast<size_t>(indent) + 2;
    fold_ = true;
    const Analysis a = Analyse(s);
    if (node.plain) {
      out_->append(s);
    } else if (a.multiline) {
      if (a.literal_allowed) return Literal(s);
      DoubleQuoted(s);
    } else {
      Styled(s, a.plain_allowed, a.single_allowed);
    }
    out_->push_back('\n');
  }

 private:
  void FlowSequence(const Node& node, int indent) {
    margin_ = static_cast<size_t>(indent) + 2;
    fold_ = true;
    out_->push_back('[');
    for (size_t i = 0; i < node.items.size(); ++i) {
      if (i > 0) {
        out_->push_back(',');
        if (Column() > kBestWidth) {
          NewLine();
        } else {
          out_->push_back(' ');
        }
      }
      const std::string& s = node.items[i]->value;
      const Analysis a = Analyse(s);
      if (a.multiline) {
        DoubleQuoted(s);
      } else {
        Styled(s, a.flow_plain_allowed, a.single_allowed);
      }
    }
    out_->append("]\n");
  }
  void Key(const Node& key) {
    fold_ = false;
    const Analysis a = Analyse(key.value);
    if (key.plain) {
      out_->append(key.value);
    } else if (a.multiline) {
      DoubleQuoted(key.value);
    } else {
      Styled(key.value, a.plain_allowed, a.single_allowed);
    }
  }
  void Styled(std::string_view s, bool plain_allowed, bool single_allowed) {
    const bool reads_as_text = ResolvePlain(s).type == ScalarType::kString && !IsBase60(s);
    if (reads_as_text && plain_allowed) {
      Folded(s, false);
    } else if (reads_as_text && single_allowed) {
      out_->push_back('\'');
      Folded(s, true);
      out_->push_back('\'');
    } else {
      DoubleQuoted(s);
    }
  }

  // Plain text, or the inside of single quotes: a blank behind the best width becomes a line break.
  void Folded(std::string_view s, bool quoted) {
    size_t column = Column();
    for (size_t i = 0; i < s.size(); ++i, ++column) {
      const bool inner = !quoted || (i > 0 && i + 1 < s.size());
      const bool single_blank =
          s[i] == ' ' && (i == 0 || s[i - 1] != ' ') && (i + 1 == s.size() || s[i + 1] != ' ');
      if (fold_ && single_blank && inner && column > kBestWidth) {
        NewLine();
        column = margin_ - 1;
        continue;
      }
      if (quoted && s[i] == '\'') out_->push_back('\'');
      out_->push_back(s[i]);
      if (IsContinuation(s[i])) --column;
    }
  }

  void DoubleQuoted(std::string_view s) {
    out_->push_back('"');
    for (size_t i = 0; i < s.size(); ++i) {
      const bool inner = i > 0 && i + 1 < s.size();
      if (fold_ && s[i] == ' ' && inner && s[i - 1] != ' ' && Column() > kBestWidth) {
        NewLine();
        if (s[i + 1] == ' ') out_->push_back('\\');
      } else {
        Escaped(s[i]);
      }
    }
    out_->push_back('"');
  }
  void Escaped(char ch) {
    constexpr std::string_view kCodes = "\"\\\n\r\t\a\b\v\f\x1b";
    constexpr std::string_view kNames = "\"\\nrtabvfe";
    const unsigned char c = static_cast<unsigned char>(ch);
    const size_t known = kCodes.find(ch);
    if (known != std::string_view::npos) {
      out_->push_back('\\');
      out_->push_back(kNames[known]);
    } else if (c < 0x20 || c == 0x7f) {
      out_->append(fmt::format("\\x{:02X}", c));
    } else {
      out_->push_back(ch);
    }
  }

  void Literal(std::string_view s) {
    out_->push_back('|');
    // A text that opens with a blank must say how deep it is indented.
    if (s[0] == ' ' || s[0] == '\n') out_->push_back('2');
    if (s.back() != '\n') {
      out_->push_back('-');
    } else if (s.size() == 1 || s[s.size() - 2] == '\n') {
      out_->push_back('+');
    }
    out_->push_back('\n');
    while (!s.empty()) {
      const size_t end = s.find('\n');
      const std::string_view line = s.substr(0, end);
      if (!line.empty()) out_->append(margin_, ' ').append(line);
      out_->push_back('\n');
      if (end == std::string_view::npos) break;
      s.remove_prefix(end + 1);
    }
  }

  static bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }
  size_t Column() const {
    size_t column = 0;
    for (size_t i = out_->size(); i > 0 && (*out_)[i - 1] != '\n'; --i) {
      if (!IsContinuation((*out_)[i - 1])) ++column;
    }
    return column;
  }
  void NewLine() {
    out_->push_back('\n');
    out_->append(margin_, ' ');
  }

  std::string* out_;
  size_t margin_ = 0;  // of the lines that continue the scalar being printed
  bool fold_ = true;
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

NodePtr MakeFlowSequence(std::vector<NodePtr> scalars) {
  auto node = NewNode(Node::Kind::kSequence);
  node->items = std::move(scalars);
  node->flow = true;
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
