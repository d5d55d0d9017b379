#pragma once
// The series of the head by slot: 32 bytes each, at addresses that never move, so that readers
// reach them without a lock.
//
// A series lives in a Home: a block of a group, a detached series, or a parking place when only
// full chunks are left. The home's mutex guards the chunk list and the open samples; `home` changes
// under the mutex of the old home, so whoever locked a home looks again whether it still is the
// one.
//
// Thread safety: see above; slots are handed out and taken back under the index's lock.

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/mutex.h"
#include "server/storage/tsdb/series/slab.h"

namespace narthex::tsdb {

// A chunk in chunks_head/. The time is a hint that spares looking at the file: the first sample is
// in that second (0 and UINT32_MAX: unknown).
struct ChunkRef {
  uint32_t min_second = 0;
  uint32_t file = 0;
  uint32_t offset = 0;
  friend bool operator==(const ChunkRef&, const ChunkRef&) = default;
};

// The full chunks of one series, oldest first; one word when there are none. A chunk takes eight
// bytes: its second is kept as the distance from the earliest one of the list.
//
//   ┌ 21 bits second ┬ 27 bits offset ┬ 16 bits file ┐
//
// The lists of all tables share a slab: they grow all the time, and malloc would keep what they
// outgrow. Those too long for it are on the heap.
class ChunkList {
 public:
  ChunkList() = default;
  ChunkList(const ChunkList&) = delete;
  ~ChunkList() { Clear(); }

  size_t size() const { return where_ == 0 ? 0 : block()->size; }
  bool empty() const { return size() == 0; }
  bool full() const { return size() == kMax; }
  // A second that is too far from the others for the list comes back as 0, unknown.
  ChunkRef operator[](size_t i) const {
    const Block* b = block();
    return Unpack(b->refs[i], b->base);
  }
  // The list must not be full; the file is below 2^16, the offset below 2^27.
  void Insert(size_t at, const ChunkRef& ref);
  void PushBack(const ChunkRef& ref) { Insert(size(), ref); }
  void EraseFront(size_t n);
  void Clear() { EraseFront(size()); }

 private:
  static constexpr uint32_t kUnknown = (1u << 21) - 1;
  static constexpr size_t kMax = (1u << 24) - 1;
  static constexpr size_t kMaxSpare = 255;
  struct Block {
    uint32_t size : 24;
    uint32_t spare : 8;  // more than size that there is room for
    uint32_t base;       // the earliest known second; 0: none is known
    uint64_t refs[];
  };
  static Slab& Memory();
  static uint64_t Pack(const ChunkRef& ref, uint32_t base);
  static ChunkRef Unpack(uint64_t packed, uint32_t base);
  static size_t BytesFor(size_t refs) { return sizeof(Block) + refs * sizeof(uint64_t); }

  static bool OnHeap(uintptr_t where) { return (where & 1) == 0; }
  static Block* At(uintptr_t where);
  // Room for *capacity references, which becomes what there is room for.
  static uintptr_t Allocate(size_t* capacity);
  static void Free(uintptr_t where);

  Block* block() const { return At(where_); }
  // Moves the list to where about `capacity` fits.
  void Resize(size_t capacity);
  void Rebase(uint32_t base);
  uintptr_t where_ = 0;  // a pointer, or handle << 1 | 1
};

// The low six bits of its address are free for a position inside.
struct alignas(64) Home {
  enum class Kind : uint8_t { kParked, kBlock, kDetached };
  explicit Home(Kind k) : kind(k) {}
  Mutex mutex;
  const Kind kind;
};

struct HomeRef {
  Home* home = nullptr;
  unsigned position = 0;
};

struct SeriesRecord {
  uint64_t ref = 0;                // never used again; what chunk files and the log name
  std::atomic<uintptr_t> home{0};  // Home* | position
  ChunkList chunks;                // guarded by the home's mutex
  uint32_t row = 0;                // guarded by the index's mutex
  uint32_t hash = 0;

  HomeRef where() const {
    const uintptr_t h = home.load(std::memory_order_acquire);
    return {reinterpret_cast<Home*>(h & ~uintptr_t{63}), static_cast<unsigned>(h & 63)};
  }
  void SetHome(Home* h, unsigned position) {
    home.store(reinterpret_cast<uintptr_t>(h) | position, std::memory_order_release);
  }
};
static_assert(sizeof(SeriesRecord) == 32);

class SeriesTable {
 public:
  SeriesTable() : segments_(new std::atomic<SeriesRecord*>[kSegments]()) {}
  ~SeriesTable();

  SeriesRecord& operator[](uint32_t slot) const {
    return segments_[slot / kPerSegment].load(std::memory_order_acquire)[slot % kPerSegment];
  }
  // Serialised by the caller. UINT32_MAX when the table is full.
  uint32_t Allocate();
  void Free(uint32_t slot);
  bool full() const { return free_.empty() && limit_ == kPerSegment * kSegments; }
  uint32_t limit() const { return limit_; }  // slots are below

 private:
  static constexpr uint32_t kPerSegment = 4096;
  static constexpr uint32_t kSegments = 16384;  // 67 million series
  std::unique_ptr<std::atomic<SeriesRecord*>[]> segments_;
  std::vector<uint32_t> free_;
  uint32_t limit_ = 0;
};

// Locks the home a series is in.
class LockedHome {
 public:
  explicit LockedHome(const SeriesRecord& series) NO_THREAD_SAFETY_ANALYSIS {
    for (;;) {
      ref_ = series.where();
      ref_.home->mutex.lock();
      const HomeRef now = series.where();
      if (now.home == ref_.home && now.position == ref_.position) return;
      ref_.home->mutex.unlock();
    }
  }
  ~LockedHome() NO_THREAD_SAFETY_ANALYSIS { ref_.home->mutex.unlock(); }
  LockedHome(const LockedHome&) = delete;

  Home* home() const { return ref_.home; }
  Home::Kind kind() const { return ref_.home->kind; }
  unsigned position() const { return ref_.position; }

 private:
  HomeRef ref_;
};

}  // namespace narthex::tsdb
