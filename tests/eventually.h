#pragma once
// Waiting in tests: for a condition, never for a length of time.

#include <chrono>
#include <thread>

namespace narthex {

// True as soon as the condition holds; false after the limit, generous since sanitizers are slow.
template <typename Condition>
bool Eventually(Condition&& condition, std::chrono::seconds limit = std::chrono::seconds(30)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace narthex
