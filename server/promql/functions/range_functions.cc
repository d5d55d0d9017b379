// Functions of range vectors: one operator, one kernel each.

#include <algorithm>
#include <cmath>

#include "core/base/vectorized.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "server/promql/engine/annotations.h"
#include "server/promql/engine/basic_ops.h"
#include "server/promql/engine/label_edit.h"
#include "server/promql/engine/window_bounds.h"
#include "server/promql/functions/absent_labels.h"
#include "server/promql/functions/range_kernel.h"
#include "server/promql/functions/registry.h"
#include "server/promql/parser/functions_table.h"

namespace narthex::promql {
namespace {

bool LooksLikeCounter(std::string_view name) {
  return name.ends_with("_total") || name.ends_with("_sum") || name.ends_with("_count") ||
         name.ends_with("_bucket");
}

// NaN is let through.
bool IsBadFactor(double f) { return f <= 0 || f >= 1; }

struct RangeSpec {
  RangeKernel numbers;
  MixedKernel mixed = IgnoreHistograms;
  NameRule rule = NameRule::kDrop;
  bool counter = false;  // tell when a series of numbers has no name of a counter
};

// Adds how many samples each window holds.
NX_VECTORIZED void AddSizes(const uint32_t* lo, const uint32_t* hi, size_t steps, int64_t* sizes) {
  for (size_t i = 0; i < steps; ++i) sizes[i] += hi[i] - lo[i];
}

class RangeFunctionOp final : public Operator {
 public:
  RangeFunctionOp(QueryContext* context, const EvalWindow& window,
                  std::unique_ptr<RangeSource> source, const RangeSpec& spec, PosRange where)
      : Operator(context, window),
        source_(std::move(source)),
        spec_(spec),
        where_(where),
        counter_(context) {
    one_name_ = source_->one_name();
    const bool drops = spec.rule == NameRule::kDrop && !context->options().delayed_name_removal;
    if (drops && !one_name_) {
      CopyLabels(source_->labels());
    } else {
      AdoptLabels(source_->TakeLabels());
      if (drops && size() > 0) source_name_ = labels_[0].metric_name();
    }
    if (!source_->metric().empty()) source_name_ = source_->metric();
    if (spec.rule == NameRule::kKeep) metric_ = source_->metric();
    if (spec.rule == NameRule::kDrop) DropNames();
  }

  void AddParameter(std::vector<double> values) { params_.push_back(std::move(values)); }
  // Windows with samples warn of a first parameter that is no quantile.
  void WarnOfQuantiles() { quantiles_ = true; }
  // Windows with samples fail for parameters that are no smoothing factors.
  void CheckFactors() { factors_ = true; }
  // Where messages about histograms point.
  void NoteAt(PosRange where) { where_ = where; }

  Status Produce(size_t first, Tile* out) const override {
    storage::SampleColumns samples;
    MemoryHold hold = context_->NewHold();
    WindowBounds bounds(source_->windows());
    std::vector<int64_t> queryable(out->steps(), 0);
    for (size_t row = 0; row < out->rows(); ++row) {
      NX_RETURN_IF_ERROR(source_->Load(first + row, &samples, &hold));
      bounds.Find(samples.timestamps);
      AddSizes(bounds.lo().data(), bounds.hi().data(), out->steps(), queryable.data());
      if (factors_) NX_RETURN_IF_ERROR(FactorsOf(bounds));
      if (samples.histograms.empty()) {
        spec_.numbers({source_->windows(),
                       samples.timestamps.data(),
                       samples.values.data(),
                       bounds.lo().data(),
                       bounds.hi().data(),
                       out->steps(),
                       samples.size(),
                       {Param(0), Param(1)},
                       bounds.shape()},
                      out->values(row), out->presence(row));
      } else {
        WeighHistograms(samples, bounds, &queryable);
        spec_.mixed({source_->windows(),
                     samples,
                     bounds.lo(),
                     bounds.hi(),
                     {Param(0), Param(1)},
                     spec_.numbers,
                     context_,
                     MetricOf(first + row),
                     where_},
                    out, row);
      }
      if (spec_.counter) CheckCounter(first + row, *out, row);
      if (quantiles_) CheckQuantiles(*out, row);
    }
    counter_.Add(queryable);
    return context_->Charge(out->CountPoints());
  }

 private:
  // Counts histograms for what they weigh.
  static void WeighHistograms(const storage::SampleColumns& samples, const WindowBounds& bounds,
                              std::vector<int64_t>* queryable) {
    std::vector<int64_t> before(samples.size() + 1, 0);  // of the samples before each
    for (size_t i = 0; i < samples.size(); ++i) {
      before[i + 1] = before[i];
      if (!samples.IsHistogram(i)) continue;
      before[i + 1] +=
          static_cast<int64_t>(PointsOf(samples.histograms[samples.histogram_index[i]])) - 1;
    }
    for (size_t i = 0; i < queryable->size(); ++i) {
      (*queryable)[i] += before[bounds.hi()[i]] - before[bounds.lo()[i]];
    }
  }

  // As the series are selected, the name aside when source_name_ has it.
  const Labels& SourceLabels(size_t index) const {
    return source_->labels().empty() ? labels_[index] : source_->labels()[index];
  }
  std::string_view MetricOf(size_t index) const {
    return source_name_.empty() ? SourceLabels(index).metric_name() : source_name_;
  }

  const double* Param(size_t i) const { return i < params_.size() ? params_[i].data() : nullptr; }

  void CheckQuantiles(const Tile& out, size_t row) const {
    double warned = 0;
    ForEachBit(out.presence(row), out.words(), [&](size_t i) {
      const double q = params_[0][i];
      if ((q >= 0 && q <= 1) || q == warned) return;
      context_->Warn(note::InvalidQuantile(warned = q), where_);
    });
  }

  Status FactorsOf(const WindowBounds& bounds) const {
    for (size_t i = 0; i < bounds.lo().size(); ++i) {
      if (bounds.lo()[i] == bounds.hi()[i]) continue;
      for (size_t p = 0; p < 2; ++p) {
        const double f = params_[p][i];
        if (!IsBadFactor(f)) continue;
        return FailedPrecondition("invalid {} factor. Expected: 0 < {} < 1, got: {}",
                                  p == 0 ? "smoothing" : "trend", p == 0 ? "sf" : "tf",
                                  FormatFloatF(f, 6));
      }
    }
    return OkStatus();
  }

  void CheckCounter(size_t index, const Tile& out, size_t row) const {
    const std::string_view name = MetricOf(index);
    if (name.empty()) return;
    const bool typed = context_->options().type_and_unit_labels;
    const std::string_view type = typed ? SourceLabels(index).Get("__type__") : std::string_view();
    if (typed ? type == "counter" || type == "histogram" : LooksLikeCounter(name)) return;
    uint64_t numbers = 0;
    for (size_t w = 0; w < out.words(); ++w) numbers |= out.FloatWord(row, w);
    if (numbers == 0) return;
    context_->Inform(
        typed ? note::PossibleNonCounterLabel(name, type) : note::PossibleNonCounter(name), where_);
  }

  std::unique_ptr<RangeSource> source_;
  const RangeSpec spec_;
  PosRange where_;
  std::string source_name_;  // of all series, where their labels do not have it any more
  const SampleCounter counter_;
  std::vector<std::vector<double>> params_;
  bool quantiles_ = false;
  bool factors_ = false;
};

// What computes a function over anchored or smoothed ranges.
struct ExtendedFunction {
  std::string_view name;
  RangeKernel kernel;
  bool smoothed;
};
constexpr ExtendedFunction kExtended[] = {{"changes", AnchoredChanges, false},
                                          {"delta", ExtendedDelta, true},
                                          {"increase", ExtendedIncrease, true},
                                          {"rate", ExtendedRate, true},
                                          {"resets", AnchoredResets, false}};

Status UseExtended(const Call& call, const Expr& arg, RangeSpec* spec) {
  const Expr& inner = Unwrap(arg);
  if (inner.kind != ExprKind::kMatrixSelector) return OkStatus();
  const VectorSelector& selector = *inner.As<MatrixSelector>().selector;
  if (!selector.anchored && !selector.smoothed) return OkStatus();
  for (const ExtendedFunction& f : kExtended) {
    if (f.name != call.function->name || (selector.smoothed && !f.smoothed)) continue;
    spec->numbers = f.kernel;
    return OkStatus();
  }
  return FailedPrecondition("{} - not with {}",
                            selector.smoothed
                                ? "smoothed modifier can only be used with: delta, increase, rate"
                                : "anchored modifier can only be used with: changes, delta, "
                                  "increase, rate, resets",
                            call.function->name);
}

StatusOr<std::unique_ptr<RangeFunctionOp>> MakeOp(Builder& builder, const Call& call,
                                                  const EvalWindow& window, size_t matrix_arg,
                                                  RangeSpec spec) {
  NX_RETURN_IF_ERROR(UseExtended(call, *call.args[matrix_arg], &spec));
  const SelectorUse use{.function = std::string(call.function->name)};
  NX_ASSIGN_OR_RETURN(auto source, builder.BuildRange(*call.args[matrix_arg], window, use));
  return std::make_unique<RangeFunctionOp>(&builder.context(), window, std::move(source), spec,
                                           call.args[matrix_arg]->pos);
}

StatusOr<OperatorPtr> Unite(std::unique_ptr<RangeFunctionOp> op, NameRule rule) {
  const bool delayed = op->context().options().delayed_name_removal;
  if (rule == NameRule::kKeep || delayed || op->one_name()) return OperatorPtr(std::move(op));
  return MakeUnited(std::move(op), Clash::kSameWindow);
}

template <RangeKernel kNumbers, MixedKernel kMixed = IgnoreHistograms,
          NameRule kRule = NameRule::kDrop, bool kCounter = false>
StatusOr<OperatorPtr> Plain(Builder& builder, const Call& call, const EvalWindow& window) {
  NX_ASSIGN_OR_RETURN(auto op,
                      MakeOp(builder, call, window, 0, {kNumbers, kMixed, kRule, kCounter}));
  return Unite(std::move(op), kRule);
}

StatusOr<OperatorPtr> QuantileOverTime(Builder& builder, const Call& call,
                                       const EvalWindow& window) {
  NX_ASSIGN_OR_RETURN(auto phi, builder.BuildScalar(*call.args[0], window));
  NX_ASSIGN_OR_RETURN(auto op, MakeOp(builder, call, window, 1, {QuantileKernel}));
  op->NoteAt(call.args[0]->pos);
  if (std::any_of(phi.begin(), phi.end(), [](double q) { return !(q >= 0 && q <= 1); })) {
    op->WarnOfQuantiles();
  }
  op->AddParameter(std::move(phi));
  return Unite(std::move(op), NameRule::kDrop);
}

StatusOr<OperatorPtr> PredictLinear(Builder& builder, const Call& call, const EvalWindow& window) {
  NX_ASSIGN_OR_RETURN(auto seconds, builder.BuildScalar(*call.args[1], window));
  NX_ASSIGN_OR_RETURN(auto op, MakeOp(builder, call, window, 0, {PredictLinearKernel}));
  op->AddParameter(std::move(seconds));
  return Unite(std::move(op), NameRule::kDrop);
}

StatusOr<OperatorPtr> Smoothing(Builder& builder, const Call& call, const EvalWindow& window) {
  NX_ASSIGN_OR_RETURN(auto sf, builder.BuildScalar(*call.args[1], window));
  NX_ASSIGN_OR_RETURN(auto tf, builder.BuildScalar(*call.args[2], window));
  NX_ASSIGN_OR_RETURN(auto op, MakeOp(builder, call, window, 0, {SmoothingKernel}));
  if (std::any_of(sf.begin(), sf.end(), IsBadFactor) ||
      std::any_of(tf.begin(), tf.end(), IsBadFactor)) {
    op->CheckFactors();
  }
  op->AddParameter(std::move(sf));
  op->AddParameter(std::move(tf));
  return Unite(std::move(op), NameRule::kDrop);
}

StatusOr<OperatorPtr> AbsentOverTime(Builder& builder, const Call& call, const EvalWindow& window) {
  NX_ASSIGN_OR_RETURN(auto op, MakeOp(builder, call, window, 0, {PresentKernel, TakeAllAlike}));
  // As upstream has it: a type or unit the selector asks for goes like that of other range
  // functions.
  const bool delayed = builder.context().options().delayed_name_removal;
  return MakeAbsent(*op, *call.args[0], delayed);
}

constexpr NameRule kKeep = NameRule::kKeep;
constexpr NameRule kDrop = NameRule::kDrop;

constexpr FunctionEntry kFunctions[] = {
    {"rate", Plain<RateKernel, MixedRate, kDrop, true>},
    {"increase", Plain<IncreaseKernel, MixedIncrease, kDrop, true>},
    {"delta", Plain<DeltaKernel, MixedDelta>},
    {"irate", Plain<IrateKernel, MixedIrate>},
    {"idelta", Plain<IdeltaKernel, MixedIdelta>},
    {"changes", Plain<ChangesKernel, MixedChanges>},
    {"resets", Plain<ResetsKernel, MixedResets>},
    {"deriv", Plain<DerivKernel>},
    {"predict_linear", PredictLinear},
    {"double_exponential_smoothing", Smoothing},
    {"sum_over_time", Plain<SumKernel, MixedSum>},
    {"avg_over_time", Plain<AvgKernel, MixedAvg>},
    {"count_over_time", Plain<CountKernel, TakeAllAlike>},
    {"min_over_time", Plain<MinKernel>},
    {"max_over_time", Plain<MaxKernel>},
    {"stddev_over_time", Plain<StddevKernel>},
    {"stdvar_over_time", Plain<StdvarKernel>},
    {"quantile_over_time", QuantileOverTime},
    {"mad_over_time", Plain<MadKernel>},
    {"last_over_time", Plain<LastKernel, MixedLast, kKeep>},
    {"first_over_time", Plain<FirstKernel, MixedFirst, kKeep>},
    {"present_over_time", Plain<PresentKernel, TakeAllAlike>},
    {"absent_over_time", AbsentOverTime},
    {"ts_of_last_over_time", Plain<TsOfLastKernel, TakeAllAlike>},
    {"ts_of_first_over_time", Plain<TsOfFirstKernel, TakeAllAlike>},
    {"ts_of_min_over_time", Plain<TsOfMinKernel>},
    {"ts_of_max_over_time", Plain<TsOfMaxKernel>},
};

}  // namespace

std::span<const FunctionEntry> RangeFunctions() { return kFunctions; }

}  // namespace narthex::promql
