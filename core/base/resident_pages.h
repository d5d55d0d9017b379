#pragma once
// How much of mapped files stays in the memory of the process. Readers say what they touch; when
// all of them together have touched more than the limit since the last time, all those pages go.
// They stay in the page cache, from where they come back when they are touched again: whoever reads
// files from front to back takes no more than the limit, however large they are.
//
// Thread safety: all methods, but for the constructor and destructor of a mapping.

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/mutex.h"

namespace narthex {

class ResidentPages {
 public:
  explicit ResidentPages(size_t limit_bytes) : limit_blocks_(limit_bytes / kBlock) {}

  // One for the process.
  static ResidentPages& OfProcess();

  // A mapping of a file that is only read. To be gone before it is unmapped.
  class Mapping {
   public:
    Mapping(ResidentPages* all, const char* data, size_t size);
    ~Mapping();
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    // Something that begins there is going to be read.
    void Touch(size_t offset);

   private:
    friend class ResidentPages;
    void Drop();

    ResidentPages* const all_;
    const char* const data_;
    const size_t size_;
    std::atomic<bool> any_{false};
    const std::unique_ptr<std::atomic<uint64_t>[]> touched_;  // a bit a block
  };

  void Drop() EXCLUDES(mutex_);

 private:
  // What a page fault brings in at once.
  static constexpr size_t kBlock = 64 << 10;

  void CountBlock() EXCLUDES(mutex_);
  void DropLocked() REQUIRES(mutex_);

  const size_t limit_blocks_;
  std::atomic<size_t> blocks_{0};
  Mutex mutex_;
  std::vector<Mapping*> mappings_ GUARDED_BY(mutex_);
};

}  // namespace narthex
