#pragma once
// Durations in Prometheus' and in Go's syntax, byte sizes, RFC 3339 times.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/status.h"

namespace narthex {

// model.ParseDuration: "1d2h", units y w d h m s ms in this order, each once, or "0". Milliseconds.
// InvalidArgument: not a valid duration string: "abc".
StatusOr<int64_t> ParsePromDuration(std::string_view text);
// model.Duration.String: "1d2h", "0s".
std::string FormatPromDuration(int64_t ms);
// time.ParseDuration plus the units d and w; nanoseconds. Errors in Go's wording.
StatusOr<int64_t> ParseGoDuration(std::string_view text);
// time.Duration.String: "1m30s", "1.5s", "100ms", "0s".
std::string FormatGoDuration(int64_t nanos);

// "512MB", "1GiB", "0"; powers of two whichever way it is written. Bytes.
StatusOr<int64_t> ParseSize(std::string_view text);
std::string FormatSize(int64_t bytes);

// RFC 3339 with up to nine fractional digits, trailing zeros cut, "Z".
std::string FormatRfc3339Nanos(int64_t unix_nanos);
// Exactly three fractional digits: "2026-01-02T03:04:05.678Z".
std::string FormatRfc3339Millis(int64_t unix_ms);
// Any RFC 3339 time with optional fraction and offset; nanoseconds since the epoch.
StatusOr<int64_t> ParseRfc3339(std::string_view text);
// The same in whole milliseconds, rounded down: any year from 0 to 9999.
StatusOr<int64_t> ParseRfc3339Millis(std::string_view text);

}  // namespace narthex
