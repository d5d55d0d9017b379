#pragma once
// Private to the scrape parser: the table of scrape.h and the walk of one scrape along it.

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/exposition/scrape.h"
#include "core/exposition/scrape_hash.h"

namespace narthex {

struct ScrapeEntry {
  enum Flag : uint32_t {
    kParity = 1,       // equals the scrape's parity: seen in it
    kComment = 2,      // a run of comment lines; slot is the number OnMetadata gave
    kTimestamped = 4,  // the last sample had a timestamp of its own
    kSetsType = 8,     // a comment run with a TYPE line; the type follows
    kTypeShift = 4,
    kTypeMask = 7 << kTypeShift,
    kLengthShift = 8,
  };
  static constexpr uint32_t kMaxLength = (1u << 24) - 1;

  uint64_t hash;
  uint32_t slot;
  uint32_t bits;  // length << 8 | flags

  uint32_t length() const { return bits >> kLengthShift; }
  bool is_comment() const { return (bits & kComment) != 0; }
};
static_assert(sizeof(ScrapeEntry) == 16);

struct ScrapeTable::Impl {
  Impl(uint64_t seed, uint64_t hash_mask);

  std::vector<ScrapeEntry> entries;
  // Position + 1 by hash, open addressing, a power of two at least twice the entries; empty while
  // nobody needs it.
  std::vector<uint32_t> index;
  // One hash per context that changes what a text means: le and quantile are normalised under
  // histogram and summary types only. The last one is for comments.
  std::array<ScrapeHash, 4> hashes;
  uint64_t hash_mask;
  uint32_t parity = 0;
  uint32_t unstable_scrapes = 0;  // in a row, with much out of order

  static size_t ContextOf(ScrapedType type) {
    if (type == ScrapedType::kHistogram) return 1;
    return type == ScrapedType::kSummary ? 2 : 0;
  }
  static constexpr size_t kCommentContext = 3;

  uint64_t Hash(const char* p, size_t n, size_t context) const {
    return hashes[context](p, n) & hash_mask;
  }
};

// One scrape's way along the table. Finish or Abort must be called once.
class ScrapeWalk {
 public:
  ScrapeWalk(ScrapeTable::Impl* table, ScrapeResult* result);

  // The predicted entry; nullptr when there is none.
  ScrapeEntry* predicted() {
    if (cursor_ >= old_size_) return nullptr;
    ScrapeEntry* entry = &table_->entries[cursor_];
    return deviated_ && Seen(*entry) ? nullptr : entry;
  }
  // The predicted entry stands in the body.
  void TakePredicted(ScrapeEntry* entry) {
    entry->bits ^= ScrapeEntry::kParity;  // was unseen: only such are predicted
    if (deviated_) order_.push_back(static_cast<uint32_t>(cursor_));
    ++cursor_;
    ++result_->predicted;
    if (deviated_) SkipSeen();
  }

  // The predicted entry, taken, if it is this one; else nullptr.
  ScrapeEntry* TakeIfPredicted(uint64_t hash, size_t length, bool comment) {
    ScrapeEntry* entry = predicted();
    if (entry == nullptr || entry->hash != hash || entry->length() != length ||
        entry->is_comment() != comment) {
      return nullptr;
    }
    TakePredicted(entry);
    return entry;
  }

  // An entry of that text that was not the predicted one; nullptr when unknown. *repeated: it was
  // seen in this scrape already.
  ScrapeEntry* Find(uint64_t hash, size_t length, bool comment, bool* repeated);
  // Whether this comment entry stands at the start of `text`.
  bool CommentAt(const ScrapeEntry& entry, std::string_view text) const {
    const size_t n = entry.length();
    // A run that ends without LF was the end of its body, and must be so again.
    return n <= text.size() && (text[n - 1] == '\n' || n == text.size()) &&
           table_->Hash(text.data(), n, ScrapeTable::Impl::kCommentContext) == entry.hash;
  }
  // Comments within the look-ahead that stand at the start of `text`.
  ScrapeEntry* FindComment(std::string_view text);
  ScrapeEntry* Add(uint64_t hash, size_t length, uint32_t slot, uint32_t flags);

  void Emit(ScrapeEntry* entry, double value, int64_t timestamp_ms, bool repeated = false) {
    EmitSlot(entry->slot, value, timestamp_ms, repeated);
    const uint32_t stamped = timestamp_ms != kNoTimestamp ? uint32_t{ScrapeEntry::kTimestamped} : 0;
    entry->bits = (entry->bits & ~ScrapeEntry::kTimestamped) | stamped;
  }
  void EmitSlot(uint32_t slot, double value, int64_t timestamp_ms, bool repeated) {
    ++result_->scraped;
    if (slot == kDropSlot) return;
    result_->timestamped += timestamp_ms != kNoTimestamp;
    result_->samples.push_back({value, timestamp_ms, slot, repeated});
  }

  // Makes room in an empty table for about so many entries.
  void Expect(size_t entries) {
    if (old_size_ == 0) table_->entries.reserve(entries);
  }
  void Finish();
  void Abort();

 private:
  static constexpr size_t kLookAhead = 8;

  bool Seen(const ScrapeEntry& entry) const {
    return (entry.bits & ScrapeEntry::kParity) == table_->parity;
  }
  // Moves on from entries that came out of turn before; bounded, as they may be many.
  void SkipSeen() {
    for (size_t i = 0; i < kLookAhead && cursor_ < old_size_; ++i, ++cursor_) {
      if (!Seen(table_->entries[cursor_])) return;
    }
  }
  void Deviate();
  ScrapeEntry* Take(size_t position);
  void BuildIndex();
  void IndexInsert(size_t position);
  void ReportVanished();
  void Reorder();

  ScrapeTable::Impl* table_;
  ScrapeResult* result_;
  size_t old_size_;
  size_t cursor_ = 0;
  // From the first departure from the old order on, the positions in the order of the body.
  bool deviated_ = false;
  size_t deviation_ = 0;
  std::vector<uint32_t> order_;
  size_t out_of_order_ = 0;
};

}  // namespace narthex
