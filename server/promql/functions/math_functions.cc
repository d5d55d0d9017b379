// Functions that map one value to one value.

#include <cmath>
#include <numbers>

#include "server/promql/engine/basic_ops.h"
#include "server/promql/functions/go_math.h"
#include "server/promql/functions/registry.h"

namespace narthex::promql {
namespace {

using Unary = double (*)(double);

template <Unary F>
StatusOr<OperatorPtr> MapValues(Builder& builder, const Call& call, const EvalWindow& window) {
  NX_ASSIGN_OR_RETURN(OperatorPtr op, builder.Build(*call.args[0], window));
  return MakeMap(std::move(op), NameRule::kDrop, [](double* v, uint64_t*, size_t steps) {
    for (size_t i = 0; i < steps; ++i) v[i] = F(v[i]);
  });
}

double Abs(double v) { return std::fabs(v); }
double Ceil(double v) { return std::ceil(v); }
double Floor(double v) { return std::floor(v); }
double Exp(double v) { return GoExp(v); }
double Ln(double v) { return GoLog(v); }
double Log2(double v) { return GoLog2(v); }
double Log10(double v) { return GoLog10(v); }
double Sqrt(double v) { return std::sqrt(v); }
double Sin(double v) { return GoSin(v); }
double Cos(double v) { return GoCos(v); }
double Tan(double v) { return GoTan(v); }
double Asin(double v) { return GoAsin(v); }
double Acos(double v) { return GoAcos(v); }
double Atan(double v) { return GoAtan(v); }
double Sinh(double v) { return GoSinh(v); }
double Cosh(double v) { return GoCosh(v); }
double Tanh(double v) { return GoTanh(v); }
double Asinh(double v) { return GoAsinh(v); }
double Acosh(double v) { return GoAcosh(v); }
double Atanh(double v) { return GoAtanh(v); }
double Deg(double v) { return v * 180 / std::numbers::pi; }
double Rad(double v) { return v * std::numbers::pi / 180; }
double Sgn(double v) { return v < 0 ? -1 : (v > 0 ? 1 : v); }

StatusOr<OperatorPtr> Clamp(Builder& builder, const Call& call, const EvalWindow& window) {
  NX_ASSIGN_OR_RETURN(OperatorPtr op, builder.Build(*call.args[0], window));
  NX_ASSIGN_OR_RETURN(auto lo, builder.BuildScalar(*call.args[1], window));
  NX_ASSIGN_OR_RETURN(auto hi, builder.BuildScalar(*call.args[2], window));
  return MakeMap(std::move(op), NameRule::kDrop,
                 [lo = std::move(lo), hi = std::move(hi)](double* v, uint64_t* presence, size_t n) {
                   for (size_t i = 0; i < n; ++i) {
                     if (hi[i] < lo[i]) {
                       presence[i / 64] &= ~(uint64_t{1} << (i % 64));
                     } else {
                       v[i] = GoMax(lo[i], GoMin(hi[i], v[i]));
                     }
                   }
                 });
}

template <double (*F)(double, double)>
StatusOr<OperatorPtr> ClampOneSide(Builder& builder, const Call& call, const EvalWindow& window) {
  NX_ASSIGN_OR_RETURN(OperatorPtr op, builder.Build(*call.args[0], window));
  NX_ASSIGN_OR_RETURN(auto bound, builder.BuildScalar(*call.args[1], window));
  return MakeMap(std::move(op), NameRule::kDrop,
                 [bound = std::move(bound)](double* v, uint64_t*, size_t n) {
                   for (size_t i = 0; i < n; ++i) v[i] = F(bound[i], v[i]);
                 });
}

// Halves go up. Divides by the inverse: that is what makes round(x, 0.1) come out as expected.
StatusOr<OperatorPtr> Round(Builder& builder, const Call& call, const EvalWindow& window) {
  NX_ASSIGN_OR_RETURN(OperatorPtr op, builder.Build(*call.args[0], window));
  std::vector<double> nearest(window.steps, 1.0);
  if (call.args.size() > 1) {
    NX_ASSIGN_OR_RETURN(nearest, builder.BuildScalar(*call.args[1], window));
  }
  return MakeMap(std::move(op), NameRule::kDrop,
                 [nearest = std::move(nearest)](double* v, uint64_t*, size_t n) {
                   for (size_t i = 0; i < n; ++i) {
                     const double inverse = 1.0 / nearest[i];
                     v[i] = std::floor(v[i] * inverse + 0.5) / inverse;
                   }
                 });
}

template <double (*F)(double, double)>
StatusOr<OperatorPtr> OfTwo(Builder& builder, const Call& call, const EvalWindow& window) {
  NX_ASSIGN_OR_RETURN(auto a, builder.BuildScalar(*call.args[0], window));
  NX_ASSIGN_OR_RETURN(auto b, builder.BuildScalar(*call.args[1], window));
  return MakeScalar(&builder.context(), window, [&](size_t i) { return F(a[i], b[i]); });
}

constexpr FunctionEntry kFunctions[] = {
    {"abs", MapValues<Abs>},
    {"ceil", MapValues<Ceil>},
    {"floor", MapValues<Floor>},
    {"exp", MapValues<Exp>},
    {"ln", MapValues<Ln>},
    {"log2", MapValues<Log2>},
    {"log10", MapValues<Log10>},
    {"sqrt", MapValues<Sqrt>},
    {"sin", MapValues<Sin>},
    {"cos", MapValues<Cos>},
    {"tan", MapValues<Tan>},
    {"asin", MapValues<Asin>},
    {"acos", MapValues<Acos>},
    {"atan", MapValues<Atan>},
    {"sinh", MapValues<Sinh>},
    {"cosh", MapValues<Cosh>},
    {"tanh", MapValues<Tanh>},
    {"asinh", MapValues<Asinh>},
    {"acosh", MapValues<Acosh>},
    {"atanh", MapValues<Atanh>},
    {"deg", MapValues<Deg>},
    {"rad", MapValues<Rad>},
    {"sgn", MapValues<Sgn>},
    {"round", Round},
    {"clamp", Clamp},
    {"clamp_min", ClampOneSide<GoMax>},
    {"clamp_max", ClampOneSide<GoMin>},
    {"min_of", OfTwo<GoMin>},
    {"max_of", OfTwo<GoMax>},
};

}  // namespace

std::span<const FunctionEntry> MathFunctions() { return kFunctions; }

}  // namespace narthex::promql
