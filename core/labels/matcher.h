#pragma once
// Matchers select series by one label: =, !=, =~, !~. An absent label matches as the empty string.
//
// Regular expressions are RE2, anchored at both ends, and dot matches newline. Common shapes never
// reach RE2: a literal, an alternation of literals, a literal prefix with ".*" or ".+" behind it.
//
// Thread safety: immutable after construction; copies share the compiled expression.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/labels/labels.h"

namespace narthex {

enum class MatchType { kEqual, kNotEqual, kRegex, kNotRegex };

class AnchoredRegex;

class Matcher {
 public:
  // InvalidArgument with RE2's reason when a regular expression does not compile.
  static StatusOr<Matcher> Create(MatchType type, std::string name, std::string value);
  static Matcher Equal(std::string name, std::string value);

  MatchType type() const { return type_; }
  const std::string& name() const { return name_; }
  const std::string& value() const { return value_; }

  bool Matches(std::string_view value) const;
  bool Matches(const Labels& labels) const { return Matches(labels.Get(name_)); }
  bool MatchesEmpty() const { return matches_empty_; }
  bool is_regex() const { return type_ == MatchType::kRegex || type_ == MatchType::kNotRegex; }

  // For index look-ups on =~ and !~: when not empty, exactly these values match (or, for !~, do
  // not).
  const std::vector<std::string>& set_matches() const;
  // A prefix every value matched by the expression has; "" when there is none.
  std::string_view prefix() const;

  // name="value", with Go quoting; the canonical form of the PromQL printer.
  std::string ToString() const;
  friend bool operator==(const Matcher& a, const Matcher& b) {
    return a.type_ == b.type_ && a.name_ == b.name_ && a.value_ == b.value_;
  }

 private:
  Matcher(MatchType type, std::string name, std::string value)
      : type_(type), name_(std::move(name)), value_(std::move(value)) {}

  MatchType type_;
  bool matches_empty_ = false;
  std::string name_;
  std::string value_;
  std::shared_ptr<const AnchoredRegex> regex_;
};

std::string_view MatchTypeToString(MatchType type);

}  // namespace narthex
