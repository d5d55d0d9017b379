#pragma once
// A limit on memory that many parties hold together: the bodies of all scrapes in flight, say.
//
// ByteBudget counts; ByteLease is what one party holds of it and gives back when it goes. A lease
// grows step by step, as its holder does not know in advance how much it will need, and may be
// refused at any step.
//
// So that a few large holders do not starve the many small ones, whoever holds more than 1/64 of
// the budget must leave a quarter of it free.
//
// Thread safety: ByteBudget: all methods. ByteLease: one thread at a time.

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "core/base/status.h"

namespace narthex {

class ByteBudget {
 public:
  // `name` says whose limit it is, and is what Refusal shows.
  ByteBudget(size_t limit, std::string name) : limit_(limit), name_(std::move(name)) {}

  size_t limit() const { return limit_; }
  size_t used() const { return used_.load(std::memory_order_relaxed); }
  // What a refused holder reports: ResourceExhausted.
  Status Refusal() const;

 private:
  friend class ByteLease;
  bool Take(size_t more, size_t held);

  const size_t limit_;
  const std::string name_;
  std::atomic<size_t> used_{0};
};

class ByteLease {
 public:
  ByteLease() = default;  // of no budget: grows without limit
  explicit ByteLease(std::shared_ptr<ByteBudget> budget) : budget_(std::move(budget)) {}
  ByteLease(ByteLease&& other) noexcept
      : budget_(std::move(other.budget_)),
        bytes_(std::exchange(other.bytes_, 0)),
        refused_(other.refused_) {}
  ByteLease& operator=(ByteLease&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    std::swap(refused_, other.refused_);
    return *this;
  }
  ~ByteLease();

  // Holds at least so much from now on. False when that is refused: what was held stays held.
  [[nodiscard]] bool GrowTo(size_t bytes);
  size_t bytes() const { return bytes_; }
  bool refused() const { return refused_; }              // ever
  Status Refusal() const { return budget_->Refusal(); }  // after a refusal only

 private:
  std::shared_ptr<ByteBudget> budget_;
  size_t bytes_ = 0;
  bool refused_ = false;
};

}  // namespace narthex
