// Functions of histograms, classic and native.

#include <algorithm>
#include <cmath>

#include "core/base/string_map.h"
#include "core/labels/names.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "server/promql/engine/annotations.h"
#include "server/promql/engine/basic_ops.h"
#include "server/promql/engine/label_edit.h"
#include "server/promql/functions/bucket_quantile.h"
#include "server/promql/functions/native_quantile.h"
#include "server/promql/functions/registry.h"

namespace narthex::promql {
namespace {

// ---- One value of one native histogram ----

double AverageOf(const FloatHistogram& h) { return h.sum / h.count; }
double CountOf(const FloatHistogram& h) { return h.count; }
double SumOf(const FloatHistogram& h) { return h.sum; }
double StddevOf(const FloatHistogram& h) { return std::sqrt(NativeVariance(h)); }

// Numbers are left out of the result.
template <double (*F)(const FloatHistogram&)>
StatusOr<OperatorPtr> OfNative(Builder& builder, const Call& call, const EvalWindow& window) {
  NX_ASSIGN_OR_RETURN(OperatorPtr op, builder.Build(*call.args[0], window));
  return MakeCellMap(std::move(op), NameRule::kDrop, [](Tile* tile, size_t row) {
    const HistogramRow histograms = tile->histograms(row);
    if (tile->HasHistograms(row)) tile->MutableHistograms(row) = {};
    for (size_t w = 0; w < tile->words(); ++w) tile->presence(row)[w] = histograms.word(w);
    ForEachBit(histograms.bits.data(), histograms.bits.size(),
               [&](size_t i) { tile->Set(row, i, F(*histograms.cells[i])); });
  });
}

// ---- Quantiles and fractions ----

// One histogram: the series that differ only in their "le", or a native one; both if need be.
struct AnyHistogram {
  Labels labels;  // the name kept, "le" dropped
  struct Bucket {
    size_t row;
    double upper_bound;
  };
  std::vector<Bucket> buckets;
  std::optional<size_t> native;  // row without a proper "le"
};

std::vector<AnyHistogram> GroupBuckets(const Operator& op) {
  std::vector<AnyHistogram> out;
  StringMap<size_t> index;
  LabelsBuilder edit;
  for (size_t row = 0; row < op.size(); ++row) {
    Labels key = op.labels(row);
    const auto bound = ParseFloat(key.Get(kBucketLabel));
    if (bound) {
      edit.Reset(key);
      edit.Del(kBucketLabel);
      key = edit.Build();
    }
    const auto [it, added] = index.try_emplace(std::string(key.flat()), out.size());
    if (added) out.push_back({std::move(key), {}, {}});
    AnyHistogram& histogram = out[it->second];
    if (bound) {
      histogram.buckets.push_back({row, *bound});
    } else {
      histogram.native = row;
    }
  }
  return out;
}

// As OpenMetrics writes quantiles: with a point or an exponent.
std::string QuantileText(double q) {
  std::string text = FormatFloat(q);
  if (std::isfinite(q) && text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

// Computes values from histograms; `variant` tells which of several values of one histogram.
class Evaluation {
 public:
  virtual ~Evaluation() = default;
  virtual size_t variants() const { return 1; }
  virtual Labels LabelsOf(const Labels& labels, size_t) const { return labels; }
  // Whether a variant has a value at a step.
  virtual bool Has(size_t, size_t) const { return true; }
  virtual double OfNative(const FloatHistogram& h, const Labels& labels, size_t step,
                          size_t variant) const = 0;
  virtual double OfBuckets(std::vector<ClassicBucket>* buckets, const Labels& labels, size_t step,
                           size_t variant) const = 0;
};

class HistogramOp final : public Operator {
 public:
  HistogramOp(OperatorPtr child, std::unique_ptr<Evaluation> evaluation, PosRange where)
      : Operator(&child->context(), child->window()),
        child_(std::move(child)),
        histograms_(GroupBuckets(*child_)),
        evaluation_(std::move(evaluation)),
        where_(where) {
    // The groups, and the labels of their values.
    const size_t bytes = BytesOf(child_->all_labels());
    if (!hold_.Grow(bytes * (1 + evaluation_->variants()))) return;
    for (const AnyHistogram& h : histograms_) {
      const bool delayed = context_->options().delayed_name_removal;
      const Labels labels = delayed ? h.labels : DropMetricName(h.labels);
      for (size_t v = 0; v < evaluation_->variants(); ++v) {
        labels_.push_back(evaluation_->LabelsOf(labels, v));
      }
    }
    if (context_->options().delayed_name_removal) drop_name_.assign(labels_.size(), 1);
    one_name_ = child_->one_name();
  }

  Status Produce(size_t first, Tile* out) const override {
    const size_t n = evaluation_->variants();
    for (size_t row = 0; row < out->rows(); ++row) {
      NX_RETURN_IF_ERROR(ProduceOne(histograms_[(first + row) / n], (first + row) % n, row, out));
    }
    return OkStatus();
  }

 private:
  Status ProduceOne(const AnyHistogram& histogram, size_t variant, size_t row, Tile* out) const {
    const size_t n = histogram.buckets.size();
    MemoryHold hold = context_->NewHold();
    if (!hold.Grow((n + 1) * Tile::BytesFor(1, out->steps()))) return context_->CheckMemory();
    std::vector<Tile> tiles(n + 1);
    for (size_t b = 0; b < n; ++b) {
      tiles[b].Reset(1, out->steps());
      NX_RETURN_IF_ERROR(child_->Produce(histogram.buckets[b].row, &tiles[b]));
    }
    Tile& native = tiles[n];
    native.Reset(1, out->steps());
    if (histogram.native) {
      NX_RETURN_IF_ERROR(child_->Produce(*histogram.native, &native));
      CheckNative(histogram.labels, native);
    }
    std::vector<ClassicBucket> buckets;
    for (size_t i = 0; i < out->steps(); ++i) {
      if (!evaluation_->Has(variant, i)) continue;
      buckets.clear();
      for (size_t b = 0; b < n; ++b) {
        if (!tiles[b].Has(0, i) || tiles[b].Histogram(0, i)) continue;
        buckets.push_back({histogram.buckets[b].upper_bound, tiles[b].values(0)[i]});
      }
      const HistogramPtr& h = native.Histogram(0, i);
      if (h && !buckets.empty()) {
        context_->Warn(note::MixedClassicNative(histogram.labels.metric_name()), where_);
      } else if (h) {
        out->Set(row, i, evaluation_->OfNative(*h, histogram.labels, i, variant));
      } else if (!buckets.empty()) {
        out->Set(row, i, evaluation_->OfBuckets(&buckets, histogram.labels, i, variant));
      }
    }
    return OkStatus();
  }

  // Numbers without a proper "le" are no buckets.
  void CheckNative(const Labels& labels, const Tile& tile) const {
    for (size_t w = 0; w < tile.words(); ++w) {
      if (tile.FloatWord(0, w) == 0) continue;
      return context_->Warn(note::BadBucketLabel(labels.metric_name(), labels.Get(kBucketLabel)),
                            where_);
    }
  }

  OperatorPtr child_;
  std::vector<AnyHistogram> histograms_;
  std::unique_ptr<Evaluation> evaluation_;
  const PosRange where_;
};

OperatorPtr MakeHistogramOp(OperatorPtr child, std::unique_ptr<Evaluation> evaluation,
                            PosRange where) {
  return MakeUnited(std::make_unique<HistogramOp>(std::move(child), std::move(evaluation), where),
                    Clash::kSameStep);
}

class Quantiles final : public Evaluation {
 public:
  struct Phi {
    std::vector<double> by_step;
    std::vector<size_t> steps;  // it is asked for at these, ascending; with `label` only
  };
  // `where`: of the argument that holds the histograms. `label` gets φ when it is not empty: then
  // each variant has one φ, and some steps.
  Quantiles(QueryContext* context, const EvalWindow& window, std::vector<Phi> phis,
            std::string label, PosRange where, PosRange where_native)
      : context_(context),
        window_(window),
        phis_(std::move(phis)),
        label_(std::move(label)),
        where_(where),
        where_native_(where_native) {}

  size_t variants() const override { return phis_.size(); }

  Labels LabelsOf(const Labels& labels, size_t variant) const override {
    if (label_.empty()) return labels;
    LabelsBuilder edit;
    edit.Reset(labels);
    edit.Set(label_, QuantileText(phis_[variant].by_step[0]));
    return edit.Build();
  }

  bool Has(size_t variant, size_t step) const override {
    const std::vector<size_t>& steps = phis_[variant].steps;
    return label_.empty() || std::binary_search(steps.begin(), steps.end(), step);
  }

  double OfNative(const FloatHistogram& h, const Labels& labels, size_t step,
                  size_t variant) const override {
    const NativeQuantileResult r = NativeQuantile(PhiAt(variant, step), h);
    const std::string_view metric = NameFor(labels);
    if (r.nan_result) context_->Inform(note::QuantileIsNaN(metric), where_native_);
    if (r.nan_skewed) context_->Inform(note::QuantileIsSkewed(metric), where_native_);
    return r.value;
  }

  double OfBuckets(std::vector<ClassicBucket>* buckets, const Labels& labels, size_t step,
                   size_t variant) const override {
    const BucketQuantileResult r = BucketQuantile(PhiAt(variant, step), buckets);
    if (r.forced_monotonic) {
      context_->ForcedMonotonicity(std::string(NameFor(labels)), where_, window_.ts(step),
                                   r.min_bucket, r.max_bucket, r.max_diff);
    }
    return r.value;
  }

 private:
  double PhiAt(size_t variant, size_t step) const {
    return phis_[variant].by_step[label_.empty() ? step : 0];
  }

  // Upstream has dropped the name by then, unless it drops names at the end only.
  std::string_view NameFor(const Labels& labels) const {
    return context_->options().delayed_name_removal ? labels.metric_name() : std::string_view();
  }

  QueryContext* const context_;
  const EvalWindow window_;
  const std::vector<Phi> phis_;
  const std::string label_;
  const PosRange where_, where_native_;
};

StatusOr<std::vector<double>> BuildPhi(Builder& builder, const Expr& arg,
                                       const EvalWindow& window) {
  NX_ASSIGN_OR_RETURN(auto phi, builder.BuildScalar(arg, window));
  for (double q : phi) {
    if (!(q >= 0 && q <= 1)) builder.context().Warn(note::InvalidQuantile(q), arg.pos);
  }
  return phi;
}

StatusOr<OperatorPtr> HistogramQuantile(Builder& builder, const Call& call,
                                        const EvalWindow& window) {
  NX_ASSIGN_OR_RETURN(auto phi, BuildPhi(builder, *call.args[0], window));
  NX_ASSIGN_OR_RETURN(OperatorPtr op, builder.Build(*call.args[1], window));
  std::vector<Quantiles::Phi> phis;
  phis.push_back({std::move(phi), {}});
  const PosRange where = call.args[1]->pos;
  return MakeHistogramOp(std::move(op),
                         std::make_unique<Quantiles>(&builder.context(), window, std::move(phis),
                                                     "", where, call.args[0]->pos),
                         where);
}

// φ names the series, so each value it has over the steps is a variant.
void AddByValue(const std::vector<double>& phi, std::vector<Quantiles::Phi>* out) {
  StringMap<size_t> of_text;
  for (size_t step = 0; step < phi.size(); ++step) {
    const auto [it, added] = of_text.try_emplace(QuantileText(phi[step]), out->size());
    if (added) out->push_back({{phi[step]}, {}});
    (*out)[it->second].steps.push_back(step);
  }
}

StatusOr<OperatorPtr> HistogramQuantiles(Builder& builder, const Call& call,
                                         const EvalWindow& window) {
  const std::string& label = StringValue(*call.args[1]);
  if (!IsValidLabelName(label, NameValidation::kUtf8)) {
    return FailedPrecondition("invalid label name {}", GoQuote(label));
  }
  std::vector<Quantiles::Phi> phis;
  for (size_t i = 2; i < call.args.size(); ++i) {
    NX_ASSIGN_OR_RETURN(const auto phi, BuildPhi(builder, *call.args[i], window));
    AddByValue(phi, &phis);
  }
  NX_ASSIGN_OR_RETURN(OperatorPtr op, builder.Build(*call.args[0], window));
  const PosRange where = call.args[0]->pos;
  return MakeHistogramOp(
      std::move(op),
      std::make_unique<Quantiles>(&builder.context(), window, std::move(phis), label, where, where),
      where);
}

class Fraction final : public Evaluation {
 public:
  Fraction(QueryContext* context, std::vector<double> lower, std::vector<double> upper,
           PosRange where)
      : context_(context), lower_(std::move(lower)), upper_(std::move(upper)), where_(where) {}

  double OfNative(const FloatHistogram& h, const Labels& labels, size_t step,
                  size_t) const override {
    const NativeFractionResult r = NativeFraction(lower_[step], upper_[step], h);
    if (r.has_nan) {
      const bool named = context_->options().delayed_name_removal;
      context_->Inform(note::FractionHasNaNs(named ? labels.metric_name() : std::string_view()),
                       where_);
    }
    return r.value;
  }
  double OfBuckets(std::vector<ClassicBucket>* buckets, const Labels&, size_t step,
                   size_t) const override {
    return BucketFraction(lower_[step], upper_[step], buckets);
  }

 private:
  QueryContext* const context_;
  const std::vector<double> lower_, upper_;
  const PosRange where_;
};

StatusOr<OperatorPtr> HistogramFraction(Builder& builder, const Call& call,
                                        const EvalWindow& window) {
  NX_ASSIGN_OR_RETURN(auto lower, builder.BuildScalar(*call.args[0], window));
  NX_ASSIGN_OR_RETURN(auto upper, builder.BuildScalar(*call.args[1], window));
  NX_ASSIGN_OR_RETURN(OperatorPtr op, builder.Build(*call.args[2], window));
  return MakeHistogramOp(std::move(op),
                         std::make_unique<Fraction>(&builder.context(), std::move(lower),
                                                    std::move(upper), call.args[0]->pos),
                         call.args[2]->pos);
}

constexpr FunctionEntry kFunctions[] = {
    {"histogram_avg", OfNative<AverageOf>},
    {"histogram_count", OfNative<CountOf>},
    {"histogram_sum", OfNative<SumOf>},
    {"histogram_stddev", OfNative<StddevOf>},
    {"histogram_stdvar", OfNative<NativeVariance>},
    {"histogram_quantile", HistogramQuantile},
    {"histogram_quantiles", HistogramQuantiles},
    {"histogram_fraction", HistogramFraction},
};

}  // namespace

std::span<const FunctionEntry> HistogramFunctions() { return kFunctions; }

}  // namespace narthex::promql
