#include "server/promql/parser/functions_table.h"

#include <algorithm>
#include <iterator>

namespace narthex::promql {
namespace {

constexpr ValueType S = ValueType::kScalar;
constexpr ValueType V = ValueType::kVector;
constexpr ValueType M = ValueType::kMatrix;
constexpr ValueType T = ValueType::kString;
constexpr bool kExperimental = true;

constexpr FunctionSignature kFunctions[] = {
    {"abs", V, {V}},
    {"absent", V, {V}},
    {"absent_over_time", V, {M}},
    {"acos", V, {V}},
    {"acosh", V, {V}},
    {"asin", V, {V}},
    {"asinh", V, {V}},
    {"atan", V, {V}},
    {"atanh", V, {V}},
    {"avg_over_time", V, {M}},
    {"ceil", V, {V}},
    {"changes", V, {M}},
    {"clamp", V, {V, S, S}},
    {"clamp_max", V, {V, S}},
    {"clamp_min", V, {V, S}},
    {"cos", V, {V}},
    {"cosh", V, {V}},
    {"count_over_time", V, {M}},
    {"day_of_month", V, {V}, 1},
    {"day_of_week", V, {V}, 1},
    {"day_of_year", V, {V}, 1},
    {"days_in_month", V, {V}, 1},
    {"deg", V, {V}},
    {"delta", V, {M}},
    {"deriv", V, {M}},
    {"double_exponential_smoothing", V, {M, S, S}, 0, kExperimental},
    {"end", S, {}, 0, kExperimental},
    {"exp", V, {V}},
    {"first_over_time", V, {M}},
    {"floor", V, {V}},
    {"histogram_avg", V, {V}},
    {"histogram_count", V, {V}},
    {"histogram_fraction", V, {S, S, V}},
    {"histogram_quantile", V, {S, V}},
    {"histogram_quantiles", V, {V, T, S, S}, 9, kExperimental},
    {"histogram_stddev", V, {V}},
    {"histogram_stdvar", V, {V}},
    {"histogram_sum", V, {V}},
    {"hour", V, {V}, 1},
    {"idelta", V, {M}},
    {"increase", V, {M}},
    {"info", V, {V, V}, 1, kExperimental},
    {"irate", V, {M}},
    {"label_join", V, {V, T, T, T}, -1},
    {"label_replace", V, {V, T, T, T, T}},
    {"last_over_time", V, {M}},
    {"ln", V, {V}},
    {"log10", V, {V}},
    {"log2", V, {V}},
    {"mad_over_time", V, {M}, 0, kExperimental},
    {"max_of", S, {S, S}, 0, kExperimental},
    {"max_over_time", V, {M}},
    {"min_of", S, {S, S}, 0, kExperimental},
    {"min_over_time", V, {M}},
    {"minute", V, {V}, 1},
    {"month", V, {V}, 1},
    {"pi", S, {}},
    {"predict_linear", V, {M, S}},
    {"present_over_time", V, {M}},
    {"quantile_over_time", V, {S, M}},
    {"rad", V, {V}},
    {"range", S, {}, 0, kExperimental},
    {"rate", V, {M}},
    {"resets", V, {M}},
    {"round", V, {V, S}, 1},
    {"scalar", S, {V}},
    {"sgn", V, {V}},
    {"sin", V, {V}},
    {"sinh", V, {V}},
    {"sort", V, {V}},
    {"sort_by_label", V, {V, T}, -1, kExperimental},
    {"sort_by_label_desc", V, {V, T}, -1, kExperimental},
    {"sort_desc", V, {V}},
    {"sqrt", V, {V}},
    {"start", S, {}, 0, kExperimental},
    {"start_timestamp", V, {V}, 0, kExperimental},
    {"stddev_over_time", V, {M}},
    {"stdvar_over_time", V, {M}},
    {"step", S, {}, 0, kExperimental},
    {"sum_over_time", V, {M}},
    {"tan", V, {V}},
    {"tanh", V, {V}},
    {"time", S, {}},
    {"timestamp", V, {V}},
    {"ts_of_first_over_time", V, {M}, 0, kExperimental},
    {"ts_of_last_over_time", V, {M}, 0, kExperimental},
    {"ts_of_max_over_time", V, {M}, 0, kExperimental},
    {"ts_of_min_over_time", V, {M}, 0, kExperimental},
    {"vector", V, {S}},
    {"year", V, {V}, 1},
};

constexpr bool Before(const FunctionSignature& a, const FunctionSignature& b) {
  return a.name < b.name;
}
static_assert(std::is_sorted(std::begin(kFunctions), std::end(kFunctions), Before));

}  // namespace

std::span<const FunctionSignature> AllFunctions() { return kFunctions; }

const FunctionSignature* FindFunction(std::string_view name) {
  const auto* found = std::lower_bound(std::begin(kFunctions), std::end(kFunctions),
                                       FunctionSignature{name, ValueType::kNone, {}}, Before);
  return found != std::end(kFunctions) && found->name == name ? found : nullptr;
}

}  // namespace narthex::promql
