#include "server/cmd/promtool/commands_query.h"

#include <cstdio>
#include <memory>

#include "server/cmd/promtool/output.h"
#include "server/cmd/promtool/promql_edit.h"
#include "server/cmd/promtool/query.h"
#include "server/cmd/promtool/query_analyze.h"

namespace narthex::promtool {
namespace {

constexpr char kServerHelp[] = "Prometheus server to query.";
constexpr char kStartHelp[] = "Start time (RFC3339 or Unix timestamp).";
constexpr char kEndHelp[] = "End time (RFC3339 or Unix timestamp).";
constexpr char kMatchHelp[] = "Series selector. Can be specified multiple times.";

// The flags that all queries share; they stand anywhere behind "query".
struct Shared {
  std::string *format, *http_config;
  QueryTarget Target(const std::string& server) const {
    return {server, *http_config, *format == "json"};
  }
};

Shared AddShared(FlagSet* flags) {
  Shared shared;
  shared.format = flags->Enum("format", "Output format of the query.", {"promql", "json"}, "promql",
                              {.short_name = 'o'});
  shared.http_config = flags->String(
      "http.config.file", "HTTP client configuration file for promtool to connect to Prometheus.",
      "", {.placeholder = "<filename>"});
  return shared;
}

std::string* AddTime(FlagSet* flags, const char* name, const char* placeholder, const char* help) {
  return flags->String(name, help, "", {.placeholder = placeholder});
}

std::vector<std::string>* AddHeaders(FlagSet* flags) {
  return flags->Strings("header", "Extra headers to send to server.", {},
                        {.placeholder = "HEADER"});
}

void AddInstant(CommandSet* commands, const Shared& shared) {
  struct Values {
    std::string *time, *server, *expression;
    std::vector<std::string>* headers;
  };
  auto v = std::make_shared<Values>();
  FlagSet& flags = commands->Command("query instant", "Run instant query.", [v, shared] {
    return QueryInstant(shared.Target(*v->server), *v->expression, *v->time, *v->headers);
  });
  v->headers = AddHeaders(&flags);
  v->time = AddTime(&flags, "time", "TIME", "Query evaluation time (RFC3339 or Unix timestamp).");
  v->server = flags.RequiredArg("server", kServerHelp);
  v->expression = flags.RequiredArg("expr", "PromQL query expression.");
}

void AddRange(CommandSet* commands, const Shared& shared) {
  struct Values {
    std::string *start, *end, *server, *expression;
    int64_t* step;
    std::vector<std::string>* headers;
  };
  auto v = std::make_shared<Values>();
  FlagSet& flags = commands->Command("query range", "Run range query.", [v, shared] {
    return QueryRange(shared.Target(*v->server),
                      {*v->expression, *v->start, *v->end, *v->step, *v->headers});
  });
  v->headers = AddHeaders(&flags);
  v->start =
      AddTime(&flags, "start", "START", "Query range start time (RFC3339 or Unix timestamp).");
  v->end = AddTime(&flags, "end", "END", "Query range end time (RFC3339 or Unix timestamp).");
  v->step = flags.Duration("step", "Query step size (duration).", "0s",
                           FlagSet::DurationSyntax::kGo, {.placeholder = "STEP"});
  v->server = flags.RequiredArg("server", kServerHelp);
  v->expression = flags.RequiredArg("expr", "PromQL query expression.");
}

void AddSeries(CommandSet* commands, const Shared& shared) {
  struct Values {
    std::string *start, *end, *server;
    std::vector<std::string>* match;
  };
  auto v = std::make_shared<Values>();
  FlagSet& flags = commands->Command("query series", "Run series query.", [v, shared] {
    return QuerySeries(shared.Target(*v->server), *v->match, *v->start, *v->end);
  });
  v->match = flags.Strings("match", kMatchHelp, {}, {.placeholder = "MATCH", .required = true});
  v->start = AddTime(&flags, "start", "START", kStartHelp);
  v->end = AddTime(&flags, "end", "END", kEndHelp);
  v->server = flags.RequiredArg("server", kServerHelp);
}

void AddLabels(CommandSet* commands, const Shared& shared) {
  struct Values {
    std::string *start, *end, *server, *name;
    std::vector<std::string>* match;
  };
  auto v = std::make_shared<Values>();
  FlagSet& flags = commands->Command("query labels", "Run labels query.", [v, shared] {
    return QueryLabels(shared.Target(*v->server), *v->name, *v->match, *v->start, *v->end);
  });
  v->start = AddTime(&flags, "start", "START", kStartHelp);
  v->end = AddTime(&flags, "end", "END", kEndHelp);
  v->match = flags.Strings("match", kMatchHelp, {}, {.placeholder = "MATCH"});
  v->server = flags.RequiredArg("server", kServerHelp);
  v->name = flags.RequiredArg("name", "Label name to provide label values for.");
}

void AddAnalyze(CommandSet* commands, const Shared& shared) {
  struct Values {
    std::string *server, *type, *time;
    int64_t* duration;
    std::vector<std::string>* match;
  };
  auto v = std::make_shared<Values>();
  FlagSet& flags = commands->Command(
      "query analyze",
      "Run queries against your Prometheus to analyze the usage pattern of certain metrics.",
      [v, shared] {
        return QueryAnalyze(
            {*v->server, *shared.http_config, *v->type, *v->time, *v->duration, *v->match});
      });
  v->server = flags.String("server", kServerHelp, "", {.placeholder = "SERVER", .required = true});
  v->type = flags.String("type", "Type of metric: histogram.", "",
                         {.placeholder = "TYPE", .required = true});
  v->duration = flags.Duration("duration", "Time frame to analyze.", "1h",
                               FlagSet::DurationSyntax::kPrometheus);
  v->time =
      AddTime(&flags, "time", "TIME", "Query time (RFC3339 or Unix timestamp), defaults to now.");
  v->match = flags.Strings("match", kMatchHelp, {}, {.placeholder = "MATCH", .required = true});
}

// Runs `run` if experiments are allowed.
template <typename Run>
int Experimental(const PromqlSettings* settings, Run run) {
  if (*settings->experimental) return run();
  return Fail(InvalidArgument(
      "This command is experimental and requires the --experimental flag to be set."));
}

}  // namespace

void AddQueryCommands(CommandSet* commands) {
  const Shared shared =
      AddShared(&commands->Group("query", "Run query against a Prometheus server."));
  AddInstant(commands, shared);
  AddRange(commands, shared);
  AddSeries(commands, shared);
  AddLabels(commands, shared);
  AddAnalyze(commands, shared);
}

void AddPromqlCommands(CommandSet* commands, const PromqlSettings* settings) {
  struct Values {
    std::string *type = nullptr, *query = nullptr, *name = nullptr, *value = nullptr;
  };
  commands->Group("promql", "PromQL formatting and editing. Requires the --experimental flag.");
  const auto format = std::make_shared<Values>();
  FlagSet& format_flags = commands->Command(
      "promql format", "Format PromQL query to pretty printed form.", [format, settings] {
        return Experimental(settings,
                            [&] { return FormatExpression(*format->query, settings->parser); });
      });
  format->query = format_flags.RequiredArg("query", "PromQL query.");
  commands->Group("promql label-matchers",
                  "Edit label matchers contained within an existing PromQL query.");
  const auto set = std::make_shared<Values>();
  FlagSet& set_flags = commands->Command(
      "promql label-matchers set", "Set a label matcher in the query.", [set, settings] {
        return Experimental(settings, [&] {
          return SetLabelMatcher(*set->query, *set->type, *set->name, *set->value,
                                 settings->parser);
        });
      });
  set->type = set_flags.Enum("type", "Type of the label matcher to set.", {"=", "!=", "=~", "!~"},
                             "=", {.short_name = 't'});
  set->query = set_flags.RequiredArg("query", "PromQL query.");
  set->name = set_flags.RequiredArg("name", "Name of the label matcher to set.");
  set->value = set_flags.RequiredArg("value", "Value of the label matcher to set.");
  const auto remove = std::make_shared<Values>();
  FlagSet& remove_flags = commands->Command(
      "promql label-matchers delete", "Delete a label from the query.", [remove, settings] {
        return Experimental(settings, [&] {
          return DeleteLabelMatcher(*remove->query, *remove->name, settings->parser);
        });
      });
  remove->query = remove_flags.RequiredArg("query", "PromQL query.");
  remove->name = remove_flags.RequiredArg("name", "Name of the label to delete.");
}

}  // namespace narthex::promtool
