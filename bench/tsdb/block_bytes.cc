// One kind of samples in a directory of ours, with a block cut from it, and the same samples as the
// log of a Prometheus directory: what block_bytes.py compares.
//
//   block_bytes --dir=DIR --kind=counters|gauges|noise|constant|histograms|recorded
//               [--series=1000] [--ticks=760] [--recording=FILE]
//
// DIR/narthex and DIR/prometheus are made. Floats come as targets of 1,000 series do, a tick every
// 15 s; a recording is a file of scrape bodies, each behind a line "#", repeated when it is too
// short.

#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "bench/tsdb/bench_labels.h"
#include "core/flags/flags.h"
#include "core/log/log.h"
#include "server/storage/tsdb/db.h"

namespace narthex::tsdb {
namespace {

constexpr int64_t kT0 = 1'700'000'000'000 / 7'200'000 * 7'200'000;
constexpr int64_t kIntervalMs = 15'000;
constexpr size_t kPerTarget = 1000;

Options OptionsOf(const std::string& dir) {
  Options options;
  options.dir = dir;
  options.maintenance_interval = std::chrono::milliseconds(0);
  options.retention_ms = 0;
  return options;
}

void Require(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", std::string(MessageOf(status)).c_str());
  std::exit(1);
}

// What comes next of each series.
class Values {
 public:
  Values(const std::string& kind, size_t series) : kind_(kind), state_(series) {}

  void Next(std::vector<double>* out) {
    for (size_t i = 0; i < state_.size(); ++i) {
      double& v = state_[i];
      if (kind_ == "counters") v += static_cast<double>(random_() % (i % 50 + 1) * (random_() % 2));
      if (kind_ == "gauges") v = std::round((50 + 20 * Uniform() + v / 10) * 100) / 100;
      if (kind_ == "noise") v = Uniform();
      if (kind_ == "constant") v = static_cast<double>(i % 7);
    }
    *out = state_;
  }

 private:
  double Uniform() { return std::uniform_real_distribution<double>(0, 1)(random_); }
  const std::string kind_;
  std::vector<double> state_;
  std::mt19937_64 random_{42};
};

void FillFloats(Db* db, const std::string& kind, size_t series, int ticks) {
  const size_t targets = (series + kPerTarget - 1) / kPerTarget;
  std::vector<std::unique_ptr<storage::GroupWriter>> groups;
  std::vector<Values> values;
  for (size_t target = 0; target < targets; ++target) {
    const size_t members = std::min(kPerTarget, series - target * kPerTarget);
    groups.push_back(db->NewGroup());
    values.emplace_back(kind, members);
    bool created;
    for (size_t i = 0; i < members; ++i) {
      (void)*groups.back()->AddMember(LabelsOf(target, i), &created);
    }
  }
  std::vector<double> tick;
  for (int t = 0; t < ticks; ++t) {
    for (size_t target = 0; target < targets; ++target) {
      values[target].Next(&tick);
      groups[target]->CommitTick(kT0 + t * kIntervalMs, tick);
    }
  }
}

void FillHistograms(Db* db, size_t series, int ticks) {
  std::mt19937_64 random{42};
  std::vector<IntHistogram> state(series);
  for (int t = 0; t < ticks; ++t) {
    auto appender = db->NewAppender();
    for (size_t i = 0; i < series; ++i) {
      IntHistogram& h = state[i];
      std::vector<int64_t> counts(8 + i % 8);
      int64_t before = 0;
      for (size_t b = 0; b < counts.size(); ++b) {
        before += b < h.positive_deltas.size() ? h.positive_deltas[b] : 0;
        counts[b] = before + static_cast<int64_t>(random() % 4);
      }
      h = {.schema = 3, .zero_threshold = 0x1p-128, .zero_count = h.zero_count, .sum = h.sum};
      h.positive_spans = {{-4, 5}, {2, static_cast<uint32_t>(counts.size() - 5)}};
      before = 0;
      for (const int64_t count : counts) {
        h.positive_deltas.push_back(count - before);
        h.count += static_cast<uint64_t>(count);
        before = count;
      }
      h.sum += static_cast<double>(random() % 1000) / 1e3;
      (void)appender->AppendHistogram(LabelsOf(i / kPerTarget, i % kPerTarget),
                                      kT0 + t * kIntervalMs, h);
    }
    Require(appender->Commit(false));
  }
}

void FillRecorded(Db* db, const std::string& path, int ticks) {
  std::vector<std::vector<std::pair<std::string, double>>> bodies;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (line == "#") bodies.emplace_back();
    const size_t space = line.rfind(' ');
    if (bodies.empty() || line.starts_with('#') || space == std::string::npos) continue;
    bodies.back().emplace_back(line.substr(0, space), std::strtod(line.c_str() + space, nullptr));
  }
  if (bodies.empty()) Require(InvalidArgument("{}: no recording", path));
  auto group = db->NewGroup();
  std::map<std::string, uint32_t> members;
  std::vector<double> values;
  for (int t = 0; t < ticks; ++t) {
    values.assign(values.size(), storage::StaleNaN());
    for (const auto& [series, value] : bodies[static_cast<size_t>(t) % bodies.size()]) {
      auto [at, is_new] = members.try_emplace(series, 0);
      if (is_new) {
        bool created;
        const std::string name = series.substr(0, series.find('{'));
        at->second = *group->AddMember(
            Labels{{"__name__", name}, {"instance", "localhost:9100"}, {"series", series}},
            &created);
        if (at->second >= values.size()) values.resize(at->second + 1, storage::StaleNaN());
      }
      values[at->second] = value;
    }
    group->CommitTick(kT0 + t * kIntervalMs, values);
  }
}

}  // namespace
}  // namespace narthex::tsdb

int main(int argc, char** argv) {
  using namespace narthex;
  SetLogLevel(LogLevel::kWarn);
  FlagSet flags("block_bytes", "The same samples for two servers.");
  auto* dir = flags.String("dir", "Where the two directories are made.", "");
  auto* kind = flags.String("kind", "Kind of samples.", "counters");
  auto* series = flags.Int("series", "Series.", 1000);
  auto* ticks = flags.Int("ticks", "Samples of each, 15 s apart; a block needs 721.", 760);
  auto* recording = flags.String("recording", "Scrape bodies.", "");
  auto* samples = flags.Int("samples-per-chunk", "Samples of a chunk.", 120);
  flags.Parse(argc, argv);

  const std::string ours = *dir + "/narthex", theirs = *dir + "/prometheus";
  tsdb::Options options = tsdb::OptionsOf(ours);
  options.samples_per_chunk = static_cast<int>(*samples);
  {
    auto db = *tsdb::Db::Open(options);
    if (*kind == "recorded") {
      tsdb::FillRecorded(db.get(), *recording, static_cast<int>(*ticks));
    } else if (*kind == "histograms") {
      tsdb::FillHistograms(db.get(), static_cast<size_t>(*series), static_cast<int>(*ticks));
    } else {
      tsdb::FillFloats(db.get(), *kind, static_cast<size_t>(*series), static_cast<int>(*ticks));
    }
    tsdb::Require(db->Close());
  }
  std::filesystem::copy(ours, theirs, std::filesystem::copy_options::recursive);
  {
    auto db = *tsdb::Db::Open(tsdb::OptionsOf(theirs));
    tsdb::Require(db->ExportLog());
    tsdb::Require(db->Close());
  }
  std::filesystem::remove_all(theirs + "/head");
  auto db = *tsdb::Db::Open(options);
  tsdb::Require(db->Maintain());
  tsdb::Require(db->Close());
}
