// Byte sizes, as github.com/alecthomas/units reads and prints them in base 2.
#include <array>

#include "core/strings/duration.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"

namespace narthex {
namespace {

constexpr std::string_view kPrefixes = "KMGTPE";

// The multiplier of "B", "KB", "KiB", "K" is refused. 0 for an unknown unit.
double UnitBytes(std::string_view unit) {
  if (unit == "B") return 1;
  if (unit.size() < 2 || unit.back() != 'B') return 0;
  const size_t power = kPrefixes.find(unit.front());
  const std::string_view middle = unit.substr(1, unit.size() - 2);
  if (power == std::string_view::npos || (!middle.empty() && middle != "i")) return 0;
  double bytes = 1;
  for (size_t i = 0; i <= power; ++i) bytes *= 1024;
  return bytes;
}

bool IsNumberByte(char c) { return (c >= '0' && c <= '9') || c == '.'; }

}  // namespace

StatusOr<int64_t> ParseSize(std::string_view text) {
  const std::string original(text);
  const bool negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (negative || text.front() == '+')) text.remove_prefix(1);
  if (text == "0") return 0;
  if (text.empty()) return InvalidArgument("units: invalid {}", original);
  double total = 0;
  while (!text.empty()) {
    size_t n = 0;
    while (n < text.size() && IsNumberByte(text[n])) ++n;
    const auto value = ParseFloat(text.substr(0, n));
    if (!value) return InvalidArgument("units: invalid {}", original);
    text.remove_prefix(n);
    n = 0;
    while (n < text.size() && !IsNumberByte(text[n])) ++n;
    const double unit = UnitBytes(text.substr(0, n));
    if (unit == 0) {
      return InvalidArgument("units: unknown unit {} in {}", text.substr(0, n), original);
    }
    total += *value * unit;
    text.remove_prefix(n);
  }
  if (!(total < 0x1p63)) return InvalidArgument("units: overflow parsing unit");
  return negative ? -static_cast<int64_t>(total) : static_cast<int64_t>(total);
}

std::string FormatSize(int64_t bytes) {
  if (bytes == 0) return "0B";
  const bool negative = bytes < 0;
  uint64_t rest = negative ? 0 - static_cast<uint64_t>(bytes) : static_cast<uint64_t>(bytes);
  std::string out;
  for (size_t i = 0; rest != 0; ++i, rest /= 1024) {
    if (rest % 1024 == 0) continue;
    const std::string unit = i == 0 ? "B" : fmt::format("{}iB", kPrefixes[i - 1]);
    out.insert(0, fmt::format("{}{}", rest % 1024, unit));
  }
  return negative ? "-" + out : out;
}

}  // namespace narthex
