// Histograms as text.

#include <fmt/format.h>

#include <iterator>

#include "core/histogram/bounds.h"
#include "core/histogram/histogram.h"
#include "core/strings/numbers.h"

namespace narthex {
namespace {

// Of an integer histogram, whose counts are printed as such.
void AppendCount(std::string* out, double count, bool whole) {
  if (whole) {
    fmt::format_to(std::back_inserter(*out), "{:.0f}", count);
  } else {
    AppendExpositionFloat(out, count);
  }
}

std::string BucketText(const Bucket& b, double count, bool whole) {
  std::string out = b.lower_inclusive ? ", [" : ", (";
  AppendExpositionFloat(&out, b.lower);
  out += ',';
  AppendExpositionFloat(&out, b.upper);
  out += b.upper_inclusive ? "]:" : "):";
  AppendCount(&out, count, whole);
  return out;
}

// The buckets of one side that hold something, from zero outwards.
std::vector<std::string> SideTexts(const FloatHistogram& h, bool positive, bool whole) {
  const auto& counts = positive ? h.positive_buckets : h.negative_buckets;
  std::vector<std::string> texts;
  size_t i = 0;
  int64_t index = 0;
  for (const BucketSpan& span : positive ? h.positive_spans : h.negative_spans) {
    index += span.offset;
    for (uint32_t k = 0; k < span.length && i < counts.size(); ++k, ++i, ++index) {
      if (counts[i] == 0) continue;
      const Bucket b = BucketAt(static_cast<int32_t>(index), positive, h.schema, h.custom_values);
      texts.push_back(BucketText(b, counts[i], whole));
    }
  }
  return texts;
}

std::string Text(const FloatHistogram& h, bool whole) {
  std::string out = "{count:";
  AppendCount(&out, h.count, whole);
  out += ", sum:";
  AppendExpositionFloat(&out, h.sum);
  const std::vector<std::string> negative = SideTexts(h, false, whole);
  for (auto it = negative.rbegin(); it != negative.rend(); ++it) out += *it;
  if (h.zero_count != 0) {
    out += BucketText({-h.zero_threshold, h.zero_threshold, true, true}, h.zero_count, whole);
  }
  for (const std::string& text : SideTexts(h, true, whole)) out += text;
  return out + "}";
}

}  // namespace

std::string ToString(const FloatHistogram& histogram) { return Text(histogram, false); }
// Exact below 2^53, which counts of observations are.
std::string ToString(const IntHistogram& histogram) { return Text(ToFloat(histogram), true); }

}  // namespace narthex
