#pragma once
// A storage in memory that rules under test read from and write to.
//
// Not thread-safe.

#include <memory>
#include <vector>

#include "server/promql/testing/memory_storage.h"
#include "server/storage/interface.h"

namespace narthex::promtool {

class RuleTestStorage final : public storage::Appendable {
 public:
  promql::MemoryStorage& memory() { return memory_; }
  const promql::MemoryStorage& memory() const { return memory_; }

  // Series that are to come; one with the labels of another takes its place.
  void Give(const promql::MemoryStorage& input);
  // Adds their samples up to `t`, moved by `start`.
  Status LoadTill(TimestampMs t, TimestampMs start);

  std::unique_ptr<storage::GroupWriter> NewGroup() override;
  std::unique_ptr<storage::Appender> NewAppender() override;

 private:
  struct Given {
    promql::MemoryStorage::StoredSeries series;
    size_t next;  // of its samples
  };
  promql::MemoryStorage memory_;
  std::vector<Given> given_;
};

}  // namespace narthex::promtool
