#include "server/rules/output_series.h"

#include <algorithm>

namespace narthex::rules {
namespace {

void Count(const StatusOr<storage::AppendResult>& result, OutputSeries::Written* written) {
  storage::GroupWriter::Commit& commit = written->commit;
  if (!result.ok()) {
    ++commit.refused;
    if (written->first_error.ok()) written->first_error = result.status();
    return;
  }
  switch (*result) {
    case storage::AppendResult::kOk: ++commit.appended; return;
    case storage::AppendResult::kDuplicate: ++commit.duplicate; return;
    case storage::AppendResult::kOutOfOrder:
    case storage::AppendResult::kTooOld: ++commit.out_of_order; return;
    case storage::AppendResult::kOutOfBounds: ++commit.out_of_bounds; return;
    case storage::AppendResult::kRefused: ++commit.refused; return;
  }
}

}  // namespace

OutputSeries::Written OutputSeries::Write(TimestampMs t, const std::vector<OutputSample>& samples) {
  Written written;
  // First, so that a tick that ends a series which is one of histograms now comes too late for it.
  const uint32_t turned = WriteHistograms(t, samples, &written);
  WriteTick(t, samples, turned, &written);
  return written;
}

uint32_t OutputSeries::WriteHistograms(TimestampMs t, const std::vector<OutputSample>& samples,
                                       Written* written) {
  const auto is_histogram = [](const OutputSample& s) { return s.histogram != nullptr; };
  if (histograms_.empty() && std::none_of(samples.begin(), samples.end(), is_histogram)) return 0;
  const std::unique_ptr<storage::Appender> appender = storage_.NewAppender();
  uint32_t turned = 0;
  absl::flat_hash_set<Labels> current;
  for (const OutputSample& sample : samples) {
    if (sample.histogram == nullptr) {
      histograms_.erase(sample.labels);  // a float takes its place
      continue;
    }
    const auto result = appender->AppendHistogram(sample.labels, t, *sample.histogram);
    Count(result, written);
    if (!result.ok() || *result != storage::AppendResult::kOk) continue;
    turned += members_.contains(sample.labels);
    current.insert(sample.labels);
  }
  for (const Labels& labels : histograms_) {
    // Refusals only mean that the series has newer samples from elsewhere.
    if (!current.contains(labels)) (void)appender->Append(labels, t, storage::StaleNaN());
  }
  histograms_ = std::move(current);
  const Status status = appender->Commit();
  if (!status.ok()) Count(status, written);
  return turned;
}

void OutputSeries::WriteTick(TimestampMs t, const std::vector<OutputSample>& samples,
                             uint32_t turned, Written* written) {
  absl::flat_hash_map<Labels, uint32_t> current;
  current.reserve(samples.size());
  values_.assign(writer_->member_count(), storage::StaleNaN());
  for (const OutputSample& sample : samples) {
    if (sample.histogram != nullptr) continue;
    uint32_t member = 0;
    if (auto known = members_.find(sample.labels); known != members_.end()) {
      member = known->second;
    } else {
      bool created = false;
      auto added = writer_->AddMember(sample.labels, &created);
      if (!added.ok()) {
        Count(added.status(), written);
        continue;
      }
      member = *added;
    }
    if (member >= values_.size()) values_.resize(member + 1, storage::StaleNaN());
    values_[member] = sample.value;
    current.emplace(sample.labels, member);
  }
  for (const auto& [labels, member] : members_) {
    if (!current.contains(labels)) writer_->RetireMember(member);
  }
  const bool anything = !current.empty() || !members_.empty();
  members_ = std::move(current);
  if (!anything) return;
  const storage::GroupWriter::Commit commit = writer_->CommitTick(t, values_);
  written->commit.appended += commit.appended;
  written->commit.out_of_order += commit.out_of_order;
  written->commit.duplicate += commit.duplicate - std::min(commit.duplicate, turned);
  written->commit.out_of_bounds += commit.out_of_bounds;
  written->commit.refused += commit.refused;
}

}  // namespace narthex::rules
