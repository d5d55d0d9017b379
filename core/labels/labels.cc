#include "core/labels/labels.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "core/labels/names.h"
#include "core/strings/quote.h"

namespace narthex {
namespace {

// The flat buffer is our own, so its varints are well formed.
size_t ReadLength(const char*& p) {
  auto byte = static_cast<uint8_t>(*p++);
  if (byte < 0x80) return byte;
  size_t length = byte & 0x7f;
  for (int shift = 7;; shift += 7) {
    byte = static_cast<uint8_t>(*p++);
    length |= static_cast<size_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return length;
  }
}

// How many bytes are the same from the start on.
size_t CommonPrefix(std::string_view a, std::string_view b) {
  const size_t n = std::min(a.size(), b.size());
  size_t i = 0;
  for (; i + sizeof(uint64_t) <= n; i += sizeof(uint64_t)) {
    uint64_t x, y;
    std::memcpy(&x, a.data() + i, sizeof x);
    std::memcpy(&y, b.data() + i, sizeof y);
    if (x != y) break;
  }
  while (i < n && a[i] == b[i]) ++i;
  return i;
}

void AppendString(std::string* out, std::string_view s) {
  size_t n = s.size();
  for (; n >= 0x80; n >>= 7) out->push_back(static_cast<char>(n | 0x80));
  out->push_back(static_cast<char>(n));
  out->append(s);
}

// name 0xff value 0xff … : bytes that never occur in valid UTF-8 separate the parts.
void AppendHashed(std::string* out, const Label& label) {
  out->append(label.name).push_back('\xff');
  out->append(label.value).push_back('\xff');
}

void AppendPair(std::string* out, const Label& label) {
  if (IsLegacyLabelName(label.name)) {
    out->append(label.name);
  } else {
    AppendGoQuoted(out, label.name);
  }
  out->push_back('=');
  AppendGoQuoted(out, label.value);
}

std::string FlattenSorted(std::vector<Label>& labels) {
  std::stable_sort(labels.begin(), labels.end(),
                   [](const Label& a, const Label& b) { return a.name < b.name; });
  std::string flat;
  for (size_t i = 0; i < labels.size(); ++i) {
    const bool superseded = i + 1 < labels.size() && labels[i + 1].name == labels[i].name;
    if (superseded || labels[i].value.empty()) continue;
    AppendString(&flat, labels[i].name);
    AppendString(&flat, labels[i].value);
  }
  return flat;
}

}  // namespace

Labels::Iterator& Labels::Iterator::operator++() {
  at_ = next_;
  if (next_ == end_) return *this;
  size_t n = ReadLength(next_);
  label_.name = {next_, n};
  next_ += n;
  n = ReadLength(next_);
  label_.value = {next_, n};
  next_ += n;
  return *this;
}

Labels::Labels(std::initializer_list<Label> labels) {
  std::vector<Label> sorted(labels);
  flat_ = FlattenSorted(sorted);
}

Labels Labels::FromPairs(std::span<const Label> labels) {
  std::vector<Label> sorted(labels.begin(), labels.end());
  return Labels(FlattenSorted(sorted));
}

Labels Labels::FromPairs(std::span<const std::pair<std::string, std::string>> labels) {
  std::vector<Label> sorted;
  sorted.reserve(labels.size());
  for (const auto& [name, value] : labels) sorted.push_back({name, value});
  return Labels(FlattenSorted(sorted));
}

std::optional<Labels> Labels::MergeDisjoint(const Labels& a, const Labels& b) {
  std::string flat;
  flat.reserve(a.flat_.size() + b.flat_.size());
  auto i = a.begin(), j = b.begin();
  while (i != a.end() && j != b.end()) {
    const int order = i->name.compare(j->name);
    if (order == 0) return std::nullopt;
    Iterator& next = order < 0 ? i : j;
    flat.append(next.flat());
    ++next;
  }
  for (; i != a.end(); ++i) flat.append(i.flat());
  for (; j != b.end(); ++j) flat.append(j.flat());
  return Labels(std::move(flat));
}

Labels LabelsBuilder::Build() const {
  size_t bytes = 0;
  for (const auto& [name, value] : pairs_) bytes += name.size() + value.size() + 4;
  std::string flat;
  flat.reserve(bytes);
  for (const auto& [name, value] : pairs_) {
    AppendString(&flat, name);
    AppendString(&flat, value);
  }
  return Labels::FromFlat(std::move(flat));
}

size_t Labels::size() const {
  size_t n = 0;
  for (auto it = begin(); it != end(); ++it) ++n;
  return n;
}

std::string_view Labels::Get(std::string_view name) const {
  for (const Label& label : *this) {
    if (label.name == name) return label.value;
    if (label.name > name) break;
  }
  return {};
}

uint64_t Labels::Hash() const {
  std::string buffer;
  buffer.reserve(flat_.size() + 8);
  for (const Label& label : *this) AppendHashed(&buffer, label);
  return XXH64(buffer.data(), buffer.size(), 0);
}

uint64_t Labels::HashForLabels(std::span<const std::string> names) const {
  std::string buffer;
  for (const Label& label : *this) {
    if (std::binary_search(names.begin(), names.end(), label.name)) AppendHashed(&buffer, label);
  }
  return XXH64(buffer.data(), buffer.size(), 0);
}

uint64_t Labels::HashWithoutLabels(std::span<const std::string> names) const {
  std::string buffer;
  for (const Label& label : *this) {
    if (label.name == kMetricNameLabel) continue;
    if (!std::binary_search(names.begin(), names.end(), label.name)) AppendHashed(&buffer, label);
  }
  return XXH64(buffer.data(), buffer.size(), 0);
}

uint64_t Labels::Fingerprint() const {
  uint64_t hash = 14695981039346656037ULL;
  auto add = [&hash](std::string_view bytes) {
    for (char c : bytes) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211ULL;
    hash = (hash ^ 0xff) * 1099511628211ULL;
  };
  for (const Label& label : *this) {
    add(label.name);
    add(label.value);
  }
  return hash;
}

// Neighbours in a sorted list share most of their pairs: those are stepped over, not compared.
std::strong_ordering operator<=>(const Labels& a, const Labels& b) {
  const std::string_view x = a.flat_;
  const std::string_view y = b.flat_;
  const size_t same = CommonPrefix(x, y);
  const char* at = x.data();
  while (static_cast<size_t>(at - x.data()) < same) {
    const char* next = at;
    for (int part = 0; part < 2; ++part) {  // name and value
      const size_t length = ReadLength(next);
      next += length;
    }
    if (static_cast<size_t>(next - x.data()) > same) break;
    at = next;
  }
  const auto pairs = static_cast<size_t>(at - x.data());
  if (pairs == x.size() || pairs == y.size()) return x.size() <=> y.size();
  return *Labels::Iterator(at, x.data() + x.size()) <=>
         *Labels::Iterator(y.data() + pairs, y.data() + y.size());
}

std::string Labels::ToString() const {
  std::string out = "{";
  for (const Label& label : *this) {
    if (out.size() > 1) out += ", ";
    AppendPair(&out, label);
  }
  return out += '}';
}

std::string Labels::ToMetricString() const {
  const std::string_view metric = metric_name();
  if (!IsLegacyMetricName(metric)) return ToString();
  std::string pairs;
  for (const Label& label : *this) {
    if (label.name == kMetricNameLabel) continue;
    if (!pairs.empty()) pairs += ", ";
    AppendPair(&pairs, label);
  }
  std::string out(metric);
  if (!pairs.empty()) out.append("{").append(pairs).append("}");
  return out;
}

}  // namespace narthex
