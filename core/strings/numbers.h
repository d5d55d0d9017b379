#pragma once
// Numbers as Go writes and reads them (strconv), because they are visible everywhere.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace narthex {

// Go's fmt.Sprint(v): shortest digits; exponent form when < 1e-4 or >= 1e21.
std::string FormatFloat(double v);
void AppendFloat(std::string* out, double v);
// strconv.FormatFloat(v, 'g', -1, 64), the form of the exposition formats: exponent form from 1e+06
// up ("1e+06", "953880", "1e-05").
void AppendExpositionFloat(std::string* out, double v);
// The JSON API's sample value: 'f' between 1e-6 and 1e21, else 'e'. "NaN", "+Inf", "-Inf".
void AppendApiFloat(std::string* out, double v);
// 'e' form with the shortest digits: 1e+00 (alert values in /api/v1/alerts and /rules).
std::string FormatFloatE(double v);
// 'f' form with `precision` digits behind the point, or the shortest that round-trips for -1.
std::string FormatFloatF(double v, int precision);

// strconv.ParseFloat(text, 64): decimal, hex, underscores refused, inf/infinity/nan in any case,
// optional sign. nullopt on a syntax error; ±Inf on overflow, as Go's value on ErrRange.
std::optional<double> ParseFloat(std::string_view text);
std::optional<int64_t> ParseInt(std::string_view text);  // base 10, optional sign
std::optional<uint64_t> ParseUint(std::string_view text);

}  // namespace narthex
