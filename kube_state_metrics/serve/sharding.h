#pragma once
// Which of several instances an object belongs to: a jump hash (Lamping and Veach 2014) of FNV-1a
// of its uid. When a shard is added only the objects that move to it move.
//
// Thread safety: values and pure functions.

#include <cstdint>
#include <string_view>

namespace narthex::ksm {

struct Sharding {
  int64_t shard = 0;
  int64_t total = 1;

  bool Owns(std::string_view uid) const;
  friend bool operator==(const Sharding&, const Sharding&) = default;
};

uint64_t Fnv1a64(std::string_view text);
int64_t JumpHash(uint64_t key, int64_t buckets);

}  // namespace narthex::ksm
