#include "core/histogram/buckets.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace narthex {

void CompensatedAdd(double inc, double* sum, double* c) {
  const double t = *sum + inc;
  if (std::isinf(t)) {
    *c = 0;
  } else if (std::abs(*sum) >= std::abs(inc)) {
    *c += (*sum - t) + inc;
  } else {
    *c += (inc - t) + *sum;
  }
  *sum = t;
}

BucketCells BucketCells::From(std::span<const BucketSpan> spans,
                              const std::vector<double>& counts) {
  BucketCells out;
  out.cells.reserve(counts.size());
  size_t at = 0;
  int64_t index = 0;
  for (const BucketSpan& span : spans) {
    index += span.offset;
    for (uint32_t k = 0; k < span.length && at < counts.size(); ++k, ++at, ++index) {
      out.cells.push_back({index, counts[at], 0});
    }
  }
  return out;
}

void BucketCells::Store(std::vector<BucketSpan>* spans, std::vector<double>* counts) const {
  spans->clear();
  counts->clear();
  int64_t end = 0;
  for (const Cell& cell : cells) {
    if (cell.count == 0) continue;
    if (spans->empty() || cell.index != end) {
      spans->push_back({static_cast<int32_t>(cell.index - end), 0});
    }
    ++spans->back().length;
    counts->push_back(cell.count);
    end = cell.index + 1;
  }
}

std::vector<double> SharedBounds(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> out;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

int64_t IndexAmong(const std::vector<double>& shared, const std::vector<double>& from,
                   int64_t index) {
  if (index < 0) return 0;
  if (static_cast<size_t>(index) >= from.size()) return static_cast<int64_t>(shared.size());
  const double bound = from[static_cast<size_t>(index)];
  return std::lower_bound(shared.begin(), shared.end(), bound) - shared.begin();
}

OpenHistogram::OpenHistogram(const FloatHistogram& h) {
  frame.reset = h.reset;
  frame.schema = h.schema;
  frame.zero_threshold = h.zero_threshold;
  frame.zero_count = h.zero_count;
  frame.count = h.count;
  frame.sum = h.sum;
  frame.custom_values = h.custom_values;
  positive = BucketCells::From(h.positive_spans, h.positive_buckets);
  negative = BucketCells::From(h.negative_spans, h.negative_buckets);
}

FloatHistogram OpenHistogram::Close() const {
  FloatHistogram h = frame;
  positive.Store(&h.positive_spans, &h.positive_buckets);
  negative.Store(&h.negative_spans, &h.negative_buckets);
  return h;
}

void OpenHistogram::ReduceTo(int32_t schema) {
  const int shift = frame.schema - schema;
  if (shift <= 0) return;
  positive.Remap([shift](int64_t i) { return CoarserIndex(i, shift); });
  negative.Remap([shift](int64_t i) { return CoarserIndex(i, shift); });
  frame.schema = schema;
}

void OpenHistogram::ScaleBy(double factor) {
  for (double* v : {&frame.zero_count, &frame.count, &frame.sum, &zero_c, &count_c, &sum_c}) {
    *v *= factor;
  }
  for (BucketCells* side : {&positive, &negative}) {
    for (BucketCells::Cell& cell : side->cells) {
      cell.count *= factor;
      cell.c *= factor;
    }
  }
}

double OpenHistogram::ZeroCountFor(double* threshold) const {
  // It may lie inside of a bucket, in which nothing is to be counted then.
  if (*threshold == frame.zero_threshold) return frame.zero_count;
  const auto bound = [&](int64_t i) {
    return BucketBound(static_cast<int32_t>(i), frame.schema, {});
  };
  while (true) {
    double count = frame.zero_count;
    bool again = false;
    for (const BucketCells* side : {&positive, &negative}) {
      for (const BucketCells::Cell& cell : side->cells) {
        if (bound(cell.index - 1) >= *threshold) break;
        count += cell.count;
        const double upper = bound(cell.index);
        if (upper <= *threshold) continue;
        // It ends inside a bucket. A populated one is taken in whole; when it is on the negative
        // side, the positive one has to be looked at again.
        if (cell.count != 0) {
          *threshold = upper;
          again = side == &negative;
        }
        break;
      }
    }
    if (!again) return count;
  }
}

void OpenHistogram::WidenZero(double threshold) {
  frame.zero_count = ZeroCountFor(&threshold);
  frame.zero_threshold = threshold;
  const auto inside = [&](const BucketCells::Cell& cell) {
    return BucketBound(static_cast<int32_t>(cell.index - 1), frame.schema, {}) < threshold;
  };
  for (BucketCells* side : {&positive, &negative}) {
    for (const BucketCells::Cell& cell : side->cells) {
      if (!inside(cell)) break;
      zero_c += cell.c;
    }
    std::erase_if(side->cells, inside);
  }
}

namespace {

// Both get the wider of the two zero buckets; returns the count of the other one's.
double ReconcileZero(OpenHistogram* h, const OpenHistogram& other) {
  double count = other.frame.zero_count;
  double threshold = other.frame.zero_threshold;
  // NaN, which no valid histogram has, equals nothing.
  if (std::isnan(threshold) || std::isnan(h->frame.zero_threshold)) return count;
  while (threshold != h->frame.zero_threshold) {
    if (h->frame.zero_threshold > threshold) {
      threshold = h->frame.zero_threshold;
      count = other.ZeroCountFor(&threshold);
    }
    if (threshold > h->frame.zero_threshold) h->WidenZero(threshold);
  }
  return count;
}

// True when one is known to follow a reset and the other known not to.
bool CombineHints(CounterResetHint* hint, CounterResetHint other) {
  using enum CounterResetHint;
  if (*hint == other || *hint == kGauge) return false;
  if (other == kGauge) {
    *hint = kGauge;
    return false;
  }
  const bool collision = *hint != kUnknown && other != kUnknown;
  *hint = kUnknown;
  return collision;
}

}  // namespace

StatusOr<MergeNotes> CombineInto(OpenHistogram* h, const FloatHistogram& closed, Combination how) {
  if (h->custom() != closed.custom_buckets()) {
    return InvalidArgument("exponential and custom buckets do not mix");
  }
  OpenHistogram other(closed);
  MergeNotes notes;
  notes.reset_collision = CombineHints(&h->frame.reset, other.frame.reset);
  const auto add = [how](double inc, double* value, double* c) {
    switch (how) {
      case Combination::kAdd: *value += inc; break;
      case Combination::kSubtract: *value -= inc; break;
      case Combination::kCompensatedAdd: CompensatedAdd(inc, value, c); break;
    }
  };
  if (h->custom()) {
    if (h->frame.custom_values != other.frame.custom_values) {
      notes.bounds_reconciled = true;
      const auto shared = SharedBounds(h->frame.custom_values, other.frame.custom_values);
      for (OpenHistogram* side : {h, &other}) {
        side->positive.Remap(
            [&](int64_t i) { return IndexAmong(shared, side->frame.custom_values, i); });
      }
      h->frame.custom_values = shared;
    }
  } else {
    const double zero = ReconcileZero(h, other);
    add(zero, &h->frame.zero_count, &h->zero_c);
    other.ReduceTo(h->frame.schema);
    h->ReduceTo(other.frame.schema);
  }
  add(other.frame.count, &h->frame.count, &h->count_c);
  add(other.frame.sum, &h->frame.sum, &h->sum_c);
  const auto in_zero = [h](int64_t i) {
    return !h->custom() &&
           BucketBound(static_cast<int32_t>(i), h->frame.schema, {}) <= h->frame.zero_threshold;
  };
  const auto combine = [&](BucketCells::Cell* cell, double count) {
    add(count, &cell->count, &cell->c);
  };
  h->positive.Merge(other.positive, in_zero, combine);
  h->negative.Merge(other.negative, in_zero, combine);
  return notes;
}

}  // namespace narthex
