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

}  // namespace

StatusOr<Matcher> Matcher::Create(MatchType type, std::string name, std::string value) {
  const bool regex = type == MatchType::kRegex || type == MatchType::kNotRegex;
  // core's matchers let dot match newlines; only patterns with a dot can tell.
  const bool wrap = regex && value.find('.') != std::string::npos;
  StatusOr<narthex::Matcher> compiled =
      narthex::Matcher::Create(type, name, wrap ? "(?-s:" + value + ")" : value);
  if (!compiled.ok() && wrap) {
    // Report the pattern as written.
    StatusOr<narthex::Matcher> plain = narthex::Matcher::Create(type, name, value);
    return plain.ok() ? compiled.status() : plain.status();
  }
  if (!compiled.ok()) return compiled.status();
  return Matcher(type, std::move(name), std::move(value), *std::move(compiled));
}

std::string Matcher::ToString() const {
  std::string out = IsLegacyLabelName(name_) ? name_ : GoQuote(name_);
  out += MatchTypeToString(type_);
  out += '"';
  AppendEscaped(&out, value_);
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
  if (syntax == MatcherSyntax::kClassic) return ParseClassicMatchers(text);
  StatusOr<Matchers> utf8 = ParseUtf8Matchers(text);
  if (syntax == MatcherSyntax::kUtf8Strict) return utf8;
  StatusOr<Matchers> classic = ParseClassicMatchers(text);
  if (!classic.ok()) return utf8.ok() ? utf8 : classic;
  if (!utf8.ok()) {
    NX_LOG(Warn, "Alertmanager is moving to a new parser for labels and matchers, and this input is "
                 "incompatible. Alertmanager has instead parsed the input using the classic matchers "
                 "parser as a fallback.",
           {"input", text}, {"err", utf8.status()});
  } else if (*utf8 != *classic) {
    NX_LOG(Warn, "Matchers input has disagreement", {"input", text});
  }
  return classic;
}

}  // namespace narthex::am
