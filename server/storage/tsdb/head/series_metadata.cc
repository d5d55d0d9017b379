#include "server/storage/tsdb/head/series_metadata.h"

#include <algorithm>

#include "core/base/bytes.h"

namespace narthex::tsdb {
namespace {

using storage::MetricMetadata;

constexpr size_t kMaxText = 64 << 10;

bool Same(const MetricMetadata& a, const MetricMetadata& b) {
  return a.type == b.type && a.unit == b.unit && a.help == b.help;
}

void EncodeTexts(const MetricMetadata& m, ByteWriter* out) {
  out->UvarintString(m.type);
  out->UvarintString(m.unit);
  out->UvarintString(m.help);
}

MetricMetadata Shortened(const MetricMetadata& m) {
  return {.type = m.type.substr(0, kMaxText),
          .help = m.help.substr(0, kMaxText),
          .unit = m.unit.substr(0, kMaxText)};
}

std::string KeyOf(const MetricMetadata& m) {
  std::string key;
  ByteWriter out(&key);
  EncodeTexts(m, &out);
  return key;
}

}  // namespace

bool SeriesMetadata::Set(uint64_t ref, const MetricMetadata& metadata) {
  const MetricMetadata kept = Shortened(metadata);
  std::string key = KeyOf(kept);
  MutexLock lock(mutex_);
  const auto known = by_key_.find(key);
  uint32_t id = 0;
  if (known != by_key_.end()) {
    id = known->second;
  } else if (free_.empty()) {
    id = static_cast<uint32_t>(shared_.size());
    shared_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  if (known == by_key_.end()) {
    by_key_.emplace(key, id);
    shared_[id] = {kept, std::move(key), 0};
  }
  const auto [at, fresh] = ids_.try_emplace(ref, id);
  if (!fresh && at->second == id) return false;
  ++shared_[id].users;
  if (!fresh) Release(std::exchange(at->second, id));
  return true;
}

void SeriesMetadata::Release(uint32_t id) {
  if (--shared_[id].users > 0) return;
  by_key_.erase(shared_[id].key);
  shared_[id] = Shared();
  free_.push_back(id);
}

std::optional<MetricMetadata> SeriesMetadata::Get(uint64_t ref) const {
  MutexLock lock(mutex_);
  const auto found = ids_.find(ref);
  if (found == ids_.end()) return std::nullopt;
  return shared_[found->second].metadata;
}

void SeriesMetadata::Forget(uint64_t ref) {
  MutexLock lock(mutex_);
  const auto found = ids_.find(ref);
  if (found == ids_.end()) return;
  Release(found->second);
  ids_.erase(found);
}

std::vector<uint64_t> SeriesMetadata::Refs() const {
  std::vector<uint64_t> refs;
  {
    MutexLock lock(mutex_);
    refs.reserve(ids_.size());
    for (const auto& [ref, id] : ids_) refs.push_back(ref);
  }
  std::sort(refs.begin(), refs.end());
  return refs;
}

bool SeriesMetadata::any() const {
  MutexLock lock(mutex_);
  return !ids_.empty();
}

std::string EncodeMetadata(std::span<const LoggedMetadata> entries) {
  std::string out;
  ByteWriter writer(&out);
  uint64_t ref = 0;
  while (!entries.empty()) {
    size_t same = 1;
    while (same < entries.size() && Same(entries[0].metadata, entries[same].metadata)) ++same;
    EncodeTexts(entries[0].metadata, &writer);
    writer.Uvarint(same);
    for (const LoggedMetadata& entry : entries.first(same)) {
      writer.Varint(static_cast<int64_t>(entry.ref - ref));
      ref = entry.ref;
    }
    entries = entries.subspan(same);
  }
  return out;
}

void DecodeMetadata(std::string_view payload,
                    const std::function<void(uint64_t, const MetricMetadata&)>& found) {
  ByteReader in(payload);
  uint64_t ref = 0;
  while (in.ok() && !in.empty()) {
    MetricMetadata metadata;
    metadata.type = in.UvarintString();
    metadata.unit = in.UvarintString();
    metadata.help = in.UvarintString();
    const uint64_t series = in.Uvarint();
    for (uint64_t i = 0; i < series && in.ok(); ++i) {
      ref += static_cast<uint64_t>(in.Varint());
      if (in.ok()) found(ref, metadata);
    }
  }
}

}  // namespace narthex::tsdb
