#pragma once
// ULIDs, the names of blocks: 48 bits of milliseconds, 80 bits of entropy, printed as 26 characters
// of Crockford's base 32 so that the order of names is the order of creation.

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/base/mutex.h"

namespace narthex::tsdb {

struct Ulid {
  std::array<uint8_t, 16> bytes{};

  // Strict: 26 characters of the alphabet, upper case or lower, no overflow.
  static std::optional<Ulid> Parse(std::string_view text);
  std::string ToString() const;
  int64_t time_ms() const;
  bool is_zero() const { return *this == Ulid{}; }
  friend auto operator<=>(const Ulid&, const Ulid&) = default;
};

// Thread safety: Next may be called concurrently.
// Invariant: every Ulid is greater than the one before, also when the clock steps back.
class UlidGenerator {
 public:
  explicit UlidGenerator(const Clock& clock = Clock::System(),
                         uint64_t seed = std::random_device{}());
  Ulid Next();
  // Of the whole process.
  static UlidGenerator& Global();

 private:
  const Clock& clock_;
  Mutex mutex_;
  std::mt19937_64 random_ GUARDED_BY(mutex_);
  Ulid last_ GUARDED_BY(mutex_);
};

}  // namespace narthex::tsdb
