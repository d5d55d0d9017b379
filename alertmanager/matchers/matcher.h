#pragma once
// Label matchers of Alertmanager: those of routes, inhibition rules, silences and API filters.
//
// They print and sort as upstream's do: the text goes into group keys, which are identifiers in
// other systems. Regular expressions are anchored and, unlike PromQL's, dot does not match a
// newline.
//
// Thread safety: immutable.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/labels/labels.h"
#include "core/labels/matcher.h"

namespace narthex::am {

class Matcher {
 public:
  static StatusOr<Matcher> Create(MatchType type, std::string name, std::string value);

  MatchType type() const { return type_; }
  const std::string& name() const { return name_; }
  const std::string& value() const { return value_; }
  bool is_regex() const { return type_ == MatchType::kRegex || type_ == MatchType::kNotRegex; }
  bool Matches(std::string_view value) const { return compiled_.Matches(value); }
  bool Matches(const Labels& labels) const { return compiled_.Matches(labels.Get(name_)); }

  // name="value", the value escaped as OpenMetrics does; names that are no legacy names are quoted.
  std::string ToString() const { return TextOf(type_, name_, value_); }
  static std::string TextOf(MatchType type, std::string_view name, std::string_view value);

  friend bool operator==(const Matcher& a, const Matcher& b) {
    return a.type_ == b.type_ && a.name_ == b.name_ && a.value_ == b.value_;
  }
  // By name, value, type: upstream's order.
  friend bool operator<(const Matcher& a, const Matcher& b);

 private:
  Matcher(MatchType type, std::string name, std::string value, narthex::Matcher compiled)
      : type_(type),
        name_(std::move(name)),
        value_(std::move(value)),
        compiled_(std::move(compiled)) {}

  MatchType type_;
  std::string name_;
  std::string value_;
  narthex::Matcher compiled_;
};

using Matchers = std::vector<Matcher>;

bool MatchesAll(const Matchers& matchers, const Labels& labels);
// {a="b",c=~"d"}
std::string ToString(const Matchers& matchers);

// How texts are read (--enable-feature): both grammars with the classic one winning, or one of
// them.
enum class MatcherSyntax { kFallback, kUtf8Strict, kClassic };
void SetMatcherSyntax(MatcherSyntax syntax);  // at start-up, before anything parses

// One or more matchers: a="b",c!~"d", with or without braces. InvalidArgument in upstream's words.
StatusOr<Matchers> ParseMatchers(std::string_view text);
// Exactly one matcher, without braces: filters of the API, arguments of amtool.
StatusOr<Matcher> ParseMatcher(std::string_view text);
// May this be a label name, under the syntax in force?
bool IsValidLabelNameInMode(std::string_view name);

// The two grammars by themselves.
StatusOr<Matchers> ParseClassicMatchers(std::string_view text);
StatusOr<Matcher> ParseClassicMatcher(std::string_view text);  // commas belong to the value
StatusOr<Matchers> ParseUtf8Matchers(std::string_view text);

}  // namespace narthex::am
