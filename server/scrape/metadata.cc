#include "server/scrape/metadata.h"

#include <map>

#include "core/base/bytes.h"

namespace narthex::scrape {

std::shared_ptr<const std::string> TextPool::Intern(std::string text) {
  MutexLock lock(mutex_);
  std::weak_ptr<const std::string>& known = texts_[text];
  if (auto shared = known.lock()) return shared;
  auto fresh = std::make_shared<const std::string>(std::move(text));
  known = fresh;
  if (texts_.size() >= next_cleaning_) DropExpired();
  return fresh;
}

void TextPool::DropExpired() {
  absl::erase_if(texts_, [](const auto& entry) { return entry.second.expired(); });
  next_cleaning_ = 2 * texts_.size() + 1024;
}

uint32_t MetadataCache::Add(std::span<const MetadataLine> lines) {
  std::string encoded;
  ByteWriter writer(&encoded);
  for (const MetadataLine& line : lines) {
    writer.U8(static_cast<uint8_t>(line.kind));
    writer.UvarintString(line.family);
    writer.UvarintString(line.text);
  }
  auto text = pool_->Intern(std::move(encoded));
  MutexLock lock(mutex_);
  if (free_.empty()) {
    runs_.push_back(std::move(text));
    return static_cast<uint32_t>(runs_.size() - 1);
  }
  const uint32_t run = free_.back();
  free_.pop_back();
  runs_[run] = std::move(text);
  return run;
}

void MetadataCache::Remove(uint32_t run) {
  MutexLock lock(mutex_);
  if (run >= runs_.size() || runs_[run] == nullptr) return;
  runs_[run] = nullptr;
  free_.push_back(run);
}

void MetadataCache::Clear() {
  MutexLock lock(mutex_);
  runs_.clear();
  free_.clear();
}

std::vector<MetricMetadata> MetadataCache::List(std::string_view metric) const {
  std::map<std::string, MetricMetadata, std::less<>> families;
  {
    MutexLock lock(mutex_);
    for (const auto& run : runs_) {
      if (run == nullptr) continue;
      ByteReader reader(*run);
      while (!reader.empty()) {
        const auto kind = static_cast<MetadataLine::Kind>(reader.U8());
        const std::string_view family = reader.UvarintString();
        const std::string_view text = reader.UvarintString();
        if (!metric.empty() && family != metric) continue;
        MetricMetadata& m = families[std::string(family)];
        (kind == MetadataLine::Kind::kHelp   ? m.help
         : kind == MetadataLine::Kind::kType ? m.type
                                             : m.unit) = text;
      }
    }
  }
  std::vector<MetricMetadata> out;
  for (auto& [name, m] : families) {
    m.metric = name;
    if (m.type.empty()) m.type = "unknown";
    out.push_back(std::move(m));
  }
  return out;
}

void MetadataCache::Size(size_t* entries, size_t* bytes) const {
  MutexLock lock(mutex_);
  for (const auto& run : runs_) {
    if (run == nullptr) continue;
    ++*entries;
    *bytes += run->size();
  }
}

}  // namespace narthex::scrape
