#include "server/rules/output_series.h"

namespace narthex::rules {

OutputSeries::Written OutputSeries::Write(TimestampMs t, const std::vector<OutputSample>& samples) {
  Written written;
  absl::flat_hash_map<Labels, uint32_t> current;
  current.reserve(samples.size());
  values_.assign(writer_->member_count(), storage::StaleNaN());
  for (const OutputSample& sample : samples) {
    uint32_t member = 0;
    if (auto known = members_.find(sample.labels); known != members_.end()) {
      member = known->second;
    } else {
      bool created = false;
      auto added = writer_->AddMember(sample.labels, &created);
      if (!added.ok()) {
        ++written.commit.refused;
        if (written.first_error.ok()) written.first_error = added.status();
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
  if (!anything) return written;
  const uint32_t refused = written.commit.refused;
  written.commit = writer_->CommitTick(t, values_);
  written.commit.refused += refused;
  return written;
}

}  // namespace narthex::rules
