#include "server/promql/engine/memory.h"

#include <algorithm>

#include "core/strings/duration.h"

namespace narthex::promql {
namespace {

// Queries lease memory in pieces of this size, so that they seldom meet at the budget of all.
constexpr int64_t kSlab = 64 << 10;

}  // namespace

bool QueryMemory::Take(int64_t bytes) {
  const int64_t held = held_ += bytes;
  int64_t peak = peak_.load(std::memory_order_relaxed);
  while (held > peak && !peak_.compare_exchange_weak(peak, held, std::memory_order_relaxed)) {
  }
  if (exceeded()) return false;
  if (limit_ > 0 && held > limit_) return Fail(Verdict::kOwn);
  if (all_ == nullptr || held <= leased_.load(std::memory_order_relaxed)) return true;
  return Lease(held);
}

bool QueryMemory::Lease(int64_t held) {
  MutexLock lock(mutex_);
  // Near the end of the budget, what is needed will do.
  for (const int64_t wanted : {(held + kSlab - 1) / kSlab * kSlab, held}) {
    if (!lease_.GrowTo(static_cast<size_t>(wanted))) continue;
    leased_ = static_cast<int64_t>(lease_.bytes());
    return true;
  }
  return Fail(Verdict::kAll);
}

void QueryMemory::Settle() {
  MutexLock lock(mutex_);
  ByteLease smaller(all_);
  if (held_ < leased_ && smaller.GrowTo(static_cast<size_t>(held_))) {
    lease_ = std::move(smaller);
    leased_ = static_cast<int64_t>(lease_.bytes());
  }
}

bool QueryMemory::Fail(Verdict verdict) {
  Verdict fine = Verdict::kFine;
  verdict_.compare_exchange_strong(fine, verdict);
  return false;
}

Status QueryMemory::status() const {
  switch (verdict_.load()) {
    case Verdict::kFine: return OkStatus();
    case Verdict::kOwn:
      return ResourceExhausted(
          "query processing would use more memory than a query may: {} (--query.memory-limit)",
          FormatSize(limit_));
    case Verdict::kAll: break;
  }
  return ResourceExhausted(
      "query processing would use more memory than is left for queries: {} of {} in use "
      "(--query.total-memory-limit)",
      FormatSize(static_cast<int64_t>(all_->used())),
      FormatSize(static_cast<int64_t>(all_->limit())));
}

}  // namespace narthex::promql
