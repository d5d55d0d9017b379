#include "core/flags/commands.h"

#include "tests/catch.h"

namespace narthex {
namespace {

// The shape of promtool's tsdb commands.
struct Tool {
  CommandSet commands{"tool", "Does things."};
  std::vector<std::string>* features;
  bool* human;
  std::string* path;
  std::string* start;
  std::vector<std::string>* files;
  int64_t* limit;
  std::string ran;

  Tool() {
    commands.SetVersion("tool, version 1");
    features = commands.global().Strings("enable-feature", "Features.", {""});
    commands.Group("db", "Run db commands.");
    FlagSet& list = commands.Command("db list", "List blocks.", [this] { return ran = "list", 0; });
    human = list.Bool("human-readable", "Print human readable values.", false, {.short_name = 'r'});
    limit = list.Int("limit", "How many.", 20);
    path = list.Arg("db path", "Database path (default is data/).", "data/");
    commands.Group("db make", "Make from something.");
    FlagSet& rules =
        commands.Command("db make rules", "Make rules.", [this] { return ran = "rules", 3; });
    start = rules.String("start", "When.", "", {.required = true});
    files = rules.Args("rule-files", "Files.", true);
  }
  CommandSet::Outcome Run(const std::vector<std::string>& arguments) {
    CommandSet::Outcome outcome = commands.Parse(arguments);
    if (outcome.run != nullptr) outcome.exit_code = (*outcome.run)();
    return outcome;
  }
};

TEST_CASE("a command gets its flags and arguments") {
  {
    Tool tool;
    CHECK(tool.Run({"db", "list"}).exit_code == 0);
    CHECK(tool.ran == "list");
    CHECK(*tool.path == "data/");
    CHECK_FALSE(*tool.human);
  }
  {
    Tool tool;
    tool.Run(
        {"--enable-feature=a", "db", "list", "-r", "--enable-feature", "b", "dir", "--limit=5"});
    CHECK(tool.ran == "list");
    CHECK(*tool.path == "dir");
    CHECK(*tool.human);
    CHECK(*tool.limit == 5);
    CHECK(*tool.features == std::vector<std::string>{"a", "b"});
  }
  Tool tool;
  CHECK(tool.Run({"db", "make", "rules", "--start=1", "x", "--", "-y", "z"}).exit_code == 3);
  CHECK(*tool.files == std::vector<std::string>{"x", "-y", "z"});
}

TEST_CASE("a wrong command line is told in upstream's words") {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"foo"}, "expected command but got \"foo\", try --help"},
      {{"db"}, "must select a subcommand of 'db', try --help"},
      {{"db", "foo"}, "expected command but got \"foo\", try --help"},
      {{"db", "make"}, "must select a subcommand of 'db make', try --help"},
      {{"db", "list", "a", "b"}, "unexpected b, try --help"},
      {{"db", "list", "-x"}, "unknown short flag '-x', try --help"},
      {{"--limit=3", "db", "list"}, "unknown long flag '--limit', try --help"},
      {{"db", "list", "--limit=x"},
       "strconv.ParseFloat: parsing \"x\": invalid syntax, try --help"},
      {{"db", "make", "rules"}, "required flag(s) '--start' not provided, try --help"},
      {{"db", "make", "rules", "--start=1"},
       "required argument 'rule-files' not provided, try --help"},
      {{"help", "foo"}, "expected command but got \"foo\""},
  };
  for (const auto& [arguments, message] : cases) {
    Tool tool;
    const CommandSet::Outcome outcome = tool.Run(arguments);
    CHECK(outcome.exit_code == 1);
    CHECK(outcome.error == "tool: error: " + message + "\n");
    CHECK(outcome.output.empty());
    CHECK(tool.ran.empty());
  }
}

constexpr std::string_view kRootPage =
    R"(usage: tool [<flags>] <command> [<args> ...]

Does things.


Flags:
  -h, --[no-]help            Show context-sensitive help (also try --help-long
                             and --help-man).
      --[no-]version         Show application version.
      --enable-feature= ...  Features.

Commands:
help [<command>...]
    Show help.

db list [<flags>] [<db path>]
    List blocks.

db make rules --start=START <rule-files>...
    Make rules.

)";

constexpr std::string_view kListPage =
    R"(usage: tool db list [<flags>] [<db path>]

List blocks.


Flags:
  -h, --[no-]help            Show context-sensitive help (also try --help-long
                             and --help-man).
      --[no-]version         Show application version.
      --enable-feature= ...  Features.
  -r, --[no-]human-readable  Print human readable values.
      --limit=20             How many.

Args:
  [<db path>]  Database path (default is data/).

)";

TEST_CASE("help pages") {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{}, {"--help"}, {"help"}}) {
    Tool tool;
    CHECK(tool.Run(arguments).output == kRootPage);
  }
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"db", "list", "--help"}, {"db", "list", "-h", "dir"}, {"help", "db", "list"}}) {
    Tool tool;
    const CommandSet::Outcome outcome = tool.Run(arguments);
    CHECK(outcome.output == kListPage);
    CHECK(outcome.exit_code == 0);
    CHECK(tool.ran.empty());
  }
  Tool tool;
  const std::string group = tool.Run({"db", "make", "--help"}).output;
  CHECK(group.starts_with("usage: tool db make <command> [<args> ...]\n\nMake from something.\n"));
  CHECK(
      group.ends_with("Subcommands:\ndb make rules --start=START <rule-files>...\n"
                      "    Make rules.\n\n"));
  CHECK(tool.Run({"db", "list", "--version"}).output == "tool, version 1\n");
}

// The shape of amtool: groups with default commands and flags of their own.
struct Compact {
  CommandSet commands{"tool", "Does things.\n\n  as it is written\n\nand more."};
  std::string *file, *output;
  bool *active, *check;
  std::vector<std::string>* names;
  std::string ran;

  Compact() {
    commands.UseCompactPages();
    commands.SetErrorEnding("\n");
    output = commands.global().Enum("output", "Format.", {"simple", "json"}, "simple",
                                    {.short_name = 'o'});
    check = commands.global().Bool("check", "Check.", true);
    commands.Group("alert", "Alerts.");
    FlagSet& query = commands.Command("alert query", "Query.", [this] { return ran = "query", 0; });
    active = query.Bool("active", "Active.", false, {.short_name = 'a'});
    names = query.Args("names", "Names.", false);
    commands.SetDefault("alert query");
    commands.Command("alert add", "Add.", [this] { return ran = "add", 0; });
    commands.Group("config", "Config.");
    FlagSet& routes = commands.Group("config routes", "Routes.");
    file = routes.String("file", "File.", "", {.placeholder = "FILE"});
    commands.Command("config routes show", "Show.", [this] { return ran = "show", 0; });
    commands.SetDefault("config routes show");
  }
  CommandSet::Outcome Run(const std::vector<std::string>& arguments) {
    CommandSet::Outcome outcome = commands.Parse(arguments);
    if (outcome.run != nullptr) outcome.exit_code = (*outcome.run)();
    return outcome;
  }
};

TEST_CASE("a group may stand for one of its commands and have flags") {
  struct Row {
    std::vector<std::string> arguments;
    std::string ran;
    std::vector<std::string> names;
  };
  const Row rows[] = {
      {{"alert"}, "query", {}},
      {{"alert", "x", "add"}, "query", {"x", "add"}},
      {{"alert", "-a", "add"}, "query", {"add"}},
      {{"alert", "--no-check", "add"}, "add", {}},
      {{"alert", "-o", "json", "query", "y"}, "query", {"y"}},
      {{"config", "routes", "--file=f"}, "show", {}},
      {{"config", "routes", "show", "--file", "f"}, "show", {}},
  };
  for (const Row& row : rows) {
    Compact tool;
    CHECK(tool.Run(row.arguments).exit_code == 0);
    CHECK(tool.ran == row.ran);
    CHECK(*tool.names == row.names);
    if (row.ran == "show") CHECK(*tool.file == "f");
  }
  Compact tool;
  CHECK(tool.Run({"alert", "add", "-a"}).error == "tool: error: unknown short flag '-a'\n\n");
  CHECK(Compact().Run({"config"}).error == "tool: error: must select a subcommand of 'config'\n\n");
  CHECK(Compact().Run({"config", "x"}).error == "tool: error: expected command but got \"x\"\n\n");
  CHECK(Compact().Run({"help", "alert", "add", "x"}).output.starts_with("usage: tool alert add\n"));
}

TEST_CASE("settings stand in for flags that a line does not set") {
  Compact tool;
  tool.commands.SetDefaultValues({{"output", "json"}, {"active", "true"}, {"none", "x"}});
  CHECK(tool.Run({"alert"}).exit_code == 0);
  CHECK(*tool.output == "json");
  CHECK(*tool.active);
  Compact line;
  line.commands.SetDefaultValues({{"output", "json"}});
  line.Run({"alert", "-o", "simple"});
  CHECK(*line.output == "simple");
  Compact bad;
  bad.commands.SetDefaultValues({{"output", "x"}});
  CHECK(bad.Run({"alert"}).error ==
        "tool: error: enum value must be one of simple,json, got 'x'\n\n");
}

TEST_CASE("compact pages") {
  CHECK(Compact().Run({}).output ==
        R"(usage: tool [<flags>] <command> [<args> ...]

Does things.

  as it is written

and more.

Flags:
  -h, --[no-]help      Show context-sensitive help (also try --help-long and
                       --help-man).
  -o, --output=simple  Format.
      --[no-]check     Check.

Commands:
  help [<command>...]
  alert
    query* [<flags>] [<names>...]
    add
  config
    routes [<flags>]
      show*

)");
  const std::string page = Compact().Run({"config", "routes", "--help"}).output;
  CHECK(
      page.starts_with("usage: tool config routes [<flags>] <command> [<args> ...]\n\nRoutes.\n"));
  CHECK(page.ends_with(
      "      --file=FILE      File.\n\nCommands:\n  config routes\n      show*\n\n"));
}

TEST_CASE("shells complete lines") {
  struct Row {
    std::vector<std::string> words;
    std::string choices;
  };
  const Row rows[] = {
      {{}, "alert\nconfig\nhelp\n"},
      {{"al"}, "alert\nconfig\nhelp\n"},  // the shell filters
      {{"alert", ""}, "query\nadd\n"},
      {{"-o", ""}, "simple\njson\n"},
      {{"--output", ""}, "simple\njson\n"},
      {{"--output", "json", ""}, "alert\nconfig\nhelp\n"},
      {{"config", "--check", "routes", "-"}, "--file\n--output\n--check\n--help\n"},
      {{"config", "routes", "--file", ""}, "\n"},
  };
  for (const Row& row : rows) {
    std::vector<std::string> line = {"--completion-bash"};
    line.insert(line.end(), row.words.begin(), row.words.end());
    CHECK(Compact().Run(line).output == row.choices);
  }
  CHECK(Compact()
            .Run({"--completion-script-bash"})
            .output.ends_with("complete -o default -F _tool_complete tool\n"));
  CHECK(
      Compact().Run({"--completion-script-zsh"}).output.starts_with("#compdef tool\n_tool() {\n"));
}

}  // namespace
}  // namespace narthex
