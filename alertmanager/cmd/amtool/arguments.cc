#include "alertmanager/cmd/amtool/arguments.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "core/base/file.h"
#include "core/strings/duration.h"
#include "core/strings/quote.h"

namespace narthex::am {
namespace {

constexpr std::string_view kLayout = "2006-01-02T15:04:05Z07:00";

// How much of the text stands for the element at the start of it.
size_t LengthOf(std::string_view element, std::string_view text) {
  auto digits = [&](size_t count) {
    if (text.size() < count) return size_t{0};
    return std::all_of(text.begin(), text.begin() + count,
                       [](char c) { return c >= '0' && c <= '9'; })
               ? count
               : 0;
  };
  if (element == "Z07:00") {
    if (text.starts_with('Z')) return 1;
    return text.size() >= 6 && (text[0] == '+' || text[0] == '-') ? 6 : 0;
  }
  if (element.size() > 1) return digits(element.size());
  return text.starts_with(element) ? 1 : 0;
}

// The first element of the layout that the text does not have.
Status ExplainTime(std::string_view text, const Status& otherwise) {
  std::string_view rest = text;
  for (std::string_view element :
       {"2006", "-", "01", "-", "02", "T", "15", ":", "04", ":", "05", "Z07:00"}) {
    if (element == "Z07:00" && rest.size() > 1 && (rest[0] == '.' || rest[0] == ',')) {
      size_t end = 1;
      while (end < rest.size() && rest[end] >= '0' && rest[end] <= '9') ++end;
      rest.remove_prefix(end);
    }
    const size_t length = LengthOf(element, rest);
    if (length == 0) {
      return InvalidArgument("parsing time {} as {}: cannot parse {} as {}", GoQuote(text),
                             GoQuote(kLayout), GoQuote(rest), GoQuote(element));
    }
    rest.remove_prefix(length);
  }
  if (rest.empty()) return otherwise;
  return InvalidArgument("parsing time {}: extra text: {}", GoQuote(text), GoQuote(rest));
}

}  // namespace

void ExpandAlertName(std::vector<std::string>* arguments) {
  if (arguments->empty() || ParseMatcher(arguments->front()).ok()) return;
  arguments->front() = "alertname=" + GoQuote(arguments->front());
}

StatusOr<Matchers> ParseMatcherArguments(const std::vector<std::string>& arguments) {
  Matchers matchers;
  for (const std::string& argument : arguments) {
    NX_ASSIGN_OR_RETURN(Matcher matcher, ParseMatcher(argument));
    matchers.push_back(std::move(matcher));
  }
  return matchers;
}

StatusOr<PairMap> ParsePairs(const std::vector<std::string>& arguments, std::string_view what) {
  NX_ASSIGN_OR_RETURN(const Matchers matchers, ParseMatcherArguments(arguments));
  PairMap pairs;
  for (const Matcher& matcher : matchers) {
    if (matcher.type() != MatchType::kEqual) {
      return InvalidArgument("{} must be specified as key=value pairs", what);
    }
    pairs[matcher.name()] = matcher.value();
  }
  return pairs;
}

StatusOr<Time> ParseTimeArgument(std::string_view text) {
  if (text.empty()) return Time{};
  const StatusOr<Time> time = ParseTime(text);
  if (time.ok() && text.size() > 10) return time;  // a date alone is none
  return ExplainTime(text, time.status());
}

StatusOr<int64_t> ParseSilenceDuration(std::string_view text) {
  NX_ASSIGN_OR_RETURN(const int64_t ms, ParsePromDuration(text));
  if (ms == 0) return InvalidArgument("silence duration must be greater than 0");
  return ms * 1'000'000;
}

std::string UserName() {
  // Not getpwuid, which needs shared libraries where the program has none.
  const StatusOr<std::string> passwd = ReadFile("/etc/passwd", 4 << 20);
  const std::string uid = std::to_string(getuid());
  if (passwd.ok()) {
    for (std::string_view line : SplitString(*passwd, '\n')) {
      const std::vector<std::string_view> fields = SplitString(line, ':');
      if (fields.size() > 2 && fields[2] == uid) return std::string(fields[0]);
    }
  }
  const char* user = std::getenv("USER");
  return user == nullptr ? "" : user;
}

}  // namespace narthex::am
