#include "server/storage/tsdb/series/matcher_cache.h"

#include <algorithm>

namespace narthex::tsdb {

std::shared_ptr<const MatcherCache::Verdicts> MatcherCache::Get(uint32_t name_id,
                                                                uint64_t generation,
                                                                const Matcher& m,
                                                                const StringTable& values) {
  Key key(name_id, m.value());
  const std::shared_ptr<const Verdicts> known = Find(key, generation);
  const uint32_t limit = values.limit();
  if (known != nullptr && known->size() >= limit) return known;
  auto verdicts =
      known == nullptr ? std::make_shared<Verdicts>() : std::make_shared<Verdicts>(*known);
  const bool negated = m.type() == MatchType::kNotRegex;
  auto v = static_cast<uint32_t>(verdicts->size());
  evaluated_.fetch_add(limit - v, std::memory_order_relaxed);
  verdicts->reserve(limit);
  for (; v < limit; ++v) {
    verdicts->push_back(values.Has(v) && m.Matches(values.Get(v)) != negated);
  }
  Put(std::move(key), generation, verdicts);
  return verdicts;
}

std::shared_ptr<const MatcherCache::Verdicts> MatcherCache::Find(const Key& key,
                                                                 uint64_t generation) {
  MutexLock lock(mutex_);
  const auto it = entries_.find(key);
  if (it == entries_.end() || it->second.generation != generation) return nullptr;
  it->second.used = ++clock_;
  return it->second.verdicts;
}

void MatcherCache::Put(Key key, uint64_t generation, std::shared_ptr<const Verdicts> verdicts) {
  const size_t bytes = sizeof(Entry) + key.second.size() + verdicts->capacity() / 8;
  if (bytes > max_bytes_ || max_entries_ == 0) return;
  MutexLock lock(mutex_);
  Entry& entry = entries_[std::move(key)];
  bytes_ += bytes - entry.bytes;
  entry = {generation, ++clock_, bytes, std::move(verdicts)};
  while (entries_.size() > max_entries_ || bytes_ > max_bytes_) {
    const auto oldest = std::min_element(
        entries_.begin(), entries_.end(),
        [](const auto& a, const auto& b) { return a.second.used < b.second.used; });
    bytes_ -= oldest->second.bytes;
    entries_.erase(oldest);
  }
}

size_t MatcherCache::size() const {
  MutexLock lock(mutex_);
  return entries_.size();
}

size_t MatcherCache::bytes() const {
  MutexLock lock(mutex_);
  return bytes_;
}

}  // namespace narthex::tsdb
