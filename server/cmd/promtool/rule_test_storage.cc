#include "server/cmd/promtool/rule_test_storage.h"

#include <algorithm>
#include <bit>

#include "core/histogram/arithmetic.h"

namespace narthex::promtool {
namespace {

using promql::MemoryStorage;

// A rule may write what a test gave as well: what is not behind the newest sample is refused, but
// the same once more does no harm.
storage::AppendResult Fits(const MemoryStorage& memory, const Labels& labels, TimestampMs t) {
  const MemoryStorage::StoredSeries* const series = memory.Find(labels);
  if (series == nullptr || series->samples.timestamps.empty()) return storage::AppendResult::kOk;
  const TimestampMs newest = series->samples.timestamps.back();
  if (newest == t) return storage::AppendResult::kDuplicate;
  return newest > t ? storage::AppendResult::kOutOfOrder : storage::AppendResult::kOk;
}

// The newest sample of a series, when it is of time `t`.
const storage::SampleColumns* NewestAt(const MemoryStorage& memory, const Labels& labels,
                                       TimestampMs t) {
  const MemoryStorage::StoredSeries* const series = memory.Find(labels);
  if (series == nullptr || series->samples.timestamps.empty()) return nullptr;
  return series->samples.timestamps.back() == t ? &series->samples : nullptr;
}

bool IsThere(const MemoryStorage& memory, const Labels& labels, TimestampMs t, double v) {
  const storage::SampleColumns* const samples = NewestAt(memory, labels, t);
  return samples != nullptr && !samples->IsHistogram(samples->size() - 1) &&
         std::bit_cast<uint64_t>(samples->values.back()) == std::bit_cast<uint64_t>(v);
}

bool IsThere(const MemoryStorage& memory, const Labels& labels, TimestampMs t,
             const FloatHistogram& h) {
  const storage::SampleColumns* const samples = NewestAt(memory, labels, t);
  return samples != nullptr && samples->IsHistogram(samples->size() - 1) &&
         SameLayout(samples->histograms[samples->histogram_index.back()], h);
}

class Writer final : public storage::GroupWriter {
 public:
  explicit Writer(MemoryStorage* memory) : memory_(*memory) {}

  StatusOr<uint32_t> AddMember(const Labels& labels, bool* created) override {
    *created = true;
    members_.push_back({labels, true, false});
    return static_cast<uint32_t>(members_.size() - 1);
  }
  void RetireMember(uint32_t member) override { members_[member].retired = true; }
  size_t member_count() const override { return members_.size(); }

  Commit CommitTick(TimestampMs t, std::span<const double> values) override {
    Commit commit;
    for (size_t i = 0; i < members_.size(); ++i) {
      Member& member = members_[i];
      if (!member.live) continue;
      const bool end = member.retired || i >= values.size() || storage::IsStaleNaN(values[i]);
      if (member.retired) member.live = false;
      if (end && !member.open) continue;
      member.open = !end;
      const double value = end ? storage::StaleNaN() : values[i];
      if (IsThere(memory_, member.labels, t, value)) continue;
      switch (Fits(memory_, member.labels, t)) {
        case storage::AppendResult::kOk:
          memory_.Add(member.labels, t, value);
          ++commit.appended;
          break;
        // A series that another rule writes on need not end.
        case storage::AppendResult::kDuplicate: commit.duplicate += end ? 0 : 1; break;
        default: commit.out_of_order += end ? 0 : 1;
      }
    }
    return commit;
  }

 private:
  struct Member {
    Labels labels;
    bool live, retired;
    bool open = false;  // the last sample is no stale marker
  };
  MemoryStorage& memory_;
  std::vector<Member> members_;
};

class Samples final : public storage::Appender {
 public:
  explicit Samples(MemoryStorage* memory) : memory_(*memory) {}

  StatusOr<storage::AppendResult> Append(const Labels& labels, TimestampMs t, double v) override {
    if (IsThere(memory_, labels, t, v)) return storage::AppendResult::kOk;
    const auto result = Fits(memory_, labels, t);
    if (result == storage::AppendResult::kOk) memory_.Add(labels, t, v);
    return result;
  }
  StatusOr<storage::AppendResult> AppendHistogram(const Labels& labels, TimestampMs t,
                                                  const FloatHistogram& h) override {
    NX_RETURN_IF_ERROR(Validate(h));
    if (IsThere(memory_, labels, t, h)) return storage::AppendResult::kOk;
    const auto result = Fits(memory_, labels, t);
    if (result != storage::AppendResult::kOk) return result;
    if (storage::IsStaleNaN(h.sum)) {
      memory_.Add(labels, t, storage::StaleNaN());
    } else {
      memory_.Add(labels, t, h);
    }
    return result;
  }
  Status Commit(bool) override { return OkStatus(); }
  void Rollback() override {}

 private:
  MemoryStorage& memory_;
};

}  // namespace

void RuleTestStorage::Give(const MemoryStorage& input) {
  for (const auto& series : input.series()) {
    std::erase_if(given_, [&](const Given& g) { return g.series.labels == series.labels; });
    given_.push_back({series, 0});
  }
}

Status RuleTestStorage::LoadTill(TimestampMs t, TimestampMs start) {
  for (Given& given : given_) {
    const storage::SampleColumns& samples = given.series.samples;
    for (; given.next < samples.size(); ++given.next) {
      const size_t i = given.next;
      const TimestampMs at = start + samples.timestamps[i];
      if (at > t) break;
      if (given.series.labels.empty()) {
        return InvalidArgument("empty labelset: invalid sample");
      }
      // What a rule wrote first stays.
      if (Fits(memory_, given.series.labels, at) != storage::AppendResult::kOk) continue;
      if (samples.IsHistogram(i)) {
        const FloatHistogram& h = samples.histograms[samples.histogram_index[i]];
        NX_RETURN_IF_ERROR(Validate(h));
        memory_.Add(given.series.labels, at, h);
      } else {
        memory_.Add(given.series.labels, at, samples.values[i]);
      }
    }
  }
  return OkStatus();
}

std::unique_ptr<storage::GroupWriter> RuleTestStorage::NewGroup() {
  return std::make_unique<Writer>(&memory_);
}

std::unique_ptr<storage::Appender> RuleTestStorage::NewAppender() {
  return std::make_unique<Samples>(&memory_);
}

}  // namespace narthex::promtool
