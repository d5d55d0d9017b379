#pragma once
// up and the scrape_* series of one target: a group of their own, because they also tick when a
// scrape fails. They are not metric-relabelled.
//
// Thread safety: none; one scrape at a time.

#include <memory>
#include <vector>

#include "server/storage/interface.h"

namespace narthex::scrape {

struct Report {
  bool up = false;
  double duration_seconds = 0;
  double scraped = 0;
  double after_relabel = 0;
  double added = 0;
  // extra_scrape_metrics
  bool extra = false;
  double timeout_seconds = 0;
  double sample_limit = 0;
  double body_size_bytes = 0;  // -1: over the limit
};

class ReportSeries {
 public:
  explicit ReportSeries(storage::Appendable* storage) : storage_(storage) {}

  storage::GroupWriter::Commit Write(const Labels& target, TimestampMs timestamp,
                                     const Report& report);
  // The target is gone.
  void MarkStale(TimestampMs timestamp);

 private:
  bool Prepare(const Labels& target, bool extra);

  storage::Appendable* const storage_;
  std::unique_ptr<storage::GroupWriter> group_;
  std::vector<uint32_t> members_;
  bool has_extra_ = false;
};

}  // namespace narthex::scrape
