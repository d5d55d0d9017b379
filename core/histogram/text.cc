// Histograms as text.

#include "core/histogram/bounds.h"
#include "core/histogram/histogram.h"
#include "core/strings/numbers.h"

namespace narthex {
namespace {

std::string BucketText(const Bucket& b, double count) {
  std::string out = b.lower_inclusive ? ", [" : ", (";
  AppendExpositionFloat(&out, b.lower);
  out += ',';
  AppendExpositionFloat(&out, b.upper);
  out += b.upper_inclusive ? "]:" : "):";
  AppendExpositionFloat(&out, count);
  return out;
}

// The buckets of one side that hold something, from zero outwards.
std::vector<std::string> SideTexts(const FloatHistogram& h, bool positive) {
  const auto& counts = positive ? h.positive_buckets : h.negative_buckets;
  std::vector<std::string> texts;
  size_t i = 0;
  int64_t index = 0;
  for (const BucketSpan& span : positive ? h.positive_spans : h.negative_spans) {
    index += span.offset;
    for (uint32_t k = 0; k < span.length && i < counts.size(); ++k, ++i, ++index) {
      if (counts[i] == 0) continue;
      const Bucket b = BucketAt(static_cast<int32_t>(index), positive, h.schema, h.custom_values);
      texts.push_back(BucketText(b, counts[i]));
    }
  }
  return texts;
}

}  // namespace

std::string ToString(const FloatHistogram& h) {
  std::string out = "{count:";
  AppendExpositionFloat(&out, h.count);
  out += ", sum:";
  AppendExpositionFloat(&out, h.sum);
  const std::vector<std::string> negative = SideTexts(h, false);
  for (auto it = negative.rbegin(); it != negative.rend(); ++it) out += *it;
  if (h.zero_count != 0) {
    out += BucketText({-h.zero_threshold, h.zero_threshold, true, true}, h.zero_count);
  }
  for (const std::string& text : SideTexts(h, true)) out += text;
  return out + "}";
}

}  // namespace narthex
