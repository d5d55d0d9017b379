#pragma once
// The functions the engine can run, by name. Each family of functions lives in a file of its own
// and adds its rows to the table.

#include <span>
#include <string_view>

#include "server/promql/engine/builder.h"

namespace narthex::promql {

using FunctionMaker = StatusOr<OperatorPtr> (*)(Builder& builder, const Call& call,
                                                const EvalWindow& window);
struct FunctionEntry {
  std::string_view name;
  FunctionMaker make;
};

// Null for functions that PromQL knows and this engine does not.
FunctionMaker FindFunctionMaker(std::string_view name);

std::span<const FunctionEntry> MathFunctions();
std::span<const FunctionEntry> TimeFunctions();
std::span<const FunctionEntry> ShapeFunctions();
std::span<const FunctionEntry> LabelFunctions();
std::span<const FunctionEntry> RangeFunctions();
std::span<const FunctionEntry> HistogramFunctions();
std::span<const FunctionEntry> InfoFunctions();

}  // namespace narthex::promql
