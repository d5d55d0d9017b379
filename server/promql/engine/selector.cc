#include "server/promql/engine/selector.h"

#include <algorithm>

#include "core/base/vectorized.h"
#include "server/promql/engine/label_edit.h"
#include "server/promql/engine/window_bounds.h"
#include "server/promql/plan/wanted_labels.h"

namespace narthex::promql {
namespace {

// What lies between two histograms is not defined.
Status CheckNumbersOnly(const storage::SampleColumns& columns) {
  if (columns.histograms.empty()) return OkStatus();
  return FailedPrecondition("smoothed and anchored modifiers do not work with native histograms");
}

// What the storage's list of series takes for each, about.
constexpr size_t kListBytes = 64;

// The labels of all series, or only those with one of the names.
Status ReadLabels(const QueryContext& context, const storage::SeriesList& list,
                  const std::vector<std::string>* names, std::vector<Labels>* labels,
                  MemoryHold* hold) {
  constexpr size_t kAtOnce = 1024;
  const size_t n = list.size();
  for (size_t first = 0; first < n; first += kAtOnce) {
    NX_RETURN_IF_ERROR(context.CheckAlive());
    const size_t end = std::min(first + kAtOnce, n);
    if (names != nullptr) {
      list.AppendLabels(first, end - first, *names, labels);
    } else {
      for (size_t i = first; i < end; ++i) labels->push_back(list.labels(i));
    }
    for (size_t i = first; i < end; ++i) hold->Grow((*labels)[i].flat().size() + 1);
  }
  return OkStatus();
}

// What a selector has found.
struct Selected {
  std::unique_ptr<storage::SeriesList> list;
  std::vector<Labels> labels;
  std::string metric;     // the name of all series, where the labels leave it out
  bool one_name = false;  // as Operator's
};

StatusOr<Selected> Select(QueryContext* context, const storage::SelectHints& hints,
                          const VectorSelector& selector, MemoryHold* hold) {
  NX_RETURN_IF_ERROR(context->CheckAlive());
  Selected out;
  NX_ASSIGN_OR_RETURN(out.list, context->querier().Select(hints, selector.matchers));
  const size_t n = out.list->size();
  if (hold->Grow(n * (sizeof(Labels) + kListBytes))) out.labels.reserve(n);
  const Matcher* const name = OnlyName(selector);
  if (selector.wanted_labels && !context->options().delayed_name_removal) {
    NX_RETURN_IF_ERROR(
        ReadLabels(*context, *out.list, &*selector.wanted_labels, &out.labels, hold));
    if (name == nullptr) return out;
    if (!AnyTypeOrUnit(out.labels)) {
      out.metric = name->value();
      out.one_name = true;
      return out;
    }
    // Series of one name may become the same by losing more than the name.
    out.labels.clear();
  }
  NX_RETURN_IF_ERROR(ReadLabels(*context, *out.list, nullptr, &out.labels, hold));
  out.one_name = name != nullptr && !AnyTypeOrUnit(out.labels);
  return out;
}

// Appends the samples of [mint, maxt], in pieces: how many there are is seen when they are there.
Status ReadSamples(const QueryContext& context, const storage::SeriesList& list, size_t index,
                   TimestampMs mint, TimestampMs maxt, storage::SampleColumns* out,
                   MemoryHold* hold) {
  constexpr size_t kFewSamples = 64 << 10;
  uint64_t piece = 86'400'000;
  while (static_cast<uint64_t>(maxt) - static_cast<uint64_t>(mint) > piece) {
    const size_t before = out->size();
    NX_RETURN_IF_ERROR(list.Read(index, mint, mint + static_cast<int64_t>(piece) - 1, out));
    mint += static_cast<int64_t>(piece);
    if (!hold->AtLeast(BytesOf(*out))) return context.CheckMemory();
    if (out->size() - before < kFewSamples) piece *= 2;
  }
  NX_RETURN_IF_ERROR(list.Read(index, mint, maxt, out));
  return hold->AtLeast(BytesOf(*out)) ? OkStatus() : context.CheckMemory();
}

storage::SelectHints HintsFor(const RangeWindows& w, int64_t reach_ms, const SelectorUse& use) {
  storage::SelectHints hints;
  hints.start = w.first_end() - reach_ms - w.before_ms + 1;
  hints.end = w.last_end() + w.after_ms;
  hints.step_ms = w.steps.step;
  hints.range_ms = w.range_ms;
  hints.function = use.function;
  hints.grouping = use.grouping;
  hints.by = use.by;
  return hints;
}

RangeWindows WindowsOf(const EvalWindow& window, const TimeModifiers& time, int64_t range_ms) {
  RangeWindows w;
  w.steps = window;
  w.range_ms = range_ms;
  w.offset_ms = time.offset.ms;
  w.fixed = time.at != AtAnchor::kNone;
  w.at_ms = time.at_ms;
  return w;
}

NX_VECTORIZED bool AnyStale(const double* values, size_t n) {
  uint64_t any = 0;
  for (size_t i = 0; i < n; ++i) {
    any |= std::bit_cast<uint64_t>(values[i]) == storage::kStaleNaNBits ? 1 : 0;
  }
  return any != 0;
}

class VectorSelectorOp final : public Operator {
 public:
  VectorSelectorOp(QueryContext* context, const RangeWindows& refs, SampleYield yield,
                   bool smoothed)
      : Operator(context, refs.steps),
        refs_(refs),
        lookback_(Lookback(refs, context->lookback_ms())),
        yield_(yield),
        smoothed_(smoothed),
        counter_(context) {}

  Status Open(const VectorSelector& selector, const SelectorUse& use) {
    NX_ASSIGN_OR_RETURN(
        Selected selected,
        Select(context_, HintsFor(refs_, context_->lookback_ms(), use), selector, &hold_));
    list_ = std::move(selected.list);
    labels_ = std::move(selected.labels);
    metric_ = std::move(selected.metric);
    one_name_ = selected.one_name;
    return OkStatus();
  }

  Status Produce(size_t first, Tile* out) const override {
    if ((window_.steps == 1 || refs_.fixed) && !smoothed_) {
      NX_RETURN_IF_ERROR(ProduceFixed(first, out));
    } else {
      storage::SampleColumns columns;
      WindowBounds bounds(lookback_);
      MemoryHold hold = context_->NewHold();
      for (size_t row = 0; row < out->rows(); ++row) {
        columns.Clear();
        NX_RETURN_IF_ERROR(ReadSamples(*context_, *list_, first + row,
                                       refs_.first_end() - context_->lookback_ms() + 1,
                                       refs_.last_end() + refs_.after_ms, &columns, &hold));
        counter_.Read(columns.timestamps, refs_);
        if (smoothed_) {
          NX_RETURN_IF_ERROR(CheckNumbersOnly(columns));
          Interpolate(columns, row, out);
          continue;
        }
        bounds.Find(columns.timestamps);
        if (columns.histograms.empty()) {
          TakeNumbers(columns, bounds, row, out);
        } else {
          TakeMixed(&columns, bounds, row, out);
        }
      }
    }
    counter_.Add(*out);
    return context_->Charge(out->CountPoints());
  }

 private:
  // One look-up a series, repeated at every step.
  Status ProduceFixed(size_t first, Tile* out) const {
    const TimestampMs ref = refs_.first_end();
    for (size_t row = 0; row < out->rows(); ++row) {
      TimestampMs t = 0;
      double v = 0;
      if (!list_->Last(first + row, ref - context_->lookback_ms(), ref, &t, &v)) continue;
      if (storage::IsStaleNaN(v)) continue;
      counter_.Read({&t, 1}, refs_);
      if (storage::IsHistogramNaN(v) && yield_ != SampleYield::kTime) {
        NX_RETURN_IF_ERROR(FillHistogram(first + row, t, row, out));
        continue;
      }
      std::fill_n(out->values(row), out->steps(), Value(t, v));
      out->SetAllPresent(row);
    }
    return OkStatus();
  }

  Status FillHistogram(size_t index, TimestampMs t, size_t row, Tile* out) const {
    storage::SampleColumns columns;
    NX_RETURN_IF_ERROR(list_->Read(index, t, t, &columns));
    if (columns.size() == 0 || !columns.IsHistogram(columns.size() - 1)) return OkStatus();
    const HistogramPtr h = TakeHistogram(&columns, columns.size() - 1);
    for (size_t i = 0; i < out->steps(); ++i) out->SetHistogram(row, i, h);
    return OkStatus();
  }

  double Value(TimestampMs t, double v) const {
    return yield_ == SampleYield::kValue ? v : static_cast<double>(t) / 1000;
  }

  // The newest samples before each step, stale markers left out.
  void TakeNumbers(const storage::SampleColumns& columns, const WindowBounds& bounds, size_t row,
                   Tile* out) const {
    if (columns.size() == 0) return;
    double* const values = out->values(row);
    uint64_t* const presence = out->presence(row);
    const uint32_t* const hi = bounds.hi().data();
    const double* const samples = columns.values.data();
    std::copy(bounds.filled().begin(), bounds.filled().end(), presence);
    // Where there is none yet, the first one stands in the absent cell.
    for (size_t i = 0; i < window_.steps; ++i) values[i] = samples[hi[i] - (hi[i] != 0)];
    if (AnyStale(samples, columns.size())) {
      for (size_t i = 0; i < window_.steps; ++i) {
        presence[i / 64] &= ~(uint64_t{storage::IsStaleNaN(values[i])} << (i % 64));
      }
    }
    if (yield_ == SampleYield::kValue) return;
    for (size_t i = 0; i < window_.steps; ++i) {
      values[i] = static_cast<double>(columns.timestamps[hi[i] - (hi[i] != 0)]) / 1000;
    }
  }

  // The same of a series that has histograms.
  void TakeMixed(storage::SampleColumns* columns, const WindowBounds& bounds, size_t row,
                 Tile* out) const {
    size_t shared_at = columns->size();  // the sample `shared` is the histogram of
    HistogramPtr shared;
    ForEachBit(bounds.filled().data(), bounds.filled().size(), [&](size_t i) {
      const size_t last = bounds.hi()[i] - 1;
      const double v = columns->values[last];
      if (storage::IsStaleNaN(v)) return;
      if (columns->IsHistogram(last) && yield_ != SampleYield::kTime) {
        if (shared_at != last) shared = TakeHistogram(columns, shared_at = last);
        out->SetHistogram(row, i, shared);
        return;
      }
      out->Set(row, i, Value(columns->timestamps[last], v));
    });
  }

  // On the line between the neighbours, both within the lookback and neither a stale marker; the
  // sample at hand when there is none behind.
  void Interpolate(const storage::SampleColumns& columns, size_t row, Tile* out) const {
    const int64_t* times = columns.timestamps.data();
    const size_t n = columns.size();
    size_t next = 0;  // first sample behind the step
    for (size_t i = 0; i < window_.steps; ++i) {
      const TimestampMs ref = refs_.end(i);
      while (next < n && times[next] <= ref) ++next;
      if (next == 0 || times[next - 1] <= ref - context_->lookback_ms()) continue;
      const double v = columns.values[next - 1];
      if (storage::IsStaleNaN(v)) continue;
      double value = v;
      if (next < n && times[next - 1] < ref && times[next] <= ref + context_->lookback_ms() &&
          !storage::IsStaleNaN(columns.values[next])) {
        value += (columns.values[next] - v) * static_cast<double>(ref - times[next - 1]) /
                 static_cast<double>(times[next] - times[next - 1]);
      }
      out->Set(row, i, yield_ == SampleYield::kValue ? value : static_cast<double>(ref) / 1000);
    }
  }

  // The windows that a sample must lie in to count at a step.
  static RangeWindows Lookback(RangeWindows refs, int64_t lookback_ms) {
    refs.range_ms = lookback_ms;
    return refs;
  }

  const RangeWindows refs_;
  const RangeWindows lookback_;
  const SampleYield yield_;
  const bool smoothed_;
  const SampleCounter counter_;
  std::unique_ptr<storage::SeriesList> list_;
};

class MatrixSource final : public RangeSource {
 public:
  MatrixSource(QueryContext* context, const RangeWindows& windows)
      : RangeSource(windows, *context), context_(context), counter_(context) {}

  Status Open(const VectorSelector& selector, const SelectorUse& use) {
    NX_ASSIGN_OR_RETURN(
        Selected selected,
        Select(context_, HintsFor(windows_, windows_.range_ms, use), selector, &hold_));
    list_ = std::move(selected.list);
    labels_ = std::move(selected.labels);
    metric_ = std::move(selected.metric);
    one_name_ = selected.one_name;
    return OkStatus();
  }

  Status Load(size_t index, storage::SampleColumns* out, MemoryHold* hold) const override {
    out->Clear();
    NX_RETURN_IF_ERROR(ReadSamples(
        *context_, *list_, index, windows_.first_end() - windows_.range_ms - windows_.before_ms + 1,
        windows_.last_end() + windows_.after_ms, out, hold));
    counter_.Read(out->timestamps, windows_);
    DropStale(out);
    return windows_.before_ms > 0 ? CheckNumbersOnly(*out) : OkStatus();
  }

 private:
  static void DropStale(storage::SampleColumns* columns) {
    const size_t n = columns->size();
    if (!AnyStale(columns->values.data(), n)) return;
    size_t kept = 0;
    for (size_t i = 0; i < n; ++i) {
      if (storage::IsStaleNaN(columns->values[i])) continue;
      columns->timestamps[kept] = columns->timestamps[i];
      if (!columns->histogram_index.empty()) {
        columns->histogram_index[kept] = columns->histogram_index[i];
      }
      columns->values[kept++] = columns->values[i];
    }
    columns->timestamps.resize(kept);
    columns->values.resize(kept);
    if (!columns->histogram_index.empty()) columns->histogram_index.resize(kept);
  }

  QueryContext* const context_;
  const SampleCounter counter_;
  std::unique_ptr<storage::SeriesList> list_;
};

}  // namespace

size_t BytesOf(const storage::SampleColumns& columns) {
  size_t n = columns.timestamps.capacity() * sizeof(int64_t) +
             columns.values.capacity() * sizeof(double) +
             columns.histogram_index.capacity() * sizeof(uint32_t);
  for (const FloatHistogram& h : columns.histograms) n += BytesOf(h);
  return n;
}

StatusOr<OperatorPtr> MakeVectorSelector(QueryContext* context, const EvalWindow& window,
                                         const VectorSelector& selector, const SelectorUse& use,
                                         SampleYield yield) {
  RangeWindows refs = WindowsOf(window, selector.time, 0);
  if (selector.smoothed) refs.after_ms = context->lookback_ms();
  auto op = std::make_unique<VectorSelectorOp>(context, refs, yield, selector.smoothed);
  NX_RETURN_IF_ERROR(op->Open(selector, use));
  return op;
}

StatusOr<std::unique_ptr<RangeSource>> MakeMatrixSource(QueryContext* context,
                                                        const EvalWindow& window,
                                                        const MatrixSelector& selector,
                                                        const SelectorUse& use) {
  RangeWindows windows = WindowsOf(window, selector.selector->time, selector.range.ms);
  const bool smoothed = selector.selector->smoothed;
  if (smoothed || selector.selector->anchored) windows.before_ms = context->lookback_ms();
  if (smoothed) windows.after_ms = context->lookback_ms();
  auto source = std::make_unique<MatrixSource>(context, windows);
  NX_RETURN_IF_ERROR(source->Open(*selector.selector, use));
  return source;
}

}  // namespace narthex::promql
