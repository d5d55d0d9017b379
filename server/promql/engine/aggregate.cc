#include "server/promql/engine/aggregate.h"

#include <cmath>
#include <numeric>

#include "core/base/string_map.h"
#include "core/labels/names.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "server/promql/engine/annotations.h"
#include "server/promql/engine/basic_ops.h"
#include "server/promql/engine/fold_kernels.h"
#include "server/promql/engine/histogram_fold.h"
#include "server/promql/engine/label_edit.h"

namespace narthex::promql {
namespace {

// States of all groups at all steps, in blocks of 64 steps made when first needed: groups that
// exist for a short part of a long window cost only that part.
class FoldState {
 public:
  FoldState(QueryContext& context, const FoldKernel& kernel, size_t groups, size_t steps)
      : kernel_(kernel),
        steps_(steps),
        words_(PresenceWords(steps)),
        stride_(std::min(steps, kFoldLanes)),
        context_(context),
        hold_(context.NewHold()),
        hold_pool_(context.NewHold()) {
    const size_t blocks = groups * words_;
    if (!hold_.Grow(blocks * (sizeof(uint32_t) + sizeof(uint64_t)))) return;
    block_of_.resize(blocks, kNone);
    seen_.resize(blocks, 0);
  }

  // `any_kind`: histograms count like numbers.
  void Add(size_t group, const Tile& tile, size_t row, bool any_kind) {
    for (size_t w = 0; w < words_; ++w) {
      const uint64_t mask = any_kind ? tile.presence(row)[w] : tile.FloatWord(row, w);
      if (mask == 0) continue;
      seen_[group * words_ + w] |= mask;
      double* const block = Block(group, w);
      if (block == nullptr) return;
      kernel_.add(block, stride_, tile.values(row) + w * kFoldLanes, mask, Lanes(w));
    }
  }

  // The steps a group has numbers at.
  const uint64_t* seen(size_t group) const { return &seen_[group * words_]; }

  // The results of one group.
  void Finish(size_t group, Tile* tile, size_t row) const {
    for (size_t w = 0; w < words_; ++w) {
      tile->presence(row)[w] = seen_[group * words_ + w];
      const uint32_t block = block_of_[group * words_ + w];
      if (block == kNone) continue;
      kernel_.finish(&pool_[block * BlockSize()], stride_, tile->values(row) + w * kFoldLanes,
                     Lanes(w));
    }
  }

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};
  size_t Lanes(size_t w) const { return std::min(kFoldLanes, steps_ - w * kFoldLanes); }
  size_t BlockSize() const { return kernel_.arrays * stride_; }

  double* Block(size_t group, size_t w) {
    uint32_t& block = block_of_[group * words_ + w];
    if (block == kNone) {
      if (pool_.size() == pool_.capacity() && !MakeRoom()) return nullptr;
      block = static_cast<uint32_t>(pool_.size() / BlockSize());
      for (size_t j = 0; j < kernel_.arrays; ++j) {
        pool_.insert(pool_.end(), stride_, kernel_.init[j]);
      }
    }
    return &pool_[block * BlockSize()];
  }

  // Twice the blocks; false when the query may not hold them beside the old ones.
  bool MakeRoom() {
    const size_t blocks = std::max<size_t>(1, pool_.capacity() / BlockSize() * 2);
    MemoryHold hold = context_.NewHold();
    if (!hold.Grow(blocks * BlockSize() * sizeof(double))) return false;
    pool_.reserve(blocks * BlockSize());
    hold_pool_ = std::move(hold);
    return true;
  }

  const FoldKernel& kernel_;
  const size_t steps_, words_, stride_;
  QueryContext& context_;
  MemoryHold hold_, hold_pool_;
  std::vector<uint32_t> block_of_;
  std::vector<uint64_t> seen_;
  std::vector<double> pool_;
};

bool Contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void WarnOfQuantiles(Builder& builder, const std::vector<double>& phi, PosRange where) {
  for (double q : phi) {
    if (q >= 0 && q <= 1) continue;
    builder.context().Warn(note::InvalidQuantile(q), where);
  }
}

}  // namespace

Groups Groups::Make(const Operator& input, const LabelSelection& selection) {
  Groups groups(input);
  groups.hold.Grow(input.size() * sizeof(uint32_t));
  groups.of_series.resize(input.size());
  if (selection.selects_nothing()) {
    if (input.size() > 0) groups.labels.emplace_back();
    return groups;
  }
  StringMap<uint32_t> index;
  std::string key;
  for (size_t i = 0; i < input.size(); ++i) {
    // Often so when all labels but those of the grouping were left out.
    if (i > 0 && input.labels(i) == input.labels(i - 1)) {
      groups.of_series[i] = groups.of_series[i - 1];
      continue;
    }
    selection.SelectInto(input.labels(i), &key);
    auto it = index.find(std::string_view(key));
    if (it == index.end()) {
      it = index.emplace(key, static_cast<uint32_t>(groups.labels.size())).first;
      groups.labels.push_back(Labels::FromFlat(key));
      if (input.drops_name(i)) {
        groups.drop_name.resize(groups.labels.size(), 0);
        groups.drop_name.back() = 1;
      }
      groups.hold.Grow(2 * (sizeof(Labels) + key.size()));
    }
    groups.of_series[i] = it->second;
  }
  return groups;
}

StatusOr<OperatorPtr> FoldAggregate(const AggregateExpr& expr, const Operator& input,
                                    const Groups& groups, bool one_name) {
  const size_t steps = input.window().steps;
  FoldState state(input.context(), FoldKernelFor(expr.op), groups.labels.size(), steps);
  NX_RETURN_IF_ERROR(input.context().CheckMemory());
  const bool any_kind = expr.op == AggregateOp::kCount || expr.op == AggregateOp::kGroup;
  const bool sums = expr.op == AggregateOp::kSum || expr.op == AggregateOp::kAvg;
  HistogramFold histograms(
      &input.context(),
      expr.op == AggregateOp::kSum ? HistogramSum::Kind::kSum : HistogramSum::Kind::kMean,
      expr.expr->pos);
  MetGroups met(groups.labels.size());
  NX_RETURN_IF_ERROR(ForEachTile(input, [&](size_t first, const Tile& tile) {
    for (size_t row = 0; row < tile.rows(); ++row) {
      if (tile.RowEmpty(row)) continue;
      const uint32_t group = groups.of_series[first + row];
      state.Add(group, tile, row, any_kind);
      if (tile.HasHistograms(row) && sums) {
        histograms.Add(group, tile, row, state.seen(group), input.metric_name(first + row));
      } else if (tile.AnyHistogram(row) && !any_kind) {
        input.context().Inform(note::IgnoredInAggregation(AggregateOpName(expr.op)),
                               expr.expr->pos);
      }
      met.Meet(group);
    }
    return OkStatus();
  }));
  NX_RETURN_IF_ERROR(input.context().CheckMemory());
  RowStore rows(input.context(), steps);
  PickedLabels labels;
  Tile tile;
  for (uint32_t group : met.order()) {
    tile.Reset(1, steps);
    state.Finish(group, &tile, 0);
    histograms.Finish(group, &tile, 0);
    if (tile.RowEmpty(0)) continue;
    rows.Add(tile, 0);
    labels.Add(groups.labels[group], groups.drops_name(group));
  }
  return MakeStored(&input.context(), input.window(), std::move(labels), std::move(rows), one_name);
}

StatusOr<OperatorPtr> BuildAggregate(Builder& builder, const AggregateExpr& expr,
                                     const EvalWindow& window) {
  const SelectorUse use{std::string(AggregateOpName(expr.op)), expr.grouping, !expr.without};
  const LabelSelection selection(expr.grouping, expr.without);
  if (expr.op == AggregateOp::kCountValues) {
    const std::string& label = StringValue(*expr.param);
    if (!IsValidLabelName(label, NameValidation::kUtf8)) {
      return FailedPrecondition("invalid label name {}", GoQuote(label));
    }
    NX_ASSIGN_OR_RETURN(OperatorPtr input, builder.Build(*expr.expr, window, use));
    std::vector<std::string> grouping = expr.grouping;
    if (!expr.without) grouping.push_back(label);
    return CountValuesAggregate(*input, label, LabelSelection(std::move(grouping), expr.without));
  }
  std::vector<double> param;
  if (expr.param) {
    NX_ASSIGN_OR_RETURN(param, builder.BuildScalar(*expr.param, window));
  }
  NX_ASSIGN_OR_RETURN(OperatorPtr input, builder.Build(*expr.expr, window, use));
  const Groups groups = Groups::Make(*input, selection);
  NX_RETURN_IF_ERROR(input->context().CheckMemory());
  const bool named = !expr.without && Contains(expr.grouping, kMetricNameLabel);
  const bool one_name = !named && !AnyTypeOrUnit(groups.labels);
  switch (expr.op) {
    case AggregateOp::kTopK:
    case AggregateOp::kBottomK: return TopAggregate(expr, *input, groups, param);
    case AggregateOp::kLimitK:
    case AggregateOp::kLimitRatio: return LimitAggregate(expr, std::move(input), groups, param);
    case AggregateOp::kQuantile:
      WarnOfQuantiles(builder, param, expr.param->pos);
      return QuantileAggregate(expr, *input, groups, param, one_name);
    default: return FoldAggregate(expr, *input, groups, one_name);
  }
}

}  // namespace narthex::promql
