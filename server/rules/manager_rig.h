#pragma once
// What the tests of the manager share: a storage in memory, queries with given answers, a clock.

#include <atomic>
#include <cmath>
#include <map>

#include "core/base/file.h"
#include "core/base/mutex.h"
#include "server/rules/manager.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

namespace narthex::rules {

inline constexpr int64_t kMinute = 60'000;
inline constexpr TimestampMs kStart = 1'767'323'040'000;  // a whole minute

// A storage in memory, enough of one for rules.
class FakeStorage final : public storage::Appendable, public storage::Queryable {
 public:
  using Points = std::map<TimestampMs, double>;

  std::unique_ptr<storage::GroupWriter> NewGroup() override;
  std::unique_ptr<storage::Appender> NewAppender() override { return nullptr; }
  StatusOr<std::unique_ptr<storage::Querier>> NewQuerier(TimestampMs, TimestampMs) const override;

  std::map<std::string, Points> Dump(std::string_view metric = "") const {
    MutexLock lock(mutex);
    std::map<std::string, Points> out;
    for (const auto& [labels, points] : series) {
      if (metric.empty() || labels.metric_name() == metric) out[labels.ToMetricString()] = points;
    }
    return out;
  }

  mutable Mutex mutex;
  std::map<Labels, Points> series;
  std::atomic<bool> refuse{false};
};

class FakeWriter final : public storage::GroupWriter {
 public:
  explicit FakeWriter(FakeStorage* storage) : storage_(storage) {}
  StatusOr<uint32_t> AddMember(const Labels& labels, bool* created) override {
    if (storage_->refuse) return ResourceExhausted("series limit reached");
    *created = true;
    members_.push_back({labels, true, false});
    return static_cast<uint32_t>(members_.size() - 1);
  }
  void RetireMember(uint32_t member) override { members_.at(member).retired = true; }
  size_t member_count() const override { return members_.size(); }
  Commit CommitTick(TimestampMs t, std::span<const double> values) override {
    Commit commit;
    MutexLock lock(storage_->mutex);
    for (size_t i = 0; i < members_.size(); ++i) {
      Member& m = members_[i];
      if (!m.live) continue;
      const double v = m.retired ? storage::StaleNaN() : values[i];
      if (m.retired) m.live = false;
      auto& points = storage_->series[m.labels];
      if (!points.empty() && points.rbegin()->first >= t) {
        ++commit.out_of_order;
        continue;
      }
      points[t] = v;
      ++commit.appended;
    }
    return commit;
  }

 private:
  struct Member {
    Labels labels;
    bool live, retired;
  };
  FakeStorage* storage_;
  std::vector<Member> members_;
};

inline std::unique_ptr<storage::GroupWriter> FakeStorage::NewGroup() {
  return std::make_unique<FakeWriter>(this);
}

struct FakeList final : storage::SeriesList {
  std::vector<std::pair<Labels, FakeStorage::Points>> found;
  size_t size() const override { return found.size(); }
  Labels labels(size_t i) const override { return found[i].first; }
  Status Read(size_t, TimestampMs, TimestampMs, storage::SampleColumns*) const override {
    return Unimplemented("not needed here");
  }
  bool Last(size_t i, TimestampMs mint, TimestampMs t, TimestampMs* at, double* v) const override {
    const auto& points = found[i].second;
    auto it = points.upper_bound(t);
    if (it == points.begin() || (--it)->first <= mint) return false;
    *at = it->first;
    *v = it->second;
    return true;
  }
};

struct FakeQuerier final : storage::Querier {
  const FakeStorage* storage;
  StatusOr<std::unique_ptr<storage::SeriesList>> Select(
      const storage::SelectHints&, std::span<const Matcher> matchers) const override {
    auto list = std::make_unique<FakeList>();
    MutexLock lock(storage->mutex);
    for (const auto& [labels, points] : storage->series) {
      bool all = true;
      for (const Matcher& m : matchers) all = all && m.Matches(labels);
      if (all) list->found.emplace_back(labels, points);
    }
    return std::unique_ptr<storage::SeriesList>(std::move(list));
  }
  StatusOr<std::vector<std::string>> LabelNames(std::span<const Matcher>, size_t,
                                                bool*) const override {
    return Unimplemented("not needed here");
  }
  StatusOr<std::vector<std::string>> LabelValues(const std::string&, std::span<const Matcher>,
                                                 size_t, bool*) const override {
    return Unimplemented("not needed here");
  }
};

inline StatusOr<std::unique_ptr<storage::Querier>> FakeStorage::NewQuerier(TimestampMs,
                                                                           TimestampMs) const {
  auto querier = std::make_unique<FakeQuerier>();
  querier->storage = this;
  return std::unique_ptr<storage::Querier>(std::move(querier));
}

struct Fixture {
  Fixture() { Restart(); }
  ~Fixture() { manager.reset(); }

  // A new manager on the same storage, as after a restart of the process.
  void Restart(int concurrent_evals = 0) {
    manager.reset();
    registry = std::make_unique<Registry>();
    Options options;
    options.external_url = "http://prom.example/base";
    options.concurrent_evals = concurrent_evals;
    options.clock = &clock;
    manager = std::make_unique<Manager>(
        options,
        [this](const std::string& expr, TimestampMs t, const QueryContext& context) {
          if (on_query) on_query(expr);
          return Query(expr, t);
        },
        &storage, &storage,
        [this](std::vector<notifier::Alert> alerts) {
          for (auto& alert : alerts) sent.push_back(std::move(alert));
        },
        registry.get());
  }

  StatusOr<promql::QueryResult> Query(const std::string& expr, TimestampMs t) {
    MutexLock lock(mutex);
    queries.emplace_back(expr, t);
    if (expr == "bad") return InvalidArgument("1:1: parse error: bad");
    promql::QueryResult result;
    if (expr == "time()") {
      result.type = promql::ValueType::kScalar;
      result.scalar = {t, 42};
      return result;
    }
    if (expr == "up[5m]") {
      result.type = promql::ValueType::kMatrix;
      return result;
    }
    result.type = promql::ValueType::kVector;
    for (const auto& [labels, v] : vectors[expr]) result.vector.push_back({labels, t, v});
    return result;
  }

  void Load(const std::string& rules, std::string_view group = "g", std::string_view extra = "") {
    const std::string file = dir + "/rules.yml";
    const std::string text =
        fmt::format("groups:\n- name: {}\n  interval: 1m\n{}  rules:\n{}", group, extra, rules);
    REQUIRE(WriteFileAtomically(file, text).ok());
    const Status status = Update({file});
    INFO(MessageOf(status));
    REQUIRE(status.ok());
  }
  Status Update(std::vector<std::string> files) {
    return manager->Update({.files = std::move(files),
                            .interval_ms = kMinute,
                            .external_labels = {{"cluster", "c1"}}});
  }
  void EvaluateAt(int64_t minute) {
    clock.SetMs(kStart + minute * kMinute);
    manager->EvaluateAll(kStart + minute * kMinute);
  }
  RuleStatus Rule(size_t i = 0) { return manager->Groups().at(0).rules.at(i); }
  double Metric(const std::string& name) {
    for (const auto& family : registry->Gather().families) {
      if (family.name == name && !family.samples.empty()) return family.samples[0].value;
    }
    return -1;
  }

  TempDir folder;
  const std::string dir = folder.path();
  FakeClock clock{kStart};
  FakeStorage storage;
  Mutex mutex;
  std::map<std::string, std::vector<std::pair<Labels, double>>> vectors;
  std::vector<std::pair<std::string, TimestampMs>> queries;
  std::vector<notifier::Alert> sent;
  std::function<void(const std::string& expr)> on_query;
  std::unique_ptr<Registry> registry;
  std::unique_ptr<Manager> manager;
};

inline bool IsStaleAt(const FakeStorage::Points& points, int64_t minute) {
  const auto it = points.find(kStart + minute * kMinute);
  return it != points.end() && storage::IsStaleNaN(it->second);
}

}  // namespace narthex::rules
