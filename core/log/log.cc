#include "core/log/log.h"

#include <unistd.h>

#include "core/base/clock.h"
#include "core/json/writer.h"
#include "core/strings/duration.h"
#include "core/strings/quote.h"
#include "core/strings/utf8.h"

namespace narthex {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kInfo};
std::atomic<LogFormat> g_format{LogFormat::kLogfmt};
std::atomic<void (*)(std::string_view)> g_sink{nullptr};

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "DEBUG";
    case LogLevel::kInfo: return "INFO";
    case LogLevel::kWarn: return "WARN";
    case LogLevel::kError: return "ERROR";
  }
  return "INFO";
}

// slog's rule for values that need quotes.
bool NeedsQuotes(std::string_view text) {
  if (text.empty()) return true;
  while (!text.empty()) {
    const DecodedRune decoded = DecodeRune(text);
    const char32_t rune = decoded.rune;
    if (rune < 0x80) {
      if (rune <= ' ' || rune == '=' || rune == '"') return true;
    } else if (!decoded.valid || rune == kRuneError || IsSpaceRune(rune) ||
               !IsPrintableRune(rune)) {
      return true;
    }
    text.remove_prefix(decoded.width);
  }
  return false;
}

void AppendValue(std::string* out, std::string_view text) {
  if (NeedsQuotes(text)) {
    AppendGoQuoted(out, text);
  } else {
    out->append(text);
  }
}

std::string_view BaseName(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

struct Head {
  std::string time, source;
  std::string_view level;
};

std::string LogfmtLine(const Head& head, std::string_view message,
                       std::initializer_list<LogField> fields) {
  std::string out;
  out.reserve(128 + message.size());
  out.append("time=").append(head.time).append(" level=").append(head.level).append(" source=");
  AppendValue(&out, head.source);
  out.append(" msg=");
  AppendValue(&out, message);
  for (const LogField& field : fields) {
    out.push_back(' ');
    AppendValue(&out, field.key);
    out.push_back('=');
    AppendValue(&out, field.value);
  }
  out.push_back('\n');
  return out;
}

std::string JsonLine(const Head& head, std::string_view message,
                     std::initializer_list<LogField> fields) {
  std::string out;
  JsonWriter json(&out, /*escape_html=*/false);
  json.BeginObject().Member("time", head.time).Member("level", head.level);
  json.Member("source", head.source).Member("msg", message);
  for (const LogField& field : fields) {
    json.Key(field.key);
    if (field.is_literal) {
      json.Raw(field.value);
    } else {
      json.String(field.value);
    }
  }
  json.EndObject();
  out.push_back('\n');
  return out;
}

// One write(2) a line: lines of several threads do not mix. A log that cannot be written is lost.
void WriteToStderr(std::string_view line) {
  while (!line.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, line.data(), line.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    line.remove_prefix(static_cast<size_t>(n));
  }
}

}  // namespace

void SetLogLevel(LogLevel level) { g_level = level; }
void SetLogFormat(LogFormat format) { g_format = format; }
void SetLogSink(void (*sink)(std::string_view)) { g_sink = sink; }
bool LogEnabled(LogLevel level) { return level >= g_level.load(std::memory_order_relaxed); }

StatusOr<LogLevel> ParseLogLevel(std::string_view text) {
  const std::string lower = ToLowerAscii(text);
  if (lower == "debug") return LogLevel::kDebug;
  if (lower == "info") return LogLevel::kInfo;
  if (lower == "warn") return LogLevel::kWarn;
  if (lower == "error") return LogLevel::kError;
  return InvalidArgument("unrecognized log level {}", text);
}

StatusOr<LogFormat> ParseLogFormat(std::string_view text) {
  if (text == "logfmt") return LogFormat::kLogfmt;
  if (text == "json") return LogFormat::kJson;
  return InvalidArgument("unrecognized log format {}", text);
}

void WriteLog(LogLevel level, const char* file, int line, std::string_view message,
              std::initializer_list<LogField> fields) {
  const Head head{FormatRfc3339Millis(Clock::System().NowMs()),
                  fmt::format("{}:{}", BaseName(file), line), LevelName(level)};
  const std::string text = g_format.load() == LogFormat::kJson ? JsonLine(head, message, fields)
                                                               : LogfmtLine(head, message, fields);
  if (auto* sink = g_sink.load()) {
    sink(text);
  } else {
    WriteToStderr(text);
  }
}

bool LogLimiter::Allow(int64_t* suppressed) {
  const int64_t now_ms = Clock::System().MonotonicNanos() / 1'000'000;
  int64_t next = next_ms_.load(std::memory_order_relaxed);
  // Zero marks a limiter that was never asked: the monotonic clock may start anywhere.
  const bool due = next == 0 || now_ms >= next;
  if (!due || !next_ms_.compare_exchange_strong(next, now_ms + interval_ms_)) {
    suppressed_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  *suppressed = suppressed_.exchange(0);
  return true;
}

}  // namespace narthex
