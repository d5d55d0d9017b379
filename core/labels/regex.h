#pragma once
// A fully anchored RE2 expression with the shapes that need no regular expression engine. This is
// the fence around RE2: no other header names it.
//
// Thread safety: immutable after Compile.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace narthex {

class AnchoredRegex {
 public:
  // Compiles ^(?s:pattern)$. Errors carry Go's wording: error parsing regexp: ….
  static StatusOr<std::shared_ptr<const AnchoredRegex>> Compile(std::string pattern);
  ~AnchoredRegex();

  const std::string& pattern() const { return pattern_; }
  bool Matches(std::string_view text) const;
  const std::vector<std::string>& set_matches() const { return set_matches_; }
  std::string_view prefix() const { return prefix_; }

  // Match plus Go's Regexp.Expand of `replacement` ($1, ${1}, ${name}; $1x means group "1x").
  // Returns false when `text` does not match; else appends to *out, and no more once that is longer
  // than `enough`.
  bool MatchAndExpand(std::string_view text, std::string_view replacement, std::string* out,
                      size_t enough = std::string::npos) const;

 private:
  struct Impl;
  AnchoredRegex();
  std::string pattern_;
  std::vector<std::string> set_matches_;
  std::string prefix_;
  std::unique_ptr<Impl> impl_;
};

// An unanchored expression: the collector filters of the exporters, reReplaceAll and match.
class Regex {
 public:
  static StatusOr<std::shared_ptr<const Regex>> Compile(std::string pattern);
  ~Regex();
  bool Matches(std::string_view text) const;  // anywhere in the text
  // Go's Regexp.ReplaceAllString.
  std::string ReplaceAll(std::string_view text, std::string_view replacement) const;
  // The text of every group of the leftmost match (group 0 first); empty when there is none.
  std::vector<std::string> FindSubmatch(std::string_view text) const;

 private:
  struct Impl;
  Regex();
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex
