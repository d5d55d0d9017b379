// RFC 3339 times on the proleptic Gregorian calendar (days and civil dates after Howard Hinnant's
// "chrono-Compatible Low-Level Date Algorithms").
#include <limits>
#include <optional>

#include "core/strings/duration.h"
#include "core/strings/quote.h"

namespace narthex {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr int64_t kSecondsPerDay = 86'400;

struct Civil {
  int64_t year;
  unsigned month, day;
};

Civil CivilFromDays(int64_t days) {
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const auto doe = static_cast<unsigned>(days - era * 146097);
  const unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const unsigned mp = (5 * doy + 2) / 153;
  const unsigned month = mp < 10 ? mp + 3 : mp - 9;
  return {static_cast<int64_t>(yoe) + era * 400 + (month <= 2), month,
          doy - (153 * mp + 2) / 5 + 1};
}

int64_t DaysFromCivil(int64_t year, unsigned month, unsigned day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto yoe = static_cast<unsigned>(year - era * 400);
  const unsigned doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + static_cast<int64_t>(doe) - 719468;
}

int64_t FloorDiv(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

int64_t FloorMod(int64_t a, int64_t b) {
  const int64_t rest = a % b;
  return rest < 0 ? rest + b : rest;
}

// Without fraction and zone.
std::string FormatSeconds(int64_t unix_seconds) {
  const int64_t days = FloorDiv(unix_seconds, kSecondsPerDay);
  const int64_t second = unix_seconds - days * kSecondsPerDay;
  const Civil c = CivilFromDays(days);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", c.year, c.month, c.day, second / 3600,
                     second / 60 % 60, second % 60);
}

unsigned DaysInMonth(unsigned year, unsigned month) {
  constexpr unsigned kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

// Consumes fixed-width fields; after the first failure every further read fails.
class FieldReader {
 public:
  explicit FieldReader(std::string_view text) : text_(text) {}
  unsigned Digits(size_t count) {
    unsigned value = 0;
    if (text_.size() < count) return Fail();
    for (size_t i = 0; i < count; ++i) {
      if (text_[i] < '0' || text_[i] > '9') return Fail();
      value = value * 10 + static_cast<unsigned>(text_[i] - '0');
    }
    text_.remove_prefix(count);
    return value;
  }
  bool Accept(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  void Expect(char c) {
    if (!Accept(c)) Fail();
  }
  // Digits behind the point, as nanoseconds; those beyond the ninth are dropped.
  int64_t Fraction() {
    int64_t nanos = 0, scale = kNanosPerSecond / 10;
    size_t n = 0;
    for (; n < text_.size() && text_[n] >= '0' && text_[n] <= '9'; ++n, scale /= 10) {
      nanos += (text_[n] - '0') * scale;
    }
    if (n == 0) Fail();
    text_.remove_prefix(std::min(n, text_.size()));
    return nanos;
  }
  bool done() const { return ok_ && text_.empty(); }

 private:
  unsigned Fail() {
    ok_ = false;
    text_ = {};
    return 0;
  }
  std::string_view text_;
  bool ok_ = true;
};

// Seconds east of UTC; nullopt when out of range. Fails the reader on a syntax error.
std::optional<int64_t> ReadZone(FieldReader* in) {
  if (in->Accept('Z')) return 0;
  const bool west = in->Accept('-');
  if (!west) in->Expect('+');
  const unsigned hours = in->Digits(2);
  in->Expect(':');
  const unsigned minutes = in->Digits(2);
  if (hours > 24 || minutes > 59) return std::nullopt;
  const int64_t offset = hours * 3600 + minutes * 60;
  return west ? -offset : offset;
}

}  // namespace

std::string FormatRfc3339Nanos(int64_t unix_nanos) {
  const int64_t seconds = FloorDiv(unix_nanos, kNanosPerSecond);
  const int64_t nanos = FloorMod(unix_nanos, kNanosPerSecond);
  std::string out = FormatSeconds(seconds);
  if (nanos != 0) {
    std::string fraction = fmt::format(".{:09}", nanos);
    while (fraction.back() == '0') fraction.pop_back();
    out += fraction;
  }
  return out + "Z";
}

std::string FormatRfc3339Millis(int64_t unix_ms) {
  const int64_t seconds = FloorDiv(unix_ms, 1000);
  return FormatSeconds(seconds) + fmt::format(".{:03}Z", FloorMod(unix_ms, 1000));
}

namespace {

struct Instant {
  int64_t seconds, nanos;
};

StatusOr<Instant> ParseInstant(std::string_view text) {
  auto invalid = [&] {
    return InvalidArgument("parsing time {} as RFC 3339: cannot parse", GoQuote(text));
  };
  FieldReader in(text);
  const unsigned year = in.Digits(4);
  in.Expect('-');
  const unsigned month = in.Digits(2);
  in.Expect('-');
  const unsigned day = in.Digits(2);
  in.Expect('T');
  const unsigned hour = in.Digits(2);
  in.Expect(':');
  const unsigned minute = in.Digits(2);
  in.Expect(':');
  const unsigned second = in.Digits(2);
  const int64_t nanos = in.Accept('.') || in.Accept(',') ? in.Fraction() : 0;
  const auto offset = ReadZone(&in);
  if (!in.done() || !offset) return invalid();
  if (month < 1 || month > 12 || day < 1 || day > DaysInMonth(year, month) || hour > 23 ||
      minute > 59 || second > 59) {
    return InvalidArgument("parsing time {}: out of range", GoQuote(text));
  }
  const int64_t seconds = DaysFromCivil(year, month, day) * kSecondsPerDay + int64_t{hour} * 3600 +
                          int64_t{minute} * 60 + second - *offset;
  return Instant{seconds, nanos};
}

}  // namespace

StatusOr<int64_t> ParseRfc3339(std::string_view text) {
  NX_ASSIGN_OR_RETURN(const Instant time, ParseInstant(text));
  const __int128 total = static_cast<__int128>(time.seconds) * kNanosPerSecond + time.nanos;
  if (total > std::numeric_limits<int64_t>::max() || total < std::numeric_limits<int64_t>::min()) {
    return OutOfRange("parsing time {}: out of range", GoQuote(text));
  }
  return static_cast<int64_t>(total);
}

StatusOr<int64_t> ParseRfc3339Millis(std::string_view text) {
  NX_ASSIGN_OR_RETURN(const Instant time, ParseInstant(text));
  return time.seconds * 1000 + time.nanos / 1'000'000;
}

}  // namespace narthex
