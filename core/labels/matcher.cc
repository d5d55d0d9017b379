#include "core/labels/matcher.h"

#include "core/labels/names.h"
#include "core/labels/regex.h"
#include "core/strings/quote.h"

namespace narthex {

StatusOr<Matcher> Matcher::Create(MatchType type, std::string name, std::string value) {
  Matcher matcher(type, std::move(name), std::move(value));
  if (matcher.is_regex()) {
    NX_ASSIGN_OR_RETURN(matcher.regex_, AnchoredRegex::Compile(matcher.value_));
  }
  matcher.matches_empty_ = matcher.Matches(std::string_view());
  return matcher;
}

Matcher Matcher::Equal(std::string name, std::string value) {
  Matcher matcher(MatchType::kEqual, std::move(name), std::move(value));
  matcher.matches_empty_ = matcher.value_.empty();
  return matcher;
}

bool Matcher::Matches(std::string_view value) const {
  switch (type_) {
    case MatchType::kEqual: return value == value_;
    case MatchType::kNotEqual: return value != value_;
    case MatchType::kRegex: return regex_->Matches(value);
    case MatchType::kNotRegex: return !regex_->Matches(value);
  }
  return false;
}

const std::vector<std::string>& Matcher::set_matches() const {
  static const std::vector<std::string> none;
  return regex_ ? regex_->set_matches() : none;
}

std::string_view Matcher::prefix() const { return regex_ ? regex_->prefix() : std::string_view(); }

std::string Matcher::ToString() const {
  std::string out;
  if (IsLegacyLabelName(name_)) {
    out = name_;
  } else {
    AppendGoQuoted(&out, name_);
  }
  out += MatchTypeToString(type_);
  AppendGoQuoted(&out, value_);
  return out;
}

std::string_view MatchTypeToString(MatchType type) {
  switch (type) {
    case MatchType::kEqual: return "=";
    case MatchType::kNotEqual: return "!=";
    case MatchType::kRegex: return "=~";
    case MatchType::kNotRegex: return "!~";
  }
  return "?";
}

}  // namespace narthex
