#include "server/discovery/file/file.h"

#include <fnmatch.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "core/base/clock.h"
#include "core/labels/labels.h"
#include "core/log/log.h"
#include "core/strings/quote.h"
#include "server/discovery/groups_text.h"

namespace narthex::discovery::file {
namespace {

// A file of targets larger than this is a mistake.
constexpr size_t kMaxFileBytes = 64 << 20;
constexpr std::string_view kFilePath = "__meta_filepath";

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string SourceOf(const std::string& file, size_t index) {
  return fmt::format("{}:{}", file, index);
}

// In whole seconds, as upstream.
double ModificationTime(const std::string& file) {
  struct stat info{};
  return stat(file.c_str(), &info) == 0 ? static_cast<double>(info.st_mtim.tv_sec) : 0;
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

StatusOr<TargetGroups> ParseTargetGroups(std::string_view text, bool json,
                                         const std::string& file) {
  StatusOr<std::vector<TargetGroup>> groups = json ? ParseJsonGroups(text) : ParseYamlGroups(text);
  if (!groups.ok()) return Annotate(groups.status(), file);
  TargetGroups out;
  for (TargetGroup& group : *groups) {
    LabelsBuilder labels(group.labels);
    labels.Set(kFilePath, file);
    group.labels = labels.Build();
    group.source = SourceOf(file, out.size());
    out.push_back(std::make_shared<const TargetGroup>(std::move(group)));
  }
  return out;
}

StatusOr<TargetGroups> ReadTargetGroups(const std::string& file) {
  NX_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kMaxFileBytes));
  const std::string lower = ToLowerAscii(file);
  if (lower.ends_with(".json")) return ParseTargetGroups(text, true, file);
  if (lower.ends_with(".yml") || lower.ends_with(".yaml")) {
    return ParseTargetGroups(text, false, file);
  }
  return InvalidArgument("{}: unknown file extension, want .json, .yml or .yaml", file);
}

StatusOr<std::unique_ptr<Provider>> MakeProvider(const Config& config,
                                                 const ProviderContext& context) {
  auto provider = std::make_unique<FileProvider>(config, context);
  provider->Refresh();
  return std::unique_ptr<Provider>(std::move(provider));
}

Metrics::Metrics(Registry& registry)
    : read_errors(registry.AddCounter("prometheus_sd_file_read_errors_total",
                                      "The number of File-SD read errors.")),
      watcher_errors(
          registry.AddCounter("prometheus_sd_file_watcher_errors_total",
                              "The number of File-SD errors caused by filesystem watch failures.")),
      scan_duration(registry.AddSummary(
          "prometheus_sd_file_scan_duration_seconds",
          "The duration of the File-SD scan in seconds.",
          SummaryOptions{.objectives = {{0.5, 0.05}, {0.9, 0.01}, {0.99, 0.001}}})),
      mtimes(registry.AddGaugeVec(
          "prometheus_sd_file_mtime_seconds",
          "Timestamp (mtime) of files read by FileSD. Timestamp is set at read time.",
          {"filename"})) {}

FileProvider::FileProvider(Config config, const ProviderContext& context)
    : config_(std::move(config)),
      context_(context),
      metrics_(*context.registry),
      inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      next_refresh_(context.loop) {
  if (inotify_.valid()) {
    context_.loop->Watch(inotify_.get(), POLLIN, [this](short) { OnEvents(); });
    return;
  }
  metrics_.watcher_errors.Inc();
  NX_LOG(Error, "Cannot watch file_sd files, they are read at every refresh interval only",
         {"component", "discovery manager"}, {"err", ErrnoStatus(errno, "inotify_init1")});
}

FileProvider::~FileProvider() {
  if (inotify_.valid()) context_.loop->Unwatch(inotify_.get());
  for (const auto& [file, known] : known_) metrics_.mtimes.Remove({file});
}

bool FileProvider::WatchDirectory(const std::string& directory) {
  // Watching twice replaces the mask; a directory that came back is watched anew.
  constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |
                               IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
  return inotify_add_watch(inotify_.get(), directory.c_str(), kEvents) >= 0;
}

// The directory or, while there is none, the nearest one above it. Down again behind that: a
// directory that came before the one above it was watched is no event.
void FileProvider::WatchNearest(std::string directory) {
  std::vector<std::string> missing;
  while (!WatchDirectory(directory)) {
    if (missing.empty()) {
      metrics_.watcher_errors.Inc();
      NX_LOG(Debug, "Cannot watch directory", {"component", "discovery manager"},
             {"err", ErrnoStatus(errno, directory)});
    }
    if (directory == "/" || directory == ".") return;
    missing.push_back(directory);
    directory = DirectoryOf(directory);
  }
  while (!missing.empty() && WatchDirectory(missing.back())) missing.pop_back();
}

void FileProvider::WatchDirectories() {
  if (!inotify_.valid()) return;
  for (const std::string& pattern : config_.files) WatchNearest(DirectoryOf(pattern));
}

void FileProvider::OnEvents() {
  alignas(inotify_event) char buffer[4096];
  bool relevant = false;
  for (;;) {
    const ssize_t n = read(inotify_.get(), buffer, sizeof buffer);
    if (n <= 0) break;
    for (ssize_t at = 0; at < n;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      if ((event->mask & IN_Q_OVERFLOW) != 0) metrics_.watcher_errors.Inc();
      // Of other names only what may be a directory above the files, or a link to one.
      constexpr uint32_t kStructure = IN_ISDIR | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM;
      const std::string_view name = event->len > 0 ? event->name : "";
      relevant |= name.empty() || (event->mask & kStructure) != 0 || name.ends_with(".json") ||
                  name.ends_with(".yml") || name.ends_with(".yaml");
    }
  }
  if (relevant) Refresh();
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

// Deletes the groups [from, to) of a file.
void FileProvider::Forget(const std::string& file, size_t from, size_t to,
                          TargetGroups* out) const {
  for (size_t i = from; i < to; ++i) {
    auto gone = std::make_shared<TargetGroup>();
    gone->source = SourceOf(file, i);
    out->push_back(std::move(gone));
  }
}

void FileProvider::ReadOne(const std::string& file, TargetGroups* out) {
  Known& known = known_[file];  // also when it cannot be read: it is not gone
  StatusOr<TargetGroups> groups = ReadTargetGroups(file);
  if (!groups.ok()) {
    metrics_.read_errors.Inc();
    NX_LOG(Error, "Error reading file", {"component", "discovery manager"}, {"discovery", "file"},
           {"path", file}, {"err", groups.status()});
    return;
  }
  metrics_.mtimes.With({file}).Set(ModificationTime(file));
  Forget(file, groups->size(), known.groups, out);
  known.groups = groups->size();
  out->insert(out->end(), groups->begin(), groups->end());
}

void FileProvider::Refresh() {
  const int64_t start = Clock::System().MonotonicNanos();
  next_refresh_.Set(config_.refresh_interval_ms, [this] { Refresh(); });
  WatchDirectories();
  const std::vector<std::string> files = ListFiles();
  TargetGroups changes;
  for (const std::string& file : files) ReadOne(file, &changes);
  for (auto it = known_.begin(); it != known_.end();) {
    if (std::binary_search(files.begin(), files.end(), it->first)) {
      ++it;
      continue;
    }
    metrics_.mtimes.Remove({it->first});
    Forget(it->first, 0, it->second.groups, &changes);
    it = known_.erase(it);
  }
  metrics_.scan_duration.Observe(static_cast<double>(Clock::System().MonotonicNanos() - start) /
                                 1e9);
  if (!changes.empty() || !published_) context_.publisher->Publish(std::move(changes));
  published_ = true;
}

}  // namespace narthex::discovery::file
