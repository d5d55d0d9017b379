#pragma once
// file_sd_configs: target groups from JSON and YAML files.
//
// The parent directories are watched (not the files, so that an atomic rename is seen), and every
// refresh interval everything is read again in case an event got lost. A file that cannot be read
// or parsed keeps the groups it had; a file that is gone loses them.

#include <map>
#include <string>
#include <vector>

#include "core/base/file.h"
#include "core/base/status.h"
#include "server/discovery/config.h"
#include "server/discovery/metrics.h"
#include "server/discovery/provider.h"

namespace narthex::discovery {

class FileProvider final : public Provider {
 public:
  // `metrics` outlives the provider.
  FileProvider(FileSdConfig config, Metrics* metrics);
  ~FileProvider() override;

  int fd() const override { return inotify_.get(); }
  int64_t next_refresh_ms() const override { return next_refresh_ms_; }
  bool Refresh(int64_t now_ms) override;
  bool DrainEvents() override;
  const TargetGroups& groups() const override { return groups_; }
  const FileSdConfig& config() const { return config_; }

 private:
  void WatchDirectories();
  std::vector<std::string> ListFiles() const;
  // True when the groups of `file` changed.
  bool ReadOne(const std::string& file);

  const FileSdConfig config_;
  Metrics* const metrics_;
  UniqueFd inotify_;
  int64_t next_refresh_ms_ = 0;
  std::map<std::string, TargetGroups> by_file_;
  TargetGroups groups_;
};

// The groups of one file, by its extension (.json, .yml, .yaml), with __meta_filepath and sources
// "<file>:<index>".
StatusOr<TargetGroups> ReadTargetGroups(const std::string& file);
// The same from text: the boundary that takes untrusted bytes.
StatusOr<TargetGroups> ParseTargetGroups(std::string_view text, bool json,
                                         const std::string& file);

// Files that match a pattern with at most one * in its last element (path.Match otherwise), sorted.
StatusOr<std::vector<std::string>> MatchFiles(const std::string& pattern);

}  // namespace narthex::discovery
