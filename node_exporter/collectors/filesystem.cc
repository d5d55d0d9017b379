// Space, inodes and state of mounted file systems: mountinfo of process 1, then statfs(2).

#include <cstring>
#include <set>
#include <tuple>

#include "core/base/file.h"
#include "core/log/log.h"
#include "core/strings/quote.h"
#include "node_exporter/collectors/plugins.h"
#include "node_exporter/collectors/statfs_pool.h"
#include "node_exporter/filter_flags.h"
#include "node_exporter/parse.h"

namespace narthex::node {
namespace {

struct Mount {
  std::string device, mount_point, type, major, minor, error;
  bool read_only = false;
};

// mountinfo writes space and tab as octal escapes.
std::string Decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 4) == "\\040") {
      out += ' ';
      i += 3;
    } else if (text.substr(i, 4) == "\\011") {
      out += '\t';
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool HasOption(std::string_view options, std::string_view wanted) {
  for (std::string_view option : SplitString(options, ',')) {
    if (option == wanted) return true;
  }
  return false;
}

// 36 35 98:0 /root /mnt rw,noatime shared:1 … - ext3 /dev/root rw
StatusOr<Mount> ParseMount(std::string_view line) {
  const auto words = Words(line);
  size_t dash = 6;
  while (dash < words.size() && words[dash] != "-") ++dash;
  if (dash + 3 > words.size()) return DataLoss("malformed mount point information: {}", line);
  Mount mount;
  const size_t colon = words[2].find(':');
  if (colon == std::string_view::npos)
    return DataLoss("malformed mount point information: {}", line);
  mount.major = words[2].substr(0, colon);
  mount.minor = words[2].substr(colon + 1);
  mount.mount_point = Decode(words[4]);
  mount.type = words[dash + 1];
  // A source may be the empty string, which leaves one word less behind the dash.
  const bool has_source = dash + 3 < words.size();
  mount.device = has_source ? std::string(words[dash + 2]) : "";
  const std::string_view super = words[has_source ? dash + 3 : dash + 2];
  mount.read_only =
      HasOption(words[5], "ro") || HasOption(super, "ro") || HasOption(super, "emergency_ro");
  return mount;
}

class FilesystemCollector final : public Collector {
 public:
  FilesystemCollector(const Paths& paths, NameFilter mount_points, NameFilter types, size_t workers,
                      int64_t timeout_ms)
      : paths_(paths),
        mount_points_(std::move(mount_points)),
        types_(std::move(types)),
        pool_(workers, std::chrono::milliseconds(timeout_ms)) {}

  Status Update(Sink& sink) override {
    NX_ASSIGN_OR_RETURN(std::vector<Mount> mounts, Mounts());
    std::vector<std::string> targets;
    for (const Mount& mount : mounts) targets.push_back(paths_.Root(mount.mount_point));
    const auto results = pool_.Run(targets);
    Families families(sink);
    for (size_t i = 0; i < mounts.size(); ++i) Emit(mounts[i], results[i], families);
    return OkStatus();
  }

 private:
  struct Families {
    explicit Families(Sink& sink)
        : size(Add(sink, "size_bytes", "Filesystem size in bytes.")),
          free(Add(sink, "free_bytes", "Filesystem free space in bytes.")),
          avail(Add(sink, "avail_bytes", "Filesystem space available to non-root users in bytes.")),
          files(Add(sink, "files", "Filesystem total file nodes.")),
          files_free(Add(sink, "files_free", "Filesystem total free file nodes.")),
          purgeable(Add(sink, "purgeable_bytes",
                        "Filesystem space available including purgeable space (MacOS specific).")),
          read_only(Add(sink, "readonly", "Filesystem read-only status.")),
          error(Add(sink, "device_error",
                    "Whether an error occurred while getting statistics for the given device.")),
          info(Add(sink, "mount_info", "Filesystem mount information.")) {}

    static MetricFamily& Add(Sink& sink, std::string_view name, std::string_view help) {
      return sink.Add(MetricType::kGauge, fmt::format("node_filesystem_{}", name),
                      std::string(help));
    }
    MetricFamily &size, &free, &avail, &files, &files_free, &purgeable, &read_only, &error, &info;
    // Labels already used, by (device, mount point, type, error) and, for mount_info, (device,
    // mount point, major, minor): a place may be mounted over. The two cannot be mistaken for each
    // other in effect, as a type is no number.
    std::set<std::tuple<std::string, std::string, std::string, std::string>> seen;
  };

  StatusOr<std::vector<Mount>> Mounts() const {
    auto text = ReadKernelFile(paths_.Proc("1/mountinfo"));
    if (!text.ok() && text.status().code() == StatusCode::kNotFound) {
      text = ReadKernelFile(paths_.Proc("self/mountinfo"));
    }
    if (!text.ok()) return text.status();
    std::vector<Mount> mounts;
    Status status;
    ForEachLine(*text, [&](std::string_view line) {
      if (line.empty()) return true;
      auto mount = ParseMount(line);
      if (!mount.ok()) {
        status = mount.status();
        return false;
      }
      mount->mount_point = paths_.StripRoot(mount->mount_point);
      if (!mount_points_.Ignores(mount->mount_point) && !types_.Ignores(mount->type)) {
        mounts.push_back(*std::move(mount));
      }
      return true;
    });
    if (!status.ok()) return status;
    return mounts;
  }

  static void Emit(Mount& mount, const StatfsPool::Result& result, Families& families) {
    if (result.timed_out) mount.error = "mountpoint timeout";
    if (result.error != 0) mount.error = ErrnoText(result.error);
    if (mount.error.empty() &&
        families.seen.emplace(mount.device, mount.mount_point, mount.major, mount.minor).second) {
      AddSample(families.info, 1,
                {{"device", mount.device},
                 {"major", mount.major},
                 {"minor", mount.minor},
                 {"mountpoint", mount.mount_point}});
    }
    if (!families.seen.emplace(mount.device, mount.mount_point, mount.type, mount.error).second) {
      return;
    }
    const std::vector<MetricLabel> labels = {{"device", mount.device},
                                             {"device_error", mount.error},
                                             {"fstype", mount.type},
                                             {"mountpoint", mount.mount_point}};
    AddSample(families.error, !mount.error.empty(), labels);
    AddSample(families.read_only, mount.read_only, labels);
    if (!mount.error.empty()) {
      NX_LOG(Debug, "Error on statfs() system call", {"collector", "filesystem"},
             {"rootfs", mount.mount_point}, {"err", mount.error});
      return;
    }
    const auto block = static_cast<double>(result.stats.f_bsize);
    AddSample(families.size, static_cast<double>(result.stats.f_blocks) * block, labels);
    AddSample(families.free, static_cast<double>(result.stats.f_bfree) * block, labels);
    AddSample(families.avail, static_cast<double>(result.stats.f_bavail) * block, labels);
    AddSample(families.files, static_cast<double>(result.stats.f_files), labels);
    AddSample(families.files_free, static_cast<double>(result.stats.f_ffree), labels);
    AddSample(families.purgeable, 0, labels);
  }

  // Go's wording of an errno is the C library's in lower case.
  static std::string ErrnoText(int error) {
    std::string text =
        strerrordesc_np(error) != nullptr ? strerrordesc_np(error) : fmt::format("errno {}", error);
    return ToLowerAscii(text);
  }

  const Paths paths_;
  const NameFilter mount_points_, types_;
  StatfsPool pool_;
};

class FilesystemPlugin final : public Plugin {
 public:
  void AddFlags(FlagSet& flags) override {
    mount_points_.Add(flags);
    types_.Add(flags);
    timeout_ = flags.Duration("collector.filesystem.mount-timeout",
                              "how long to wait for a mount to respond before marking it as stale",
                              "5s", FlagSet::DurationSyntax::kGo, {.hidden = true});
    workers_ = flags.Int("collector.filesystem.stat-workers",
                         "how many stat calls to process simultaneously", 4, {.hidden = true});
  }
  StatusOr<std::unique_ptr<Collector>> Create(const Paths& paths, const FlagSet& flags) override {
    constexpr int64_t kMaxWorkers = 256;
    if (*workers_ < 1 || *workers_ > kMaxWorkers) {
      return InvalidArgument("--collector.filesystem.stat-workers must be between 1 and {}",
                             kMaxWorkers);
    }
    NX_ASSIGN_OR_RETURN(NameFilter mount_points, mount_points_.Resolve(flags));
    NX_ASSIGN_OR_RETURN(NameFilter types, types_.Resolve(flags));
    return std::make_unique<FilesystemCollector>(paths, std::move(mount_points), std::move(types),
                                                 static_cast<size_t>(*workers_), *timeout_);
  }

 private:
  FilterFlags mount_points_{{.collector = "filesystem",
                             .subject = "mount-points",
                             .plural = "mount points",
                             .default_exclude =
                                 "^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|"
                                 "var/lib/containers/storage/.+)($|/)",
                             .old_exclude = "ignored-mount-points",
                             .old_include = ""}};
  FilterFlags types_{
      {.collector = "filesystem",
       .subject = "fs-types",
       .plural = "filesystem types",
       .default_exclude =
           "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|"
           "iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|"
           "squashfs|erofs|sysfs|tracefs)$",
       .old_exclude = "ignored-fs-types",
       .old_include = ""}};
  int64_t* timeout_ = nullptr;
  int64_t* workers_ = nullptr;
};

}  // namespace

std::unique_ptr<Plugin> MakeFilesystemPlugin() { return std::make_unique<FilesystemPlugin>(); }

}  // namespace narthex::node
