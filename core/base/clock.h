#pragma once
// Time, injected. Everything that waits, expires or stamps takes a Clock so that tests own the
// time.

#include <atomic>
#include <chrono>
#include <cstdint>

namespace narthex {

// Milliseconds since the Unix epoch: the time stamp of a sample.
using TimestampMs = int64_t;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t NowNanos() const = 0;        // wall clock, nanoseconds since the Unix epoch
  virtual int64_t MonotonicNanos() const = 0;  // for intervals; unrelated to the wall clock

  TimestampMs NowMs() const { return NowNanos() / 1'000'000; }
  double NowSeconds() const { return static_cast<double>(NowNanos()) / 1e9; }

  static const Clock& System();
};

// A clock that moves when told. Thread-safe.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(TimestampMs start_ms) : now_(start_ms * 1'000'000) {}
  int64_t NowNanos() const override { return now_.load(); }
  int64_t MonotonicNanos() const override { return now_.load(); }
  void Advance(std::chrono::nanoseconds by) { now_ += by.count(); }
  void SetMs(TimestampMs ms) { now_ = ms * 1'000'000; }

 private:
  std::atomic<int64_t> now_;
};

}  // namespace narthex
