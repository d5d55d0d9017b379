#pragma once
// Structured logging to stderr, logfmt or JSON, in the shape of Go's slog as upstream sets it up:
//
//   time=2026-01-02T03:04:05.678Z level=INFO source=head.cc:12 msg="Head ready" series=12
//
// Usage:  NX_LOG(Info, "Server is ready to receive web requests.");
//         NX_LOG(Warn, "Scrape failed", {"target", url}, {"err", MessageOf(status)});
//
// Thread safety: all functions; a line is written with one write(2).

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include "core/base/status.h"

namespace narthex {

enum class LogLevel { kDebug, kInfo, kWarn, kError };
enum class LogFormat { kLogfmt, kJson };

struct LogField {
  std::string_view key;
  std::string value;
  bool is_literal = false;  // a number or bool: no quotes in JSON

  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, const Status& status) : key(k), value(MessageOf(status)) {}
  template <typename T>
  LogField(std::string_view k, const T& v)
      : key(k), value(fmt::format("{}", v)), is_literal(std::is_integral_v<T>) {}
};

void SetLogLevel(LogLevel level);
void SetLogFormat(LogFormat format);
// "debug", "info", "warn", "error"; "logfmt", "json". InvalidArgument names the value.
StatusOr<LogLevel> ParseLogLevel(std::string_view text);
StatusOr<LogFormat> ParseLogFormat(std::string_view text);
bool LogEnabled(LogLevel level);

// Sends finished lines elsewhere (tests, the in-memory tail); nullptr restores stderr.
void SetLogSink(void (*sink)(std::string_view line));

void WriteLog(LogLevel level, const char* file, int line, std::string_view message,
              std::initializer_list<LogField> fields = {});

// Lets through one call an interval and counts what it held back: for logs that a peer can trigger.
class LogLimiter {
 public:
  explicit LogLimiter(int64_t interval_ms) : interval_ms_(interval_ms) {}
  // True when the caller may log now; *suppressed is how many calls were refused since the last
  // one.
  bool Allow(int64_t* suppressed);

 private:
  const int64_t interval_ms_;
  std::atomic<int64_t> next_ms_{0};
  std::atomic<int64_t> suppressed_{0};
};

}  // namespace narthex

#define NX_LOG(level, message, ...)                                                   \
  do {                                                                                \
    if (::narthex::LogEnabled(::narthex::LogLevel::k##level)) {                       \
      ::narthex::WriteLog(::narthex::LogLevel::k##level, __FILE__, __LINE__, message, \
                          {__VA_ARGS__});                                             \
    }                                                                                 \
  } while (false)
