// Trigonometric functions.

#include <bit>
#include <cstdint>
#include <numbers>

#include "server/promql/functions/go_math.h"

namespace narthex::promql {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kPi = std::numbers::pi;
constexpr double kFourByPi = 1.27323954473516268615107010698140931;
constexpr double kThreeQuartersPi = 2.35619449019234492884698253745962716;

// An angle brought to [-π/4, π/4] and the octant, made even, it came from.
struct Reduced {
  uint64_t octant;
  double angle;
};

// Binary digits of 4/π, the first word being the whole part.
constexpr uint64_t kFourOverPi[] = {
    0x0000000000000001, 0x45f306dc9c882a53, 0xf84eafa3ea69bb81, 0xb6c52b3278872083,
    0xfca2c757bd778ac3, 0x6e48dc74849ba5c0, 0x0c925dd413a32439, 0xfc3bd63962534e7d,
    0xd1046bea5d768909, 0xd338e04d68befc82, 0x7323ac7306a673e9, 0x3908bf177bf25076,
    0x3ff12fffbc0b301f, 0xde5e2316b414da3e, 0xda6cfd9e4f96136e, 0x9e8c7ecd3cbfd45a,
    0xea4f758fd7cbe2f6, 0x7a0e73ef14a525d4, 0xd7f6bf623f1aba10, 0xac06608df8f6d757,
};

// Payne and Hanek: multiplies the mantissa with those digits of 4/π that matter.
Reduced ReduceLarge(double x) {
  uint64_t mantissa = std::bit_cast<uint64_t>(x);
  const int exponent = static_cast<int>(mantissa >> 52 & 0x7ff) - 1023 - 52;
  mantissa = (mantissa & ((uint64_t{1} << 52) - 1)) | uint64_t{1} << 52;
  const auto at = static_cast<unsigned>(exponent + 61);
  const unsigned word = at / 64;
  const unsigned shift = at % 64;
  const auto digits = [&](unsigned i) {
    return shift == 0 ? kFourOverPi[i]
                      : kFourOverPi[i] << shift | kFourOverPi[i + 1] >> (64 - shift);
  };
  using Wide = unsigned __int128;
  const auto low = static_cast<uint64_t>(Wide{digits(word + 2)} * mantissa >> 64);
  const Wide middle = Wide{digits(word + 1)} * mantissa + low;
  uint64_t hi = digits(word) * mantissa + static_cast<uint64_t>(middle >> 64);
  const auto lo = static_cast<uint64_t>(middle);
  uint64_t octant = hi >> 61;
  hi = hi << 3 | lo >> 61;
  const auto zeros = static_cast<unsigned>(std::countl_zero(hi));
  const uint64_t biased = 1023 - (zeros + 1);
  hi = (zeros >= 63 ? 0 : hi << (zeros + 1)) | (lo >> (64 - (zeros + 1)) % 64);
  hi >>= 64 - 52;
  double z = std::bit_cast<double>(hi | biased << 52);
  if (octant & 1) {
    octant = (octant + 1) & 7;
    z -= 1;
  }
  return {octant, z * (kPi / 4)};
}

Reduced Reduce(double x) {
  if (x >= 0x1p29) return ReduceLarge(x);
  // π/4 in three parts.
  constexpr double kA = 7.85398125648498535156e-1;
  constexpr double kB = 3.77489470793079817668e-8;
  constexpr double kC = 2.69515142907905952645e-15;
  auto octant = static_cast<uint64_t>(x * kFourByPi);
  auto y = static_cast<double>(octant);
  if (octant & 1) {
    ++octant;
    y += 1;
  }
  return {octant & 7, ((x - y * kA) - y * kB) - y * kC};
}

double SinPoly(double z) {
  const double zz = z * z;
  return z + z * zz *
                 ((((((1.58962301576546568060e-10 * zz) + -2.50507477628578072866e-8) * zz +
                     2.75573136213857245213e-6) *
                        zz +
                    -1.98412698295895385996e-4) *
                       zz +
                   8.33333333332211858878e-3) *
                      zz +
                  -1.66666666666666307295e-1);
}

double CosPoly(double z) {
  const double zz = z * z;
  return 1.0 - 0.5 * zz +
         zz * zz *
             ((((((-1.13585365213876817300e-11 * zz) + 2.08757008419747316778e-9) * zz +
                 -2.75573141792967388112e-7) *
                    zz +
                2.48015872888517045348e-5) *
                   zz +
               -1.38888888888730564116e-3) *
                  zz +
              4.16666666666665929218e-2);
}

// atan for [0, 0.66].
double AtanPoly(double x) {
  constexpr double kP[] = {-8.750608600031904122785e-01, -1.615753718733365076637e+01,
                           -7.500855792314704667340e+01, -1.228866684490136173410e+02,
                           -6.485021904942025371773e+01};
  constexpr double kQ[] = {+2.485846490142306297962e+01, +1.650270098316988542046e+02,
                           +4.328810604912902668951e+02, +4.853903996359136964868e+02,
                           +1.945506571482613964425e+02};
  double z = x * x;
  z = z * ((((kP[0] * z + kP[1]) * z + kP[2]) * z + kP[3]) * z + kP[4]) /
      (((((z + kQ[0]) * z + kQ[1]) * z + kQ[2]) * z + kQ[3]) * z + kQ[4]);
  return x * z + x;
}

// atan for positive numbers.
double AtanPositive(double x) {
  constexpr double kMoreBits = 6.123233995736765886130e-17;  // of π/2
  constexpr double kTan3Pi8 = 2.41421356237309504880;
  if (x <= 0.66) return AtanPoly(x);
  if (x > kTan3Pi8) return kPi / 2 - AtanPoly(1 / x) + kMoreBits;
  return kPi / 4 + AtanPoly((x - 1) / (x + 1)) + 0.5 * kMoreBits;
}

}  // namespace

double GoSin(double x) {
  if (x == 0 || std::isnan(x)) return x;
  if (std::isinf(x)) return kNaN;
  bool negative = x < 0;
  auto [octant, z] = Reduce(std::abs(x));
  if (octant > 3) {
    negative = !negative;
    octant -= 4;
  }
  const double y = octant == 1 || octant == 2 ? CosPoly(z) : SinPoly(z);
  return negative ? -y : y;
}

double GoCos(double x) {
  if (std::isnan(x) || std::isinf(x)) return kNaN;
  bool negative = false;
  auto [octant, z] = Reduce(std::abs(x));
  if (octant > 3) {
    octant -= 4;
    negative = !negative;
  }
  if (octant > 1) negative = !negative;
  const double y = octant == 1 || octant == 2 ? SinPoly(z) : CosPoly(z);
  return negative ? -y : y;
}

double GoTan(double x) {
  if (x == 0 || std::isnan(x)) return x;
  if (std::isinf(x)) return kNaN;
  const auto [octant, z] = Reduce(std::abs(x));
  const double zz = z * z;
  double y = z;
  if (zz > 1e-14) {
    y = z + z * (zz *
                 (((-1.30936939181383786490e+04 * zz) + 1.15351664838587416140e6) * zz +
                  -1.79565251976484877988e7) /
                 ((((zz + 1.36812963470692954678e4) * zz + -1.32089234440210967447e6) * zz +
                   2.50083801823357915839e7) *
                      zz +
                  -5.38695755929454629881e7));
  }
  if (octant & 2) y = -1 / y;
  return x < 0 ? -y : y;
}

double GoAsin(double v) {
  if (v == 0) return v;
  const double x = std::abs(v);
  if (!(x <= 1)) return kNaN;
  const double root = std::sqrt(1 - x * x);
  const double y = x > 0.7 ? kPi / 2 - AtanPositive(root / x) : AtanPositive(x / root);
  return v < 0 ? -y : y;
}

double GoAcos(double x) { return kPi / 2 - GoAsin(x); }

double GoAtan(double x) {
  if (x == 0) return x;
  return x > 0 ? AtanPositive(x) : -AtanPositive(-x);
}

double GoAtan2(double y, double x) {
  if (std::isnan(y) || std::isnan(x)) return kNaN;
  if (y == 0) return std::copysign(std::signbit(x) ? kPi : 0, y);
  if (x == 0) return std::copysign(kPi / 2, y);
  if (std::isinf(x)) {
    if (x > 0) return std::copysign(std::isinf(y) ? kPi / 4 : 0, y);
    return std::copysign(std::isinf(y) ? kThreeQuartersPi : kPi, y);
  }
  if (std::isinf(y)) return std::copysign(kPi / 2, y);
  const double q = GoAtan(y / x);
  if (x < 0) return q <= 0 ? q + kPi : q - kPi;
  return q;
}

}  // namespace narthex::promql
