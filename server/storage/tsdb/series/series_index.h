#pragma once
// Finds series: by label set (hash → slot) and by label pair (postings), and turns slots back into
// labels. Dictionaries, rows, hash and postings change together and share one reader-writer lock;
// writing samples to known series never takes it.
//
// A series leaves in two steps: Unlink hides it from every look-up, Release gives slot, row and
// strings back once no reader can hold the slot any more.
//
// Thread safety: as annotated.

#include <absl/container/flat_hash_set.h>

#include <array>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "core/base/mutex.h"
#include "core/labels/labels.h"
#include "server/storage/tsdb/options.h"
#include "server/storage/tsdb/series/heavy_pairs.h"
#include "server/storage/tsdb/series/id_set.h"
#include "server/storage/tsdb/series/label_rows.h"
#include "server/storage/tsdb/series/matcher_cache.h"
#include "server/storage/tsdb/series/postings.h"
#include "server/storage/tsdb/series/series_table.h"
#include "server/storage/tsdb/series/string_table.h"

namespace narthex::tsdb {

inline constexpr uint32_t kNoSlot = UINT32_MAX;

class SeriesIndex {
 public:
  // What is known of one value of one label name.
  struct ValueInfo {
    Postings postings;
    uint32_t uses = 0;         // rows with it, unlinked ones included
    uint32_t wal_segment = 0;  // the log segment that has it defined last
  };
  struct LabelName {
    StringTable values;
    std::vector<ValueInfo> info;  // by value id
    size_t linked_values = 0;     // values with a series
    uint64_t linked_bytes = 0;    // of this name and its value in all series
    uint32_t wal_segment = 0;
    uint64_t generation = 0;  // another one when an id comes to mean another value
  };

  SeriesIndex();

  SharedMutex& mutex() const NX_TSA(lock_returned(mutex_)) { return mutex_; }
  SeriesTable& table() { return table_; }
  const SeriesTable& table() const { return table_; }

  // What Find and Create look under: the sum of the hashes of the labels, so that who reads many
  // sets hashes each label once. Needs no lock.
  static uint32_t HashOf(const Labels& labels);
  static uint32_t HashOf(std::string_view name, std::string_view value);

  uint32_t Find(const Labels& labels) const { return Find(labels, HashOf(labels)); }
  uint32_t Find(const Labels& labels, uint32_t hash) const {
    return FindKey(Key{hash, labels.flat()});
  }
  // The labels must be absent. kNoSlot when the table is full. The caller sets the home.
  uint32_t Create(const Labels& labels, uint64_t ref, BaseGuess* guess) {
    return Create(labels, HashOf(labels), ref, guess);
  }
  uint32_t Create(const Labels& labels, uint32_t hash, uint64_t ref, BaseGuess* guess);
  // The labels of the series created last.
  const LabelIds& last_ids() const { return last_ids_; }
  // Whether the series created before that one had its i-th label, too; some are not noticed.
  bool LastHadBefore(size_t i) const { return i < kNoticed && (last_had_before_ >> i & 1) != 0; }

  // ---- The same by ids, for who reads many series with their own dictionary ----

  // Room for that many series in all.
  void Reserve(size_t series);
  uint32_t InternName(std::string_view name);
  // A value that no series comes to use stays until the next start.
  uint32_t InternValue(uint32_t name_id, std::string_view value);
  uint32_t HashOf(const LabelIds& ids) const;
  // Asks for the memory that FindOrCreate looks at first.
  void Prefetch(uint32_t hash) const { by_hash_[hash >> 24].prefetch(IdsKey{hash, nullptr}); }
  // `ids` in the order of their names, each name once. *created is set.
  uint32_t FindOrCreate(const LabelIds& ids, uint32_t hash, uint64_t ref, BaseGuess* guess,
                        bool* created);

  void Unlink(const IdSet& slots);
  void Release(std::span<const uint32_t> slots);

  Labels GetLabels(uint32_t slot) const;
  // The labels with these names, which are sorted.
  Labels GetLabels(uint32_t slot, std::span<const uint32_t> name_ids) const;
  void GetLabelIds(uint32_t slot, LabelIds* out) const { rows_.Get(table_[slot].row, names_, out); }
  // The value of a label; "" when absent.
  std::string_view ValueOf(uint32_t slot, uint32_t name_id) const;
  uint32_t ValueIdOf(uint32_t slot, uint32_t name_id) const {
    return rows_.ValueOf(table_[slot].row, name_id);
  }

  uint32_t FindName(std::string_view name) const { return names_.Find(name); }
  const StringTable& names() const { return names_; }
  LabelName& name(uint32_t id) { return by_name_[id]; }
  const LabelName& name(uint32_t id) const { return by_name_[id]; }
  MatcherCache& matcher_cache() const { return matcher_cache_; }
  const IdSet& all() const { return all_; }
  size_t size() const { return size_; }
  size_t symbol_bytes() const;
  // Looks at all names and all metric names, and at other values only when few are heavy.
  void FillStats(size_t limit, Stats* out) const;

 private:
  static constexpr size_t kSubTables = 256;  // grown one at a time, so no growth takes long
  struct Key {
    uint32_t hash;
    std::string_view flat;
  };
  struct IdsKey {
    uint32_t hash;
    const LabelIds* ids;
  };
  struct Hash {
    using is_transparent = void;
    const SeriesIndex* index;
    static size_t Spread(uint32_t h) { return h * 0x9e3779b97f4a7c15ULL; }
    size_t operator()(uint32_t slot) const { return Spread(index->table_[slot].hash); }
    size_t operator()(const Key& key) const { return Spread(key.hash); }
    size_t operator()(const IdsKey& key) const { return Spread(key.hash); }
  };
  struct Equal {
    using is_transparent = void;
    const SeriesIndex* index;
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
    bool operator()(uint32_t slot, const Key& key) const { return index->Same(slot, key); }
    bool operator()(uint32_t slot, const IdsKey& key) const { return index->Same(slot, key); }
  };
  using SubTable = absl::flat_hash_set<uint32_t, Hash, Equal>;

  uint64_t BytesOf(const LabelId& id) const;  // of the pair, as upstream keeps it
  template <typename K>
  uint32_t FindKey(const K& key) const {
    const SubTable& sub = by_hash_[key.hash >> 24];
    const auto it = sub.find(key);
    return it == sub.end() ? kNoSlot : *it;
  }
  void Intern(const Labels& labels);
  uint32_t Add(const LabelIds& ids, uint32_t hash, uint64_t ref, BaseGuess* guess);
  bool Same(uint32_t slot, const Key& key) const;
  bool Same(uint32_t slot, const IdsKey& key) const;
  void AppendFlat(const LabelIds& ids, std::string* out) const;
  void EraseValue(const LabelId& id);
  uint32_t CountOf(uint64_t pair) const {
    return by_name_[HeavyPairs::NameOf(pair)].info[HeavyPairs::ValueOf(pair)].postings.size();
  }
  void CompactRows();

  mutable SharedMutex mutex_;
  SeriesTable table_;
  StringTable names_;
  std::deque<LabelName> by_name_;  // by name id
  LabelRows rows_;
  HeavyPairs heavy_;
  std::vector<SubTable> by_hash_;
  IdSet all_;
  size_t size_ = 0;
  size_t unlinked_ = 0;
  uint32_t metric_name_id_;
  uint64_t generations_ = 0;
  mutable MatcherCache matcher_cache_;
  // Interned last, and its ids in use; no labels when these may be gone.
  static constexpr size_t kNoticed = 64;
  Labels last_labels_;
  LabelIds last_ids_, next_ids_;
  uint64_t last_had_before_ = 0;
};

}  // namespace narthex::tsdb
