#pragma once
// The head of a data directory that a server, ours or Prometheus, may be writing to: its log is
// copied or linked into a directory of our own, opened there, and removed at the end.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "server/cmd/promtool/database.h"

namespace narthex::promtool {

class HeadSandbox {
 public:
  // Without blocks when the directory has no head. The sandbox is made below `root`.
  static StatusOr<std::unique_ptr<HeadSandbox>> Open(const std::string& dir,
                                                     const std::string& root);
  virtual ~HeadSandbox() = default;
  // What the head holds, ours or that of Prometheus' log.
  virtual std::span<const BlockPtr> blocks() const = 0;
};

}  // namespace narthex::promtool
