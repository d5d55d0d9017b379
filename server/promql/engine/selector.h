#pragma once
// Selectors: the operators at the leaves, which read the storage.

#include <memory>

#include "server/promql/engine/range_source.h"
#include "server/promql/parser/ast.h"

namespace narthex::promql {

// What the surrounding expression does with a selector, passed on to the storage as hints.
struct SelectorUse {
  std::string function;
  std::vector<std::string> grouping;
  bool by = false;
};

// What a selector yields of a sample: its value, its time in seconds, or that of numbers alone and
// histograms as they are.
enum class SampleYield : uint8_t { kValue, kTime, kTimeOfNumber };

// The newest sample within the lookback at every step.
StatusOr<OperatorPtr> MakeVectorSelector(QueryContext* context, const EvalWindow& window,
                                         const VectorSelector& selector, const SelectorUse& use,
                                         SampleYield yield);

StatusOr<std::unique_ptr<RangeSource>> MakeMatrixSource(QueryContext* context,
                                                        const EvalWindow& window,
                                                        const MatrixSelector& selector,
                                                        const SelectorUse& use);

}  // namespace narthex::promql
