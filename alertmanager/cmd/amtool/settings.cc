#include "alertmanager/cmd/amtool/settings.h"

#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "alertmanager/config/features.h"
#include "core/base/file.h"
#include "core/config/decode.h"
#include "core/log/log.h"

namespace narthex::am {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;
constexpr char kDefaultUrl[] = "http://localhost:9093/";

using Values = std::map<std::string, std::string>;

StatusOr<Values> ReadSettingsFile(const std::string& path) {
  Values values;
  if (!FileExists(path)) return values;
  NX_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxFileBytes));
  NX_RETURN_IF_ERROR(config::Decode(text, &values));
  // Its name until 0.8.
  if (auto old = values.extract("comment_required"); !old.empty()) {
    values.emplace("require-comment", std::move(old.mapped()));
  }
  return values;
}

}  // namespace

Settings::Settings(FlagSet& flags) {
  date_format = flags.String("date.format", "Format of date output", "2006-01-02 15:04:05 MST");
  verbose = flags.Bool("verbose", "Verbose running information", false, {.short_name = 'v'});
  url = flags.String("alertmanager.url", "Alertmanager to talk to", kDefaultUrl,
                     {.placeholder = kDefaultUrl});
  output = flags.Enum("output", "Output formatter (simple, extended, json)",
                      {"simple", "extended", "json"}, "simple", {.short_name = 'o'});
  timeout_ms = flags.Duration("timeout", "Timeout for the executed command", "30s",
                              FlagSet::DurationSyntax::kGo);
  http_config_file = flags.String(
      "http.config.file", "HTTP client configuration file for amtool to connect to Alertmanager.",
      "", {.placeholder = "<filename>"});
  version_check = flags.Bool(
      "version-check", "Check alertmanager version. Use --no-version-check to disable.", true);
  features = flags.String("enable-feature",
                          "Experimental features to enable, comma separated. Those that change how "
                          "matchers are read act: classic-mode, utf8-strict-mode; those of the "
                          "server are accepted.",
                          "");
}

std::function<int()> Settings::Run(std::function<Status()> command) const {
  return [this, command = std::move(command)] {
    SetLogLevel(*verbose ? LogLevel::kDebug : LogLevel::kWarn);
    Status status = OkStatus();
    if (auto parsed = ParseFeatures(*features); parsed.ok()) {
      SetMatcherSyntax(parsed->matcher_syntax);
    } else {
      status = parsed.status();
    }
    if (status.ok() && !http_config_file->empty()) status = CheckExistingFile(*http_config_file);
    if (status.ok()) status = command();
    std::fflush(stdout);
    if (status.ok()) return 0;
    std::fprintf(stderr, "amtool: error: %s\n\n", std::string(MessageOf(status)).c_str());
    return 1;
  };
}

StatusOr<std::vector<std::pair<std::string, std::string>>> ReadSettingsFiles() {
  Values values;
  std::vector<std::string> paths = {"/etc/amtool/config.yml"};
  if (const char* home = std::getenv("HOME"); home != nullptr) {
    paths.insert(paths.begin(), std::string(home) + "/.config/amtool/config.yml");
  }
  for (const std::string& path : paths) {
    StatusOr<Values> file = ReadSettingsFile(path);
    if (!file.ok()) return Annotate(file.status(), "could not load config file");
    values.merge(*file);
  }
  return std::vector<std::pair<std::string, std::string>>(values.begin(), values.end());
}

Status CheckExistingFile(std::string_view path) {
  struct stat info = {};
  if (stat(std::string(path).c_str(), &info) != 0) {
    return InvalidArgument("path '{}' does not exist", path);
  }
  if (S_ISDIR(info.st_mode)) {
    return InvalidArgument("'{}' is a directory", std::filesystem::path(path).filename().string());
  }
  return OkStatus();
}

void Print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace narthex::am
