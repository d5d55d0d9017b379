#pragma once
// Aggregations. Every one runs through its input once, tile by tile in order of the series, and
// holds its result: per group and step a few doubles (sum, avg, min …), the k best (topk), all
// values (quantile) or counts by value (count_values).

#include <string>
#include <vector>

#include "server/promql/engine/builder.h"
#include "server/promql/engine/label_edit.h"

namespace narthex::promql {

StatusOr<OperatorPtr> BuildAggregate(Builder& builder, const AggregateExpr& expr,
                                     const EvalWindow& window);

// Which group each series of the input belongs to. Groups are in order of their first series.
struct Groups {
  explicit Groups(const Operator& input) : hold(input.context().NewHold()) {}
  std::vector<uint32_t> of_series;
  std::vector<Labels> labels;
  std::vector<uint8_t> drop_name;  // as Operator's, of the first series
  MemoryHold hold;

  bool drops_name(size_t group) const { return group < drop_name.size() && drop_name[group] != 0; }

  static Groups Make(const Operator& input, const LabelSelection& selection);
};

// The groups in order of their first series that has a sample, as instant queries list them.
class MetGroups {
 public:
  explicit MetGroups(size_t groups) : met_(groups, false) {}
  void Meet(uint32_t group) {
    if (met_[group]) return;
    met_[group] = true;
    order_.push_back(group);
  }
  const std::vector<uint32_t>& order() const { return order_; }

 private:
  std::vector<bool> met_;
  std::vector<uint32_t> order_;
};

StatusOr<OperatorPtr> FoldAggregate(const AggregateExpr& expr, const Operator& input,
                                    const Groups& groups, bool one_name);
StatusOr<OperatorPtr> TopAggregate(const AggregateExpr& expr, const Operator& input,
                                   const Groups& groups, const std::vector<double>& k);
StatusOr<OperatorPtr> QuantileAggregate(const AggregateExpr& expr, const Operator& input,
                                        const Groups& groups, const std::vector<double>& phi,
                                        bool one_name);
// limitk and limit_ratio (limit_aggregates.cc).
StatusOr<OperatorPtr> LimitAggregate(const AggregateExpr& expr, OperatorPtr input,
                                     const Groups& groups, const std::vector<double>& param);
// Fails unless every k is a number that fits in 64 bits.
Status CheckK(const std::vector<double>& k);
StatusOr<OperatorPtr> CountValuesAggregate(const Operator& input, const std::string& label,
                                           const LabelSelection& selection);

}  // namespace narthex::promql
