// Exponentials, logarithms, powers and hyperbolic functions.

#include <bit>
#include <cstdint>
#include <initializer_list>
#include <numbers>

#include "server/promql/functions/go_math.h"

namespace narthex::promql {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kLn2 = 0.693147180559945309417232121458176568;
// Go divides constants before it rounds them.
constexpr double kOneByLn2 = 1.44269504088896340735992468100189214;
constexpr double kOneByLn10 = 0.434294481903251827651128918916605082;
// ln 2 in two parts, the first of which has trailing zeros.
constexpr double kLn2Hi = 6.93147180369123816490e-01;
constexpr double kLn2Lo = 1.90821492927058770002e-10;

// Go's frexp: x = fraction × 2^exponent, fraction in [0.5, 1).
double Split(double x, int* exponent) {
  *exponent = 0;
  return x == 0 || std::isinf(x) || std::isnan(x) ? x : std::frexp(x, exponent);
}

// e^r for a reduced r, after Shibata (2010): e^(r/16) - 1 by its series, then four times
// y ← y (y + 2), which squares y + 1. Go fuses the steps where the processor can.
template <typename MulAdd>
inline __attribute__((always_inline)) double ExpReduced(double x, double k, MulAdd mul_add) {
  constexpr double kHi = 0.69314718055966295651160180568695068359375;
  constexpr double kLo = 0.28235290563031577122588448175013436025525412068e-12;
  double r = mul_add(-k, kHi, x);
  r = mul_add(-k, kLo, r);
  r *= 0.0625;
  double p = 2.4801587301587301587e-5;
  for (const double c :
       {1.9841269841269841270e-4, 1.3888888888888888889e-3, 8.3333333333333333333e-3,
        4.1666666666666666667e-2, 1.6666666666666666667e-1, 0.5, 1.0}) {
    p = mul_add(p, r, c);
  }
  double y = r * p;
  for (int i = 0; i < 3; ++i) y *= y + 2.0;
  return mul_add(y, y + 2.0, 1.0);
}

double ExpFused(double x, double k) {
  return ExpReduced(x, k, [](double a, double b, double c) { return std::fma(a, b, c); });
}
double ExpPlain(double x, double k) {
  return ExpReduced(x, k, [](double a, double b, double c) { return a * b + c; });
}

double ExpOf(double x, double k) {
#if defined(__x86_64__)
  static const bool fused = __builtin_cpu_supports("avx") && __builtin_cpu_supports("fma");
  if (fused) return ExpFused(x, k);
#endif
  return ExpPlain(x, k);
}

// FDLIBM's e^(hi-lo) × 2^k.
double ExpMulti(double hi, double lo, int k) {
  constexpr double kP1 = 1.66666666666666657415e-01;
  constexpr double kP2 = -2.77777777770155933842e-03;
  constexpr double kP3 = 6.61375632143793436117e-05;
  constexpr double kP4 = -1.65339022054652515390e-06;
  constexpr double kP5 = 4.13813679705723846039e-08;
  const double r = hi - lo;
  const double t = r * r;
  const double c = r - t * (kP1 + t * (kP2 + t * (kP3 + t * (kP4 + t * kP5))));
  const double y = 1 - ((lo - (r * c) / (2 - c)) - hi);
  return std::ldexp(y, k);
}

bool IsOddInteger(double x) {
  if (std::abs(x) >= 0x1p53) return false;  // those are even
  const double whole = std::trunc(x);
  return whole == x && std::fmod(whole, 2) != 0;
}

// Powers with an argument that is no ordinary number; false when both are.
bool SpecialPow(double x, double y, double* out) {
  if (y == 0 || x == 1) {
    *out = 1;
  } else if (y == 1) {
    *out = x;
  } else if (std::isnan(x) || std::isnan(y)) {
    *out = kNaN;
  } else if (x == 0) {
    const bool odd = std::signbit(x) && IsOddInteger(y);
    *out = y < 0 ? (odd ? -kInf : kInf) : (odd ? x : 0.0);
  } else if (std::isinf(y)) {
    *out = x == -1 ? 1 : ((std::abs(x) < 1) == (y > 0) ? 0 : kInf);
  } else if (std::isinf(x)) {
    if (x < 0) {
      const bool odd = IsOddInteger(y);
      *out = y < 0 ? (odd ? -0.0 : 0.0) : (odd ? -kInf : kInf);
    } else {
      *out = y < 0 ? 0 : kInf;
    }
  } else if (y == 0.5) {
    *out = std::sqrt(x);
  } else if (y == -0.5) {
    *out = 1 / std::sqrt(x);
  } else {
    return false;
  }
  return true;
}

}  // namespace

double GoExp(double x) {
  if (std::isnan(x) || x == kInf) return x;
  if (x == -kInf) return 0;
  if (x > 7.09782712893384e+02) return kInf;
  if (x < -7.5e+02) return 0;
  // Rounded to even, as the conversion instruction does.
  const double k = std::nearbyint(x * kOneByLn2);
  const double y = ExpOf(x, k);
  return std::ldexp(y, static_cast<int>(k));
}

double GoExp2(double x) {
  if (std::isnan(x) || x == kInf) return x;
  if (x == -kInf) return 0;
  if (x > 1.0239999999999999e+03) return kInf;
  if (x < -1.0740e+03) return 0;
  const int k = x > 0 ? static_cast<int>(x + 0.5) : (x < 0 ? static_cast<int>(x - 0.5) : 0);
  const double t = x - k;
  return ExpMulti(t * kLn2Hi, -t * kLn2Lo, k);
}

double GoLog(double x) {
  constexpr double kL1 = 6.666666666666735130e-01;
  constexpr double kL2 = 3.999999999940941908e-01;
  constexpr double kL3 = 2.857142874366239149e-01;
  constexpr double kL4 = 2.222219843214978396e-01;
  constexpr double kL5 = 1.818357216161805012e-01;
  constexpr double kL6 = 1.531383769920937332e-01;
  constexpr double kL7 = 1.479819860511658591e-01;
  if (std::isnan(x) || x == kInf) return x;
  if (x < 0) return kNaN;
  if (x == 0) return -kInf;
  int exponent;
  double f1 = Split(x, &exponent);
  if (f1 < std::numbers::sqrt2 / 2) {
    f1 *= 2;
    --exponent;
  }
  const double f = f1 - 1;
  const double k = exponent;
  const double s = f / (2 + f);
  const double s2 = s * s;
  const double s4 = s2 * s2;
  const double t1 = s2 * (kL1 + s4 * (kL3 + s4 * (kL5 + s4 * kL7)));
  const double t2 = s4 * (kL2 + s4 * (kL4 + s4 * kL6));
  const double r = t1 + t2;
  const double hfsq = 0.5 * f * f;
  return k * kLn2Hi - ((hfsq - (s * (hfsq + r) + k * kLn2Lo)) - f);
}

double GoLog2(double x) {
  int exponent;
  const double fraction = Split(x, &exponent);
  // Powers of two are exact.
  if (fraction == 0.5) return exponent - 1;
  return GoLog(fraction) * kOneByLn2 + exponent;
}

double GoLog10(double x) { return GoLog(x) * kOneByLn10; }

double GoLog1p(double x) {
  constexpr double kSqrt2M1 = 4.142135623730950488017e-01;
  constexpr double kSqrt2HalfM1 = -2.928932188134524755992e-01;
  constexpr double kLp[] = {6.666666666666735130e-01, 3.999999999940941908e-01,
                            2.857142874366239149e-01, 2.222219843214978396e-01,
                            1.818357216161805012e-01, 1.531383769920937332e-01,
                            1.479819860511658591e-01};
  if (x < -1 || std::isnan(x)) return kNaN;
  if (x == -1) return -kInf;
  if (x == kInf) return kInf;
  const double size = std::abs(x);
  double f = 0;
  double c = 0;
  uint64_t mantissa = 0;
  int exponent = 1;
  if (size < kSqrt2M1) {
    if (size < 0x1p-29) return size < 0x1p-54 ? x : x - x * x * 0.5;
    if (x > kSqrt2HalfM1) {
      exponent = 0;
      f = x;
      mantissa = 1;
    }
  }
  if (exponent != 0) {
    double u = size < 0x1p53 ? 1.0 + x : x;
    mantissa = std::bit_cast<uint64_t>(u);
    exponent = static_cast<int>(mantissa >> 52) - 1023;
    if (size < 0x1p53) {
      c = exponent > 0 ? 1.0 - (u - x) : x - (u - 1.0);
      c /= u;
    }
    mantissa &= (uint64_t{1} << 52) - 1;
    if (mantissa < 0x0006a09e667f3bcd) {  // below sqrt 2
      u = std::bit_cast<double>(mantissa | 0x3ff0000000000000);
    } else {
      ++exponent;
      u = std::bit_cast<double>(mantissa | 0x3fe0000000000000);
      mantissa = ((uint64_t{1} << 52) - mantissa) >> 2;
    }
    f = u - 1.0;
  }
  const double k = exponent;
  const double hfsq = 0.5 * f * f;
  if (mantissa == 0) {  // |f| < 2^-20
    if (f == 0) {
      if (exponent == 0) return 0;
      c += k * kLn2Lo;
      return k * kLn2Hi + c;
    }
    const double r = hfsq * (1.0 - 0.66666666666666666 * f);
    if (exponent == 0) return f - r;
    return k * kLn2Hi - ((r - (k * kLn2Lo + c)) - f);
  }
  const double s = f / (2.0 + f);
  const double z = s * s;
  double r = kLp[6];
  for (int i = 5; i >= 0; --i) r = kLp[i] + z * r;
  r *= z;
  if (exponent == 0) return f - (hfsq - s * (hfsq + r));
  return k * kLn2Hi - ((hfsq - (s * (hfsq + r) + (k * kLn2Lo + c))) - f);
}

// The whole part of the exponent by repeated squaring of the fraction, the rest by exp and log.
double GoPow(double x, double y) {
  double special;
  if (SpecialPow(x, y, &special)) return special;
  double yi;
  double yf = std::modf(std::abs(y), &yi);
  if (yf != 0 && x < 0) return kNaN;
  if (yi >= 0x1p63) {
    if (x == -1) return 1;
    return (std::abs(x) < 1) == (y > 0) ? 0 : kInf;
  }
  double a = 1.0;
  int64_t ae = 0;
  if (yf != 0) {
    if (yf > 0.5) {
      yf -= 1;
      yi += 1;
    }
    a = GoExp(yf * GoLog(x));
  }
  int exponent;
  double x1 = Split(x, &exponent);
  int64_t xe = exponent;
  for (auto i = static_cast<int64_t>(yi); i != 0; i >>= 1) {
    if (xe < -(1 << 12) || (1 << 12) < xe) {
      ae += xe;
      break;
    }
    if (i & 1) {
      a *= x1;
      ae += xe;
    }
    x1 *= x1;
    xe *= 2;
    if (x1 < .5) {
      x1 += x1;
      --xe;
    }
  }
  if (y < 0) {
    a = 1 / a;
    ae = -ae;
  }
  return std::ldexp(a, static_cast<int>(ae));
}

double GoSinh(double v) {
  constexpr double kP0 = -0.6307673640497716991184787251e+6;
  constexpr double kP1 = -0.8991272022039509355398013511e+5;
  constexpr double kP2 = -0.2894211355989563807284660366e+4;
  constexpr double kP3 = -0.2630563213397497062819489e+2;
  constexpr double kQ0 = -0.6307673640497716991212077277e+6;
  constexpr double kQ1 = 0.1521517378790019070696485176e+5;
  constexpr double kQ2 = -0.173678953558233699533450911e+3;
  const double x = v < 0 ? -v : v;
  double y;
  if (x > 21) {
    y = GoExp(x) * 0.5;
  } else if (x > 0.5) {
    const double e = GoExp(x);
    y = (e - 1 / e) * 0.5;
  } else {
    const double sq = x * x;
    y = (((kP3 * sq + kP2) * sq + kP1) * sq + kP0) * x;
    y = y / (((sq + kQ2) * sq + kQ1) * sq + kQ0);
  }
  return v < 0 ? -y : y;
}

double GoCosh(double v) {
  const double x = std::abs(v);
  const double e = GoExp(x);
  return x > 21 ? e * 0.5 : (e + 1 / e) * 0.5;
}

double GoTanh(double x) {
  constexpr double kP[] = {-9.64399179425052238628e-1, -9.92877231001918586564e1,
                           -1.61468768441708447952e3};
  constexpr double kQ[] = {1.12811678491632931402e2, 2.23548839060100448583e3,
                           4.84406305325125486048e3};
  constexpr double kMaxLog = 8.8029691931113054295988e+01;
  const double z = std::abs(x);
  if (z > 0.5 * kMaxLog) return x < 0 ? -1 : 1;
  if (z >= 0.625) {
    const double s = GoExp(2 * z);
    const double y = 1 - 2 / (s + 1);
    return x < 0 ? -y : y;
  }
  if (x == 0) return x;
  const double s = x * x;
  return x + x * s * ((kP[0] * s + kP[1]) * s + kP[2]) / (((s + kQ[0]) * s + kQ[1]) * s + kQ[2]);
}

double GoAsinh(double v) {
  if (std::isnan(v) || std::isinf(v)) return v;
  const double x = std::abs(v);
  double y;
  if (x > 0x1p28) {
    y = GoLog(x) + kLn2;
  } else if (x > 2) {
    y = GoLog(2 * x + 1 / (std::sqrt(x * x + 1) + x));
  } else if (x < 0x1p-28) {
    y = x;
  } else {
    y = GoLog1p(x + x * x / (1 + std::sqrt(1 + x * x)));
  }
  return std::signbit(v) ? -y : y;
}

double GoAcosh(double x) {
  if (x < 1 || std::isnan(x)) return kNaN;
  if (x == 1) return 0;
  if (x >= 0x1p28) return GoLog(x) + kLn2;
  if (x > 2) return GoLog(2 * x - 1 / (x + std::sqrt(x * x - 1)));
  const double t = x - 1;
  return GoLog1p(t + std::sqrt(2 * t + t * t));
}

double GoAtanh(double v) {
  if (v < -1 || v > 1 || std::isnan(v)) return kNaN;
  if (v == 1) return kInf;
  if (v == -1) return -kInf;
  const double x = std::abs(v);
  double y;
  if (x < 0x1p-28) {
    y = x;
  } else if (x < 0.5) {
    const double twice = x + x;
    y = 0.5 * GoLog1p(twice + twice * x / (1 - x));
  } else {
    y = 0.5 * GoLog1p((x + x) / (1 - x));
  }
  return std::signbit(v) ? -y : y;
}

}  // namespace narthex::promql
