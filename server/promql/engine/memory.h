#pragma once
// Accounts for the memory that queries hold: each has a limit of its own, and all of them share a
// ByteBudget.
//
//   ByteBudget ◀── QueryMemory (one a query; results keep it until they are written out)
//                       ▲
//                  MemoryHold (what one object of the query holds; gives it back when it goes)
//
// A query that asks for more than it may is marked: whatever it does next fails at the next look at
// QueryContext::CheckAlive, which comes once a tile. So small allocations need not be checked one
// by one; large ones are, before they are made.
//
// Thread safety: QueryMemory: all methods. A MemoryHold belongs to its object.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "core/base/byte_budget.h"
#include "core/base/mutex.h"
#include "core/base/status.h"

namespace narthex::promql {

class QueryMemory {
 public:
  // `all` may be null and `limit` 0: no such limit.
  QueryMemory(std::shared_ptr<ByteBudget> all, int64_t limit)
      : all_(std::move(all)), limit_(limit), lease_(all_) {}
  QueryMemory(const QueryMemory&) = delete;
  QueryMemory& operator=(const QueryMemory&) = delete;

  // Counts `bytes`, allowed or not. False when the query holds more than it may, or ever did.
  bool Take(int64_t bytes);
  void Give(int64_t bytes) { held_ -= bytes; }
  // Gives back to the others what is no longer held.
  void Settle();

  // ResourceExhausted from the first time on that Take said no.
  Status status() const;
  bool exceeded() const { return verdict_.load(std::memory_order_relaxed) != Verdict::kFine; }
  int64_t held() const { return held_; }
  int64_t peak() const { return peak_; }

 private:
  enum class Verdict : uint8_t { kFine, kOwn, kAll };
  bool Fail(Verdict verdict);
  bool Lease(int64_t held);

  const std::shared_ptr<ByteBudget> all_;
  const int64_t limit_;
  std::atomic<int64_t> held_{0};
  std::atomic<int64_t> peak_{0};
  std::atomic<int64_t> leased_{0};
  std::atomic<Verdict> verdict_{Verdict::kFine};
  Mutex mutex_;
  ByteLease lease_ GUARDED_BY(mutex_);
};

class MemoryHold {
 public:
  explicit MemoryHold(QueryMemory* memory = nullptr) : memory_(memory) {}
  MemoryHold(MemoryHold&& other) noexcept
      : memory_(other.memory_), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryHold& operator=(MemoryHold&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MemoryHold() { Release(); }

  // False when the query holds more than it may; the bytes count all the same until Release.
  bool Grow(size_t bytes) {
    bytes_ += static_cast<int64_t>(bytes);
    return memory_ == nullptr || memory_->Take(static_cast<int64_t>(bytes));
  }
  // For what only ever gets larger.
  bool AtLeast(size_t bytes) {
    const int64_t more = static_cast<int64_t>(bytes) - bytes_;
    if (more > 0) return Grow(static_cast<size_t>(more));
    return memory_ == nullptr || !memory_->exceeded();
  }
  void Release() {
    // A hold of nothing may outlive its query.
    if (memory_ != nullptr && bytes_ != 0) memory_->Give(bytes_);
    bytes_ = 0;
  }
  // What is held counts until the QueryMemory goes.
  void Keep() { bytes_ = 0; }
  int64_t bytes() const { return bytes_; }

 private:
  QueryMemory* memory_;
  int64_t bytes_ = 0;
};

}  // namespace narthex::promql
