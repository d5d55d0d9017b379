#include "core/histogram/arithmetic.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>

#include "core/histogram/buckets.h"

namespace narthex {
namespace {

StatusOr<MergeNotes> Combine(FloatHistogram* h, const FloatHistogram& other, Combination how) {
  OpenHistogram open(*h);
  NX_ASSIGN_OR_RETURN(const MergeNotes notes, CombineInto(&open, other, how));
  *h = open.Close();
  return notes;
}

template <typename F>
void ForAllValues(FloatHistogram* h, F f) {
  f(&h->zero_count);
  f(&h->count);
  f(&h->sum);
  for (double& v : h->positive_buckets) f(&v);
  for (double& v : h->negative_buckets) f(&v);
}

// Whether a bucket of `previous` holds more than it does in `now`.
bool Fell(const BucketCells& previous, const BucketCells& now) {
  size_t at = 0;
  for (const BucketCells::Cell& cell : previous.cells) {
    while (at < now.cells.size() && now.cells[at].index < cell.index) ++at;
    const bool there = at < now.cells.size() && now.cells[at].index == cell.index;
    if (there ? now.cells[at].count < cell.count : cell.count != 0) return true;
  }
  return false;
}

bool CustomFell(OpenHistogram previous, OpenHistogram now) {
  const auto& a = previous.frame.custom_values;
  const auto& b = now.frame.custom_values;
  if (a != b) {
    const auto shared = SharedBounds(a, b);
    previous.positive.Remap([&](int64_t i) { return IndexAmong(shared, a, i); });
    now.positive.Remap([&](int64_t i) { return IndexAmong(shared, b, i); });
  }
  return Fell(previous.positive, now.positive);
}

void DropInsideZero(OpenHistogram* h, double threshold) {
  for (BucketCells* side : {&h->positive, &h->negative}) {
    std::erase_if(side->cells, [&](const BucketCells::Cell& cell) {
      return BucketBound(static_cast<int32_t>(cell.index), h->frame.schema, {}) <= threshold;
    });
  }
}

}  // namespace

StatusOr<MergeNotes> AddTo(FloatHistogram* h, const FloatHistogram& other) {
  return Combine(h, other, Combination::kAdd);
}

StatusOr<MergeNotes> SubtractFrom(FloatHistogram* h, const FloatHistogram& other) {
  return Combine(h, other, Combination::kSubtract);
}

void Multiply(FloatHistogram* h, double factor) {
  ForAllValues(h, [factor](double* v) { *v *= factor; });
  if (factor < 0) h->reset = CounterResetHint::kGauge;
}

void Divide(FloatHistogram* h, double divisor) {
  ForAllValues(h, [divisor](double* v) { *v /= divisor; });
  if (divisor == 0) {
    for (auto* spans : {&h->positive_spans, &h->negative_spans}) spans->clear();
    for (auto* buckets : {&h->positive_buckets, &h->negative_buckets}) buckets->clear();
  } else if (divisor < 0) {
    h->reset = CounterResetHint::kGauge;
  }
}

bool IsReset(const FloatHistogram& previous, const FloatHistogram& h) {
  if (h.reset == CounterResetHint::kReset) return true;
  if (h.reset == CounterResetHint::kNotReset) return false;
  if (h.count < previous.count) return true;
  if (h.custom_buckets()) {
    return !previous.custom_buckets() || CustomFell(OpenHistogram(previous), OpenHistogram(h));
  }
  if (h.schema > previous.schema || previous.custom_buckets()) return true;
  if (h.zero_threshold < previous.zero_threshold) return true;
  OpenHistogram before(previous);
  OpenHistogram now(h);
  double threshold = h.zero_threshold;
  const double zero_before = before.ZeroCountFor(&threshold);
  // The new bound cuts through a populated bucket: that cannot come from counting on.
  if (threshold != h.zero_threshold) return true;
  if (h.zero_count < zero_before) return true;
  before.ReduceTo(h.schema);
  DropInsideZero(&before, threshold);
  DropInsideZero(&now, threshold);
  return Fell(before.positive, now.positive) || Fell(before.negative, now.negative);
}

bool SameLayout(const FloatHistogram& a, const FloatHistogram& b) {
  const auto same = [](double x, double y) {
    return std::bit_cast<uint64_t>(x) == std::bit_cast<uint64_t>(y);
  };
  const auto same_side = [&](const BucketCells& x, const BucketCells& y) {
    return std::equal(x.cells.begin(), x.cells.end(), y.cells.begin(), y.cells.end(),
                      [&](const BucketCells::Cell& c, const BucketCells::Cell& d) {
                        return c.index == d.index && same(c.count, d.count);
                      });
  };
  if (a.schema != b.schema || !same(a.count, b.count) || !same(a.sum, b.sum)) return false;
  if (a.custom_values != b.custom_values) return false;
  if (a.zero_threshold != b.zero_threshold || !same(a.zero_count, b.zero_count)) return false;
  const OpenHistogram x(a), y(b);
  return same_side(x.positive, y.positive) && same_side(x.negative, y.negative);
}

std::vector<CountedBucket> AllBuckets(const FloatHistogram& h) {
  std::vector<CountedBucket> out;
  const OpenHistogram open(h);
  const auto push = [&](const BucketCells::Cell& cell, bool positive) {
    Bucket b = BucketAt(static_cast<int32_t>(cell.index), positive, h.schema, h.custom_values);
    if (b.lower > 0 && b.lower < h.zero_threshold) b.lower = h.zero_threshold;
    if (b.upper < 0 && b.upper > -h.zero_threshold) b.upper = -h.zero_threshold;
    out.push_back({b, cell.count});
  };
  const auto& below = open.negative.cells;
  for (auto it = below.rbegin(); it != below.rend(); ++it) push(*it, false);
  if (h.zero_count > 0) {
    out.push_back({{-h.zero_threshold, h.zero_threshold, true, true}, h.zero_count});
  }
  for (const auto& cell : open.positive.cells) push(cell, true);
  return out;
}

struct HistogramSum::State : OpenHistogram {
  using OpenHistogram::OpenHistogram;

  // Calls f(value, compensation) for everything that is summed.
  template <typename F>
  void ForAll(F f) {
    f(&frame.zero_count, zero_c);
    f(&frame.count, count_c);
    f(&frame.sum, sum_c);
    for (BucketCells* side : {&positive, &negative}) {
      for (BucketCells::Cell& cell : side->cells) f(&cell.count, cell.c);
    }
  }

  bool AnyAbove(double limit) {
    bool any = false;
    ForAll([&](const double* v, double) { any |= std::abs(*v) > limit; });
    return any;
  }
};

HistogramSum::HistogramSum(Kind kind, const FloatHistogram& first)
    : kind_(kind), state_(std::make_unique<State>(first)) {}
HistogramSum::~HistogramSum() = default;
HistogramSum::HistogramSum(HistogramSum&&) noexcept = default;
HistogramSum& HistogramSum::operator=(HistogramSum&&) noexcept = default;

StatusOr<MergeNotes> HistogramSum::Add(const FloatHistogram& other) {
  count_ += 1;
  if (kind_ == Kind::kMean) return AddToMean(other);
  return CombineInto(state_.get(), other, Combination::kCompensatedAdd);
}

// The mean of numbers whose sum overflows is computed step by step, from the overflow on.
StatusOr<MergeNotes> HistogramSum::AddToMean(const FloatHistogram& other) {
  constexpr double kLargest = std::numeric_limits<double>::max();
  if (!incremental_) {
    std::optional<State> before;
    State theirs(other);
    if (state_->AnyAbove(kLargest / 4) || theirs.AnyAbove(kLargest / 4)) before = *state_;
    auto notes = CombineInto(state_.get(), other, Combination::kCompensatedAdd);
    if (!before || !state_->AnyAbove(kLargest)) return notes;
    *state_ = *before;
    state_->ScaleBy(1 / (count_ - 1));
    incremental_ = true;
  }
  state_->ScaleBy((count_ - 1) / count_);
  FloatHistogram share = other;
  ForAllValues(&share, [this](double* v) { *v /= count_; });
  return CombineInto(state_.get(), share, Combination::kCompensatedAdd);
}

FloatHistogram HistogramSum::Result() {
  const double n = kind_ == Kind::kMean && !incremental_ ? count_ : 1;
  state_->ForAll([n](double* v, double c) { *v = n == 1 ? *v + c : *v / n + c / n; });
  return state_->Close();
}

}  // namespace narthex
