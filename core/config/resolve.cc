// YAML 1.1 scalar resolution as go-yaml does it, and merge keys.

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "core/base/string_map.h"
#include "core/config/node.h"

namespace narthex::config {
namespace {

constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";

bool OneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Go's strconv.ParseInt/ParseUint with base 0 on a text without underscores.
bool ParseInteger(std::string_view text, Scalar* out) {
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.size() > 2 && text[0] == '0') {
    const char kind = static_cast<char>(text[1] | 0x20);
    base = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 10;
    if (base != 10) text.remove_prefix(2);
  }
  if (base == 10 && text.size() > 1 && text[0] == '0') {
    base = 8;
    text.remove_prefix(1);
  }
  uint64_t magnitude = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), magnitude, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return false;
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  if (negative ? magnitude > kMax + 1 : false) return false;
  out->type = ScalarType::kInt;
  out->is_unsigned = !negative && magnitude > kMax;
  out->integer = static_cast<int64_t>(negative ? ~magnitude + 1 : magnitude);
  out->number = negative ? -static_cast<double>(magnitude) : static_cast<double>(magnitude);
  return true;
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool LooksLikeFloat(std::string_view text) {
  size_t i = 0;
  auto digits = [&] {
    const size_t from = i;
    while (i < text.size() && IsDigit(text[i])) ++i;
    return i - from;
  };
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
  const size_t whole = digits();
  size_t fraction = 0;
  if (i < text.size() && text[i] == '.') {
    ++i;
    fraction = digits();
  }
  if (whole + fraction == 0) return false;
  if (i < text.size() && (text[i] | 0x20) == 'e') {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

bool ParseNumber(std::string_view text, Scalar* out) {
  std::string plain(text);
  std::erase(plain, '_');
  if (ParseInteger(plain, out)) return true;
  if (!LooksLikeFloat(plain)) return false;
  std::string_view digits = plain;
  if (digits[0] == '+') digits.remove_prefix(1);
  double value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc::result_out_of_range) return false;
  if (error != std::errc() || end != digits.data() + digits.size()) return false;
  out->type = ScalarType::kFloat;
  out->number = value;
  return true;
}

// 2001-01-01, optionally with a time behind T, t or blanks.
bool LooksLikeTimestamp(std::string_view text) {
  if (text.size() < 8 || !std::all_of(text.begin(), text.begin() + 4, IsDigit) || text[4] != '-') {
    return false;
  }
  size_t i = 5;
  auto number = [&] {
    const size_t from = i;
    while (i < text.size() && IsDigit(text[i]) && i - from < 2) ++i;
    return i > from;
  };
  if (!number() || i >= text.size() || text[i] != '-') return false;
  ++i;
  if (!number()) return false;
  if (i == text.size()) return true;
  if (text[i] != 'T' && text[i] != 't' && text[i] != ' ') return false;
  while (i < text.size() && (text[i] == ' ' || text[i] == 'T' || text[i] == 't')) ++i;
  return number() && i < text.size() && text[i] == ':';
}

std::string_view TagOf(ScalarType type) {
  switch (type) {
    case ScalarType::kNull: return "!!null";
    case ScalarType::kBool: return "!!bool";
    case ScalarType::kInt: return "!!int";
    case ScalarType::kFloat: return "!!float";
    case ScalarType::kTimestamp: return "!!timestamp";
    case ScalarType::kMerge: return "!!merge";
    case ScalarType::kString: break;
  }
  return "!!str";
}

bool IsMergeKey(const Node& key) {
  return key.is_scalar() && key.plain && key.value == "<<" && key.tag.empty();
}

Status AddMerged(const Node& value, StringSet* known, std::vector<Entry>* entries) {
  if (value.is_sequence()) {
    for (const NodePtr& item : value.items) {
      if (!item->is_mapping()) break;
      NX_RETURN_IF_ERROR(AddMerged(*item, known, entries));
    }
    if (std::all_of(value.items.begin(), value.items.end(),
                    [](const NodePtr& item) { return item->is_mapping(); })) {
      return OkStatus();
    }
  }
  if (!value.is_mapping()) {
    return InvalidArgument("yaml: map merge requires map or sequence of maps as the value");
  }
  NX_ASSIGN_OR_RETURN(std::vector<Entry> merged, Entries(value));
  for (Entry& entry : merged) {
    if (known->insert(entry.key).second || entry.duplicate) entries->push_back(std::move(entry));
  }
  return OkStatus();
}

}  // namespace

Scalar ResolvePlain(std::string_view text) {
  Scalar scalar;
  if (text.empty() || OneOf(text, {"~", "null", "Null", "NULL"})) {
    scalar.type = ScalarType::kNull;
  } else if (OneOf(text,
                   {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})) {
    scalar.type = ScalarType::kBool;
    scalar.boolean = true;
  } else if (OneOf(text,
                   {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})) {
    scalar.type = ScalarType::kBool;
  } else if (OneOf(text, {".nan", ".NaN", ".NAN"})) {
    scalar.type = ScalarType::kFloat;
    scalar.number = std::numeric_limits<double>::quiet_NaN();
  } else if (OneOf(text, {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"})) {
    scalar.type = ScalarType::kFloat;
    scalar.number = std::numeric_limits<double>::infinity();
  } else if (OneOf(text, {"-.inf", "-.Inf", "-.INF"})) {
    scalar.type = ScalarType::kFloat;
    scalar.number = -std::numeric_limits<double>::infinity();
  } else if (text == "<<") {
    scalar.type = ScalarType::kMerge;
  } else if ((IsDigit(text[0]) || text[0] == '+' || text[0] == '-' || text[0] == '.') &&
             ParseNumber(text, &scalar)) {
  } else if (LooksLikeTimestamp(text)) {
    scalar.type = ScalarType::kTimestamp;
  }
  return scalar;
}

Scalar Resolve(const Node& node) {
  if (node.is_null()) return {.type = ScalarType::kNull};
  if (!node.tag.empty()) {
    if (node.tag == "tag:yaml.org,2002:str") return {};
    return ResolvePlain(node.value);
  }
  return node.plain ? ResolvePlain(node.value) : Scalar{};
}

std::string_view ShortTag(const Node& node) {
  if (node.tag.starts_with(kTagPrefix)) {
    // The common tags have a static spelling; anything else keeps its long form.
    static constexpr std::array<std::string_view, 10> kShort = {
        "!!str", "!!int", "!!float",  "!!bool",  "!!null",
        "!!seq", "!!map", "!!binary", "!!merge", "!!timestamp"};
    for (std::string_view tag : kShort) {
      if (std::string_view(node.tag).substr(kTagPrefix.size()) == tag.substr(2)) return tag;
    }
  }
  if (!node.tag.empty()) return node.tag;
  switch (node.kind) {
    case Node::Kind::kNull: return "!!null";
    case Node::Kind::kSequence: return "!!seq";
    case Node::Kind::kMapping: return "!!map";
    case Node::Kind::kScalar: break;
  }
  return TagOf(Resolve(node).type);
}

StatusOr<std::vector<Entry>> Entries(const Node& mapping) {
  std::vector<Entry> entries;
  entries.reserve(mapping.members.size());
  std::vector<const Node*> merges;
  for (const auto& [key, value] : mapping.members) {
    if (IsMergeKey(*key)) {
      merges.push_back(value.get());
      continue;
    }
    if (!key->is_scalar() && !key->is_null()) {
      return InvalidArgument("yaml: line {}: invalid map key", key->line);
    }
    entries.push_back({key->value, key.get(), value.get(), false, 0});
  }
  // Duplicates by sorting, so that a hostile mapping of a million keys stays cheap.
  std::vector<size_t> order(entries.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return entries[a].key < entries[b].key; });
  for (size_t i = 1; i < order.size(); ++i) {
    Entry& entry = entries[order[i]];
    const Entry& before = entries[order[i - 1]];
    if (entry.key != before.key) continue;
    entry.duplicate = true;
    entry.first_line = before.duplicate ? before.first_line : before.key_node->line;
  }
  if (merges.empty()) return entries;
  StringSet known;
  for (const Entry& entry : entries) known.insert(entry.key);
  for (const Node* merge : merges) NX_RETURN_IF_ERROR(AddMerged(*merge, &known, &entries));
  return entries;
}

}  // namespace narthex::config
