#include "server/scrape/report.h"

namespace narthex::scrape {
namespace {

constexpr std::string_view kNames[] = {"up",
                                       "scrape_duration_seconds",
                                       "scrape_samples_scraped",
                                       "scrape_samples_post_metric_relabeling",
                                       "scrape_series_added",
                                       "scrape_timeout_seconds",
                                       "scrape_sample_limit",
                                       "scrape_body_size_bytes"};
constexpr size_t kAlways = 5;

}  // namespace

bool ReportSeries::Prepare(const Labels& target, bool extra) {
  if (group_ == nullptr) group_ = storage_->NewGroup();
  if (!extra && has_extra_) {
    for (size_t i = kAlways; i < members_.size(); ++i) group_->RetireMember(members_[i]);
    members_.resize(std::min(members_.size(), kAlways));
  }
  has_extra_ = extra;
  const size_t wanted = extra ? std::size(kNames) : kAlways;
  for (size_t i = members_.size(); i < wanted; ++i) {
    LabelsBuilder labels(target);
    labels.Set(kMetricNameLabel, kNames[i]);
    bool created = false;
    const StatusOr<uint32_t> member = group_->AddMember(labels.Build(), &created);
    if (!member.ok()) return false;
    members_.push_back(*member);
  }
  return true;
}

storage::GroupWriter::Commit ReportSeries::Write(const Labels& target, TimestampMs timestamp,
                                                 const Report& report) {
  const bool complete = Prepare(target, report.extra);
  const double values[] = {
      report.up ? 1.0 : 0.0, report.duration_seconds, report.scraped,      report.after_relabel,
      report.added,          report.timeout_seconds,  report.sample_limit, report.body_size_bytes};
  std::vector<double> row(group_->member_count(), storage::StaleNaN());
  for (size_t i = 0; i < members_.size(); ++i) row[members_[i]] = values[i];
  storage::GroupWriter::Commit commit = group_->CommitTick(timestamp, row);
  if (!complete) ++commit.refused;
  return commit;
}

void ReportSeries::MarkStale(TimestampMs timestamp) {
  if (group_ == nullptr) return;
  const std::vector<double> row(group_->member_count(), storage::StaleNaN());
  group_->CommitTick(timestamp, row);
}

}  // namespace narthex::scrape
