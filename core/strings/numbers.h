#pragma once
// Numbers as Go writes and reads them (strconv), because they are visible everywhere.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace narthex {

// strconv.FormatFloat(v, 'g', -1, 64), fmt's %v and %g, and the form of the exposition formats:
// shortest digits; exponent form below 1e-04 and from 1e+06 up ("1e-05", "953880", "1e+06").
std::string FormatFloat(double v);
void AppendExpositionFloat(std::string* out, double v);
// The JSON API's sample value: 'f' between 1e-6 and 1e21, else 'e'. "NaN", "+Inf", "-Inf".
void AppendApiFloat(std::string* out, double v);
// The same at `to`, where kApiFloatBytes must be free; returns the end.
inline constexpr size_t kApiFloatBytes = 40;
char* FormatApiFloat(char* to, double v);
// The same for values of up to four decimals below 1e11, which most are; nullptr for others.
char* FormatShortDecimal(char* to, double v);
// 'e' form with the shortest digits: 1e+00 (alert values in /api/v1/alerts and /rules).
std::string FormatFloatE(double v);
// 'f' form with `precision` digits behind the point, or the shortest that round-trips for -1.
std::string FormatFloatF(double v, int precision);

// strconv.ParseFloat(text, 64): decimal, hex, underscores between digits, inf/infinity/nan in any
// case, optional sign. nullopt on a syntax error; ±Inf on overflow, as Go's value on ErrRange.
std::optional<double> ParseFloat(std::string_view text);
std::optional<int64_t> ParseInt(std::string_view text);  // base 10, optional sign
std::optional<uint64_t> ParseUint(std::string_view text);

}  // namespace narthex
