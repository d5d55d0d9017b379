#include "core/template/humanize.h"

#include <clocale>
#include <cmath>
#include <cwctype>

#include "core/strings/numbers.h"
#include "core/strings/utf8.h"

namespace narthex::tmpl {
namespace {

constexpr std::string_view kSmall[] = {"m", "u", "n", "p", "f", "a", "z", "y"};

std::string FourDigits(double v) {
  const Value value(v);
  return Printf("%.4g", std::span(&value, 1));
}

std::string ScaleUp(double v, double base, std::string_view suffix) {
  constexpr std::string_view kLarge[] = {"k", "M", "G", "T", "P", "E", "Z", "Y"};
  std::string prefix;
  for (std::string_view p : kLarge) {
    if (std::fabs(v) < base) break;
    prefix = std::string(p) + std::string(suffix);
    v /= base;
  }
  return FourDigits(v) + prefix;
}

std::string ScaleDown(double v, std::string_view suffix) {
  std::string_view prefix;
  for (std::string_view p : kSmall) {
    if (std::fabs(v) >= 1) break;
    prefix = p;
    v *= 1000;
  }
  return fmt::format("{}{}{}", FourDigits(v), prefix, suffix);
}

// glibc's own UTF-8 tables; the process locale stays untouched.
locale_t Utf8Locale() {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return locale;
}

char32_t MapRune(char32_t rune, bool upper) {
  if (rune < 0x80) {
    if (upper) return rune >= 'a' && rune <= 'z' ? rune - 32 : rune;
    return rune >= 'A' && rune <= 'Z' ? rune + 32 : rune;
  }
  if (Utf8Locale() == nullptr) return rune;
  const auto wide = static_cast<wint_t>(rune);
  return static_cast<char32_t>(upper ? towupper_l(wide, Utf8Locale())
                                     : towlower_l(wide, Utf8Locale()));
}

bool IsLetterOrDigit(char32_t rune) {
  if (rune < 0x80) {
    return (rune >= '0' && rune <= '9') || ((rune | 0x20) >= 'a' && (rune | 0x20) <= 'z') ||
           rune == '_';
  }
  return Utf8Locale() == nullptr || iswalnum_l(static_cast<wint_t>(rune), Utf8Locale()) != 0 ||
         !IsSpaceRune(rune);
}

template <typename Mapping>
std::string MapRunes(std::string_view text, Mapping mapping) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const DecodedRune rune = DecodeRune(text.substr(i));
    if (rune.valid) {
      AppendRune(&out, mapping(rune.rune));
    } else {
      AppendRune(&out, kRuneError);
    }
    i += rune.width;
  }
  return out;
}

}  // namespace

StatusOr<double> ToFloat(const Value& value) {
  if (value.kind() == Value::Kind::kFloat) return value.as_float();
  if (value.kind() == Value::Kind::kInt) return static_cast<double>(value.as_int());
  if (value.is_string()) {
    const std::optional<double> v = ParseFloat(value.as_string());
    if (v.has_value()) return *v;
    return InvalidArgument("strconv.ParseFloat: parsing {}: invalid syntax",
                           Printf("%q", std::span(&value, 1)));
  }
  return InvalidArgument("can't convert {} to float", value.TypeName());
}

std::string Humanize(double v) {
  if (v == 0 || !std::isfinite(v)) return FourDigits(v);
  return std::fabs(v) >= 1 ? ScaleUp(v, 1000, "") : ScaleDown(v, "");
}

std::string Humanize1024(double v) {
  if (std::fabs(v) <= 1 || !std::isfinite(v)) return FourDigits(v);
  return ScaleUp(v, 1024, "i");
}

std::string HumanizeDuration(double v) {
  if (!std::isfinite(v)) return FourDigits(v);
  if (v == 0) return FourDigits(v) + "s";
  if (std::fabs(v) < 1) return ScaleDown(v, "s");
  const std::string sign = v < 0 ? "-" : "";
  v = std::fabs(v);
  if (v < 60) return sign + FourDigits(v) + "s";
  const auto whole = static_cast<int64_t>(std::min(v, 9e18));
  const int64_t s = whole % 60, m = whole / 60 % 60, h = whole / 3600 % 24, d = whole / 86400;
  if (d != 0) return fmt::format("{}{}d {}h {}m {}s", sign, d, h, m, s);
  if (h != 0) return fmt::format("{}{}h {}m {}s", sign, h, m, s);
  return fmt::format("{}{}m {}s", sign, m, s);
}

std::string HumanizePercentage(double v) { return FourDigits(v * 100) + "%"; }

std::string Title(std::string_view text) {
  bool inside = false;
  return MapRunes(text, [&inside](char32_t rune) {
    const char32_t mapped = inside ? rune : MapRune(rune, true);
    inside = IsLetterOrDigit(rune);
    return mapped;
  });
}

std::string ToUpper(std::string_view text) {
  return MapRunes(text, [](char32_t rune) { return MapRune(rune, true); });
}

std::string ToLower(std::string_view text) {
  return MapRunes(text, [](char32_t rune) { return MapRune(rune, false); });
}

}  // namespace narthex::tmpl
