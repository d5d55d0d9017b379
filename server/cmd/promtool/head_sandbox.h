#pragma once
// The head of a data directory that a server, ours or Prometheus, may be writing to: its log is
// copied or linked into a directory of our own, opened there, and removed at the end.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "server/cmd/promtool/database.h"
#include "server/storage/interface.h"

namespace narthex::promtool {

class HeadSandbox {
 public:
  // Without querier and blocks when the directory has no head. The sandbox is made below `root`.
  static StatusOr<std::unique_ptr<HeadSandbox>> Open(const std::string& dir,
                                                     const std::string& root);
  virtual ~HeadSandbox() = default;
  // Of our own head; null when there is none.
  virtual StatusOr<std::unique_ptr<storage::Querier>> NewQuerier(int64_t mint,
                                                                 int64_t maxt) const = 0;
  // What Prometheus' log holds.
  virtual std::span<const BlockPtr> blocks() const = 0;
};

}  // namespace narthex::promtool
