#pragma once
// Command-line flags in the syntax of kingpin, which every upstream binary uses:
// --name=value, --name value, --bool, --no-bool, -h, --help, --help-long, --help-man, --version,
// @file expands to the file's lines, a single-value flag may be given once.
//
//   FlagSet flags("node_exporter", "Help text of the program.");
//   auto* path = flags.String("web.telemetry-path", "Path under which to expose metrics.",
//   "/metrics"); auto* addresses = flags.Strings("web.listen-address", "…", {":9100"});
//   flags.Parse(argc, argv);          // exits the way upstream does on --help, --version and
//   errors
//
// Returned pointers live as long as the FlagSet. Not thread-safe; read-only after Parse.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/status.h"

namespace narthex {

struct FlagOptions {
  bool hidden = false;
  std::string placeholder;  // shown in help in place of the default
  std::string env;          // environment variable that gives the default
  char short_name = 0;      // -r
  bool required = false;    // has no default
};

struct FlagSetImpl;
class CommandSet;

// How a program reports a bad command line: upstream's binaries differ in wording and exit codes.
enum class FlagErrorStyle {
  kPlain,      // "<program>: error: <message>, try --help" on stderr, exit 1
  kPrometheus  // "Error parsing command line arguments: <message>": token errors exit 1; value
               // errors print the usage on stdout too and exit 2
};

class FlagSet {
 public:
  FlagSet(std::string program, std::string help, FlagErrorStyle style = FlagErrorStyle::kPlain);
  ~FlagSet();

  bool* Bool(std::string name, std::string help, bool default_value, FlagOptions options = {});
  std::string* String(std::string name, std::string help, std::string default_value,
                      FlagOptions options = {});
  std::vector<std::string>* Strings(std::string name, std::string help,
                                    std::vector<std::string> default_value,
                                    FlagOptions options = {});
  int64_t* Int(std::string name, std::string help, int64_t default_value, FlagOptions options = {});
  // In any base; upstream's Int64 is stricter than its Int, which takes 1e3 and 1.5.
  int64_t* Int64(std::string name, std::string help, int64_t default_value,
                 FlagOptions options = {});
  double* Double(std::string name, std::string help, double default_value,
                 FlagOptions options = {});
  // Milliseconds. kPrometheus: Prometheus durations (1d2h). kGo: Go durations plus d and w.
  enum class DurationSyntax { kPrometheus, kGo };
  int64_t* Duration(std::string name, std::string help, std::string default_value,
                    DurationSyntax syntax, FlagOptions options = {});
  // Bytes; "512MB" with powers of two, a unit is required unless the value is 0.
  int64_t* Size(std::string name, std::string help, std::string default_value,
                FlagOptions options = {});
  // One of `allowed`.
  std::string* Enum(std::string name, std::string help, std::vector<std::string> allowed,
                    std::string default_value, FlagOptions options = {});
  // Any text that `check` accepts; the error is check's own.
  std::string* Checked(std::string name, std::string help, std::string default_value,
                       std::function<Status(std::string_view)> check, FlagOptions options = {});

  // Positional arguments, filled in the order of their declaration; `Args` takes all that are left
  // and comes last. A required one may not follow an optional one.
  std::string* Arg(std::string name, std::string help, std::string default_value);
  std::string* RequiredArg(std::string name, std::string help);
  std::vector<std::string>* Args(std::string name, std::string help, bool required);

  // --version prints this and exits 0.
  void SetVersion(std::string text);

  // Was the flag given on the command line (not defaulted)?
  bool WasSet(std::string_view name) const;
  // Name and value of every flag, hidden ones too, kingpin's own left out: /api/v1/status/flags.
  std::vector<std::pair<std::string, std::string>> Values() const;
  std::string Usage(bool with_hidden = false) const;

  // Prints and exits on --help, --version and errors.
  void Parse(int argc, char** argv);
  // The same without printing or exiting; for tests and for callers that report themselves.
  Status TryParse(const std::vector<std::string>& arguments);

 private:
  friend class CommandSet;
  using Impl = FlagSetImpl;
  std::unique_ptr<Impl> impl_;
};

// Registers --log.level and --log.format; ApplyLogFlags sets the process-wide logger from them.
struct LogFlags {
  std::string* level;
  std::string* format;
};
LogFlags AddLogFlags(FlagSet& flags);
void ApplyLogFlags(const LogFlags& flags);

// What --version and <name>_build_info show.
struct BuildInfo {
  std::string version, revision, branch, build_user, build_date, compiler, platform, tags;
};
const BuildInfo& GetBuildInfo(std::string_view program);
// "prometheus, version 3.x (branch: …, revision: …)\n  build user: …" and so on.
std::string VersionText(std::string_view program);

}  // namespace narthex
