#include "server/storage/tsdb/series/string_table.h"

#include "core/base/bytes.h"

namespace narthex::tsdb {
namespace {
constexpr size_t kCompactAbove = 64 << 10;  // dead bytes worth a copy of the rest
}

uint32_t StringTable::Find(std::string_view s) const {
  const auto it = ids_.find(s);
  return it == ids_.end() ? kNoId : *it;
}

std::string_view StringTable::Get(uint32_t id) const {
  return ByteReader(std::string_view(arena_).substr(offsets_[id])).UvarintString();
}

uint32_t StringTable::Store(std::string_view s) {
  const size_t need = arena_.size() + s.size() + 5;
  // A quarter of slack: doubling would waste tens of megabytes on large dictionaries.
  if (need > arena_.capacity()) arena_.reserve(need + need / 4);
  const auto offset = static_cast<uint32_t>(arena_.size());
  ByteWriter(&arena_).UvarintString(s);
  return offset;
}

uint32_t StringTable::Insert(std::string_view s) {
  if (const uint32_t id = Find(s); id != kNoId) return id;
  uint32_t id = limit();
  if (free_.empty()) {
    offsets_.push_back(0);
  } else {
    id = free_.back();
    free_.pop_back();
  }
  offsets_[id] = Store(s);
  ids_.insert(id);
  return id;
}

void StringTable::Erase(uint32_t id) {
  ids_.erase(id);
  dead_bytes_ += Get(id).size() + 1;
  offsets_[id] = kErased;
  free_.push_back(id);
  if (dead_bytes_ > kCompactAbove && dead_bytes_ > arena_.size() / 4) Compact();
}

void StringTable::Compact() {
  std::string old = std::move(arena_);
  arena_.clear();
  arena_.reserve(old.size() - std::min(old.size(), dead_bytes_) + 64);
  for (uint32_t& offset : offsets_) {
    if (offset == kErased) continue;
    offset = Store(ByteReader(std::string_view(old).substr(offset)).UvarintString());
  }
  dead_bytes_ = 0;
}

}  // namespace narthex::tsdb
