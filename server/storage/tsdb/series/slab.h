#pragma once
// Memory for the bit buffers of open chunks: size classes in pages of 16 KiB, named by 32-bit
// handles, so that a buffer costs its size and nothing else.
//
//   handle = page << 10 | unit of 16 bytes;   0 is "no buffer"
//
// Pages whose last buffer goes are handed to the next class that needs one; those nobody needs
// take no memory.
//
// Thread safety: Allocate and Free from any thread. Address may run concurrently with both; the
// memory behind a handle is guarded by whoever holds the handle.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/mutex.h"

namespace narthex::tsdb {

class Slab {
 public:
  static constexpr size_t kMaxSize = 1408;  // 120 values of 78 bits, and room to round up

  Slab();
  ~Slab();
  Slab(const Slab&) = delete;

  // The capacity a request for `size` bytes gets; size <= kMaxSize.
  static size_t Capacity(size_t size);
  // Zeroed memory of Capacity(size) bytes; 0 when no page can be had.
  uint32_t Allocate(size_t size);
  void Free(uint32_t handle, size_t size);
  uint8_t* Address(uint32_t handle) const {
    const uint32_t page = handle >> 10;
    return directory_[page >> 12]
               .load(std::memory_order_acquire)
               ->pages[page & 0xfff]
               .load(std::memory_order_acquire) +
           size_t{handle & 0x3ff} * 16;
  }
  // With memory behind them.
  size_t pages() const { return live_pages_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kPageSize = 16 << 10;
  static constexpr size_t kRegion = 64;  // pages that are mapped together
  static constexpr size_t kMaxIdle = 4;  // empty pages that keep their memory
  static constexpr size_t kClasses = 16 + 18;
  struct Leaf {
    std::array<std::atomic<uint8_t*>, 4096> pages{};
  };
  struct PageInfo {
    uint16_t used = 0;
    uint16_t fresh = 0;      // buffers never handed out start here
    uint16_t free_head = 0;  // 1 + index of the first returned buffer
    uint8_t size_class = 0;
    bool listed = false;  // in partial_[size_class]
  };
  static size_t ClassOf(size_t size);
  static size_t ClassSize(size_t size_class);
  uint32_t TakePage(size_t size_class) REQUIRES(mutex_);
  uint32_t NewPage() REQUIRES(mutex_);

  std::array<std::atomic<Leaf*>, 1024> directory_{};
  std::atomic<size_t> live_pages_{0};
  Mutex mutex_;
  std::vector<PageInfo> info_ GUARDED_BY(mutex_);
  std::array<std::vector<uint32_t>, kClasses> partial_ GUARDED_BY(mutex_);
  std::vector<uint32_t> empty_ GUARDED_BY(mutex_);     // with memory
  std::vector<uint32_t> returned_ GUARDED_BY(mutex_);  // empty, their memory given back
  std::vector<uint8_t*> regions_ GUARDED_BY(mutex_);
  size_t region_used_ GUARDED_BY(mutex_) = kRegion;  // pages of the last one
};

}  // namespace narthex::tsdb
