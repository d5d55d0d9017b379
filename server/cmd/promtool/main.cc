// promtool: the commands and their flags. What they do is in the files named after them.

#include <cstdio>
#include <memory>

#include "core/flags/commands.h"
#include "core/log/log.h"
#include "core/strings/quote.h"
#include "server/cmd/promtool/backfill_openmetrics.h"
#include "server/cmd/promtool/backfill_rules.h"
#include "server/cmd/promtool/commands_check.h"
#include "server/cmd/promtool/commands_query.h"
#include "server/cmd/promtool/output.h"
#include "server/cmd/promtool/tsdb_analyze.h"
#include "server/cmd/promtool/tsdb_bench.h"
#include "server/cmd/promtool/tsdb_dump.h"
#include "server/cmd/promtool/tsdb_list.h"
#include "server/cmd/promtool/tsdb_wal_export.h"

namespace narthex::promtool {
namespace {

constexpr char kDefaultPath[] = "data/";
constexpr char kPathHelp[] = "Database path (default is data/).";
constexpr char kHumanHelp[] = "Print human readable values.";
constexpr char kQuietHelp[] = "Do not print created blocks.";

void AddAnalyze(CommandSet* commands) {
  struct Values {
    int64_t* limit;
    bool* extended;
    std::string *match, *dir, *id;
  };
  auto v = std::make_shared<Values>();
  FlagSet& flags = commands->Command(
      "tsdb analyze", "Analyze churn, label pair cardinality and compaction efficiency.",
      [v] { return AnalyzeBlock({*v->dir, *v->id, *v->limit, *v->extended, *v->match}); });
  v->limit = flags.Int("limit", "How many items to show in each list.", 20);
  v->extended = flags.Bool("extended", "Run extended analysis.", false);
  v->match =
      flags.String("match", "Series selector to analyze. Only 1 set of matchers is supported now.",
                   "", {.placeholder = "MATCH"});
  v->dir = flags.Arg("db path", kPathHelp, kDefaultPath);
  v->id = flags.Arg("block id", "Block to analyze (default is the last block).", "");
}

void AddList(CommandSet* commands) {
  struct Values {
    bool* human;
    std::string* dir;
  };
  auto v = std::make_shared<Values>();
  FlagSet& flags = commands->Command("tsdb list", "List tsdb blocks.",
                                     [v] { return ListBlocks(*v->dir, *v->human); });
  v->human = flags.Bool("human-readable", kHumanHelp, false, {.short_name = 'r'});
  v->dir = flags.Arg("db path", kPathHelp, kDefaultPath);
}

void AddDump(CommandSet* commands, const char* path, const char* help, bool open_metrics) {
  struct Values {
    std::string *root, *format = nullptr, *dir;
    int64_t *mint, *maxt;
    std::vector<std::string>* match;
  };
  auto v = std::make_shared<Values>();
  FlagSet& flags = commands->Command(path, help, [v, open_metrics] {
    DumpFormat format = DumpFormat::kOpenMetrics;
    if (!open_metrics) {
      format = *v->format == "prom" ? DumpFormat::kPrometheus : DumpFormat::kSeriesJson;
    }
    return Dump({*v->dir, *v->root, *v->mint, *v->maxt, *v->match, format});
  });
  v->root = flags.String("sandbox-dir-root",
                         "Root directory where a sandbox directory will be created, in which the "
                         "head is opened (default is the database path). The sandbox is cleaned up "
                         "at the end.",
                         "", {.placeholder = "SANDBOX-DIR-ROOT"});
  v->mint = flags.Int64(
      "min-time", "Minimum timestamp to dump, in milliseconds since the Unix epoch.", INT64_MIN);
  v->maxt = flags.Int64(
      "max-time", "Maximum timestamp to dump, in milliseconds since the Unix epoch.", INT64_MAX);
  v->match = flags.Strings("match", "Series selector. Can be specified multiple times.",
                           {"{__name__=~'(?s:.*)'}"});
  if (!open_metrics) {
    v->format = flags.Enum("format", "Output format of the dump (prom (default) or seriesjson).",
                           {"prom", "seriesjson"}, "prom");
  }
  v->dir = flags.Arg("db path", kPathHelp, kDefaultPath);
}

void AddWalExport(CommandSet* commands) {
  struct Values {
    std::string *dir, *compression;
  };
  auto v = std::make_shared<Values>();
  FlagSet& flags = commands->Command(
      "tsdb wal-export",
      "Write what is in no block as Prometheus' own write-ahead log, so that Prometheus can go on "
      "with the directory. No server may use it meanwhile.",
      [v] {
        return ExportWal(*v->dir, *v->compression == "none"   ? tsdb::LogCompression::kNone
                                  : *v->compression == "zstd" ? tsdb::LogCompression::kZstd
                                                              : tsdb::LogCompression::kSnappy);
      });
  v->compression =
      flags.Enum("compression", "Compression of the log.", {"none", "snappy", "zstd"}, "snappy");
  v->dir = flags.Arg("db path", kPathHelp, kDefaultPath);
}

// KEY=VALUE, as kingpin's maps.
Status ParseLabels(const std::vector<std::string>& texts,
                   std::vector<std::pair<std::string, std::string>>* out) {
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos) return InvalidArgument("expected KEY=VALUE got '{}'", text);
    out->emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return OkStatus();
}

void AddBackfillOpenMetrics(CommandSet* commands) {
  struct Values {
    bool *human, *quiet;
    std::vector<std::string>* labels;
    int64_t* max_block;
    std::string *input, *output;
  };
  auto v = std::make_shared<Values>();
  FlagSet& flags = commands->Command(
      "tsdb create-blocks-from openmetrics",
      "Import samples from OpenMetrics input and produce TSDB blocks. Please refer to the storage "
      "docs for more details.",
      [v] {
        BackfillOptions options{*v->input, *v->output, {}, *v->max_block, *v->human, *v->quiet};
        const Status labels = ParseLabels(*v->labels, &options.labels);
        if (!labels.ok()) {
          return Fail(InvalidArgument("promtool: error: {}, try --help", MessageOf(labels)));
        }
        return BackfillOpenMetrics(options);
      });
  v->human = flags.Bool("human-readable", kHumanHelp, false, {.short_name = 'r'});
  v->quiet = flags.Bool("quiet", kQuietHelp, false, {.short_name = 'q'});
  v->labels = flags.Strings("label",
                            "Label to attach to metrics. Can be specified multiple times. Example "
                            "--label=label_name=label_value",
                            {}, {.placeholder = "LABEL"});
  v->max_block = flags.Duration("max-block-duration", "Maximum duration of a block.", "2h",
                                FlagSet::DurationSyntax::kPrometheus, {.hidden = true});
  v->input = flags.RequiredArg("input file", "OpenMetrics file to read samples from.");
  v->output = flags.Arg("output directory", "Output directory for generated blocks.", kDefaultPath);
}

void AddBackfillRules(CommandSet* commands) {
  struct Values {
    std::string *http_config, *url, *start, *end, *output;
    int64_t* interval;
    std::vector<std::string>* files;
  };
  auto v = std::make_shared<Values>();
  FlagSet& flags = commands->Command(
      "tsdb create-blocks-from rules", "Create blocks of data for new recording rules.", [v] {
        return BackfillRules(
            {*v->files, *v->url, *v->http_config, *v->start, *v->end, *v->output, *v->interval});
      });
  // Upstream takes these two and prints nothing either way.
  flags.Bool("human-readable", kHumanHelp, false, {.short_name = 'r'});
  flags.Bool("quiet", kQuietHelp, false, {.short_name = 'q'});
  v->http_config = flags.String(
      "http.config.file", "HTTP client configuration file for promtool to connect to Prometheus.",
      "", {.placeholder = "<filename>"});
  v->url = flags.String("url",
                        "The URL for the Prometheus API with the data where the rule will be "
                        "backfilled from.",
                        "http://localhost:9090", {.placeholder = "http://localhost:9090"});
  v->start = flags.String("start",
                          "The time to start backfilling the new rule from. Must be a RFC3339 "
                          "formatted date or Unix timestamp. Required.",
                          "", {.placeholder = "START", .required = true});
  v->end =
      flags.String("end",
                   "If an end time is provided, all recording rules in the rule files provided "
                   "will be backfilled to the end time. Default will backfill up to 3 hours "
                   "ago. Must be a RFC3339 formatted date or Unix timestamp.",
                   "", {.placeholder = "END"});
  v->output = flags.String("output-dir", "Output directory for generated blocks.", kDefaultPath);
  v->interval =
      flags.Duration("eval-interval",
                     "How frequently to evaluate rules when backfilling if a value is not "
                     "set in the recording rule files.",
                     "60s", FlagSet::DurationSyntax::kGo);
  v->files =
      flags.Args("rule-files",
                 "A list of one or more files containing recording rules to be backfilled. "
                 "All recording rules listed in the files will be backfilled. Alerting rules "
                 "are not evaluated.",
                 true);
}

void AddBenchWrite(CommandSet* commands) {
  struct Values {
    std::string *output, *input;
    int64_t *metrics, *scrapes;
  };
  auto v = std::make_shared<Values>();
  FlagSet& flags = commands->Command("tsdb bench write", "Run a write performance benchmark.", [v] {
    return BenchWrite({*v->input, *v->output, *v->metrics, *v->scrapes});
  });
  v->output = flags.String("out", "Set the output path.", "benchout");
  v->metrics = flags.Int("metrics", "Number of metrics to read.", 10'000);
  v->scrapes = flags.Int("scrapes", "Number of scrapes to simulate.", 3000);
  v->input = flags.Arg("file",
                       "Input file with samples data, default is "
                       "(../../tsdb/testdata/20kseries.json).",
                       "../../tsdb/testdata/20kseries.json");
}

// Features widen the language; unknown ones are named.
void ApplyFeatures(const std::vector<std::string>& features, promql::ParserOptions* parser,
                   promql::EvalOptions* eval) {
  for (const std::string& list : features) {
    for (const std::string_view feature : SplitString(list, ',')) {
      if (feature.empty() || feature == "promql-duration-expr") continue;
      bool* const flag =
          feature == "promql-experimental-functions"     ? &parser->experimental_functions
          : feature == "promql-extended-range-selectors" ? &parser->extended_range_selectors
          : feature == "promql-binop-fill-modifiers"     ? &parser->binop_fill_modifiers
          : feature == "promql-delayed-name-removal"     ? &eval->delayed_name_removal
                                                         : nullptr;
      if (flag != nullptr) {
        *flag = true;
        continue;
      }
      std::fprintf(stderr, "  WARNING: Unknown feature passed to --enable-feature: %s\n",
                   std::string(feature).c_str());
    }
  }
}

int Main(int argc, char** argv) {
  SetLogLevel(LogLevel::kError);
  CommandSet commands("promtool", "Tooling for the Prometheus monitoring system.");
  commands.SetVersion(VersionText("promtool"));
  PromqlSettings promql;
  promql.experimental =
      commands.global().Bool("experimental", "Enable experimental commands.", false);
  const auto* features = commands.global().Strings(
      "enable-feature",
      "Comma separated feature names to enable. Valid options: promql-experimental-functions, "
      "promql-delayed-name-removal, promql-duration-expr, promql-extended-range-selectors, "
      "promql-binop-fill-modifiers. See "
      "https://prometheus.io/docs/prometheus/latest/feature_flags/ for more details",
      {""});
  promql::EvalOptions eval;
  AddCheckCommands(&commands, &promql.parser);
  AddTestCommands(&commands, &promql.parser, &eval);
  AddQueryCommands(&commands);
  AddPromqlCommands(&commands, &promql);
  commands.Group("tsdb", "Run tsdb commands.");
  commands.Group("tsdb bench", "Run benchmarks.");
  AddBenchWrite(&commands);
  AddAnalyze(&commands);
  AddList(&commands);
  AddDump(&commands, "tsdb dump", "Dump samples from a TSDB.", false);
  AddDump(&commands, "tsdb dump-openmetrics",
          "[Experimental] Dump samples from a TSDB into OpenMetrics text format, excluding native "
          "histograms and staleness markers, which are not representable in OpenMetrics.",
          true);
  AddWalExport(&commands);
  commands.Group(
      "tsdb create-blocks-from",
      "[Experimental] Import samples from input and produce TSDB blocks. Please refer to "
      "the storage docs for more details.");
  AddBackfillOpenMetrics(&commands);
  AddBackfillRules(&commands);
  commands.BeforeRun([&] { ApplyFeatures(*features, &promql.parser, &eval); });
  return commands.Main(argc, argv);
}

}  // namespace
}  // namespace narthex::promtool

int main(int argc, char** argv) { return narthex::promtool::Main(argc, argv); }
