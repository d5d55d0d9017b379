#include "server/promql/engine/subquery.h"

#include "server/promql/engine/basic_ops.h"
#include "server/promql/engine/builder.h"

namespace narthex::promql {
namespace {

class SubquerySource final : public RangeSource {
 public:
  SubquerySource(const RangeWindows& windows, OperatorPtr op)
      : RangeSource(windows, op->context()), op_(std::move(op)) {
    hold_.Grow(BytesOf(op_->all_labels()));
    labels_ = op_->all_labels();
    one_name_ = op_->one_name();
  }

  Status Load(size_t index, storage::SampleColumns* out, MemoryHold* hold) const override {
    out->Clear();
    // A row, and the columns it becomes.
    const size_t steps = op_->window().steps;
    hold->AtLeast(Tile::BytesFor(1, steps) + steps * kColumnBytes);
    NX_RETURN_IF_ERROR(op_->context().CheckAlive());
    Tile tile;
    tile.Reset(1, steps);
    NX_RETURN_IF_ERROR(op_->Produce(index, &tile));
    ForEachBit(tile.presence(0), tile.words(), [&](size_t i) {
      out->timestamps.push_back(op_->window().ts(i));
      out->values.push_back(tile.values(0)[i]);
      if (tile.HasHistograms(0)) AddHistogram(tile.Histogram(0, i), out);
    });
    if (tile.HasHistograms()) hold->AtLeast(BytesOf(*out) + 2 * tile.Bytes());
    return OkStatus();
  }

 private:
  static void AddHistogram(const HistogramPtr& h, storage::SampleColumns* out) {
    if (h == nullptr) {
      out->histogram_index.push_back(storage::kNoHistogram);
      return;
    }
    out->values.back() = std::bit_cast<double>(storage::kHistogramNaNBits);
    out->histogram_index.push_back(static_cast<uint32_t>(out->histograms.size()));
    out->histograms.push_back(*h);
    // What is known of resets is known between stored samples, not between steps.
    CounterResetHint& hint = out->histograms.back().reset;
    if (hint != CounterResetHint::kGauge) hint = CounterResetHint::kUnknown;
  }

  OperatorPtr op_;
};

}  // namespace

StatusOr<std::unique_ptr<RangeSource>> MakeSubquerySource(Builder* builder,
                                                          const EvalWindow& window,
                                                          const SubqueryExpr& subquery) {
  RangeWindows w;
  w.steps = window;
  w.range_ms = subquery.range.ms;
  w.offset_ms = subquery.time.offset.ms;
  w.fixed = subquery.time.at != AtAnchor::kNone;
  w.at_ms = subquery.time.at_ms;

  EvalWindow inner;
  inner.step =
      subquery.step.ms != 0 ? subquery.step.ms : builder->DefaultSubqueryStep(subquery.range.ms);
  // Steps are multiples of the step width, the first one inside the left-open first window.
  const TimestampMs begin = w.first_end() - w.range_ms;
  inner.start = inner.step * (begin / inner.step);
  if (inner.start <= begin) inner.start += inner.step;
  inner.steps = inner.start > w.last_end()
                    ? 0
                    : static_cast<size_t>((w.last_end() - inner.start) / inner.step) + 1;
  NX_RETURN_IF_ERROR(builder->CheckSteps(inner.steps));
  if (inner.steps == 0) {  // nothing is evaluated: no warnings, no errors
    QueryContext& context = builder->context();
    return std::make_unique<SubquerySource>(
        w, MakeStored(&context, inner, PickedLabels{}, RowStore(context, 0), true));
  }
  NX_ASSIGN_OR_RETURN(OperatorPtr op, builder->Build(*subquery.expr, inner));
  return std::make_unique<SubquerySource>(w, std::move(op));
}

}  // namespace narthex::promql
