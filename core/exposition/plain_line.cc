#include "core/exposition/plain_line.h"

#include <algorithm>
#include <cstring>

#include "core/exposition/label_text.h"
#include "core/exposition/number.h"
#include "core/exposition/scrape.h"
#include "core/exposition/text_lexer.h"
#include "core/exposition/text_scan.h"

namespace narthex {
namespace {

template <typename Word>
bool SameWord(const char* a, const char* b) {
  return std::memcmp(a, b, sizeof(Word)) == 0;
}

// memcmp for a handful of bytes without the call: first and last word, which may overlap. n > 0.
inline bool Same(const char* a, const char* b, size_t n) {
  if (n > 16) return std::memcmp(a, b, n) == 0;
  if (n >= 8) return SameWord<uint64_t>(a, b) && SameWord<uint64_t>(a + n - 8, b + n - 8);
  if (n >= 4) return SameWord<uint32_t>(a, b) && SameWord<uint32_t>(a + n - 4, b + n - 4);
  return a[0] == b[0] && a[n / 2] == b[n / 2] && a[n - 1] == b[n - 1];
}

}  // namespace

PlainLines::PlainLines(std::string_view body, TextDialect dialect, const TextLimits& limits)
    : body_(body),
      body_end_(body.data() + body.size()),
      dialect_(dialect),
      max_series_bytes_(limits.max_series_bytes),
      max_labels_(std::min(kMaxLabels, limits.max_labels)) {}

bool PlainLines::Read(size_t at) {
  // The full parser's position goes one past the end where it imagines a last LF.
  if (at >= body_.size()) return false;
  const char* const begin = body_.data() + at;
  const char* p = ReadMetric(begin);
  if (p == nullptr) return false;
  labels_ = 0;
  if (*p == '{') {
    p = ReadPairs(p + 1);
    // The names may be half of this line and half of another now.
    if (p == nullptr) names_count_ = 0;
    if (p == nullptr || p == body_end_) return false;
  }
  series_ = {begin, static_cast<size_t>(p - begin)};
  if (*p != ' ' || series_.size() > max_series_bytes_) return false;
  p = ReadSuffix(p + 1);
  if (p == nullptr) return false;
  end_ = static_cast<size_t>(p - body_.data());
  return true;
}

// Gives the byte behind the metric's name, which is there.
const char* PlainLines::ReadMetric(const char* p) {
  const char* const begin = p;
  const size_t n = metric_.size();
  const bool ends_alike =
      static_cast<size_t>(body_end_ - p) > n && n > 0 && (p[n] == '{' || p[n] == ' ');
  if (ends_alike && Same(p, metric_.data(), n)) {
    p += n;
  } else {
    using namespace text_lexer;
    if (p == body_end_ || !Is(static_cast<unsigned char>(*p), kNameStart | kColon)) return nullptr;
    p = ScanNameBytes(p, body_end_, true);
    if (p == body_end_) return nullptr;
  }
  metric_ = {begin, static_cast<size_t>(p - begin)};
  return p;
}

// Behind the opening brace; gives the byte behind the closing one.
const char* PlainLines::ReadPairs(const char* p) {
  bool as_before = true;
  for (size_t place = 0;; ++place) {
    if (place == max_labels_) return nullptr;
    const Name* known = &names_[place];
    size_t length = 0;
    if (place < names_count_ && static_cast<size_t>(body_end_ - p) >= known->length &&
        Same(p, known->text, known->length)) {
      length = known->length;
    } else {
      length = LabelNameLength(p);
      if (length == 0) return nullptr;
      as_before = false;
    }
    names_[place] = {p, length};
    const char* const value = p + length;
    bool non_ascii = false;
    const char* const quote = ScanQuoted(value, body_end_, &non_ascii);
    if (body_end_ - quote < 2 || *quote != '"' || non_ascii) return nullptr;
    values_[place] = {value, static_cast<size_t>(quote - value)};
    p = quote + 2;
    if (quote[1] == ',') continue;
    if (quote[1] != '}') return nullptr;
    labels_ = place + 1;
    break;
  }
  as_before = as_before && labels_ == names_count_;
  names_count_ = labels_;
  return as_before || SortNames() ? p : nullptr;
}

// Of a name and the =" behind it; 0 when there is none.
size_t PlainLines::LabelNameLength(const char* p) const {
  using namespace text_lexer;
  if (p == body_end_ || !Is(static_cast<unsigned char>(*p), kNameStart)) return 0;
  const char* end = ScanNameScalar(p, body_end_, false);
  if (body_end_ - end < 2 || end[0] != '=' || end[1] != '"') return 0;
  return static_cast<size_t>(end + 2 - p);
}

// Gives the start of the next line.
const char* PlainLines::ReadSuffix(const char* p) {
  timestamp_ms_ = kNoTimestamp;
  p = ParsePlainFloat(p, body_end_, &value_);
  if (p == nullptr || p == body_end_) return nullptr;
  if (*p == ' ' && dialect_ == TextDialect::kText) {
    p = ParsePlainMilliseconds(p + 1, body_end_, &timestamp_ms_);
    if (p == nullptr || p == body_end_) return nullptr;
  }
  return *p == '\n' ? p + 1 : nullptr;
}

std::string_view PlainLines::NameAt(size_t place) const {
  if (place == 0) return kMetricNameLabel;
  return {names_[place - 1].text, names_[place - 1].length - 2};
}

void PlainLines::EmptyLabels(std::vector<std::string_view>* names) const {
  names->clear();
  for (size_t place = 1; place <= labels_; ++place) {
    if (values_[place - 1].empty()) names->push_back(NameAt(place));
  }
}

// False when a name is there twice.
bool PlainLines::SortNames() {
  for (size_t i = 0; i <= labels_; ++i) {
    const std::string_view name = NameAt(i);
    size_t at = i;
    for (; at > 0; --at) {
      const std::string_view before = NameAt(order_[at - 1]);
      if (before == name) return false;
      if (before < name) break;
      order_[at] = order_[at - 1];
    }
    order_[at] = static_cast<uint8_t>(i);
  }
  return true;
}

const Labels& PlainLines::DecodeLabels(ScrapedType type) {
  constexpr uint8_t kMetricAlone[] = {0};
  const uint8_t* order = labels_ == 0 ? kMetricAlone : order_.data();
  // Every name and value is part of the series' text, but for the metric's label name and what
  // normalisation adds.
  constexpr size_t kMostNormalised = 32;
  constexpr size_t kMostLength = 4;
  std::string flat = std::move(decoded_).ReleaseFlat();
  flat.resize(series_.size() + kMetricNameLabel.size() + kMostNormalised +
              2 * kMostLength * (labels_ + 1));
  char* p = flat.data();
  for (size_t i = 0; i <= labels_; ++i) {
    const size_t place = order[i];
    const std::string_view name = NameAt(place);
    std::string_view value = place == 0 ? metric_ : values_[place - 1];
    if (value.empty()) continue;
    if (place != 0 && IsBoundLabel(name, type)) {
      value = NormalisedBound(value, &normalised_);
    }
    p = PutLabelText(p, name);
    p = PutLabelText(p, value);
  }
  flat.resize(static_cast<size_t>(p - flat.data()));
  decoded_ = Labels::FromFlat(std::move(flat));
  return decoded_;
}

}  // namespace narthex
