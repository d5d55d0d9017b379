#include "core/labels/regex.h"

#include <re2/re2.h>

namespace narthex {
namespace {

re2::StringPiece Piece(std::string_view s) { return {s.data(), s.size()}; }

constexpr int kMaxRegexMemory = 16 << 20;  // compiled size; RE2 refuses larger programs
constexpr size_t kMaxSetMatches = 256;     // alternations beyond this go through RE2

RE2::Options Options(bool dot_matches_newline) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(dot_matches_newline);
  options.set_max_mem(kMaxRegexMemory);
  return options;
}

// The end of what starts with an escape at `i`: \Q quotes up to \E.
size_t EndOfEscape(const std::string& pattern, size_t i) {
  if (pattern.compare(i, 2, "\\Q") != 0) return std::min(i + 2, pattern.size());
  const size_t end = pattern.find("\\E", i + 2);
  return end == std::string::npos ? pattern.size() : end + 2;
}

// The end of a class of characters at `i`, whose first character may be a bracket.
size_t EndOfClass(const std::string& pattern, size_t i) {
  ++i;
  if (i < pattern.size() && pattern[i] == '^') ++i;
  if (i < pattern.size() && pattern[i] == ']') ++i;
  while (i < pattern.size() && pattern[i] != ']') {
    if (pattern.compare(i, 2, "[:") == 0) {
      const size_t end = pattern.find(":]", i + 2);
      i = end == std::string::npos ? i + 1 : end + 2;
    } else {
      i = pattern[i] == '\\' ? i + 2 : i + 1;
    }
  }
  return std::min(i + 1, pattern.size());
}

// Go has (?<name>…) beside (?P<name>…), this RE2 only the latter.
std::string WithNamedGroups(const std::string& pattern) {
  constexpr std::string_view kGroup = "(?<";
  if (pattern.find(kGroup) == std::string::npos) return pattern;
  std::string out;
  for (size_t i = 0; i < pattern.size();) {
    size_t end = i + 1;
    if (pattern[i] == '\\') {
      end = EndOfEscape(pattern, i);
    } else if (pattern[i] == '[') {
      end = EndOfClass(pattern, i);
    } else if (pattern.compare(i, kGroup.size(), kGroup) == 0) {
      out += "(?P<";
      i += kGroup.size();
      continue;
    }
    out.append(pattern, i, end - i);
    i = end;
  }
  return out;
}

// RE2's reasons in the words of Go's regexp/syntax, which people know from upstream.
Status CompileError(const RE2& re, std::string_view pattern) {
  std::string_view reason;
  switch (re.error_code()) {
    case RE2::ErrorBadEscape: reason = "invalid escape sequence"; break;
    case RE2::ErrorBadCharClass: reason = "invalid character class"; break;
    case RE2::ErrorBadCharRange: reason = "invalid character class range"; break;
    case RE2::ErrorMissingBracket: reason = "missing closing ]"; break;
    case RE2::ErrorMissingParen: reason = "missing closing )"; break;
    case RE2::ErrorUnexpectedParen: reason = "unexpected )"; break;
    case RE2::ErrorTrailingBackslash: reason = "trailing backslash at end of expression"; break;
    case RE2::ErrorRepeatArgument: reason = "missing argument to repetition operator"; break;
    case RE2::ErrorRepeatSize: reason = "invalid repeat count"; break;
    case RE2::ErrorRepeatOp: reason = "invalid nested repetition operator"; break;
    case RE2::ErrorBadPerlOp: reason = "invalid or unsupported Perl syntax"; break;
    case RE2::ErrorBadUTF8: reason = "invalid UTF-8"; break;
    case RE2::ErrorBadNamedCapture: reason = "invalid named capture"; break;
    case RE2::ErrorPatternTooLarge: reason = "expression too large"; break;
    default: reason = "internal error"; break;
  }
  const std::string argument = re.error_arg().empty() ? std::string(pattern) : re.error_arg();
  return InvalidArgument("error parsing regexp: {}: `{}`", reason, argument);
}

bool IsMeta(char c) {
  return std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos;
}

// Reads literal text up to the first character with a meaning; escaped punctuation is literal.
std::string TakeLiteral(std::string_view& pattern) {
  std::string literal;
  while (!pattern.empty()) {
    if (pattern[0] == '\\') {
      if (pattern.size() < 2 || !IsMeta(pattern[1])) break;
      literal += pattern[1];
      pattern.remove_prefix(2);
    } else if (IsMeta(pattern[0])) {
      break;
    } else {
      literal += pattern[0];
      pattern.remove_prefix(1);
    }
  }
  return literal;
}

// "a|b|c" or "(a|b|c)" or "(?:a|b|c)" of plain literals; empty when the pattern is anything else.
std::vector<std::string> LiteralAlternatives(std::string_view pattern) {
  if (pattern.size() >= 2 && pattern.front() == '(' && pattern.back() == ')') {
    pattern.remove_prefix(pattern.substr(1, 2) == "?:" ? 3 : 1);
    if (pattern.size() >= 2 && pattern[pattern.size() - 2] == '\\') return {};
    pattern.remove_suffix(1);
  }
  std::vector<std::string> alternatives;
  for (;;) {
    alternatives.push_back(TakeLiteral(pattern));
    if (pattern.empty()) break;
    if (pattern[0] != '|' || alternatives.size() == kMaxSetMatches) return {};
    pattern.remove_prefix(1);
  }
  return alternatives;
}

// Go's template syntax: $name, ${name}, $$. The name after a bare $ is as long as possible.
struct Reference {
  std::string_view name;
  size_t length = 0;  // of the whole reference in the template; 0: not a reference
};

bool IsWord(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

Reference ParseReference(std::string_view text) {
  const bool braces = text.size() > 1 && text[1] == '{';
  const size_t start = braces ? 2 : 1;
  size_t end = start;
  while (end < text.size() && IsWord(text[end])) ++end;
  if (end == start) return {};
  if (!braces) return {text.substr(start, end - start), end};
  if (end == text.size() || text[end] != '}') return {};
  return {text.substr(start, end - start), end + 1};
}

// Index of a group by number or name; -1 when there is none.
int GroupIndex(const RE2& re, std::string_view name) {
  int index = 0;
  const bool zeros = name.size() > 1 && name[0] == '0';
  for (char c : name) {
    if (c < '0' || c > '9' || index > 10'000 || zeros) {
      auto found = re.NamedCapturingGroups().find(std::string(name));
      return found == re.NamedCapturingGroups().end() ? -1 : found->second;
    }
    index = index * 10 + (c - '0');
  }
  return index;
}

void Expand(const RE2& re, std::string_view replacement,
            const std::vector<re2::StringPiece>& groups, size_t enough, std::string* out) {
  while (!replacement.empty() && out->size() <= enough) {
    const size_t dollar = replacement.find('$');
    out->append(replacement.substr(0, dollar));
    if (dollar == std::string_view::npos) return;
    replacement.remove_prefix(dollar);
    if (replacement.size() > 1 && replacement[1] == '$') {
      out->push_back('$');
      replacement.remove_prefix(2);
      continue;
    }
    const Reference reference = ParseReference(replacement);
    if (reference.length == 0) {  // malformed: Go keeps the dollar sign
      out->push_back('$');
      replacement.remove_prefix(1);
      continue;
    }
    const int index = GroupIndex(re, reference.name);
    if (index >= 0 && static_cast<size_t>(index) < groups.size()) {
      out->append(groups[index].data(), groups[index].size());
    }
    replacement.remove_prefix(reference.length);
  }
}

std::vector<re2::StringPiece> MatchGroups(const RE2& re, std::string_view text, size_t from,
                                          RE2::Anchor anchor, bool* matched) {
  std::vector<re2::StringPiece> groups(static_cast<size_t>(re.NumberOfCapturingGroups()) + 1);
  *matched = re.Match(Piece(text), from, text.size(), anchor, groups.data(),
                      static_cast<int>(groups.size()));
  return groups;
}

}  // namespace

struct AnchoredRegex::Impl {
  explicit Impl(const std::string& pattern) : re(WithNamedGroups(pattern), Options(true)) {}
  RE2 re;
};

AnchoredRegex::AnchoredRegex() = default;
AnchoredRegex::~AnchoredRegex() = default;

StatusOr<std::shared_ptr<const AnchoredRegex>> AnchoredRegex::Compile(std::string pattern) {
  std::shared_ptr<AnchoredRegex> regex(new AnchoredRegex);
  regex->impl_ = std::make_unique<Impl>(pattern);
  if (!regex->impl_->re.ok()) return CompileError(regex->impl_->re, pattern);
  regex->set_matches_ = LiteralAlternatives(pattern);
  if (regex->set_matches_.empty()) {
    std::string_view rest = pattern;
    std::string literal = TakeLiteral(rest);
    // A quantifier applies to the last character; an alternation has no common prefix.
    if (!rest.empty() && std::string_view("?*{").find(rest[0]) != std::string_view::npos) {
      while (!literal.empty() && (literal.back() & 0xc0) == 0x80) literal.pop_back();
      if (!literal.empty()) literal.pop_back();
    }
    if (pattern.find('|') == std::string::npos) regex->prefix_ = std::move(literal);
  }
  regex->pattern_ = std::move(pattern);
  return std::shared_ptr<const AnchoredRegex>(std::move(regex));
}

bool AnchoredRegex::Matches(std::string_view text) const {
  if (!set_matches_.empty()) {
    for (const std::string& literal : set_matches_) {
      if (literal == text) return true;
    }
    return false;
  }
  if (!text.starts_with(prefix_)) return false;
  const std::string_view rest = std::string_view(pattern_).substr(
      pattern_.starts_with(prefix_) ? prefix_.size() : pattern_.size());
  if (rest == ".*") return true;
  if (rest == ".+") return text.size() > prefix_.size();
  return RE2::FullMatch(Piece(text), impl_->re);
}

bool AnchoredRegex::MatchAndExpand(std::string_view text, std::string_view replacement,
                                   std::string* out, size_t enough) const {
  bool matched = false;
  const auto groups = MatchGroups(impl_->re, text, 0, RE2::ANCHOR_BOTH, &matched);
  if (matched) Expand(impl_->re, replacement, groups, enough, out);
  return matched;
}

struct Regex::Impl {
  explicit Impl(const std::string& pattern) : re(WithNamedGroups(pattern), Options(false)) {}
  RE2 re;
};

Regex::Regex() = default;
Regex::~Regex() = default;

// NOLINTNEXTLINE(performance-unnecessary-value-param): as the anchored one, which keeps it
StatusOr<std::shared_ptr<const Regex>> Regex::Compile(std::string pattern) {
  std::shared_ptr<Regex> regex(new Regex);
  regex->impl_ = std::make_unique<Impl>(pattern);
  if (!regex->impl_->re.ok()) return CompileError(regex->impl_->re, pattern);
  return std::shared_ptr<const Regex>(std::move(regex));
}

bool Regex::Matches(std::string_view text) const {
  return RE2::PartialMatch(Piece(text), impl_->re);
}

std::string Regex::ReplaceAll(std::string_view text, std::string_view replacement) const {
  std::string out;
  size_t position = 0;  // where the next search starts
  size_t copied = 0;    // text before this has been written
  bool last_was_match = false;
  while (position <= text.size()) {
    bool matched = false;
    const auto groups = MatchGroups(impl_->re, text, position, RE2::UNANCHORED, &matched);
    if (!matched) break;
    const size_t start = static_cast<size_t>(groups[0].data() - text.data());
    const size_t end = start + groups[0].size();
    // As Go: no empty match right behind the previous match.
    if (end > start || start > copied || !last_was_match) {
      out.append(text.substr(copied, start - copied));
      Expand(impl_->re, replacement, groups, out.max_size(), &out);
      copied = end;
      last_was_match = true;
    }
    if (end > position) {
      position = end;
    } else {
      ++position;
      while (position < text.size() && (text[position] & 0xc0) == 0x80) ++position;
    }
  }
  out.append(text.substr(std::min(copied, text.size())));
  return out;
}

std::vector<std::string> Regex::FindSubmatch(std::string_view text) const {
  bool matched = false;
  const auto groups = MatchGroups(impl_->re, text, 0, RE2::UNANCHORED, &matched);
  std::vector<std::string> found;
  if (!matched) return found;
  for (const auto& group : groups) found.emplace_back(group.data() ? group.as_string() : "");
  return found;
}

}  // namespace narthex
