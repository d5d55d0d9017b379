#pragma once
// Go's math functions to the last bit, as the amd64 builds of Prometheus have them. The methods
// are the public ones of FDLIBM (Sun Microsystems, 1993) and Cephes (Moshier), evaluated in the
// order in which Go evaluates them; the C library's answers differ in the last place. Basic
// arithmetic, sqrt, floor, ceil and fmod are exact anywhere and not repeated here.
//
// Thread safety: pure functions.

#include <cmath>
#include <limits>

namespace narthex::promql {

// NaN if either side is, -0 below +0, infinities first.
inline double GoMin(double a, double b) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  if (a == -kInf || b == -kInf) return -kInf;
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
  if (a == 0 && a == b) return std::signbit(a) ? a : b;
  return a < b ? a : b;
}

inline double GoMax(double a, double b) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  if (a == kInf || b == kInf) return kInf;
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
  if (a == 0 && a == b) return std::signbit(a) ? b : a;
  return a > b ? a : b;
}

// go_exp.cc
double GoExp(double x);
double GoExp2(double x);
double GoLog(double x);
double GoLog2(double x);
double GoLog10(double x);
double GoLog1p(double x);
double GoPow(double x, double y);
double GoSinh(double x);
double GoCosh(double x);
double GoTanh(double x);
double GoAsinh(double x);
double GoAcosh(double x);
double GoAtanh(double x);

// go_trig.cc
double GoSin(double x);
double GoCos(double x);
double GoTan(double x);
double GoAsin(double x);
double GoAcos(double x);
double GoAtan(double x);
double GoAtan2(double y, double x);

}  // namespace narthex::promql
