#include "core/exposition/label_text.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/exposition/number.h"
#include "core/exposition/writer.h"

namespace narthex {

namespace {

// The first eight bytes of a name as a number that orders as they do; shorter names are padded
// with zeros, which no tie is decided by.
uint64_t PrefixOf(std::string_view name) {
  uint64_t prefix = 0;
  if (name.size() >= 8) {
    std::memcpy(&prefix, name.data(), 8);
    return __builtin_bswap64(prefix);
  }
  for (size_t i = 0; i < name.size(); ++i) {
    prefix |= uint64_t{static_cast<unsigned char>(name[i])} << (56 - 8 * i);
  }
  return prefix;
}

// Label sets are short and mostly in order already. False when a name occurs twice, which is then
// in *repeated.
bool SortByName(std::vector<Label>* labels, std::string_view* repeated) {
  constexpr size_t kShort = 32;
  bool unique = true;
  auto check = [&](std::string_view a, std::string_view b) {
    if (a != b) return;
    unique = false;
    *repeated = a;
  };
  if (labels->size() > kShort) {
    std::sort(labels->begin(), labels->end(),
              [](const Label& a, const Label& b) { return a.name < b.name; });
    for (size_t i = 1; i < labels->size(); ++i) check((*labels)[i - 1].name, (*labels)[i].name);
    return unique;
  }
  std::array<uint64_t, kShort> prefixes;
  for (size_t i = 0; i < labels->size(); ++i) {
    const Label label = (*labels)[i];
    const uint64_t prefix = PrefixOf(label.name);
    size_t at = i;
    for (; at > 0; --at) {
      const Label& before = (*labels)[at - 1];
      if (prefixes[at - 1] < prefix) break;
      if (prefixes[at - 1] == prefix && before.name <= label.name) {
        check(before.name, label.name);
        break;
      }
      (*labels)[at] = before;
      prefixes[at] = prefixes[at - 1];
    }
    (*labels)[at] = label;
    prefixes[at] = prefix;
  }
  return unique;
}

size_t VarintSize(size_t v) { return v < 0x80 ? 1 : v < 0x4000 ? 2 : v < 0x200000 ? 3 : 10; }

// Whether the text is plainly what the shortest form of its number is: one point, digits on both
// sides, no zero too many, few enough digits, no exponent needed. False says nothing.
bool IsShortestDecimal(std::string_view text) {
  constexpr size_t kMaxDigits = 15;  // always survive the way through a double
  constexpr size_t kMaxWhole = 6;    // more are written with an exponent
  constexpr std::string_view kNeedsExponent = "0.0000";
  const size_t point = text.find('.');
  if (point == 0 || point > kMaxWhole || point + 1 == text.size() || text.size() - 1 > kMaxDigits ||
      text.starts_with(kNeedsExponent)) {
    return false;
  }
  for (size_t i = 0; i < text.size(); ++i) {
    if (i != point && (text[i] < '0' || text[i] > '9')) return false;
  }
  return (text[0] != '0' || point == 1) && (text.back() != '0' || text.size() == point + 2);
}

}  // namespace

StatusOr<Labels> SortedLabels(std::vector<Label>* labels) {
  std::string_view repeated;
  if (!SortByName(labels, &repeated)) {
    return InvalidArgument("label name \"{}\" is not unique: invalid sample", repeated);
  }
  size_t bound = 0;
  for (const Label& label : *labels) {
    bound += VarintSize(label.name.size()) + label.name.size() + VarintSize(label.value.size()) +
             label.value.size();
  }
  std::string flat(bound, '\0');
  char* p = flat.data();
  for (const Label& label : *labels) {
    if (label.value.empty()) continue;
    p = PutLabelText(p, label.name);
    p = PutLabelText(p, label.value);
  }
  flat.resize(static_cast<size_t>(p - flat.data()));
  return Labels::FromFlat(std::move(flat));
}

std::string_view NormalisedBound(std::string_view value, std::string* scratch) {
  double v = 0;
  if (value == "+Inf" || IsShortestDecimal(value)) return value;
  if (ParseGoFloat(value, &v) != FloatError::kNone) return value;
  scratch->clear();
  AppendOpenMetricsFloat(scratch, v);
  return *scratch;
}

void UnescapeTo(std::string_view text, bool quotes, std::string* out) {
  const size_t first = std::min(text.find('\\'), text.size());
  out->append(text.substr(0, first));
  text.remove_prefix(first);
  for (size_t i = 0; i < text.size(); ++i) {
    char next = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : '\0';
    if (next == '\\' || next == 'n' || (quotes && next == '"')) {
      out->push_back(next == 'n' ? '\n' : next);
      ++i;
    } else {
      out->push_back(text[i]);
    }
  }
}

}  // namespace narthex
