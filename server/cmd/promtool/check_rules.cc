#include "server/cmd/promtool/check_rules.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <tuple>

#include "core/base/file.h"
#include "core/labels/labels.h"
#include "core/strings/quote.h"
#include "server/cmd/promtool/output.h"
#include "server/rules/rule_file.h"

namespace narthex::promtool {
namespace {

constexpr size_t kMostBytes = 64 << 20;

// What upstream's linter says of rules that write the same series; "" when there are none.
std::string DuplicateRules(const std::vector<rules::GroupSpec>& groups) {
  std::vector<std::pair<std::string, rules::NamedTexts>> all;
  for (const rules::GroupSpec& group : groups) {
    for (const rules::RuleSpec& rule : group.rules) all.emplace_back(rule.name, rule.labels);
  }
  std::sort(all.begin(), all.end());
  std::vector<std::pair<std::string, rules::NamedTexts>> twice;
  for (size_t i = 1; i < all.size(); ++i) {
    if (all[i] == all[i - 1] && (twice.empty() || twice.back() != all[i])) twice.push_back(all[i]);
  }
  if (twice.empty()) return "";
  std::string text = fmt::format("lint error {} duplicate rule(s) found.\n", twice.size());
  for (const auto& [name, labels] : twice) {
    text += fmt::format("Metric: {}\nLabel(s):\n", name);
    for (const auto& [key, value] : labels) text += fmt::format("\t{}: {}\n", key, value);
  }
  return text + "Might cause inconsistency while recording expressions\n";
}

Verdict CheckText(const StatusOr<std::string>& text, const std::string& name,
                  const LintOptions& lint, const promql::ParserOptions& parser) {
  auto groups = text.ok()
                    ? rules::ParseRuleFile(*text, name, {}, parser, lint.ignore_unknown_fields)
                    : StatusOr<std::vector<rules::GroupSpec>>(text.status());
  Verdict verdict;
  if (!groups.ok()) {
    PrintError(fmt::format("  FAILED:\n{}\n", MessageOf(groups.status())));
    return {true, true};
  }
  if (const std::string found = lint.duplicate_rules ? DuplicateRules(*groups) : "";
      !found.empty()) {
    PrintError("  FAILED:\n" + found);
    verdict = {true, false};
  } else {
    size_t rules = 0;
    for (const rules::GroupSpec& group : *groups) rules += group.rules.size();
    Print(fmt::format("  SUCCESS: {} rules found\n", rules));
  }
  Print("\n");
  return verdict;
}

StatusOr<std::string> ReadStandardInput() {
  std::string text;
  char buffer[64 << 10];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, stdin)) > 0;) {
    text.append(buffer, n);
    if (text.size() > kMostBytes) return ResourceExhausted("standard input is too long");
  }
  return text;
}

}  // namespace

int Verdict::ExitCode(bool lint_fatal) const {
  if (errors) return kFailed;
  return failed && lint_fatal ? kLintFailed : kOk;
}

Verdict CheckRuleFile(const std::string& file, const LintOptions& lint,
                      const promql::ParserOptions& parser) {
  Print(fmt::format("Checking {}\n", file));
  return CheckText(ReadFile(file, kMostBytes), file, lint, parser);
}

bool AllExist(const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    if (std::filesystem::exists(file)) continue;
    PrintError(fmt::format("promtool: error: path '{}' does not exist, try --help\n", file));
    return false;
  }
  return true;
}

LintOptions ParseLint(const std::string& names, bool fatal) {
  LintOptions lint;
  lint.duplicate_rules = false;
  lint.fatal = fatal;
  for (const std::string_view name : SplitString(names, ',')) {
    const bool all = name == "all";
    if (name == "none") return {.duplicate_rules = false, .fatal = fatal};
    if (all || name == "duplicate-rules") lint.duplicate_rules = true;
    if (all || name == "too-long-scrape-interval") lint.long_intervals = true;
    if (!all && name != "duplicate-rules" && name != "too-long-scrape-interval") {
      PrintError(fmt::format("WARNING: unknown lint option: {}\n", GoQuote(name)));
    }
  }
  return lint;
}

int CheckRules(const std::vector<std::string>& files, const LintOptions& lint,
               const promql::ParserOptions& parser) {
  if (!AllExist(files)) return kFailed;
  Verdict verdict;
  if (files.empty()) {
    Print("Checking standard input\n");
    verdict = CheckText(ReadStandardInput(), "standard input", lint, parser);
  }
  for (const std::string& file : files) verdict.Add(CheckRuleFile(file, lint, parser));
  return verdict.ExitCode(lint.fatal);
}

}  // namespace narthex::promtool
