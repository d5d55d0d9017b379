#include "server/discovery/file.h"

#include <fnmatch.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "core/base/clock.h"
#include "core/log/log.h"

namespace narthex::discovery {
namespace {

// A file of targets larger than this is a mistake.
constexpr size_t kMaxFileBytes = 64 << 20;

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool SameGroups(const TargetGroups& a, const TargetGroups& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return *x == *y; });
}

}  // namespace

StatusOr<std::vector<std::string>> MatchFiles(const std::string& pattern) {
  const size_t slash = pattern.rfind('/');
  const std::string directory = DirectoryOf(pattern);
  const std::string name = slash == std::string::npos ? pattern : pattern.substr(slash + 1);
  std::vector<std::string> files;
  if (name.find_first_of("*?[\\") == std::string::npos) {
    if (FileExists(pattern)) files.push_back(pattern);
    return files;
  }
  StatusOr<std::vector<std::string>> entries = ListDirectory(directory);
  if (!entries.ok()) {
    if (entries.status().code() == StatusCode::kNotFound) return files;
    return entries.status();
  }
  for (const std::string& entry : *entries) {
    if (fnmatch(name.c_str(), entry.c_str(), FNM_PATHNAME) != 0) continue;
    files.push_back(slash == std::string::npos ? entry : pattern.substr(0, slash + 1) + entry);
  }
  return files;
}

StatusOr<TargetGroups> ReadTargetGroups(const std::string& file) {
  NX_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kMaxFileBytes));
  if (file.ends_with(".json")) return ParseTargetGroups(text, true, file);
  if (file.ends_with(".yml") || file.ends_with(".yaml")) {
    return ParseTargetGroups(text, false, file);
  }
  return InvalidArgument("{}: unknown file extension, want .json, .yml or .yaml", file);
}

FileProvider::FileProvider(FileSdConfig config, Metrics* metrics)
    : config_(std::move(config)), metrics_(metrics), inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (!inotify_.valid()) {
    metrics_->CountFileWatcherError();
    NX_LOG(Error, "Cannot watch file_sd files, they are read at every refresh interval only",
           {"component", "discovery manager"}, {"err", ErrnoStatus(errno, "inotify_init1")});
  }
}

FileProvider::~FileProvider() {
  for (const auto& [file, groups] : by_file_) metrics_->RemoveFile(file);
}

void FileProvider::WatchDirectories() {
  if (!inotify_.valid()) return;
  for (const std::string& pattern : config_.files) {
    // Watching twice replaces the mask; a directory that came back is watched anew.
    const std::string directory = DirectoryOf(pattern);
    constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |
                                 IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
    if (inotify_add_watch(inotify_.get(), directory.c_str(), kEvents) < 0) {
      metrics_->CountFileWatcherError();
      NX_LOG(Debug, "Cannot watch directory", {"component", "discovery manager"},
             {"err", ErrnoStatus(errno, directory)});
    }
  }
}

bool FileProvider::DrainEvents() {
  alignas(inotify_event) char buffer[4096];
  bool relevant = false;
  for (;;) {
    const ssize_t n = read(inotify_.get(), buffer, sizeof buffer);
    if (n <= 0) return relevant;
    for (ssize_t at = 0; at < n;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      if (event->mask & IN_Q_OVERFLOW) metrics_->CountFileWatcherError();
      // A file that was only just created is read once it is written, moved here or linked.
      const std::string_view name = event->len > 0 ? event->name : "";
      relevant |= name.empty() || name.ends_with(".json") || name.ends_with(".yml") ||
                  name.ends_with(".yaml");
    }
  }
}

std::vector<std::string> FileProvider::ListFiles() const {
  std::set<std::string> files;
  for (const std::string& pattern : config_.files) {
    const StatusOr<std::vector<std::string>> matches = MatchFiles(pattern);
    if (!matches.ok()) {
      NX_LOG(Error, "Cannot list file_sd files", {"component", "discovery manager"},
             {"pattern", pattern}, {"err", matches.status()});
      continue;
    }
    files.insert(matches->begin(), matches->end());
  }
  return {files.begin(), files.end()};
}

bool FileProvider::ReadOne(const std::string& file) {
  struct stat info {};
  StatusOr<TargetGroups> groups = ReadTargetGroups(file);
  if (!groups.ok()) {
    metrics_->CountFileReadError();
    NX_LOG(Error, "Error reading file", {"component", "discovery manager"}, {"discovery", "file"},
           {"path", file}, {"err", groups.status()});
    by_file_.try_emplace(file);  // so that it is not taken for gone
    return false;
  }
  if (stat(file.c_str(), &info) == 0) {
    metrics_->SetFileMtime(file, static_cast<double>(info.st_mtim.tv_sec) +
                                     static_cast<double>(info.st_mtim.tv_nsec) / 1e9);
  }
  TargetGroups& known = by_file_[file];
  if (SameGroups(known, *groups)) return false;
  known = *std::move(groups);
  return true;
}

bool FileProvider::Refresh(int64_t now_ms) {
  const int64_t start = Clock::System().MonotonicNanos();
  next_refresh_ms_ = now_ms + config_.refresh_interval_ms;
  WatchDirectories();
  const std::vector<std::string> files = ListFiles();
  bool changed = false;
  for (const std::string& file : files) changed |= ReadOne(file);
  for (auto it = by_file_.begin(); it != by_file_.end();) {
    if (std::binary_search(files.begin(), files.end(), it->first)) {
      ++it;
      continue;
    }
    metrics_->RemoveFile(it->first);
    changed |= !it->second.empty();
    it = by_file_.erase(it);
  }
  if (changed) {
    groups_.clear();
    for (const auto& [file, groups] : by_file_) {
      groups_.insert(groups_.end(), groups.begin(), groups.end());
    }
  }
  metrics_->ObserveFileScan(static_cast<double>(Clock::System().MonotonicNanos() - start) / 1e9);
  return changed;
}

}  // namespace narthex::discovery
