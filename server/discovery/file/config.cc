// file_sd_configs as configuration.

#include <algorithm>

#include "core/base/file.h"
#include "core/strings/quote.h"
#include "server/discovery/file/file.h"

namespace narthex::discovery::file {
namespace {

// "dir/*.json": an extension upstream reads, and a * nowhere but in the last element.
bool IsFilePattern(std::string_view file) {
  constexpr std::string_view kExtensions[] = {".json", ".yml", ".yaml", ".JSON", ".YML", ".YAML"};
  if (std::none_of(std::begin(kExtensions), std::end(kExtensions),
                   [&](std::string_view e) { return file.ends_with(e); })) {
    return false;
  }
  const size_t star = file.find('*');
  return star == std::string_view::npos || file.find('/', star) == std::string_view::npos;
}

}  // namespace

void Config::RegisterMetrics(Registry& registry) { static_cast<void>(Metrics(registry)); }

void Describe(config::Fields& f, Config& config) {
  f.Type("file.plain", "file.SDConfig");
  f.Field("files", config.files);
  f.Millis("refresh_interval", config.refresh_interval_ms);
}

Status AfterDecode(Config& config) {
  if (config.files.empty()) {
    return InvalidArgument("file service discovery config must contain at least one path name");
  }
  for (const std::string& name : config.files) {
    if (!IsFilePattern(name)) {
      return InvalidArgument("path name {} is not valid for file discovery", GoQuote(name));
    }
  }
  if (config.refresh_interval_ms <= 0) {
    return InvalidArgument("file service discovery: refresh_interval must be greater than 0");
  }
  return OkStatus();
}

void ResolvePaths(Config& config, std::string_view directory) {
  for (std::string& name : config.files) name = JoinPath(directory, name);
}

}  // namespace narthex::discovery::file
