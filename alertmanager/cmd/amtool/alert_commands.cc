// amtool alert query, amtool alert add.

#include <memory>

#include "alertmanager/cmd/amtool/api_client.h"
#include "alertmanager/cmd/amtool/arguments.h"
#include "alertmanager/cmd/amtool/commands.h"
#include "alertmanager/cmd/amtool/print.h"
#include "core/json/writer.h"

namespace narthex::am {
namespace {

struct QueryValues {
  bool *inhibited, *silenced, *active, *unprocessed;
  std::string* receiver;
  std::vector<std::string>* matchers;
};

Status QueryAlerts(const Settings& settings, const QueryValues& v) {
  ExpandAlertName(v.matchers);
  const bool any = *v.inhibited || *v.silenced || *v.active || *v.unprocessed;
  auto text = [](bool value) { return std::string(value ? "true" : "false"); };
  ApiClient::Arguments arguments;
  arguments.query.Add("active", text(*v.active || !any));
  for (const std::string& matcher : *v.matchers) arguments.query.Add("filter", matcher);
  arguments.query.Add("inhibited", text(*v.inhibited));
  if (!v.receiver->empty()) arguments.query.Add("receiver", *v.receiver);
  arguments.query.Add("silenced", text(*v.silenced));
  arguments.query.Add("unprocessed", text(*v.unprocessed));
  NX_ASSIGN_OR_RETURN(auto api, ApiClient::Create(settings));
  NX_ASSIGN_OR_RETURN(const JsonValue alerts, api->Call(kGetAlerts, arguments));
  Print(FormatAlerts(alerts, Style(settings)));
  return OkStatus();
}

void AddQuery(CommandSet* commands, const Settings& settings) {
  auto v = std::make_shared<QueryValues>();
  FlagSet& flags = commands->Command(
      "alert query",
      "View and search through current alerts.\n\n" + fmt::format(kMatcherHelp, "alert query") +
          "\n\nAlerts are chosen by their state with the flags below; without any of them only "
          "active alerts are shown.",
      settings.Run([v, &settings] { return QueryAlerts(settings, *v); }));
  v->inhibited = flags.Bool("inhibited", "Show inhibited alerts", false, {.short_name = 'i'});
  v->silenced = flags.Bool("silenced", "Show silenced alerts", false, {.short_name = 's'});
  v->active = flags.Bool("active", "Show active alerts", false, {.short_name = 'a'});
  v->unprocessed = flags.Bool("unprocessed", "Show unprocessed alerts", false, {.short_name = 'u'});
  v->receiver = flags.String("receiver", "Show alerts matching receiver (Supports regex syntax)",
                             "", {.placeholder = "RECEIVER", .short_name = 'r'});
  v->matchers = flags.Args("matcher-groups", "Query filter", false);
  commands->SetDefault("alert query");
}

struct AddValues {
  std::string *generator_url, *start, *end;
  std::vector<std::string>*annotations, *labels;
};

void WritePairs(JsonWriter* json, std::string_view key, const PairMap& pairs) {
  json->Key(key).BeginObject();
  for (const auto& [name, value] : pairs) json->Member(name, value);
  json->EndObject();
}

Status AddAlert(const Settings& settings, const AddValues& v) {
  ExpandAlertName(v.labels);
  NX_ASSIGN_OR_RETURN(const PairMap labels, ParsePairs(*v.labels, "labels"));
  NX_ASSIGN_OR_RETURN(const PairMap annotations, ParsePairs(*v.annotations, "annotations"));
  NX_ASSIGN_OR_RETURN(const Time starts, ParseTimeArgument(*v.start));
  NX_ASSIGN_OR_RETURN(const Time ends, ParseTimeArgument(*v.end));
  ApiClient::Arguments arguments;
  JsonWriter json(&arguments.body);
  json.BeginArray().BeginObject();
  WritePairs(&json, "annotations", annotations);
  if (ends.is_set()) json.Member("endsAt", FormatMillis(ends));
  if (starts.is_set()) json.Member("startsAt", FormatMillis(starts));
  if (!v.generator_url->empty()) json.Member("generatorURL", *v.generator_url);
  WritePairs(&json, "labels", labels);
  json.EndObject().EndArray();
  NX_ASSIGN_OR_RETURN(auto api, ApiClient::Create(settings));
  return api->Call(kPostAlerts, arguments).status();
}

void AddAdd(CommandSet* commands, const Settings& settings) {
  auto v = std::make_shared<AddValues>();
  FlagSet& flags = commands->Command(
      "alert add",
      "Add a new alert.\n\n"
      "Each argument is a label. A first argument without '=' is the value of alertname:\n\n"
      "  amtool alert add foo node=bar --annotation=summary='summary of the alert'",
      settings.Run([v, &settings] { return AddAlert(settings, *v); }));
  v->generator_url =
      flags.String("generator-url", "Set the URL of the source that generated the alert", "",
                   {.placeholder = "GENERATOR-URL"});
  v->start = flags.String(
      "start", "Set when the alert should start. RFC3339 format 2006-01-02T15:04:05-07:00", "",
      {.placeholder = "START"});
  v->end =
      flags.String("end", "Set when the alert should end. RFC3339 format 2006-01-02T15:04:05-07:00",
                   "", {.placeholder = "END"});
  v->annotations = flags.Strings("annotation", "Set an annotation to be included with the alert",
                                 {}, {.placeholder = "ANNOTATION"});
  v->labels = flags.Args("labels", "List of labels to be included with the alert", false);
}

}  // namespace

void AddAlertCommands(CommandSet* commands, const Settings& settings) {
  commands->Group("alert", "Add or query alerts.");
  AddQuery(commands, settings);
  AddAdd(commands, settings);
}

}  // namespace narthex::am
