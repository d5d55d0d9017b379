#include "core/flags/flags.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "core/base/file.h"
#include "tests/catch.h"

namespace narthex {
namespace {

struct Flags {
  explicit Flags(FlagErrorStyle style = FlagErrorStyle::kPlain)
      : set("prog", "Does things.", style) {
    set.SetVersion("prog, version 1");
  }
  FlagSet set;
  bool* on = set.Bool("on", "Off by default.", false);
  bool* keep = set.Bool("keep", "On by default.", true);
  std::string* file = set.String("config.file", "Path.", "prog.yml");
  std::vector<std::string>* addresses = set.Strings("listen", "Addresses.", {":1", ":2"});
  int64_t* limit = set.Int("limit", "A limit.", 10);
  int64_t* since = set.Int64("since", "A time.", -1);
  double* ratio = set.Double("ratio", "A ratio.", 0.9);
  int64_t* lookback =
      set.Duration("lookback", "Prometheus syntax.", "5m", FlagSet::DurationSyntax::kPrometheus);
  int64_t* interval =
      set.Duration("interval", "Go syntax.", "30s", FlagSet::DurationSyntax::kGo, {.hidden = true});
  int64_t* retention =
      set.Duration("retention", "Unset.", "", FlagSet::DurationSyntax::kPrometheus);
  int64_t* size = set.Size("size", "Bytes.", "0");
  std::string* kind = set.Enum("kind", "One of.", {"a", "b"}, "a");
  LogFlags log = AddLogFlags(set);

  std::string Error(std::vector<std::string> arguments) {
    return std::string(MessageOf(set.TryParse(arguments)));
  }
};

struct Outcome {
  int code = -1;
  std::string out, err;
};

// Runs Parse in a child, because it exits.
Outcome RunParse(FlagErrorStyle style, std::vector<std::string> arguments) {
  int out[2], err[2];
  REQUIRE(pipe(out) == 0);
  REQUIRE(pipe(err) == 0);
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(out[1], 1);
    dup2(err[1], 2);
    for (int fd : {out[0], out[1], err[0], err[1]}) close(fd);
    Flags flags(style);
    std::vector<char*> argv{const_cast<char*>("/usr/bin/prog")};
    for (auto& a : arguments) argv.push_back(a.data());
    flags.set.Parse(static_cast<int>(argv.size()), argv.data());
    _exit(42);
  }
  close(out[1]);
  close(err[1]);
  auto drain = [](int fd) {
    std::string text(1 << 16, '\0');
    size_t n = 0;
    for (ssize_t got; (got = read(fd, text.data() + n, text.size() - n)) > 0;) n += got;
    close(fd);
    text.resize(n);
    return text;
  };
  Outcome outcome;
  outcome.out = drain(out[0]);
  outcome.err = drain(err[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  if (WIFEXITED(status)) outcome.code = WEXITSTATUS(status);
  return outcome;
}

TEST_CASE("flags have their defaults") {
  Flags f;
  REQUIRE(f.set.TryParse({}).ok());
  CHECK_FALSE(*f.on);
  CHECK(*f.keep);
  CHECK(*f.file == "prog.yml");
  CHECK(*f.addresses == std::vector<std::string>{":1", ":2"});
  CHECK(*f.limit == 10);
  CHECK(*f.ratio == 0.9);
  CHECK(*f.lookback == 300'000);
  CHECK(*f.interval == 30'000);
  CHECK(*f.retention == 0);
  CHECK(*f.size == 0);
  CHECK_FALSE(f.set.WasSet("limit"));
}

TEST_CASE("values come behind = or as the next argument") {
  Flags f;
  REQUIRE(f.set
              .TryParse({"--on", "--no-keep", "--config.file", "x=y", "--listen=:9", "--listen",
                         "-", "--limit=5e7", "--since=0x10", "--ratio", "0.5", "--lookback=1d2h",
                         "--interval=1.5s", "--size=512MB", "--kind=b", "--log.level=debug"})
              .ok());
  CHECK(*f.on);
  CHECK_FALSE(*f.keep);
  CHECK(*f.file == "x=y");
  CHECK(*f.addresses == std::vector<std::string>{":9", "-"});
  CHECK(*f.limit == 50'000'000);
  CHECK(*f.since == 16);
  CHECK(*f.ratio == 0.5);
  CHECK(*f.lookback == 93'600'000);
  CHECK(*f.interval == 1500);
  CHECK(*f.size == 512 << 20);
  CHECK(*f.kind == "b");
  CHECK(*f.log.level == "debug");
  CHECK(f.set.WasSet("limit"));
  CHECK(f.set.WasSet("listen"));
  CHECK_FALSE(f.set.WasSet("nothing"));
  Flags empty;
  REQUIRE(empty.set.TryParse({"--config.file="}).ok());
  CHECK(empty.file->empty());
}

TEST_CASE("errors use upstream's words") {
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{"--x"}, "unknown long flag '--x'"},
      {{"--no-x"}, "unknown long flag '--no-x'"},
      {{"--no-limit"}, "unknown long flag '--no-limit'"},
      {{"-x"}, "unknown short flag '-x'"},
      {{"foo"}, "unexpected foo"},
      {{"--on=true"}, "unexpected true"},
      {{"--on", "true"}, "unexpected true"},
      {{"--limit"}, "expected argument for flag '--limit'"},
      {{"--limit", "--on"}, "expected argument for flag '--limit'"},
      {{"--limit", "-5"}, "expected argument for flag '--limit'"},
      {{"--", "--on"}, "unexpected --on"},
      {{"--limit=1", "--limit=2"}, "flag 'limit' cannot be repeated"},
      {{"--on", "--no-on"}, "flag 'on' cannot be repeated"},
      {{"--limit=abc"}, "strconv.ParseFloat: parsing \"abc\": invalid syntax"},
      {{"--limit=1e300"}, "strconv.ParseFloat: parsing \"1e300\": value out of range"},
      {{"--since=abc"}, "strconv.ParseInt: parsing \"abc\": invalid syntax"},
      {{"--since=1e3"}, "strconv.ParseInt: parsing \"1e3\": invalid syntax"},
      {{"--since=9e18"}, "strconv.ParseInt: parsing \"9e18\": invalid syntax"},
      {{"--ratio=1,5"}, "strconv.ParseFloat: parsing \"1,5\": invalid syntax"},
      {{"--lookback=abc"}, "not a valid duration string: \"abc\""},
      {{"--interval=abc"}, "time: invalid duration \"abc\""},
      {{"--size=5"}, "units: unknown unit  in 5"},
      {{"--kind=c"}, "enum value must be one of a,b, got 'c'"},
      {{"--log.level=zzz"}, "unrecognized log level zzz"},
      {{"--log.format=x"}, "unrecognized log format x"},
      {{"--version=1"}, "unknown long flag '--version'"},
      {{"@/nonexistent"},
       "failed to open arguments file \"/nonexistent\": open /nonexistent: no such file or "
       "directory"},
  };
  for (const auto& [arguments, message] : cases) {
    INFO(message);
    Flags f;
    if (arguments[0][0] == '@') {
      CHECK(f.Error(arguments).starts_with("failed to open arguments file \"/nonexistent\""));
    } else {
      CHECK(f.Error(arguments) == message);
    }
  }
}

TEST_CASE("a file of arguments is expanded in place") {
  const auto dir =
      std::filesystem::temp_directory_path() / ("flags_test." + std::to_string(getpid()));
  std::filesystem::create_directories(dir);
  const std::string inner = dir / "inner", outer = dir / "outer", loop = dir / "loop";
  REQUIRE(WriteFileAtomically(inner, "--limit\n7\n").ok());
  REQUIRE(WriteFileAtomically(outer, "# comment\n--on\r\n@" + inner + "\n--config.file=a b").ok());
  REQUIRE(WriteFileAtomically(loop, "@" + loop + "\n@" + loop + "\n").ok());
  Flags f;
  REQUIRE(f.set.TryParse({"@" + outer, "--no-keep"}).ok());
  CHECK(*f.on);
  CHECK(*f.limit == 7);
  CHECK(*f.file == "a b");
  CHECK_FALSE(*f.keep);
  CHECK(Flags().Error({"@" + loop}).find("nested too deeply") != std::string::npos);
  std::filesystem::remove_all(dir);
}

TEST_CASE("the environment gives defaults") {
  setenv("FLAGS_TEST_LIMIT", "3", 1);
  FlagSet set("prog", "");
  int64_t* limit = set.Int("limit", "", 1, {.env = "FLAGS_TEST_LIMIT"});
  REQUIRE(set.TryParse({}).ok());
  CHECK(*limit == 3);
  CHECK_FALSE(set.WasSet("limit"));
  FlagSet given("prog", "");
  limit = given.Int("limit", "", 1, {.env = "FLAGS_TEST_LIMIT"});
  REQUIRE(given.TryParse({"--limit=5"}).ok());
  CHECK(*limit == 5);
  setenv("FLAGS_TEST_LIMIT", "x", 1);
  FlagSet bad("prog", "");
  bad.Int("limit", "", 1, {.env = "FLAGS_TEST_LIMIT"});
  CHECK_FALSE(bad.TryParse({}).ok());
  unsetenv("FLAGS_TEST_LIMIT");
}

TEST_CASE("values are listed as text, hidden ones too") {
  Flags f;
  REQUIRE(f.set.TryParse({"--size=1GB", "--limit=5e7"}).ok());
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  CHECK(f.set.Values() == Pairs{{"on", "false"},
                                {"keep", "true"},
                                {"config.file", "prog.yml"},
                                {"listen", ":1,:2"},
                                {"limit", "50000000"},
                                {"since", "-1"},
                                {"ratio", "0.9"},
                                {"lookback", "5m"},
                                {"interval", "30s"},
                                {"retention", "0s"},
                                {"size", "1GiB"},
                                {"kind", "a"},
                                {"log.level", "info"},
                                {"log.format", "logfmt"}});
}

TEST_CASE("the usage page") {
  setenv("COLUMNS", "80", 1);
  FlagSet set("prog", "Does things.");
  set.SetVersion("v");
  set.String("config.file", "A path whose description is long enough to need two lines here.",
             "prog.yml");
  set.Strings("listen", "Addresses.", {});
  set.Bool("a.very.long.name.that.fills.the.left", "Long.", false);
  set.Bool("hidden", "Hidden.", false, {.hidden = true});
  CHECK(set.Usage() == R"(usage: prog [<flags>]

Does things.


Flags:
  -h, --[no-]help               Show context-sensitive help (also try
                                --help-long and --help-man).
      --[no-]version            Show application version.
      --config.file="prog.yml"  A path whose description is long enough to need
                                two lines here.
      --listen=LISTEN ...       Addresses.
      --[no-]a.very.long.name.that.fills.the.left  
                                Long.

)");
  CHECK(set.Usage(true).find("--[no-]hidden") != std::string::npos);
}

TEST_CASE("programs exit the way upstream does") {
  using enum FlagErrorStyle;
  Outcome o = RunParse(kPlain, {"--x"});
  CHECK(o.code == 1);
  CHECK(o.err == "prog: error: unknown long flag '--x', try --help\n");
  CHECK(o.out.empty());
  o = RunParse(kPlain, {"--limit=abc"});
  CHECK(o.code == 1);
  CHECK(o.out.empty());
  o = RunParse(kPrometheus, {"--x"});
  CHECK(o.code == 1);
  CHECK(o.err.starts_with("Error parsing command line arguments: unknown long flag '--x'\n"));
  CHECK(o.out.empty());
  o = RunParse(kPrometheus, {"--limit=abc"});
  CHECK(o.code == 2);
  CHECK(o.err ==
        "Error parsing command line arguments: strconv.ParseFloat: parsing \"abc\": invalid "
        "syntax\n");
  CHECK(o.out.starts_with("usage: prog [<flags>]"));
  for (const char* help : {"-h", "--help", "--help-long", "--help-man"}) {
    o = RunParse(kPrometheus, {"--limit=abc", help});
    CHECK(o.code == 0);
    CHECK(o.out.starts_with("usage: prog"));
    CHECK(o.err.empty());
  }
  o = RunParse(kPlain, {"--version"});
  CHECK(o.code == 0);
  CHECK(o.out == "prog, version 1\n");
  CHECK(RunParse(kPlain, {"--help", "--x"}).code == 1);
  CHECK(RunParse(kPlain, {"--limit=5"}).code == 42);
}

TEST_CASE("the version text carries the compatible version") {
  const std::string text = VersionText("prometheus");
  CHECK(text.starts_with("prometheus, version 3."));
  CHECK(text.find("(branch: ") != std::string::npos);
  CHECK(text.find("\n  platform:         linux/") != std::string::npos);
}

}  // namespace
}  // namespace narthex
