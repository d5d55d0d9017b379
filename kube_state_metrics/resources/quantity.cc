#include "kube_state_metrics/resources/quantity.h"

#include <cstdint>
#include <limits>

namespace narthex::ksm {
namespace {

using Wide = unsigned __int128;

constexpr Wide kMax = static_cast<Wide>(std::numeric_limits<int64_t>::max());
// Thousandths of anything up to this fit 64 bits.
constexpr double kMaxMilliValue = 9223372036854775.0;

struct Suffix {
  int power_of_ten = 0;
  int power_of_two = 0;
};

std::optional<int> ParseExponent(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty() || text.size() > 3) return std::nullopt;
  int exponent = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    exponent = exponent * 10 + (c - '0');
  }
  return negative ? -exponent : exponent;
}

std::optional<Suffix> ParseSuffix(std::string_view text) {
  constexpr std::string_view kDecimal = "num?kMGTPE";  // 10^-9, 10^-6, …; "" stands at '?'
  constexpr std::string_view kBinary = "KMGTPE";       // 2^10, 2^20, …
  if (text.empty()) return Suffix{};
  if (text.size() == 1 && text != "?") {
    const size_t i = kDecimal.find(text[0]);
    if (i != std::string_view::npos) return Suffix{.power_of_ten = 3 * static_cast<int>(i) - 9};
  }
  if (text.size() == 2 && text[1] == 'i') {
    const size_t i = kBinary.find(text[0]);
    if (i != std::string_view::npos) return Suffix{.power_of_two = 10 * static_cast<int>(i + 1)};
  }
  if (text[0] == 'e' || text[0] == 'E') {
    if (const auto exponent = ParseExponent(text.substr(1)))
      return Suffix{.power_of_ten = *exponent};
  }
  return std::nullopt;
}

// mantissa * 10^power, rounded up, at most kMax.
double Scale(Wide mantissa, int power) {
  for (; power > 0 && mantissa < kMax && mantissa != 0; --power) mantissa *= 10;
  bool rest = false;
  for (; power < 0 && mantissa != 0; ++power) {
    rest = rest || mantissa % 10 != 0;
    mantissa /= 10;
  }
  if (rest) ++mantissa;
  return static_cast<double>(static_cast<int64_t>(mantissa < kMax ? mantissa : kMax));
}

}  // namespace

double Quantity::Fraction() const {
  return value > kMaxMilliValue || value < -kMaxMilliValue ? value : milli / 1000;
}

std::optional<Quantity> ParseQuantity(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  // 19 digits and a factor of 2^60 stay below 2^128. Further digits before the point are more than
  // the greatest quantity; behind it they only say whether there is a rest.
  Wide mantissa = 0;
  int digits = 0;
  int power = 0;
  bool any = false;
  bool fraction = false;
  bool rest = false;
  size_t i = 0;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.' && !fraction) {
      fraction = true;
      continue;
    }
    if (c < '0' || c > '9') break;
    any = true;
    if (digits < 19) {
      mantissa = mantissa * 10 + static_cast<unsigned>(c - '0');
      digits += mantissa != 0 ? 1 : 0;
      power -= fraction ? 1 : 0;
    } else {
      rest = rest || c != '0';
      power += fraction ? 0 : 1;
    }
  }
  const auto suffix = ParseSuffix(text.substr(i));
  if (!any || !suffix || i > 256) return std::nullopt;
  if (suffix->power_of_two != 0) mantissa <<= suffix->power_of_two;
  if (rest) ++mantissa;
  power += suffix->power_of_ten;
  const double sign = negative ? -1 : 1;
  return Quantity{.value = sign * Scale(mantissa, power),
                  .milli = sign * Scale(mantissa, power + 3)};
}

}  // namespace narthex::ksm
