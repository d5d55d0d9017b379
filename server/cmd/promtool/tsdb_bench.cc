#include "server/cmd/promtool/tsdb_bench.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <vector>

#include "core/base/file.h"
#include "core/json/reader.h"
#include "core/strings/duration.h"
#include "server/cmd/promtool/output.h"
#include "server/storage/tsdb/db.h"

namespace narthex::promtool {
namespace {

constexpr size_t kMaxInput = size_t{1} << 30;
constexpr int64_t kScrapeIntervalMs = 30'000;
constexpr size_t kGroup = 1000;  // series that are written with one timestamp, like a target

// Up to `limit` label sets, each only once.
StatusOr<std::vector<Labels>> ReadLabels(const std::string& path, int64_t limit) {
  NX_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxInput));
  std::vector<Labels> all;
  for (size_t begin = 0; begin < text.size() && all.size() < static_cast<size_t>(limit);) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    if (line.empty()) continue;
    NX_ASSIGN_OR_RETURN(const JsonValue json, ParseJson(line));
    LabelsBuilder labels;
    for (const auto& [name, value] : json.members()) labels.Set(name, value.AsString());
    all.push_back(labels.Build());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

// Prints how long a stage took, the way upstream does.
Status Stage(const char* name, const std::function<Status()>& run, double* seconds = nullptr) {
  std::printf(">> start stage=%s\n", name);
  std::fflush(stdout);
  const auto start = std::chrono::steady_clock::now();
  const Status status = run();
  const auto nanos =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start)
          .count();
  NX_RETURN_IF_ERROR(status);
  if (seconds != nullptr) *seconds = static_cast<double>(nanos) / 1e9;
  std::printf(">> completed stage=%s duration=%s\n", name, FormatGoDuration(nanos).c_str());
  return OkStatus();
}

class Writer {
 public:
  explicit Writer(tsdb::Db* db) : db_(db) {}

  Status AddSeries(const std::vector<Labels>& all) {
    for (size_t i = 0; i < all.size(); ++i) {
      if (i % kGroup == 0) groups_.push_back({db_->NewGroup(), {}});
      bool created = false;
      Group& group = groups_.back();
      NX_ASSIGN_OR_RETURN(const uint32_t member, group.writer->AddMember(all[i], &created));
      group.values.resize(std::max<size_t>(group.values.size(), member + 1));
    }
    return OkStatus();
  }

  // Counters that rise by a little every time, as upstream's do.
  Status Scrape(int64_t t) {
    for (Group& group : groups_) {
      for (double& value : group.values) value += 1000;
      const auto commit = group.writer->CommitTick(t, group.values);
      samples_ += commit.appended;
      if (commit.appended != group.values.size()) return Internal("samples were refused at {}", t);
    }
    return OkStatus();
  }
  uint64_t samples() const { return samples_; }

 private:
  struct Group {
    std::unique_ptr<storage::GroupWriter> writer;
    std::vector<double> values;
  };
  tsdb::Db* const db_;
  std::vector<Group> groups_;
  uint64_t samples_ = 0;
};

Status Bench(const BenchOptions& options) {
  const std::string dir = JoinPath(options.output_dir, "storage");
  std::error_code error;
  std::filesystem::remove_all(dir, error);
  if (error) return ErrnoStatus(error.value(), "remove " + dir);
  NX_RETURN_IF_ERROR(CreateDirectories(dir));
  tsdb::Options db_options;
  db_options.dir = dir;
  db_options.retention_ms = int64_t{15} * 24 * 3600 * 1000;
  NX_ASSIGN_OR_RETURN(const std::unique_ptr<tsdb::Db> db, tsdb::Db::Open(db_options));

  std::vector<Labels> labels;
  NX_RETURN_IF_ERROR(Stage("readData", [&]() -> Status {
    NX_ASSIGN_OR_RETURN(labels, ReadLabels(options.input, options.metrics));
    return OkStatus();
  }));
  auto writer = std::make_unique<Writer>(db.get());
  double seconds = 0;
  NX_RETURN_IF_ERROR(Stage(
      "ingestScrapes",
      [&]() -> Status {
        NX_RETURN_IF_ERROR(writer->AddSeries(labels));
        for (int64_t i = 0; i < options.scrapes; ++i) {
          NX_RETURN_IF_ERROR(writer->Scrape(i * kScrapeIntervalMs));
        }
        return OkStatus();
      },
      &seconds));
  const uint64_t samples = writer->samples();
  std::printf(" > total samples: %llu\n > samples/sec: %g\n",
              static_cast<unsigned long long>(samples), static_cast<double>(samples) / seconds);
  writer.reset();
  return Stage("stopStorage", [&] { return db->Close(); });
}

}  // namespace

int BenchWrite(const BenchOptions& options) { return ExitCode(Bench(options)); }

}  // namespace narthex::promtool
