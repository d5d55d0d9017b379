#include "server/cmd/promtool/commands_check.h"

#include <memory>

#include "server/cmd/promtool/check_config.h"
#include "server/cmd/promtool/check_discovery.h"
#include "server/cmd/promtool/check_metrics.h"
#include "server/cmd/promtool/check_rules.h"
#include "server/cmd/promtool/check_server.h"
#include "server/cmd/promtool/test_rules.h"

namespace narthex::promtool {
namespace {

void AddCheckRules(CommandSet* commands, const promql::ParserOptions* parser) {
  struct Values {
    std::string* lint;
    bool *fatal, *ignore_unknown;
    std::vector<std::string>* files;
  };
  auto v = std::make_shared<Values>();
  FlagSet& flags =
      commands->Command("check rules", "Check if the rule files are valid or not.", [v, parser] {
        LintOptions lint = ParseLint(*v->lint, *v->fatal);
        lint.ignore_unknown_fields = *v->ignore_unknown;
        return CheckRules(*v->files, lint, *parser);
      });
  v->lint = flags.String("lint",
                         "Linting checks to apply. Available options are: all, duplicate-rules, "
                         "none. Use --lint=none to disable linting",
                         "duplicate-rules");
  v->fatal = flags.Bool("lint-fatal", "Make lint errors exit with exit code 3.", false);
  v->ignore_unknown = flags.Bool(
      "ignore-unknown-fields",
      "Ignore unknown fields in the rule files. This is useful when you want to extend rule files "
      "with custom metadata. Ensure that those fields are removed before loading them into the "
      "Prometheus server as it performs strict checks by default.",
      false);
  v->files = flags.Args("rule-files",
                        "The rule files to check, default is read from standard input.", false);
}

void AddCheckConfig(CommandSet* commands, const int64_t* lookback,
                    const promql::ParserOptions* parser) {
  struct Values {
    std::string* lint;
    bool *fatal, *syntax_only, *ignore_unknown, *agent;
    std::vector<std::string>* files;
  };
  auto v = std::make_shared<Values>();
  FlagSet& flags =
      commands->Command("check config", "Check if the config files are valid or not.", [=] {
        CheckConfigOptions options;
        options.syntax_only = *v->syntax_only;
        options.agent = *v->agent;
        options.lint = ParseLint(*v->lint, *v->fatal);
        options.lint.lookback_ms = *lookback;
        options.lint.ignore_unknown_fields = *v->ignore_unknown;
        return CheckConfig(*v->files, options, *parser);
      });
  v->syntax_only = flags.Bool("syntax-only",
                              "Only check the config file syntax, ignoring file and content "
                              "validation referenced in the config",
                              false);
  v->lint = flags.String("lint",
                         "Linting checks to apply to the rules/scrape configs specified in the "
                         "config. Available options are: all, duplicate-rules, none, "
                         "too-long-scrape-interval. Use --lint=none to disable linting",
                         "duplicate-rules");
  v->fatal = flags.Bool("lint-fatal", "Make lint errors exit with exit code 3.", false);
  v->ignore_unknown = flags.Bool(
      "ignore-unknown-fields",
      "Ignore unknown fields in the rule groups read by the config files. This is useful when you "
      "want to extend rule files with custom metadata. Ensure that those fields are removed before "
      "loading them into the Prometheus server as it performs strict checks by default.",
      false);
  v->agent = flags.Bool("agent", "Check config file for Prometheus in Agent mode.", false);
  v->files = flags.Args("config-files", "The config files to check.", true);
}

void AddCheckServer(CommandSet* commands, const std::string& page, const char* help) {
  struct Values {
    std::string *url, *http_config;
  };
  auto v = std::make_shared<Values>();
  FlagSet& flags = commands->Command(
      "check " + page, help, [v, page] { return CheckServer(*v->url, *v->http_config, page); });
  v->http_config = flags.String(
      "http.config.file", "HTTP client configuration file for promtool to connect to Prometheus.",
      "", {.placeholder = "<filename>"});
  v->url = flags.String("url", "The URL for the Prometheus server.", "http://localhost:9090");
}

void AddCheckDiscovery(CommandSet* commands) {
  struct Values {
    int64_t* timeout;
    std::string *file, *job;
  };
  auto v = std::make_shared<Values>();
  FlagSet& flags = commands->Command(
      "check service-discovery",
      "Perform service discovery for the given job name and report the results, including "
      "relabeling.",
      [v] { return CheckDiscovery(*v->file, *v->job, *v->timeout); });
  v->timeout = flags.Duration("timeout", "The time to wait for discovery results.", "30s",
                              FlagSet::DurationSyntax::kGo);
  v->file = flags.RequiredArg("config-file", "The prometheus config file.");
  v->job = flags.RequiredArg("job", "The job to run service discovery for.");
}

void AddCheckMetrics(CommandSet* commands, const bool* extended) {
  auto lint = std::make_shared<std::string*>();
  FlagSet& flags = commands->Command(
      "check metrics",
      "Pass Prometheus metrics over stdin to lint them for consistency and correctness.",
      [extended, lint] { return CheckMetrics(*extended, **lint == "all"); });
  *lint = flags.Enum("lint",
                     "Linting checks to apply for metrics. Available options are: all, none. Use "
                     "--lint=none to disable metrics linting.",
                     {"all", "none"}, "all");
}

void AddCheckWebConfig(CommandSet* commands) {
  auto files = std::make_shared<std::vector<std::string>*>();
  FlagSet& flags =
      commands->Command("check web-config", "Check if the web config files are valid or not.",
                        [files] { return CheckWebConfig(**files); });
  *files = flags.Args("web-config-files", "The config files to check.", true);
}

}  // namespace

void AddCheckCommands(CommandSet* commands, const promql::ParserOptions* parser) {
  // As upstream, these two are flags of the group although one command each reads them.
  FlagSet& group = commands->Group("check", "Check the resources for validity.");
  const int64_t* lookback =
      group.Duration("query.lookback-delta", "The server's maximum query lookback duration.", "5m",
                     FlagSet::DurationSyntax::kPrometheus);
  const bool* extended = group.Bool(
      "extended", "Print extended information related to the cardinality of the metrics.", false);
  AddCheckDiscovery(commands);
  AddCheckConfig(commands, lookback, parser);
  AddCheckWebConfig(commands);
  AddCheckServer(commands, "healthy", "Check if the Prometheus server is healthy.");
  AddCheckServer(commands, "ready", "Check if the Prometheus server is ready.");
  AddCheckRules(commands, parser);
  AddCheckMetrics(commands, extended);
}

void AddTestCommands(CommandSet* commands, const promql::ParserOptions* parser,
                     const promql::EvalOptions* eval) {
  FlagSet& group = commands->Group("test", "Unit testing.");
  struct Values {
    std::vector<std::string>*run, *files;
    bool *debug, *diff, *ignore_unknown;
    std::string* junit;
  };
  auto v = std::make_shared<Values>();
  FlagSet& flags = commands->Command("test rules", "Unit tests for rules.", [v, parser, eval] {
    TestRulesOptions options;
    options.files = *v->files;
    options.run = *v->run;
    options.debug = *v->debug;
    options.diff = *v->diff;
    options.ignore_unknown_fields = *v->ignore_unknown;
    options.junit = *v->junit;
    options.parser = *parser;
    options.eval = *eval;
    return TestRules(options);
  });
  v->junit = group.String("junit", "File path to store JUnit XML test results.", "",
                          {.placeholder = "JUNIT"});
  v->run = flags.Strings("run",
                         "If set, will only run test groups whose names match the regular "
                         "expression. Can be specified multiple times.",
                         {}, {.placeholder = "RUN"});
  v->debug = flags.Bool("debug", "Enable unit test debugging.", false);
  v->diff = flags.Bool("diff",
                       "[Experimental] Print colored differential output between expected & "
                       "received output.",
                       false);
  v->ignore_unknown = flags.Bool(
      "ignore-unknown-fields",
      "Ignore unknown fields in the test files. This is useful when you want to extend rule files "
      "with custom metadata. Ensure that those fields are removed before loading them into the "
      "Prometheus server as it performs strict checks by default.",
      false);
  v->files = flags.Args("test-rule-file", "The unit test file.", true);
}

}  // namespace narthex::promtool
