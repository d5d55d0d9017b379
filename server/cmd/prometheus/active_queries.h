#pragma once
// queries.active in the data directory: the queries that run now, so that those a crash cut off can
// be named at the next start. Upstream's format:
//
//   '[' then one slot of 1000 bytes for each query that may run at a time, zero-filled:
//   {"query":"up","timestamp_sec":1700000000},
//
// Thread safety: QueryStarted and QueryEnded from any thread.

#include <memory>
#include <string>
#include <vector>

#include "core/base/mutex.h"
#include "core/base/status.h"
#include "server/promql/engine/engine.h"

namespace narthex::prometheus {

class ActiveQueries final : public promql::QueryObserver {
 public:
  // Logs what the last run left, then starts the file anew.
  static StatusOr<std::unique_ptr<ActiveQueries>> Open(const std::string& directory, int slots);
  ~ActiveQueries() override;

  int QueryStarted(std::string_view query) override EXCLUDES(mutex_);
  void QueryEnded(int handle) override EXCLUDES(mutex_);

 private:
  ActiveQueries(char* data, size_t size);
  char* const data_;
  const size_t size_;
  Mutex mutex_;
  std::vector<int> free_ GUARDED_BY(mutex_);
};

// The texts of the queries in a file's content: what the last run left unfinished.
std::vector<std::string> UnfinishedQueries(std::string_view content);

}  // namespace narthex::prometheus
