#pragma once
// query_log_file: one JSON line a query, in upstream's shape. Reopened on every reload, so that the
// file can be rotated.
//
// Thread safety: Write from any thread.

#include <memory>
#include <string>

#include "core/base/file.h"
#include "core/base/status.h"
#include "server/promql/engine/engine.h"

namespace narthex::prometheus {

class QueryLog {
 public:
  static StatusOr<std::shared_ptr<QueryLog>> Open(const std::string& path);
  void Write(const promql::QueryLogEntry& entry) const;

 private:
  QueryLog(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  const std::string path_;
  const UniqueFd fd_;
};

// The line of one query, without its newline.
std::string FormatQueryLogEntry(const promql::QueryLogEntry& entry, int64_t now_nanos);

}  // namespace narthex::prometheus
