#pragma once
// The head of a data directory that a server may be writing to: its log is copied and its chunk
// files are linked into a directory of our own, which is opened there and removed at the end.

#include <memory>
#include <string>

#include "core/base/status.h"
#include "server/storage/interface.h"

namespace narthex::promtool {

class HeadSandbox {
 public:
  // Null when the directory has no head. The sandbox is made below `root`.
  static StatusOr<std::unique_ptr<HeadSandbox>> Open(const std::string& dir,
                                                     const std::string& root);
  virtual ~HeadSandbox() = default;
  virtual StatusOr<std::unique_ptr<storage::Querier>> NewQuerier(int64_t mint,
                                                                 int64_t maxt) const = 0;
};

}  // namespace narthex::promtool
