#include "kube_state_metrics/serve/sharding.h"

namespace narthex::ksm {

uint64_t Fnv1a64(std::string_view text) {
  uint64_t hash = 14695981039346656037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash;
}

int64_t JumpHash(uint64_t key, int64_t buckets) {
  int64_t bucket = -1;
  int64_t next = 0;
  while (next < buckets) {
    bucket = next;
    key = key * 2862933555777941757U + 1;
    next = static_cast<int64_t>(
        static_cast<double>(bucket + 1) *
        (static_cast<double>(int64_t{1} << 31) / static_cast<double>((key >> 33) + 1)));
  }
  return bucket;
}

bool Sharding::Owns(std::string_view uid) const {
  return total <= 1 || JumpHash(Fnv1a64(uid), total) == shard;
}

}  // namespace narthex::ksm
