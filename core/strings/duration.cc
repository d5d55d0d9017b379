#include "core/strings/duration.h"

#include <array>
#include <limits>
#include <optional>

#include "core/strings/numbers.h"
#include "core/strings/quote.h"

namespace narthex {
namespace {

constexpr int64_t kMillisecond = 1;
constexpr int64_t kSecond = 1000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;
// The longest duration Go holds (int64 nanoseconds), in milliseconds.
constexpr uint64_t kMaxDurationMs = std::numeric_limits<int64_t>::max() / 1'000'000;

struct PromUnit {
  std::string_view name;
  int64_t ms;
  // Years and weeks are printed only when nothing remains: 90d reads better than 12w6d.
  bool exact;
};
// From big to small, the order in which they must be written.
constexpr PromUnit kPromUnits[] = {
    {"y", 365 * kDay, true},     {"w", 7 * kDay, true}, {"d", kDay, false},
    {"h", kHour, false},         {"m", kMinute, false}, {"s", kSecond, false},
    {"ms", kMillisecond, false},
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

size_t CountDigits(std::string_view text) {
  size_t n = 0;
  while (n < text.size() && IsDigit(text[n])) ++n;
  return n;
}

struct GoUnit {
  std::string_view name;
  int64_t nanos;
};
constexpr GoUnit kGoUnits[] = {
    {"ns", 1},
    {"us", 1000},
    {"\xC2\xB5s", 1000},  // U+00B5, micro sign
    {"\xCE\xBCs", 1000},  // U+03BC, Greek mu
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"m", 60'000'000'000},
    {"h", 3'600'000'000'000},
    {"d", 24 * 3'600'000'000'000},
    {"w", 7 * 24 * 3'600'000'000'000},
};

std::optional<int64_t> GoUnitNanos(std::string_view name) {
  for (const GoUnit& unit : kGoUnits) {
    if (unit.name == name) return unit.nanos;
  }
  return std::nullopt;
}

// One "12.5ms" of a Go duration, in nanoseconds; removes it from *text.
StatusOr<uint64_t> TakeGoTerm(std::string_view* text, std::string_view original) {
  auto invalid = [&] { return InvalidArgument("time: invalid duration {}", GoQuote(original)); };
  const size_t whole = CountDigits(*text);
  std::string_view rest = text->substr(whole);
  size_t fraction = 0;
  if (!rest.empty() && rest.front() == '.') {
    fraction = CountDigits(rest.substr(1));
    rest.remove_prefix(1 + fraction);
  }
  if (whole + fraction == 0) return invalid();
  size_t n = 0;
  while (n < rest.size() && rest[n] != '.' && !IsDigit(rest[n])) ++n;
  if (n == 0) {
    return InvalidArgument("time: missing unit in duration {}", GoQuote(original));
  }
  const auto unit = GoUnitNanos(rest.substr(0, n));
  if (!unit) {
    return InvalidArgument("time: unknown unit {} in duration {}", GoQuote(rest.substr(0, n)),
                           GoQuote(original));
  }
  const auto integer = whole == 0 ? 0 : ParseUint(text->substr(0, whole));
  __int128 nanos = integer ? static_cast<__int128>(*integer) * *unit : -1;
  if (nanos < 0) return invalid();
  if (fraction > 0) {
    // Nineteen digits are more than a nanosecond of the largest unit can show.
    const std::string_view digits = text->substr(whole + 1, std::min<size_t>(fraction, 18));
    double scale = 1;
    for (size_t i = 0; i < digits.size(); ++i) scale *= 10;
    nanos += static_cast<int64_t>(static_cast<double>(*ParseUint(digits)) *
                                  (static_cast<double>(*unit) / scale));
  }
  if (nanos > (static_cast<__int128>(1) << 63)) return invalid();
  text->remove_prefix(text->size() - rest.size() + n);
  return static_cast<uint64_t>(nanos);
}

// "1.5" for 1500 units of `per` thousandths and so on; trailing zeros and an empty fraction cut.
std::string TrimmedFraction(uint64_t value, uint64_t per) {
  std::string out = fmt::format("{}", value / per);
  if (value % per == 0) return out;
  std::string digits = fmt::format("{}", per + value % per).substr(1);
  while (digits.back() == '0') digits.pop_back();
  return out + "." + digits;
}

}  // namespace

StatusOr<int64_t> ParsePromDuration(std::string_view text) {
  if (text == "0") return 0;
  if (text.empty()) return InvalidArgument("empty duration string");
  const std::string_view original = text;
  auto invalid = [&] {
    return InvalidArgument("not a valid duration string: {}", GoQuote(original));
  };
  uint64_t total = 0;
  size_t next_unit = 0;
  while (!text.empty()) {
    size_t n = CountDigits(text);
    const auto value = ParseUint(text.substr(0, n));
    if (!value) return invalid();
    text.remove_prefix(n);
    n = 0;
    while (n < text.size() && !IsDigit(text[n])) ++n;
    if (n == 0) return invalid();
    const std::string_view name = text.substr(0, n);
    size_t unit = 0;
    while (unit < std::size(kPromUnits) && kPromUnits[unit].name != name) ++unit;
    if (unit == std::size(kPromUnits)) {
      return InvalidArgument("unknown unit {} in duration {}", GoQuote(name), GoQuote(original));
    }
    if (unit < next_unit) return invalid();
    next_unit = unit + 1;
    if (*value > kMaxDurationMs / static_cast<uint64_t>(kPromUnits[unit].ms)) {
      return InvalidArgument("duration out of range");
    }
    total += *value * static_cast<uint64_t>(kPromUnits[unit].ms);
    if (total > kMaxDurationMs) return InvalidArgument("duration out of range");
    text.remove_prefix(n);
  }
  return static_cast<int64_t>(total);
}

std::string FormatPromDuration(int64_t ms) {
  if (ms == 0) return "0s";
  std::string out = ms < 0 ? "-" : "";
  uint64_t rest = ms < 0 ? 0 - static_cast<uint64_t>(ms) : static_cast<uint64_t>(ms);
  for (const PromUnit& unit : kPromUnits) {
    const auto size = static_cast<uint64_t>(unit.ms);
    if (rest < size || (unit.exact && rest % size != 0)) continue;
    fmt::format_to(std::back_inserter(out), "{}{}", rest / size, unit.name);
    rest %= size;
  }
  return out;
}

StatusOr<int64_t> ParseGoDuration(std::string_view text) {
  const std::string_view original = text;
  auto invalid = [&] { return InvalidArgument("time: invalid duration {}", GoQuote(original)); };
  const bool negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (negative || text.front() == '+')) text.remove_prefix(1);
  if (text == "0") return 0;
  if (text.empty()) return invalid();
  uint64_t total = 0;
  constexpr uint64_t kLimit = uint64_t{1} << 63;
  while (!text.empty()) {
    NX_ASSIGN_OR_RETURN(const uint64_t term, TakeGoTerm(&text, original));
    if (term > kLimit - total) return invalid();
    total += term;
  }
  if (negative) return static_cast<int64_t>(0 - total);
  if (total >= kLimit) return invalid();
  return static_cast<int64_t>(total);
}

std::string FormatGoDuration(int64_t nanos) {
  if (nanos == 0) return "0s";
  const uint64_t v = nanos < 0 ? 0 - static_cast<uint64_t>(nanos) : static_cast<uint64_t>(nanos);
  std::string out;
  if (v < 1000) {
    out = fmt::format("{}ns", v);
  } else if (v < 1'000'000) {
    out = TrimmedFraction(v, 1000) + "\xC2\xB5s";
  } else if (v < 1'000'000'000) {
    out = TrimmedFraction(v, 1'000'000) + "ms";
  } else {
    const uint64_t minutes = v / 60'000'000'000;
    if (minutes >= 60) out += fmt::format("{}h", minutes / 60);
    if (minutes > 0) out += fmt::format("{}m", minutes % 60);
    out += TrimmedFraction(v % 60'000'000'000, 1'000'000'000) + "s";
  }
  return nanos < 0 ? "-" + out : out;
}

}  // namespace narthex
