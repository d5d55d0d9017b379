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

  std::unique_ptr<storage::GroupWriter> NewGroup() override;
  std::unique_ptr<storage::Appender> NewAppender() override;

 private:
  promql::MemoryStorage memory_;
};

}  // namespace narthex::promtool
