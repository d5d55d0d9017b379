#pragma once
// A storage that remembers what it is told, for tests. Thread-safe.

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/base/mutex.h"
#include "server/storage/family_metadata.h"

namespace narthex::scrape {

class FakeStorage final : public storage::Appendable {
 public:
  using Samples = std::vector<std::pair<TimestampMs, double>>;

  std::unique_ptr<storage::GroupWriter> NewGroup() override {
    return std::make_unique<Group>(this);
  }
  std::unique_ptr<storage::Appender> NewAppender() override {
    return std::make_unique<Writer>(this);
  }

  // By the printed labels: up{instance="x"}.
  Samples Get(const std::string& series) const {
    MutexLock lock(mutex_);
    const auto found = samples_.find(series);
    return found == samples_.end() ? Samples() : found->second;
  }
  std::map<std::string, Samples> All() const {
    MutexLock lock(mutex_);
    return samples_;
  }
  // "5@1000 stale@2000"
  std::string Text(const std::string& series) const {
    std::string out;
    for (const auto& [t, v] : Get(series)) {
      if (!out.empty()) out += ' ';
      out += storage::IsStaleNaN(v) ? fmt::format("stale@{}", t) : fmt::format("{}@{}", v, t);
    }
    return out;
  }
  size_t series_count() const {
    MutexLock lock(mutex_);
    return samples_.size();
  }
  void SetMaxSeries(size_t n) {
    MutexLock lock(mutex_);
    max_series_ = n;
  }
  // "1@1000{trace_id="a"} …", in the order they came.
  std::string Exemplars(const std::string& series) const {
    MutexLock lock(mutex_);
    const auto found = exemplars_.find(series);
    return found == exemplars_.end() ? "" : found->second;
  }
  // "counter|help|unit", the newest.
  std::string Metadata(const std::string& series) const {
    MutexLock lock(mutex_);
    const auto found = metadata_.find(series);
    return found == metadata_.end() ? "" : found->second;
  }
  size_t metadata_updates() const {
    MutexLock lock(mutex_);
    return metadata_updates_;
  }
  size_t open_groups() const {
    MutexLock lock(mutex_);
    return groups_;
  }

 private:
  bool Create(const std::string& series, bool* created) {
    MutexLock lock(mutex_);
    if (!samples_.contains(series) && samples_.size() >= max_series_) return false;
    *created = samples_.emplace(series, Samples()).second;
    return true;
  }
  // Whether the sample may follow the others; kOk too for what is there already.
  static storage::AppendResult Check(const Samples& samples, TimestampMs t, double v) {
    if (samples.empty() || t > samples.back().first) return storage::AppendResult::kOk;
    if (t < samples.back().first) return storage::AppendResult::kOutOfOrder;
    return std::bit_cast<uint64_t>(v) == std::bit_cast<uint64_t>(samples.back().second)
               ? storage::AppendResult::kOk
               : storage::AppendResult::kDuplicate;
  }
  storage::AppendResult Append(const std::string& series, TimestampMs t, double v) {
    MutexLock lock(mutex_);
    Samples& samples = samples_[series];
    const storage::AppendResult result = Check(samples, t, v);
    if (samples.empty() || t > samples.back().first) samples.emplace_back(t, v);
    return result;
  }

  void AddExemplar(const std::string& series, const storage::Exemplar& e) {
    MutexLock lock(mutex_);
    std::string& text = exemplars_[series];
    if (!text.empty()) text += ' ';
    text += fmt::format("{}@{}{}", e.value, e.timestamp, e.labels.ToString());
  }

  void SetMetadata(const std::string& series, const storage::MetricMetadata& m) {
    MutexLock lock(mutex_);
    metadata_[series] = fmt::format("{}|{}|{}", m.type, m.help, m.unit);
  }
  void CountMetadataUpdate() {
    MutexLock lock(mutex_);
    ++metadata_updates_;
  }

  class Group final : public storage::GroupWriter {
   public:
    uint32_t AppendExemplars(std::span<const MemberExemplar> exemplars) override {
      uint32_t refused = 0;
      for (const auto& [member, exemplar] : exemplars) {
        refused += exemplar.timestamp < 0;  // as if out of order
        if (exemplar.timestamp >= 0) storage_->AddExemplar(members_.at(member), exemplar);
      }
      return refused;
    }
    void UpdateMetadata(std::span<const storage::FamilyMetadata> families) override {
      storage_->CountMetadataUpdate();
      for (const std::string& series : members_) {
        const auto* m = storage::FindMetadata(families, series.substr(0, series.find('{')));
        if (m != nullptr) storage_->SetMetadata(series, *m);
      }
    }
    explicit Group(FakeStorage* storage) : storage_(storage) {
      MutexLock lock(storage_->mutex_);
      ++storage_->groups_;
    }
    ~Group() override {
      MutexLock lock(storage_->mutex_);
      --storage_->groups_;
    }
    StatusOr<uint32_t> AddMember(const Labels& labels, bool* created) override {
      const std::string series = labels.ToMetricString();
      if (!storage_->Create(series, created)) return ResourceExhausted("full");
      const auto known = std::find(members_.begin(), members_.end(), series);
      if (known != members_.end()) return static_cast<uint32_t>(known - members_.begin());
      const auto free = std::find(members_.begin(), members_.end(), "");
      if (free != members_.end()) {
        *free = series;
        return static_cast<uint32_t>(free - members_.begin());
      }
      members_.push_back(series);
      return static_cast<uint32_t>(members_.size() - 1);
    }
    void RetireMember(uint32_t member) override {
      retired_.push_back(members_.at(member));
      ended_.push_back(member);
    }
    size_t member_count() const override { return members_.size(); }
    Commit CommitTick(TimestampMs t, std::span<const double> values) override {
      Commit commit;
      const auto add = [&](const std::string& series, double v) {
        if (storage::IsStaleNaN(v) && storage_->Get(series).empty()) return;
        switch (storage_->Append(series, t, v)) {
          case storage::AppendResult::kOk: ++commit.appended; break;
          case storage::AppendResult::kDuplicate: ++commit.duplicate; break;
          default: ++commit.out_of_order;
        }
      };
      for (const std::string& series : retired_) add(series, storage::StaleNaN());
      for (const uint32_t member : ended_) members_[member].clear();
      retired_.clear();
      ended_.clear();
      for (size_t i = 0; i < values.size() && i < members_.size(); ++i) {
        if (!members_[i].empty()) add(members_[i], values[i]);
      }
      return commit;
    }

   private:
    FakeStorage* const storage_;
    std::vector<std::string> members_;
    std::vector<std::string> retired_;
    std::vector<uint32_t> ended_;
  };

  class Writer final : public storage::Appender {
   public:
    explicit Writer(FakeStorage* storage) : storage_(storage) {}
    StatusOr<storage::AppendResult> Append(const Labels& labels, TimestampMs t, double v) override {
      bool created = false;
      const std::string series = labels.ToMetricString();
      if (!storage_->Create(series, &created)) return storage::AppendResult::kRefused;
      Samples& pending = pending_[series];
      const auto result = Check(pending.empty() ? storage_->Get(series) : pending, t, v);
      if (result == storage::AppendResult::kOk) pending.emplace_back(t, v);
      return result;
    }
    // Shows as its count.
    StatusOr<storage::AppendResult> AppendHistogram(const Labels& labels, TimestampMs t,
                                                    const IntHistogram& h) override {
      return Append(labels, t, static_cast<double>(h.count));
    }
    StatusOr<storage::AppendResult> AppendHistogram(const Labels& labels, TimestampMs t,
                                                    const FloatHistogram& h) override {
      return Append(labels, t, h.count);
    }
    StatusOr<storage::AppendResult> AppendStart(const Labels& labels, TimestampMs t,
                                                TimestampMs start) override {
      return start < t ? Append(labels, start, 0) : storage::AppendResult::kOutOfOrder;
    }
    StatusOr<storage::AppendResult> AppendStart(const Labels& labels, TimestampMs t,
                                                TimestampMs start, const IntHistogram&) override {
      return AppendStart(labels, t, start);
    }
    StatusOr<storage::AppendResult> AppendStart(const Labels& labels, TimestampMs t,
                                                TimestampMs start, const FloatHistogram&) override {
      return AppendStart(labels, t, start);
    }
    StatusOr<storage::AppendResult> AppendExemplar(const Labels& labels,
                                                   const storage::Exemplar& e) override {
      storage_->AddExemplar(labels.ToMetricString(), e);
      return storage::AppendResult::kOk;
    }
    Status UpdateMetadata(const Labels& labels, const storage::MetricMetadata& m) override {
      storage_->SetMetadata(labels.ToMetricString(), m);
      return OkStatus();
    }
    Status Commit(bool) override {
      for (const auto& [series, samples] : pending_) {
        for (const auto& [t, v] : samples) storage_->Append(series, t, v);
      }
      pending_.clear();
      return OkStatus();
    }
    void Rollback() override { pending_.clear(); }

   private:
    FakeStorage* const storage_;
    std::map<std::string, Samples> pending_;
  };

  mutable Mutex mutex_;
  std::map<std::string, Samples> samples_ GUARDED_BY(mutex_);
  std::map<std::string, std::string> exemplars_ GUARDED_BY(mutex_);
  std::map<std::string, std::string> metadata_ GUARDED_BY(mutex_);
  size_t metadata_updates_ GUARDED_BY(mutex_) = 0;
  size_t max_series_ GUARDED_BY(mutex_) = SIZE_MAX;
  size_t groups_ GUARDED_BY(mutex_) = 0;
};

}  // namespace narthex::scrape
