// Functions of histograms. Classic ones only: storage holds floats.

#include <cmath>

#include "core/base/string_map.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "server/promql/engine/basic_ops.h"
#include "server/promql/engine/label_edit.h"
#include "server/promql/functions/bucket_quantile.h"
#include "server/promql/functions/registry.h"

namespace narthex::promql {
namespace {

// One histogram: the series that differ only in their "le".
struct ClassicHistogram {
  Labels labels;  // the name kept, "le" dropped
  struct Bucket {
    size_t row;
    double upper_bound;
  };
  std::vector<Bucket> buckets;
};

// Groups the rows of `op`. Rows without a proper bound are reported when they have a sample, which
// `bad` is for.
std::vector<ClassicHistogram> GroupBuckets(const Operator& op, std::vector<size_t>* bad) {
  std::vector<ClassicHistogram> out;
  StringMap<size_t> index;
  LabelsBuilder edit;
  for (size_t row = 0; row < op.size(); ++row) {
    const Labels& labels = op.labels(row);
    const auto bound = ParseFloat(labels.Get(kBucketLabel));
    if (!bound) {
      bad->push_back(row);
      continue;
    }
    edit.Reset(labels);
    edit.Del(kBucketLabel);
    Labels key = edit.Build();
    const auto [it, added] = index.try_emplace(std::string(key.flat()), out.size());
    if (added) out.push_back({std::move(key), {}});
    out[it->second].buckets.push_back({row, *bound});
  }
  return out;
}

class HistogramQuantileOp final : public Operator {
 public:
  HistogramQuantileOp(OperatorPtr child, std::vector<ClassicHistogram> histograms,
                      std::vector<double> phi, PosRange where)
      : Operator(&child->context(), child->window()),
        child_(std::move(child)),
        histograms_(std::move(histograms)),
        phi_(std::move(phi)),
        where_(where) {
    for (const ClassicHistogram& h : histograms_) labels_.push_back(DropMetricName(h.labels));
    one_name_ = child_->one_name();
  }

  Status Produce(size_t first, Tile* out) const override {
    for (size_t row = 0; row < out->rows(); ++row) {
      NX_RETURN_IF_ERROR(ProduceOne(histograms_[first + row], row, out));
    }
    return OkStatus();
  }

 private:
  Status ProduceOne(const ClassicHistogram& histogram, size_t row, Tile* out) const {
    const size_t n = histogram.buckets.size();
    std::vector<Tile> tiles(n);
    for (size_t b = 0; b < n; ++b) {
      tiles[b].Reset(1, out->steps());
      NX_RETURN_IF_ERROR(child_->Produce(histogram.buckets[b].row, &tiles[b]));
    }
    std::vector<ClassicBucket> buckets;
    for (size_t i = 0; i < out->steps(); ++i) {
      buckets.clear();
      for (size_t b = 0; b < n; ++b) {
        if (!tiles[b].Has(0, i)) continue;
        buckets.push_back({histogram.buckets[b].upper_bound, tiles[b].values(0)[i]});
      }
      if (buckets.empty()) continue;
      const BucketQuantileResult r = BucketQuantile(phi_[i], &buckets);
      if (r.forced_monotonic) {
        context_->ForcedMonotonicity(std::string(histogram.labels.metric_name()), where_,
                                     window_.ts(i), r.min_bucket, r.max_bucket, r.max_diff);
      }
      out->Set(row, i, r.value);
    }
    return OkStatus();
  }

  OperatorPtr child_;
  std::vector<ClassicHistogram> histograms_;
  std::vector<double> phi_;
  const PosRange where_;
};

Status WarnOfBadBuckets(const Operator& op, const std::vector<size_t>& bad, PosRange where) {
  Tile tile;
  for (size_t row : bad) {
    tile.Reset(1, op.window().steps);
    NX_RETURN_IF_ERROR(op.context().CheckAlive());
    NX_RETURN_IF_ERROR(op.Produce(row, &tile));
    if (tile.RowEmpty(0)) continue;
    const Labels& labels = op.labels(row);
    op.context().Warn(
        fmt::format("bucket label \"le\" is missing or has a malformed value of {} for metric name "
                    "{}",
                    GoQuote(labels.Get(kBucketLabel)), GoQuote(labels.metric_name())),
        where);
  }
  return OkStatus();
}

StatusOr<OperatorPtr> HistogramQuantile(Builder& builder, const Call& call,
                                        const EvalWindow& window) {
  NX_ASSIGN_OR_RETURN(auto phi, builder.BuildScalar(*call.args[0], window));
  for (double q : phi) {
    if (q >= 0 && q <= 1) continue;
    builder.context().Warn(
        fmt::format("quantile value should be between 0 and 1, got {}", FormatFloat(q)),
        call.args[0]->pos);
  }
  NX_ASSIGN_OR_RETURN(OperatorPtr op, builder.Build(*call.args[1], window));
  std::vector<size_t> bad;
  std::vector<ClassicHistogram> histograms = GroupBuckets(*op, &bad);
  NX_RETURN_IF_ERROR(WarnOfBadBuckets(*op, bad, call.args[1]->pos));
  return MakeUnited(std::make_unique<HistogramQuantileOp>(std::move(op), std::move(histograms),
                                                          std::move(phi), call.args[1]->pos),
                    Clash::kSameStep);
}

constexpr FunctionEntry kFunctions[] = {{"histogram_quantile", HistogramQuantile}};

}  // namespace

std::span<const FunctionEntry> HistogramFunctions() { return kFunctions; }

}  // namespace narthex::promql
