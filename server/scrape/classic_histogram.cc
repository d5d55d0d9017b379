#include "server/scrape/classic_histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/strings/numbers.h"

namespace narthex::scrape {
namespace {

// Upstream keeps up to two empty buckets in a row between others in histograms of integers, none in
// histograms of floats.
constexpr size_t kEmptyKept = 2;

bool IsInteger(double v) { return v >= 0 && v < 0x1p63 && v == std::floor(v); }

struct Kept {
  std::vector<BucketSpan> spans;
  std::vector<size_t> indexes;
};

// Which of the buckets are written, the first of which has index 0.
Kept KeepBuckets(const std::vector<double>& counts, size_t empty_kept) {
  Kept kept;
  size_t end = 0;  // behind the last one kept
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    const size_t gap = i - end;
    const bool joined = !kept.spans.empty() && gap <= empty_kept;
    if (joined) {
      for (size_t k = end; k < i; ++k) kept.indexes.push_back(k);
      kept.spans.back().length += static_cast<uint32_t>(gap) + 1;
    } else {
      kept.spans.push_back({static_cast<int32_t>(gap), 1});
    }
    kept.indexes.push_back(i);
    end = i + 1;
  }
  return kept;
}

template <typename Histogram>
std::optional<AnyHistogram> IfValid(Histogram h) {
  if (!Validate(h).ok()) return std::nullopt;
  return AnyHistogram(std::move(h));
}

}  // namespace

ClassicSeries ClassifySeries(std::string_view name, const std::string_view* le) {
  const auto base = [&](std::string_view suffix) {
    return name.substr(0, name.size() - suffix.size());
  };
  if (name.ends_with("_bucket") && le != nullptr) {
    const std::optional<double> bound = ParseFloat(*le);
    if (bound && !std::isnan(*bound)) return {ClassicPart::kBucket, *bound, base("_bucket")};
  }
  if (name.ends_with("_count")) return {ClassicPart::kCount, 0, base("_count")};
  if (name.ends_with("_sum")) return {ClassicPart::kSum, 0, base("_sum")};
  return {};
}

void ClassicHistogram::Clear() {
  buckets_.clear();
  count_ = sum_ = 0;
  any_ = has_count_ = broken_ = false;
}

void ClassicHistogram::Add(ClassicPart part, double bound, double value) {
  any_ = true;
  switch (part) {
    case ClassicPart::kBucket: return AddBucket(bound, value);
    case ClassicPart::kCount:
      broken_ |= value < 0;
      has_count_ = true;
      count_ = value;
      return;
    case ClassicPart::kSum: sum_ = value; return;
    case ClassicPart::kNone: return;
  }
}

void ClassicHistogram::AddBucket(double bound, double count) {
  const auto at = std::lower_bound(buckets_.begin(), buckets_.end(), bound,
                                   [](const Bucket& b, double v) { return b.bound < v; });
  if (at != buckets_.end() && at->bound == bound) return;  // said before
  broken_ |= count < 0 || (at != buckets_.begin() && count < std::prev(at)->count) ||
             (at != buckets_.end() && count > at->count);
  buckets_.insert(at, {bound, count});
}

std::optional<AnyHistogram> ClassicHistogram::Convert() const {
  if (broken_) return std::nullopt;
  std::vector<Bucket> buckets = buckets_;
  const double count = has_count_ || buckets.empty() ? count_ : buckets.back().count;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (buckets.empty() || buckets.back().bound != kInfinity) buckets.push_back({kInfinity, count});
  if (buckets.back().count != count) return std::nullopt;
  std::vector<double> counts, bounds;
  double before = 0;
  bool integers = IsInteger(count);
  for (const Bucket& bucket : buckets) {
    counts.push_back(bucket.count - before);
    if (bucket.bound != kInfinity) bounds.push_back(bucket.bound);
    before = bucket.count;
    integers = integers && IsInteger(bucket.count);
  }
  if (!integers) {
    FloatHistogram h{.schema = kCustomBucketsSchema, .count = count, .sum = sum_};
    const Kept kept = KeepBuckets(counts, 0);
    for (const size_t i : kept.indexes) h.positive_buckets.push_back(counts[i]);
    h.positive_spans = kept.spans;
    h.custom_values = std::move(bounds);
    return IfValid(std::move(h));
  }
  IntHistogram h{
      .schema = kCustomBucketsSchema, .count = static_cast<uint64_t>(count), .sum = sum_};
  const Kept kept = KeepBuckets(counts, kEmptyKept);
  int64_t last = 0;
  for (const size_t i : kept.indexes) {
    const auto n = static_cast<int64_t>(counts[i]);
    h.positive_deltas.push_back(n - last);
    last = n;
  }
  h.positive_spans = kept.spans;
  h.custom_values = std::move(bounds);
  return IfValid(std::move(h));
}

}  // namespace narthex::scrape
