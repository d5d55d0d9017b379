// Metrics that other programs leave in *.prom files (text format 0.0.4).

#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "core/base/file.h"
#include "core/base/string_map.h"
#include "core/exposition/families.h"
#include "core/log/log.h"
#include "node_exporter/collectors/plugins.h"

namespace narthex::node {
namespace {

constexpr size_t kMaxFileBytes = 256 << 20;

// Directories that match a pattern; a pattern that matches nothing stands for itself.
std::vector<std::string> Expand(const std::string& pattern) {
  glob_t matches{};
  std::vector<std::string> paths;
  if (glob(pattern.c_str(), 0, nullptr, &matches) == 0) {
    for (size_t i = 0; i < matches.gl_pathc; ++i) paths.emplace_back(matches.gl_pathv[i]);
  }
  globfree(&matches);
  if (paths.empty()) paths.push_back(pattern);
  return paths;
}

// All samples of a family show the same label names: those a sample lacks are added empty.
void PadLabels(MetricFamily* family) {
  std::set<std::string> names;
  for (const auto& sample : family->samples) {
    for (const auto& label : sample.labels) names.insert(label.name);
  }
  for (auto& sample : family->samples) {
    std::sort(sample.labels.begin(), sample.labels.end());
    if (sample.labels.size() == names.size()) continue;
    std::vector<MetricLabel> padded;
    auto have = sample.labels.begin();
    for (const std::string& name : names) {
      if (have != sample.labels.end() && have->name == name) {
        padded.push_back(std::move(*have++));
      } else {
        padded.push_back({name, ""});
      }
    }
    sample.labels = std::move(padded);
  }
}

struct TextFile {
  std::string path;
  double mtime_seconds = 0;
  std::vector<MetricFamily> families;
};

StatusOr<TextFile> ReadTextFile(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) {
    return Annotate(ErrnoStatus(errno, path), "failed to open textfile data file");
  }
  auto text = ReadFile(path, kMaxFileBytes);
  if (!text.ok()) return Annotate(text.status(), "failed to open textfile data file");
  auto families = ParseTextFamilies(*text, NameValidation::kLegacy);
  if (!families.ok()) {
    return Annotate(families.status(),
                    fmt::format("failed to parse textfile data from \"{}\"", path));
  }
  for (const auto& family : *families) {
    for (const auto& sample : family.samples) {
      if (sample.timestamp_ms.has_value()) {
        return InvalidArgument(
            "textfile \"{}\" contains unsupported client-side timestamps, skipping entire file",
            path);
      }
    }
  }
  const double mtime =
      static_cast<double>(info.st_mtim.tv_sec) + static_cast<double>(info.st_mtim.tv_nsec) / 1e9;
  return TextFile{path, mtime, *std::move(families)};
}

class TextfileCollector final : public Collector {
 public:
  explicit TextfileCollector(std::vector<std::string> directories)
      : directories_(std::move(directories)) {}

  Status Update(Sink& sink) override {
    bool failed = false;
    std::vector<TextFile> files = ReadAll(&failed);
    GiveHelp(&files);
    StringMap<std::string> helps;
    for (TextFile& file : files) {
      for (MetricFamily& family : file.families) {
        const auto [help, first] = helps.try_emplace(family.name, family.help);
        if (help->second != family.help) {
          NX_LOG(Error, "Inconsistent HELP of a metric in text files, the first one is kept",
                 {"collector", "textfile"}, {"metric", family.name}, {"file", file.path});
          failed = true;
          continue;
        }
        PadLabels(&family);
        MetricFamily& out = sink.Add(family.type, family.name, family.help);
        out.samples = std::move(family.samples);
      }
    }
    MetricFamily& mtimes = sink.Add(MetricType::kGauge, "node_textfile_mtime_seconds",
                                    "Unixtime mtime of textfiles successfully read.");
    for (const TextFile& file : files) {
      AddSample(mtimes, file.mtime_seconds, {{"file", file.path}});
    }
    sink.Gauge("node_textfile_scrape_error",
               "1 if there was an error opening or reading a file, 0 otherwise", failed);
    return OkStatus();
  }

 private:
  std::vector<TextFile> ReadAll(bool* failed) const {
    std::vector<TextFile> files;
    for (const std::string& pattern : directories_) {
      for (const std::string& directory : Expand(pattern)) {
        auto names = ListDirectory(directory);
        if (!names.ok()) {
          NX_LOG(Error, "failed to read textfile collector directory", {"collector", "textfile"},
                 {"path", directory}, {"err", names.status()});
          *failed = true;
          continue;
        }
        for (const std::string& name : *names) {
          if (!name.ends_with(".prom")) continue;
          auto file = ReadTextFile(JoinPath(directory, name));
          if (!file.ok()) {
            NX_LOG(Error, "failed to collect textfile data", {"collector", "textfile"},
                   {"file", name}, {"err", file.status()});
            *failed = true;
            continue;
          }
          files.push_back(*std::move(file));
        }
      }
    }
    return files;
  }

  // A family without HELP says which files it comes from.
  static void GiveHelp(std::vector<TextFile>* files) {
    StringMap<std::string> sources;
    for (const TextFile& file : *files) {
      for (const MetricFamily& family : file.families) {
        std::string& list = sources[family.name];
        if (!list.empty()) list += ", ";
        list += file.path;
      }
    }
    for (TextFile& file : *files) {
      for (MetricFamily& family : file.families) {
        if (family.help.empty())
          family.help = fmt::format("Metric read from {}", sources[family.name]);
      }
    }
  }

  const std::vector<std::string> directories_;
};

class TextfilePlugin final : public Plugin {
 public:
  void AddFlags(FlagSet& flags) override {
    directories_ = flags.Strings("collector.textfile.directory",
                                 "Directory to read text files with metrics from, supports glob "
                                 "matching. (repeatable)",
                                 {});
  }
  StatusOr<std::unique_ptr<Collector>> Create(const Paths&, const FlagSet&) override {
    return std::make_unique<TextfileCollector>(*directories_);
  }

 private:
  std::vector<std::string>* directories_ = nullptr;
};

}  // namespace

std::unique_ptr<Plugin> MakeTextfilePlugin() { return std::make_unique<TextfilePlugin>(); }

}  // namespace narthex::node
