// Range functions over series that hold native histograms.

#include <cmath>
#include <limits>

#include "core/histogram/arithmetic.h"
#include "core/histogram/resolution.h"
#include "server/promql/engine/annotations.h"
#include "server/promql/functions/extrapolation.h"
#include "server/promql/functions/range_kernel.h"

namespace narthex::promql {
namespace {

// The numbers of a series alone, with the bounds of the windows among them.
struct Numbers {
  std::vector<int64_t> times;
  std::vector<double> values;
  std::vector<uint32_t> lo, hi;

  explicit Numbers(const MixedInput& in) {
    std::vector<uint32_t> before(in.samples.size() + 1, 0);
    for (size_t i = 0; i < in.samples.size(); ++i) {
      before[i] = static_cast<uint32_t>(times.size());
      if (in.IsHistogram(i)) continue;
      times.push_back(in.samples.timestamps[i]);
      values.push_back(in.samples.values[i]);
    }
    before[in.samples.size()] = static_cast<uint32_t>(times.size());
    for (size_t i = 0; i < in.steps(); ++i) {
      lo.push_back(before[in.lo[i]]);
      hi.push_back(before[in.hi[i]]);
    }
  }

  size_t count(size_t step) const { return hi[step] - lo[step]; }

  // The function of the numbers, for all windows.
  void Run(const MixedInput& in, Tile* out, size_t row) const {
    in.numbers({in.windows,
                times.data(),
                values.data(),
                lo.data(),
                hi.data(),
                in.steps(),
                times.size(),
                {in.params[0], in.params[1]}},
               out->values(row), out->presence(row));
  }
};

size_t SizeOf(const MixedInput& in, size_t step) { return in.hi[step] - in.lo[step]; }

std::vector<const FloatHistogram*> HistogramsOf(const MixedInput& in, size_t step) {
  std::vector<const FloatHistogram*> out;
  for (size_t i = in.lo[step]; i < in.hi[step]; ++i) out.push_back(&in.histogram(i));
  return out;
}

// Numbers where there are numbers alone, f(step) → optional<FloatHistogram> where there are
// histograms alone; what has both is dropped with a warning.
template <typename F>
void OneKindOnly(const MixedInput& in, Tile* out, size_t row, F f) {
  const Numbers numbers(in);
  numbers.Run(in, out, row);
  for (size_t i = 0; i < in.steps(); ++i) {
    if (numbers.count(i) == SizeOf(in, i)) continue;
    if (numbers.count(i) > 0) {
      out->Remove(row, i);
      in.context->Warn(note::MixedFloatsHistograms(in.metric), in.where);
    } else if (std::optional<FloatHistogram> h = f(i)) {
      out->SetHistogram(row, i, std::make_shared<const FloatHistogram>(*std::move(h)));
    }
  }
}

// Adds or subtracts and annotates bounds that differed. False: the two do not go together.
bool Combine(const MixedInput& in, bool add, FloatHistogram* h, const FloatHistogram& other) {
  const auto notes = add ? AddTo(h, other) : SubtractFrom(h, other);
  if (!notes.ok()) {
    in.context->Warn(note::MixedExponentialCustom(in.metric), in.where);
    return false;
  }
  if (notes->bounds_reconciled) {
    in.context->Inform(note::BoundsReconciled(add ? "addition" : "subtraction"), in.where);
  }
  return true;
}

bool IsGauge(const FloatHistogram& h) { return h.reset == CounterResetHint::kGauge; }

// The layouts that the increase of a counter is computed with must go together.
bool CheckKinds(const MixedInput& in, const std::vector<const FloatHistogram*>& points, bool custom,
                bool counter) {
  bool fit = points.back()->custom_buckets() == custom;
  for (size_t i = 1; counter && fit && i + 1 < points.size(); ++i) {
    fit = points[i]->custom_buckets() == custom;
  }
  if (!fit) in.context->Warn(note::MixedExponentialCustom(in.metric), in.where);
  return fit;
}

void CheckCounter(const MixedInput& in, const std::vector<const FloatHistogram*>& points) {
  for (const FloatHistogram* h : points) {
    if (!IsGauge(*h)) continue;
    return in.context->Warn(note::NotCounter(in.metric), in.where);
  }
}

// What was observed between the first and the last of several histograms.
std::optional<FloatHistogram> Increase(const MixedInput& in,
                                       const std::vector<const FloatHistogram*>& points,
                                       bool counter) {
  if (counter) CheckCounter(in, points);
  FloatHistogram nothing;
  const FloatHistogram* previous = points[0];
  if (counter && IsReset(*points[0], *points[1])) {
    // After a reset the layout of the first one does not matter.
    nothing.schema = points[1]->schema;
    nothing.custom_values = points[1]->custom_values;
    previous = &nothing;
  }
  if (!CheckKinds(in, points, previous->custom_buckets(), counter)) return std::nullopt;
  FloatHistogram h = *points.back();
  int32_t schema = std::min(previous->schema, h.schema);
  for (size_t i = 1; counter && i + 1 < points.size(); ++i) {
    schema = std::min(schema, points[i]->schema);
  }
  if (schema < h.schema && !ReduceResolution(schema, &h).ok()) return std::nullopt;
  if (!Combine(in, false, &h, *previous)) return std::nullopt;
  for (size_t i = 1; counter && i < points.size(); ++i) {
    if (IsReset(*previous, *points[i]) && !Combine(in, true, &h, *previous)) return std::nullopt;
    previous = points[i];
  }
  if (!counter && (!IsGauge(*points.front()) || !IsGauge(*points.back()))) {
    in.context->Warn(note::NotGauge(in.metric), in.where);
  }
  h.reset = CounterResetHint::kGauge;
  return h;
}

void Extrapolated(const MixedInput& in, Tile* out, size_t row, bool counter, bool rate) {
  OneKindOnly(in, out, row, [&](size_t i) -> std::optional<FloatHistogram> {
    const auto points = HistogramsOf(in, i);
    if (points.size() < 2) return std::nullopt;
    std::optional<FloatHistogram> h = Increase(in, points, counter);
    if (!h) return h;
    const TimestampMs end = in.windows.end(i);
    const Extrapolation x{end - in.windows.range_ms, end, in.samples.timestamps[in.lo[i]],
                          in.samples.timestamps[in.hi[i] - 1], points.size()};
    double factor = x.Factor([&](double sampled) {
      const double first = points[0]->count;
      return counter && h->count > 0 && first >= 0 ? sampled * (first / h->count)
                                                   : std::numeric_limits<double>::max();
    });
    if (rate) factor /= RangeSeconds(in.windows.range_ms);
    Multiply(&*h, factor);
    return h;
  });
}

std::optional<FloatHistogram> LastChange(const MixedInput& in, const FloatHistogram& previous,
                                         const FloatHistogram& last, bool rate) {
  if (rate && (IsGauge(previous) || IsGauge(last))) {
    in.context->Warn(note::NotCounter(in.metric), in.where);
  }
  if (!rate && (!IsGauge(previous) || !IsGauge(last))) {
    in.context->Warn(note::NotGauge(in.metric), in.where);
  }
  FloatHistogram h = WithoutEmptyBuckets(last);
  if ((!rate || !IsReset(previous, last)) && !Combine(in, false, &h, previous)) {
    return std::nullopt;
  }
  h.reset = CounterResetHint::kGauge;
  return h;
}

void Instantaneous(const MixedInput& in, Tile* out, size_t row, bool rate) {
  for (size_t i = 0; i < in.steps(); ++i) {
    if (SizeOf(in, i) < 2) continue;
    const size_t b = in.hi[i] - 1;
    const size_t a = b - 1;
    const int64_t interval = in.samples.timestamps[b] - in.samples.timestamps[a];
    if (interval == 0) continue;
    if (in.IsHistogram(a) != in.IsHistogram(b)) {
      in.context->Warn(note::MixedFloatsHistograms(in.metric), in.where);
      continue;
    }
    const double seconds = static_cast<double>(interval) / 1000;
    if (in.IsHistogram(a)) {
      auto h = LastChange(in, in.histogram(a), in.histogram(b), rate);
      if (!h) continue;
      if (rate) Divide(&*h, seconds);
      out->SetHistogram(row, i, std::make_shared<const FloatHistogram>(*std::move(h)));
      continue;
    }
    const double last = in.samples.values[b];
    const double previous = in.samples.values[a];
    const double change = rate && last < previous ? last : last - previous;
    out->Set(row, i, rate ? change / seconds : change);
  }
}

void Folded(const MixedInput& in, Tile* out, size_t row, HistogramSum::Kind kind) {
  OneKindOnly(in, out, row, [&](size_t i) -> std::optional<FloatHistogram> {
    const auto points = HistogramsOf(in, i);
    HistogramSum sum(kind, *points[0]);
    bool after_reset = false, no_reset = false, reconciled = false;
    for (size_t k = 0; k < points.size(); ++k) {
      after_reset |= points[k]->reset == CounterResetHint::kReset;
      no_reset |= points[k]->reset == CounterResetHint::kNotReset;
      if (k == 0) continue;
      const auto notes = sum.Add(*points[k]);
      if (!notes.ok()) {
        in.context->Warn(note::MixedExponentialCustom(in.metric), in.where);
        return std::nullopt;
      }
      reconciled |= notes->bounds_reconciled;
    }
    if (after_reset && no_reset) in.context->Warn(note::ResetCollision("aggregation"), in.where);
    if (reconciled) in.context->Inform(note::BoundsReconciled("aggregation"), in.where);
    return sum.Result();
  });
}

// How often `differs(a, b)` holds between neighbours.
template <typename Differs>
void CountPairs(const MixedInput& in, Tile* out, size_t row, Differs differs) {
  for (size_t i = 0; i < in.steps(); ++i) {
    if (SizeOf(in, i) == 0) continue;
    size_t n = 0;
    for (size_t k = in.lo[i] + 1; k < in.hi[i]; ++k) n += differs(k - 1, k);
    out->Set(row, i, static_cast<double>(n));
  }
}

void Pick(const MixedInput& in, Tile* out, size_t row, bool last) {
  std::vector<HistogramPtr> made(in.samples.histograms.size());
  for (size_t i = 0; i < in.steps(); ++i) {
    if (SizeOf(in, i) == 0) continue;
    const size_t k = last ? in.hi[i] - 1 : in.lo[i];
    if (!in.IsHistogram(k)) {
      out->Set(row, i, in.samples.values[k]);
      continue;
    }
    HistogramPtr& h = made[in.samples.histogram_index[k]];
    if (h == nullptr) h = std::make_shared<const FloatHistogram>(in.histogram(k));
    out->SetHistogram(row, i, h);
  }
}

}  // namespace

void IgnoreHistograms(const MixedInput& in, Tile* out, size_t row) {
  const Numbers numbers(in);
  numbers.Run(in, out, row);
  for (size_t i = 0; i < in.steps(); ++i) {
    if (numbers.count(i) == 0 || numbers.count(i) == SizeOf(in, i)) continue;
    return in.context->Inform(note::IgnoredInMixedRange(in.metric), in.where);
  }
}

void TakeAllAlike(const MixedInput& in, Tile* out, size_t row) {
  in.numbers({in.windows,
              in.samples.timestamps.data(),
              in.samples.values.data(),
              in.lo.data(),
              in.hi.data(),
              in.steps(),
              in.samples.size(),
              {in.params[0], in.params[1]}},
             out->values(row), out->presence(row));
}

void MixedRate(const MixedInput& in, Tile* out, size_t row) {
  Extrapolated(in, out, row, true, true);
}
void MixedIncrease(const MixedInput& in, Tile* out, size_t row) {
  Extrapolated(in, out, row, true, false);
}
void MixedDelta(const MixedInput& in, Tile* out, size_t row) {
  Extrapolated(in, out, row, false, false);
}
void MixedIrate(const MixedInput& in, Tile* out, size_t row) { Instantaneous(in, out, row, true); }
void MixedIdelta(const MixedInput& in, Tile* out, size_t row) {
  Instantaneous(in, out, row, false);
}

void MixedChanges(const MixedInput& in, Tile* out, size_t row) {
  CountPairs(in, out, row, [&](size_t a, size_t b) {
    if (in.IsHistogram(a) != in.IsHistogram(b)) return true;
    if (in.IsHistogram(a)) return !SameLayout(in.histogram(a), in.histogram(b));
    const double x = in.samples.values[a];
    const double y = in.samples.values[b];
    return x != y && !(std::isnan(x) && std::isnan(y));
  });
}

void MixedResets(const MixedInput& in, Tile* out, size_t row) {
  CountPairs(in, out, row, [&](size_t a, size_t b) {
    if (in.IsHistogram(a) != in.IsHistogram(b)) return true;
    if (in.IsHistogram(a)) return IsReset(in.histogram(a), in.histogram(b));
    return in.samples.values[b] < in.samples.values[a];
  });
}

void MixedSum(const MixedInput& in, Tile* out, size_t row) {
  Folded(in, out, row, HistogramSum::Kind::kSum);
}
void MixedAvg(const MixedInput& in, Tile* out, size_t row) {
  Folded(in, out, row, HistogramSum::Kind::kMean);
}
void MixedLast(const MixedInput& in, Tile* out, size_t row) { Pick(in, out, row, true); }
void MixedFirst(const MixedInput& in, Tile* out, size_t row) { Pick(in, out, row, false); }

}  // namespace narthex::promql
