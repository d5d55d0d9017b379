#include "server/storage/tsdb/series/slab.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

namespace narthex::tsdb {

Slab::Slab() { info_.emplace_back(); }  // page 0 stays unused so that no handle is 0

Slab::~Slab() {
  for (auto& entry : directory_) delete entry.load();
  for (uint8_t* region : regions_) ::munmap(region, kRegion * kPageSize);
}

size_t Slab::ClassOf(size_t size) {
  return size <= 256 ? (size + 15) / 16 - (size > 0) : 16 + (size - 257) / 64;
}

size_t Slab::ClassSize(size_t size_class) {
  return size_class < 16 ? (size_class + 1) * 16 : 256 + (size_class - 15) * 64;
}

size_t Slab::Capacity(size_t size) { return ClassSize(ClassOf(size)); }

uint32_t Slab::NewPage() {
  const auto page = static_cast<uint32_t>(info_.size());
  if (page >> 12 >= directory_.size()) return 0;
  if (region_used_ == kRegion) {
    void* region = ::mmap(nullptr, kRegion * kPageSize, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (region == MAP_FAILED) return 0;
    // Huge pages would keep what is given back.
    (void)::madvise(region, kRegion * kPageSize, MADV_NOHUGEPAGE);
    regions_.push_back(static_cast<uint8_t*>(region));
    region_used_ = 0;
  }
  Leaf* leaf = directory_[page >> 12].load(std::memory_order_relaxed);
  if (leaf == nullptr) {
    leaf = new Leaf;
    directory_[page >> 12].store(leaf, std::memory_order_release);
  }
  leaf->pages[page & 0xfff].store(regions_.back() + region_used_++ * kPageSize,
                                  std::memory_order_release);
  info_.emplace_back();
  return page;
}

uint32_t Slab::TakePage(size_t size_class) {
  uint32_t page = 0;
  if (!empty_.empty()) {
    page = empty_.back();
    empty_.pop_back();
  } else {
    if (!returned_.empty()) {
      page = returned_.back();
      returned_.pop_back();
    } else {
      page = NewPage();
      if (page == 0) return 0;
    }
    live_pages_.fetch_add(1, std::memory_order_relaxed);
  }
  info_[page] = {.size_class = static_cast<uint8_t>(size_class), .listed = true};
  partial_[size_class].push_back(page);
  return page;
}

uint32_t Slab::Allocate(size_t size) {
  const size_t size_class = ClassOf(size);
  const size_t unit = ClassSize(size_class);
  MutexLock lock(mutex_);
  auto& partial = partial_[size_class];
  const uint32_t page = partial.empty() ? TakePage(size_class) : partial.back();
  if (page == 0) return 0;
  PageInfo& info = info_[page];
  uint8_t* base = Address(page << 10);
  size_t index = info.fresh;
  if (info.free_head != 0) {
    index = info.free_head - 1;
    std::memcpy(&info.free_head, base + index * unit, sizeof info.free_head);
  } else {
    ++info.fresh;
  }
  ++info.used;
  if (info.used == kPageSize / unit) {
    info.listed = false;
    partial.pop_back();
  }
  std::memset(base + index * unit, 0, unit);
  return page << 10 | static_cast<uint32_t>(index * unit / 16);
}

void Slab::Free(uint32_t handle, size_t size) {
  const size_t unit = ClassSize(ClassOf(size));
  const uint32_t page = handle >> 10;
  MutexLock lock(mutex_);
  PageInfo& info = info_[page];
  uint8_t* memory = Address(handle);
  std::memcpy(memory, &info.free_head, sizeof info.free_head);
  info.free_head = static_cast<uint16_t>(size_t{handle & 0x3ff} * 16 / unit + 1);
  --info.used;
  auto& partial = partial_[info.size_class];
  if (!info.listed) {
    info.listed = true;
    partial.push_back(page);
  } else if (info.used == 0 && partial.size() > 1) {
    std::erase(partial, page);
    info.listed = false;
    if (empty_.size() < kMaxIdle) {
      empty_.push_back(page);
      return;
    }
    (void)::madvise(Address(page << 10), kPageSize, MADV_DONTNEED);
    live_pages_.fetch_sub(1, std::memory_order_relaxed);
    returned_.push_back(page);
  }
}

}  // namespace narthex::tsdb
