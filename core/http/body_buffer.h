#pragma once
// The body of a message while it is being received: bounded, in memory that may have been used
// before, counted against a budget. Not thread-safe.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/base/byte_budget.h"

namespace narthex::http {

struct BodyBuffer {
  std::string body;      // may come with memory to use again; what it is holds when finished
  size_t max_body = 0;   // of the decoded transfer; 0 = no limit
  ByteLease body_lease;  // holds the body's buffer
  bool body_too_large = false;
  bool finished = false;

  // Up to `want` bytes behind what there is of the body, for a caller who receives them there;
  // empty when the budget refuses them.
  std::span<char> Room(uint64_t want);
  // The caller has received so many there.
  void NoteFilled(size_t bytes) { used_ += bytes; }
  // Copies. False: body_too_large, or refused by the lease.
  bool AppendBody(std::string_view data);
  // For a body whose peer claims that length: a claim is not worth more than a first buffer. False
  // when the budget refuses it.
  bool ReserveBody(uint64_t claimed);
  void FinishBody();

 private:
  bool Reserve(size_t bytes);

  size_t used_ = 0;  // of the body
};

}  // namespace narthex::http
