// The grammar before UTF-8 names: name, operator, and a value with or without quotes.

#include <algorithm>

#include "alertmanager/matchers/matcher.h"
#include "core/labels/names.h"
#include "core/strings/quote.h"

namespace narthex::am {
namespace {

constexpr size_t kMaxMatchers = 1000;  // of one text

// Cuts at commas outside of quotes; a last part of blanks only does not count.
std::vector<std::string_view> SplitAtCommas(std::string_view text) {
  std::vector<std::string_view> parts;
  bool quoted = false, escaped = false;
  size_t start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ',' && !quoted) {
      parts.push_back(text.substr(start, i - start));
      start = i + 1;
    } else if (c == '"' && !escaped) {
      quoted = !quoted;
    }
    escaped = c == '\\' && !escaped;
  }
  if (!TrimSpace(text.substr(start)).empty()) parts.push_back(text.substr(start));
  return parts;
}

Status UnescapedQuote(std::string_view raw) {
  return InvalidArgument("matcher value contains unescaped double quote: {}", raw);
}

StatusOr<std::string> UnescapeValue(std::string_view raw) {
  std::string_view text = raw;
  bool expect_quote = text.starts_with('"');
  if (expect_quote) text.remove_prefix(1);
  std::string value;
  bool escaped = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (escaped) {
      escaped = false;
      if (c == 'n') {
        value += '\n';
      } else {
        if (c != '"' && c != '\\') value += '\\';
        value += c;
      }
    } else if (c == '\\') {
      escaped = true;
    } else if (c == '"') {
      if (!expect_quote || i + 1 < text.size()) return UnescapedQuote(raw);
      expect_quote = false;
    } else {
      value += c;
    }
  }
  if (escaped) value += '\\';
  if (expect_quote) return UnescapedQuote(raw);
  return value;
}

}  // namespace

StatusOr<Matcher> ParseClassicMatcher(std::string_view text) {
  const std::string_view trimmed = TrimSpace(text);
  size_t end = 0;
  auto is_name = [](char c) {
    return c == '_' || c == ':' || (c >= '0' && c <= '9') ||
           ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
  };
  while (end < trimmed.size() && is_name(trimmed[end])) ++end;
  const std::string_view name = trimmed.substr(0, end);
  std::string_view rest = TrimSpace(trimmed.substr(end));
  struct Operator {
    std::string_view text;
    MatchType type;
  };
  static constexpr Operator kOperators[] = {{"=~", MatchType::kRegex},
                                            {"=", MatchType::kEqual},
                                            {"!=", MatchType::kNotEqual},
                                            {"!~", MatchType::kNotRegex}};
  const auto* op = std::find_if(std::begin(kOperators), std::end(kOperators),
                                [&](const Operator& o) { return rest.starts_with(o.text); });
  if (name.empty() || (name[0] >= '0' && name[0] <= '9') || op == std::end(kOperators)) {
    return InvalidArgument("bad matcher format: {}", text);
  }
  rest = TrimSpace(rest.substr(op->text.size()));
  if (!IsValidUtf8(rest)) return InvalidArgument("matcher value not valid UTF-8: {}", rest);
  NX_ASSIGN_OR_RETURN(std::string value, UnescapeValue(rest));
  return Matcher::Create(op->type, std::string(name), std::move(value));
}

StatusOr<Matchers> ParseClassicMatchers(std::string_view text) {
  if (text.starts_with('{')) text.remove_prefix(1);
  if (text.ends_with('}')) text.remove_suffix(1);
  const std::vector<std::string_view> parts = SplitAtCommas(text);
  if (parts.size() > kMaxMatchers) return InvalidArgument("more than {} matchers", kMaxMatchers);
  Matchers matchers;
  for (std::string_view part : parts) {
    NX_ASSIGN_OR_RETURN(Matcher matcher, ParseClassicMatcher(part));
    matchers.push_back(std::move(matcher));
  }
  return matchers;
}

}  // namespace narthex::am
