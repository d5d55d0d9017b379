#include "alertmanager/matchers/matcher.h"

#include <algorithm>
#include <atomic>

#include "core/labels/names.h"
#include "core/log/log.h"
#include "core/strings/quote.h"

namespace narthex::am {
namespace {

std::atomic<MatcherSyntax> syntax{MatcherSyntax::kFallback};

void AppendEscaped(std::string* out, std::string_view value) {
  for (char c : value) {
    if (c == '\\') {
      out->append("\\\\");
    } else if (c == '"') {
      out->append("\\\"");
    } else if (c == '\n') {
      out->append("\\n");
    } else {
      out->push_back(c);
    }
  }
}

StatusOr<Matcher> ParseUtf8Matcher(std::string_view text) {
  NX_ASSIGN_OR_RETURN(Matchers matchers, ParseUtf8Matchers(text));
  if (matchers.empty()) return InvalidArgument("no matchers");
  if (matchers.size() > 1) return InvalidArgument("expected 1 matcher, found {}", matchers.size());
  return std::move(matchers[0]);
}

// What the syntax in force makes of a text.
template <typename T>
StatusOr<T> Choose(std::string_view text, StatusOr<T> (*parse_utf8)(std::string_view),
                   StatusOr<T> (*parse_classic)(std::string_view)) {
  if (syntax == MatcherSyntax::kClassic) return parse_classic(text);
  StatusOr<T> utf8 = parse_utf8(text);
  if (syntax == MatcherSyntax::kUtf8Strict) return utf8;
  StatusOr<T> classic = parse_classic(text);
  if (!classic.ok()) return utf8.ok() ? utf8 : classic;
  if (!utf8.ok()) {
    NX_LOG(Warn,
           "Alertmanager is moving to a new parser for labels and matchers, and this input is "
           "incompatible. Alertmanager has instead parsed the input using the classic matchers "
           "parser as a fallback.",
           {"input", text}, {"err", utf8.status()});
  } else if (!(*utf8 == *classic)) {
    NX_LOG(Warn, "Matchers input has disagreement", {"input", text});
  }
  return classic;
}

}  // namespace

StatusOr<Matcher> Matcher::Create(MatchType type, std::string name, std::string value) {
  const bool regex = type == MatchType::kRegex || type == MatchType::kNotRegex;
  // core's matchers let dot match newlines; only patterns with a dot can tell.
  const bool wrap = regex && value.find('.') != std::string::npos;
  StatusOr<narthex::Matcher> compiled =
      narthex::Matcher::Create(type, name, wrap ? "(?-s:" + value + ")" : value);
  if (!compiled.ok()) {
    // Report the pattern as upstream compiles it.
    const Status plain = narthex::Matcher::Create(type, name, "^(?:" + value + ")$").status();
    return plain.ok() ? compiled.status() : plain;
  }
  return Matcher(type, std::move(name), std::move(value), *std::move(compiled));
}

std::string Matcher::TextOf(MatchType type, std::string_view name, std::string_view value) {
  std::string out = IsLegacyLabelName(name) ? std::string(name) : GoQuote(name);
  out += MatchTypeToString(type);
  out += '"';
  AppendEscaped(&out, value);
  out += '"';
  return out;
}

bool operator<(const Matcher& a, const Matcher& b) {
  if (a.name_ != b.name_) return a.name_ < b.name_;
  if (a.value_ != b.value_) return a.value_ < b.value_;
  return a.type_ < b.type_;
}

bool MatchesAll(const Matchers& matchers, const Labels& labels) {
  return std::all_of(matchers.begin(), matchers.end(),
                     [&](const Matcher& matcher) { return matcher.Matches(labels); });
}

std::string ToString(const Matchers& matchers) {
  std::string out = "{";
  for (size_t i = 0; i < matchers.size(); ++i) {
    if (i > 0) out += ",";
    out += matchers[i].ToString();
  }
  return out + "}";
}

void SetMatcherSyntax(MatcherSyntax value) { syntax = value; }

bool IsValidLabelNameInMode(std::string_view name) {
  if (syntax == MatcherSyntax::kClassic) return IsLegacyLabelName(name);
  return !name.empty() && IsValidUtf8(name);
}

StatusOr<Matchers> ParseMatchers(std::string_view text) {
  return Choose(text, ParseUtf8Matchers, ParseClassicMatchers);
}

StatusOr<Matcher> ParseMatcher(std::string_view text) {
  if (syntax != MatcherSyntax::kClassic && (text.starts_with('{') || text.ends_with('}'))) {
    return InvalidArgument("unexpected open or close brace: {}", text);
  }
  return Choose(text, ParseUtf8Matcher, ParseClassicMatcher);
}

}  // namespace narthex::am
