#include "server/cmd/promtool/check_rules.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <tuple>

#include "core/base/file.h"
#include "core/labels/labels.h"
#include "core/strings/duration.h"
#include "core/strings/quote.h"
#include "server/cmd/promtool/output.h"
#include "server/config/config.h"
#include "server/rules/rule_file.h"

namespace narthex::promtool {
namespace {

constexpr size_t kMostBytes = 64 << 20;

struct Verdict {
  bool failed = false, errors = false;
  void Add(const Verdict& other) {
    failed |= other.failed;
    errors |= other.errors;
  }
  int ExitCode(bool lint_fatal) const {
    if (errors) return kFailed;
    return failed && lint_fatal ? kLintFailed : kOk;
  }
};

// To the two streams in the order of the calls.
void Print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}
void PrintError(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stderr); }

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
  auto groups = text.ok() ? rules::ParseRuleFile(*text, name, {}, parser)
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

Verdict CheckRuleFile(const std::string& file, const LintOptions& lint,
                      const promql::ParserOptions& parser) {
  Print(fmt::format("Checking {}\n", file));
  return CheckText(ReadFile(file, kMostBytes), file, lint, parser);
}

StatusOr<std::vector<std::string>> RuleFilesOf(const config::Config& config) {
  std::vector<std::string> files;
  for (const std::string& pattern : config.rule_files) {
    NX_ASSIGN_OR_RETURN(const auto matches, config::ExpandGlob(pattern));
    const bool plain = pattern.find_first_of("*?[") == std::string::npos;
    if (matches.empty() && plain) {
      return NotFound("{} does not point to an existing file", GoQuote(pattern));
    }
    files.insert(files.end(), matches.begin(), matches.end());
  }
  return files;
}

Verdict LintIntervals(const config::Config& config, const LintOptions& lint) {
  Verdict verdict;
  if (!lint.long_intervals) return verdict;
  for (const config::ScrapeConfig& job : config.scrape_configs) {
    if (job.scrape_interval_ms < lint.lookback_ms) continue;
    PrintError(fmt::format(
        "  FAILED: too long scrape interval found, data point will be marked as stale - "
        "job: {}, interval: {}\n",
        job.job_name, FormatPromDuration(job.scrape_interval_ms)));
    verdict.failed = true;
  }
  return verdict;
}

Verdict CheckConfigFile(const std::string& file, bool syntax_only, const LintOptions& lint,
                        const promql::ParserOptions& parser) {
  Print(fmt::format("Checking {}\n", file));
  auto config = config::LoadFile(file);
  StatusOr<std::vector<std::string>> rule_files = std::vector<std::string>();
  if (config.ok() && !syntax_only) rule_files = RuleFilesOf(**config);
  for (const Status& status : {config.status(), rule_files.status()}) {
    if (status.ok()) continue;
    PrintError(fmt::format("  FAILED: {}\n", MessageOf(status)));
    Print("\n");
    return {true, true};
  }
  if (!rule_files->empty())
    Print(fmt::format("  SUCCESS: {} rule files found\n", rule_files->size()));
  Print(fmt::format(" SUCCESS: {} is valid prometheus config file syntax\n\n", file));
  if (syntax_only) return {};
  Verdict verdict = LintIntervals(**config, lint);
  for (const std::string& rules : *rule_files) verdict.Add(CheckRuleFile(rules, lint, parser));
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

int CheckConfig(const std::vector<std::string>& files, bool syntax_only, const LintOptions& lint,
                const promql::ParserOptions& parser) {
  if (!AllExist(files)) return kFailed;
  Verdict verdict;
  for (const std::string& file : files) {
    verdict.Add(CheckConfigFile(file, syntax_only, lint, parser));
  }
  return verdict.ExitCode(lint.fatal);
}

}  // namespace narthex::promtool
