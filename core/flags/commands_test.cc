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

db make rules --start=START [<flags>] <rule-files>...
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
      group.ends_with("Subcommands:\ndb make rules --start=START [<flags>] <rule-files>...\n"
                      "    Make rules.\n\n"));
  CHECK(tool.Run({"db", "list", "--version"}).output == "tool, version 1\n");
}

}  // namespace
}  // namespace narthex
