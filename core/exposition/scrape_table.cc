#include "core/exposition/scrape_table.h"

#include <algorithm>
#include <bit>

namespace narthex {
namespace {

// More than one entry in this many found out of order: the exporter has no stable order.
constexpr size_t kUnstableShare = 8;
// After so many unstable scrapes in a row the order is left as it is, and the index is kept.
constexpr uint32_t kUnstableScrapes = 2;

}  // namespace

ScrapeTable::Impl::Impl(uint64_t seed, uint64_t mask)
    : hashes{ScrapeHash(seed), ScrapeHash(seed + 1), ScrapeHash(seed + 2), ScrapeHash(seed + 3)},
      hash_mask(mask) {}

ScrapeTable::ScrapeTable(uint64_t seed, uint64_t hash_mask)
    : impl_(std::make_unique<Impl>(seed, hash_mask)) {}
ScrapeTable::~ScrapeTable() = default;
ScrapeTable::ScrapeTable(ScrapeTable&&) noexcept = default;
ScrapeTable& ScrapeTable::operator=(ScrapeTable&&) noexcept = default;

void ScrapeTable::Clear() {
  impl_->entries = std::vector<ScrapeEntry>();
  impl_->index = std::vector<uint32_t>();
  impl_->unstable_scrapes = 0;
}

size_t ScrapeTable::size() const { return impl_->entries.size(); }

size_t ScrapeTable::memory_bytes() const {
  return sizeof(Impl) + impl_->entries.capacity() * sizeof(ScrapeEntry) +
         impl_->index.capacity() * sizeof(uint32_t);
}

void ScrapeResult::Clear() {
  samples.clear();
  exemplars.clear();
  histograms.clear();
  starts.clear();
  vanished.clear();
  vanished_metadata.clear();
  scraped = added = timestamped = predicted = found = 0;
}

ScrapeWalk::ScrapeWalk(ScrapeTable::Impl* table, ScrapeResult* result)
    : table_(table), result_(result), old_size_(table->entries.size()) {
  table_->parity ^= ScrapeEntry::kParity;
}

void ScrapeWalk::Deviate() {
  if (deviated_) return;
  deviated_ = true;
  deviation_ = cursor_;
}

// Marks an entry met out of turn as seen. The prediction goes on behind an old one.
ScrapeEntry* ScrapeWalk::Take(size_t position) {
  ScrapeEntry* entry = &table_->entries[position];
  Deviate();
  entry->bits ^= ScrapeEntry::kParity;
  order_.push_back(static_cast<uint32_t>(position));
  ++result_->found;
  if (position < old_size_) cursor_ = position + 1;
  SkipSeen();
  return entry;
}

ScrapeEntry* ScrapeWalk::Find(uint64_t hash, size_t length, bool comment, bool* repeated) {
  *repeated = false;
  auto matches = [&](const ScrapeEntry& entry) {
    return entry.hash == hash && entry.length() == length && entry.is_comment() == comment;
  };
  const size_t horizon = std::min(old_size_, cursor_ + kLookAhead);
  for (size_t i = cursor_; i < horizon; ++i) {
    if (matches(table_->entries[i]) && !Seen(table_->entries[i])) return Take(i);
  }
  if (table_->index.empty()) BuildIndex();
  const size_t mask = table_->index.size() - 1;
  for (size_t at = hash & mask; table_->index[at] != 0; at = (at + 1) & mask) {
    const size_t position = table_->index[at] - 1;
    ScrapeEntry& entry = table_->entries[position];
    if (!matches(entry)) continue;
    if (!Seen(entry)) {
      ++out_of_order_;
      return Take(position);
    }
    *repeated = true;
    return &entry;
  }
  return nullptr;
}

ScrapeEntry* ScrapeWalk::FindComment(std::string_view text) {
  const size_t horizon = std::min(old_size_, cursor_ + kLookAhead);
  for (size_t i = cursor_; i < horizon; ++i) {
    ScrapeEntry& entry = table_->entries[i];
    if (!entry.is_comment() || Seen(entry) || !CommentAt(entry, text)) continue;
    return i == cursor_ ? (TakePredicted(&entry), &entry) : Take(i);
  }
  return nullptr;
}

ScrapeEntry* ScrapeWalk::Add(uint64_t hash, size_t length, uint32_t slot, uint32_t flags) {
  Deviate();
  if (table_->index.empty()) BuildIndex();
  const size_t position = table_->entries.size();
  table_->entries.push_back(
      {hash, slot,
       static_cast<uint32_t>(length) << ScrapeEntry::kLengthShift | flags | table_->parity});
  order_.push_back(static_cast<uint32_t>(position));
  if (table_->entries.size() * 2 > table_->index.size()) {
    BuildIndex();
  } else {
    IndexInsert(position);
  }
  return &table_->entries[position];
}

void ScrapeWalk::BuildIndex() {
  constexpr size_t kMinIndex = 64;
  const size_t size = std::bit_ceil(
      std::max({kMinIndex, table_->entries.size() * 3, table_->entries.capacity() * 2}));
  table_->index.assign(size, 0);
  for (size_t i = 0; i < table_->entries.size(); ++i) IndexInsert(i);
}

void ScrapeWalk::IndexInsert(size_t position) {
  const size_t mask = table_->index.size() - 1;
  size_t at = table_->entries[position].hash & mask;
  while (table_->index[at] != 0) at = (at + 1) & mask;
  table_->index[at] = static_cast<uint32_t>(position + 1);
}

void ScrapeWalk::Finish() {
  if (!deviated_ && cursor_ == old_size_) {
    table_->unstable_scrapes = 0;
    table_->index = std::vector<uint32_t>();
    return;
  }
  Deviate();
  ReportVanished();
  const size_t size = table_->entries.size();
  const bool same_set = size == old_size_ && order_.size() + deviation_ == size;
  const bool unstable = out_of_order_ * kUnstableShare > size;
  table_->unstable_scrapes = unstable ? table_->unstable_scrapes + 1 : 0;
  if (same_set && table_->unstable_scrapes >= kUnstableScrapes) return;
  Reorder();
}

void ScrapeWalk::ReportVanished() {
  for (size_t i = deviation_; i < old_size_; ++i) {
    const ScrapeEntry& entry = table_->entries[i];
    if (Seen(entry)) continue;
    if (entry.is_comment()) {
      result_->vanished_metadata.push_back(entry.slot);
    } else if (entry.slot != kDropSlot) {
      result_->vanished.push_back({entry.slot, (entry.bits & ScrapeEntry::kTimestamped) != 0});
    }
  }
}

// The entries seen, in the order of this body, in a vector without slack.
void ScrapeWalk::Reorder() {
  std::vector<ScrapeEntry> entries;
  entries.reserve(deviation_ + order_.size());
  auto begin = table_->entries.begin();
  entries.assign(begin, begin + static_cast<std::ptrdiff_t>(deviation_));
  for (uint32_t position : order_) entries.push_back(table_->entries[position]);
  table_->entries = std::move(entries);
  table_->index = std::vector<uint32_t>();
}

// Everything counts as seen, so that the next scrape finds all of it unseen.
void ScrapeWalk::Abort() {
  for (ScrapeEntry& entry : table_->entries) {
    entry.bits = (entry.bits & ~uint32_t{ScrapeEntry::kParity}) | table_->parity;
  }
  table_->index = std::vector<uint32_t>();
}

}  // namespace narthex
