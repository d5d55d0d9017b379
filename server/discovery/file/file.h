#pragma once
// file_sd_configs: target groups from JSON and YAML files.
//
// The parent directories are watched (not the files, so that an atomic rename is seen), where there
// is none yet the nearest directory above it, and every refresh interval everything is read again
// in case an event got lost. A file that cannot be read or parsed keeps the groups it had; a file
// that is gone loses them.

#include <map>
#include <string>
#include <vector>

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/config/decode.h"
#include "server/discovery/provider.h"

namespace narthex::discovery::file {

struct Config {
  static constexpr std::string_view kMechanism = "file";
  std::vector<std::string> files;  // the last element may hold one *
  int64_t refresh_interval_ms = 300'000;
  friend bool operator==(const Config&, const Config&) = default;
  static void RegisterMetrics(Registry& registry);
};

void Describe(config::Fields& f, Config& config);
Status AfterDecode(Config& config);
void ResolvePaths(Config& config, std::string_view directory);
StatusOr<std::unique_ptr<Provider>> MakeProvider(const Config& config,
                                                 const ProviderContext& context);

struct Metrics {
  explicit Metrics(Registry& registry);
  Counter& read_errors;
  Counter& watcher_errors;
  Summary& scan_duration;
  GaugeVec& mtimes;
};

class FileProvider final : public Provider {
 public:
  FileProvider(Config config, const ProviderContext& context);
  ~FileProvider() override;

  // Reads everything and publishes what changed.
  void Refresh();

 private:
  // What is known of one file: the sources it published.
  struct Known {
    size_t groups = 0;
  };

  void WatchDirectories();
  bool WatchDirectory(const std::string& directory);
  void WatchNearest(std::string directory);
  void OnEvents();
  std::vector<std::string> ListFiles() const;
  void ReadOne(const std::string& file, TargetGroups* out);
  void Forget(const std::string& file, size_t from, size_t to, TargetGroups* out) const;

  const Config config_;
  const ProviderContext context_;
  Metrics metrics_;
  UniqueFd inotify_;
  Loop::Timer next_refresh_;
  std::map<std::string, Known> known_;
  bool published_ = false;
};

// The groups of one file, by its extension (.json, .yml, .yaml), with __meta_filepath and sources
// "<file>:<index>".
StatusOr<TargetGroups> ReadTargetGroups(const std::string& file);
// The same from text: the boundary that takes untrusted bytes.
StatusOr<TargetGroups> ParseTargetGroups(std::string_view text, bool json, const std::string& file);

// Files that match a pattern with at most one * in its last element (path.Match otherwise), sorted.
StatusOr<std::vector<std::string>> MatchFiles(const std::string& pattern);

}  // namespace narthex::discovery::file
