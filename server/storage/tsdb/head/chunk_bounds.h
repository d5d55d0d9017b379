#pragma once
// The bounds of many chunks of chunks_head/, for passes that ask for neighbours: the chunks of a
// group's members are written behind each other, so one read tells of some eighty. Not through the
// mapping, whose pages would count as memory of the process.
//
// Thread safety: Get may be called concurrently. What it was asked for before Close or removal of a
// file may still be answered afterwards.

#include <array>
#include <cstdint>
#include <string>

#include "core/base/mutex.h"
#include "server/storage/tsdb/head/chunk_files.h"

namespace narthex::tsdb {

class ChunkBounds {
 public:
  explicit ChunkBounds(const ChunkFiles* files) : files_(*files) {}
  // As ChunkFiles::Bounds. Slots near each other use the same window.
  StatusOr<HeadChunk> Get(uint32_t slot, const ChunkRef& chunk);

 private:
  static constexpr size_t kWindowBytes = 16 << 10;
  // Threads work on groups of their own, whose slots lie beside each other.
  static constexpr uint32_t kSlotsOfWindow = 1024;

  struct Window {
    Mutex mutex;
    uint32_t file GUARDED_BY(mutex) = 0;  // 0: nothing is there
    size_t begin GUARDED_BY(mutex) = 0;
    std::string bytes GUARDED_BY(mutex);
  };
  const ChunkFiles& files_;
  std::array<Window, 8> windows_;
};

}  // namespace narthex::tsdb
