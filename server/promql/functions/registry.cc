#include "server/promql/functions/registry.h"

#include "core/base/string_map.h"

namespace narthex::promql {

FunctionMaker FindFunctionMaker(std::string_view name) {
  static const auto* const table = [] {
    auto* t = new absl::flat_hash_map<std::string_view, FunctionMaker>();
    for (const auto& family : {MathFunctions(), TimeFunctions(), ShapeFunctions(), LabelFunctions(),
                               RangeFunctions(), HistogramFunctions(), InfoFunctions()}) {
      for (const FunctionEntry& f : family) t->emplace(f.name, f.make);
    }
    return t;
  }();
  const auto it = table->find(name);
  return it == table->end() ? nullptr : it->second;
}

}  // namespace narthex::promql
