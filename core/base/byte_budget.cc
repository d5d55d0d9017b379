#include "core/base/byte_budget.h"

namespace narthex {
namespace {

constexpr size_t kSmallShare = 64;  // of the budget: whoever holds less need not leave any free
constexpr size_t kSpareShare = 4;   // what the others must leave free

}  // namespace

Status ByteBudget::Refusal() const { return ResourceExhausted("memory limit reached: {}", name_); }

bool ByteBudget::Take(size_t more, size_t held) {
  const bool small = held + more <= limit_ / kSmallShare;
  const size_t bound = small ? limit_ : limit_ - limit_ / kSpareShare;
  size_t used = used_.load(std::memory_order_relaxed);
  do {
    if (used > bound || more > bound - used) return false;
  } while (!used_.compare_exchange_weak(used, used + more, std::memory_order_relaxed));
  return true;
}

ByteLease::~ByteLease() {
  if (budget_ != nullptr) budget_->used_.fetch_sub(bytes_, std::memory_order_relaxed);
}

bool ByteLease::GrowTo(size_t bytes) {
  if (bytes <= bytes_) return true;
  if (budget_ != nullptr && !budget_->Take(bytes - bytes_, bytes_)) {
    refused_ = true;
    return false;
  }
  bytes_ = bytes;
  return true;
}

}  // namespace narthex
