// The group `silence`: its commands and their flags.

#include "alertmanager/cmd/amtool/silence_commands.h"

#include <memory>

#include "alertmanager/cmd/amtool/commands.h"

namespace narthex::am {
namespace {

constexpr char kStartHelp[] =
    "Set when the silence should start. RFC3339 format 2006-01-02T15:04:05-07:00";
constexpr char kEndHelp[] =
    "Set when the silence should end (overwrites duration). RFC3339 format "
    "2006-01-02T15:04:05-07:00";
constexpr char kCommentHelp[] = "A comment to help describe the silence";
constexpr char kQuietHelp[] = "Only show silence ids";

void AddAdd(CommandSet* commands, const Settings& settings) {
  auto v = std::make_shared<NewSilence>();
  FlagSet& flags = commands->Command(
      "silence add",
      "Add a new alertmanager silence\n\n" + fmt::format(kMatcherHelp, "silence add"),
      settings.Run([v, &settings] { return AddSilence(settings, *v); }));
  v->author = flags.String("author", "Username for CreatedBy field", "",
                           {.placeholder = "AUTHOR", .short_name = 'a'});
  v->require_comment =
      flags.Bool("require-comment", "Require comment to be set", true, {.hidden = true});
  v->duration = flags.String("duration", "Duration of silence", "1h", {.short_name = 'd'});
  v->start = flags.String("start", kStartHelp, "", {.placeholder = "START"});
  v->end = flags.String("end", kEndHelp, "", {.placeholder = "END"});
  v->comment =
      flags.String("comment", kCommentHelp, "", {.placeholder = "COMMENT", .short_name = 'c'});
  v->annotations = flags.Strings("annotation", "Set an annotation to be included with the silence",
                                 {}, {.placeholder = "ANNOTATION"});
  v->matchers = flags.Args("matcher-groups", "Query filter", false);
}

void AddExpire(CommandSet* commands, const Settings& settings) {
  auto ids = std::make_shared<std::vector<std::string>*>();
  FlagSet& flags =
      commands->Command("silence expire", "expire an alertmanager silence",
                        settings.Run([ids, &settings] { return ExpireSilences(settings, **ids); }));
  *ids = flags.Args("silence-ids", "Ids of silences to expire", false);
}

void AddImport(CommandSet* commands, const Settings& settings) {
  auto v = std::make_shared<SilenceImport>();
  FlagSet& flags =
      commands->Command("silence import",
                        "Import alertmanager silences from JSON file or stdin\n\n"
                        "The JSON is what a query prints:\n\n"
                        "  amtool silence query -o json foo > foo.json\n"
                        "  amtool silence import foo.json\n\n"
                        "Without a file it comes from stdin.",
                        settings.Run([v, &settings] { return ImportSilences(settings, *v); }));
  v->force = flags.Bool("force", "Force adding new silences even if it already exists", false,
                        {.short_name = 'f'});
  v->workers =
      flags.Int("worker", "Number of concurrent workers to use for import", 8, {.short_name = 'w'});
  v->file = flags.Arg("input-file", "JSON file with silences", "");
}

void AddQuery(CommandSet* commands, const Settings& settings) {
  auto v = std::make_shared<SilenceQuery>();
  FlagSet& flags = commands->Command(
      "silence query",
      "Query Alertmanager silences.\n\n" + fmt::format(kMatcherHelp, "silence query") +
          "\n\nThe matchers must be among those of a silence as they are written. With --within, "
          "silences are shown that end within that time from now; with --expired as well, those "
          "that ended within that time before now.",
      settings.Run([v, &settings] { return QuerySilences(settings, *v); }));
  v->expired = flags.Bool("expired", "Show expired silences instead of active", false);
  v->quiet = flags.Bool("quiet", kQuietHelp, false, {.short_name = 'q'});
  v->created_by = flags.String("created-by", "Show silences that belong to this creator", "",
                               {.placeholder = "CREATED-BY"});
  v->id = flags.String("id", "Get a single silence by its ID", "", {.placeholder = "ID"});
  v->within_ms =
      flags.Duration("within", "Show silences that will expire or have expired within a duration",
                     "", FlagSet::DurationSyntax::kGo, {.placeholder = "WITHIN"});
  v->matchers = flags.Args("matcher-groups", "Query filter", false);
  commands->SetDefault("silence query");
}

void AddUpdate(CommandSet* commands, const Settings& settings) {
  auto v = std::make_shared<SilenceUpdate>();
  FlagSet& flags =
      commands->Command("silence update", "Update silences",
                        settings.Run([v, &settings] { return UpdateSilences(settings, *v); }));
  v->quiet = flags.Bool("quiet", kQuietHelp, false, {.short_name = 'q'});
  v->duration = flags.String("duration", "Duration of silence", "",
                             {.placeholder = "DURATION", .short_name = 'd'});
  v->start = flags.String("start", kStartHelp, "", {.placeholder = "START"});
  v->end = flags.String("end", kEndHelp, "", {.placeholder = "END"});
  v->comment =
      flags.String("comment", kCommentHelp, "", {.placeholder = "COMMENT", .short_name = 'c'});
  v->ids = flags.Args("update-ids", "Silence IDs to update", false);
}

}  // namespace

void AddSilenceCommands(CommandSet* commands, const Settings& settings) {
  commands->Group("silence",
                  "Add, expire or view silences. For more information and additional "
                  "flags see query help");
  AddAdd(commands, settings);
  AddExpire(commands, settings);
  AddImport(commands, settings);
  AddQuery(commands, settings);
  AddUpdate(commands, settings);
}

}  // namespace narthex::am
