#pragma once
// What both kinds of remote read answers begin with: the series of a query and their labels as the
// outside sees them.
//
// Thread safety: as storage::SeriesList.

#include <memory>
#include <string>

#include "core/base/status.h"
#include "core/labels/labels.h"
#include "server/remote/read_message.h"
#include "server/storage/interface.h"

namespace narthex::remote {

// In the order of their own labels. Nothing when the query has no matchers.
class ReadSelection {
 public:
  static StatusOr<ReadSelection> Make(const storage::Queryable& storage, const ReadQuery& query);

  size_t size() const { return list_ == nullptr ? 0 : list_->size(); }
  const storage::SeriesList& list() const { return *list_; }
  TimestampMs mint() const { return mint_; }
  TimestampMs maxt() const { return maxt_; }
  // Whoever asks wants to know which series there are, not what is in them.
  bool labels_only() const { return labels_only_; }

 private:
  std::unique_ptr<storage::Querier> querier_;
  std::unique_ptr<storage::SeriesList> list_;
  TimestampMs mint_ = 0, maxt_ = 0;
  bool labels_only_ = false;
};

// Those of the series, and external ones of other names, as fields `1` of a message.
void PutLabels(const Labels& series, const Labels& external, std::string* out);
// The size of these fields without their tags and lengths.
size_t LabelBytes(const Labels& series, const Labels& external);

}  // namespace narthex::remote
