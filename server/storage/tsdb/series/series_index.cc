#include "server/storage/tsdb/series/series_index.h"

#include <xxhash.h>

#include <algorithm>
#include <memory>
#include <random>

#include "core/base/bytes.h"

namespace narthex::tsdb {

namespace {

// Not the same in two processes: sums are easily made to collide by who knows the parts.
const uint64_t kHashSeed = std::random_device{}();

// Of a name and a value as they stand in Labels.
uint32_t HashOfPair(std::string_view pair) {
  return static_cast<uint32_t>(XXH3_64bits_withSeed(pair.data(), pair.size(), kHashSeed));
}

}  // namespace

SeriesIndex::SeriesIndex() {
  by_hash_.reserve(kSubTables);
  for (size_t i = 0; i < kSubTables; ++i) by_hash_.emplace_back(0, Hash{this}, Equal{this});
  metric_name_id_ = names_.Insert(kMetricNameLabel);
  by_name_.emplace_back();
}

uint64_t SeriesIndex::BytesOf(const LabelId& id) const {
  return 2 + names_.Get(id.name).size() + by_name_[id.name].values.Get(id.value).size();
}

uint32_t SeriesIndex::HashOf(const Labels& labels) {
  uint32_t hash = 0;
  const auto end = labels.end();
  for (auto label = labels.begin(); label != end; ++label) hash += HashOfPair(label.flat());
  return hash;
}

uint32_t SeriesIndex::HashOf(std::string_view name, std::string_view value) {
  thread_local std::string pair;
  pair.clear();
  ByteWriter writer(&pair);
  writer.UvarintString(name);
  writer.UvarintString(value);
  return HashOfPair(pair);
}

uint32_t SeriesIndex::HashOf(const LabelIds& ids) const {
  uint32_t hash = 0;
  for (const LabelId& id : ids) {
    hash += HashOf(names_.Get(id.name), by_name_[id.name].values.Get(id.value));
  }
  return hash;
}

void SeriesIndex::AppendFlat(const LabelIds& ids, std::string* out) const {
  ByteWriter writer(out);
  for (const LabelId& id : ids) {
    writer.UvarintString(names_.Get(id.name));
    writer.UvarintString(by_name_[id.name].values.Get(id.value));
  }
}

bool SeriesIndex::Same(uint32_t slot, const Key& key) const {
  if (table_[slot].hash != key.hash) return false;
  thread_local LabelIds ids;
  thread_local std::string flat;
  GetLabelIds(slot, &ids);
  flat.clear();
  AppendFlat(ids, &flat);
  return flat == key.flat;
}

bool SeriesIndex::Same(uint32_t slot, const IdsKey& key) const {
  if (table_[slot].hash != key.hash) return false;
  thread_local LabelIds ids;
  GetLabelIds(slot, &ids);
  return ids == *key.ids;
}

void SeriesIndex::Reserve(size_t series) {
  // The tables do not fill quite evenly.
  const size_t each = series / kSubTables + series / kSubTables / 16;
  for (SubTable& table : by_hash_) table.reserve(each);
}

uint32_t SeriesIndex::InternName(std::string_view name) {
  const uint32_t id = names_.Insert(name);
  if (id == by_name_.size()) by_name_.emplace_back();
  return id;
}

uint32_t SeriesIndex::InternValue(uint32_t name_id, std::string_view value) {
  LabelName& name = by_name_[name_id];
  const uint32_t id = name.values.Insert(value);
  if (id >= name.info.size()) name.info.resize(id + 1);
  return id;
}

uint32_t SeriesIndex::Create(const Labels& labels, uint32_t hash, uint64_t ref, BaseGuess* guess) {
  if (table_.full()) return kNoSlot;  // before strings are interned for it
  Intern(labels);
  return Add(last_ids_, hash, ref, guess);
}

// To last_ids_. Series that are created one after the other have most labels in common; these need
// no look-up.
void SeriesIndex::Intern(const Labels& labels) {
  next_ids_.clear();
  last_had_before_ = 0;
  auto before = last_labels_.begin();
  const auto end = last_labels_.end();
  auto id = last_ids_.cbegin();
  for (auto label = labels.begin(); label != labels.end(); ++label) {
    const auto same_pair = [&] { return before != end && before.flat() == label.flat(); };
    bool same = same_pair();
    while (!same && before != end && before->name < label->name) {
      ++before;
      ++id;
      same = same_pair();
    }
    const bool same_name = same || (before != end && before->name == label->name);
    const uint32_t name = same_name ? id->name : InternName(label->name);
    if (same && next_ids_.size() < kNoticed) last_had_before_ |= uint64_t{1} << next_ids_.size();
    next_ids_.push_back({name, same ? id->value : InternValue(name, label->value)});
    if (same_name) {
      ++before;
      ++id;
    }
  }
  last_labels_ = labels;
  last_ids_.swap(next_ids_);
}

uint32_t SeriesIndex::FindOrCreate(const LabelIds& ids, uint32_t hash, uint64_t ref,
                                   BaseGuess* guess, bool* created) {
  const uint32_t slot = FindKey(IdsKey{hash, &ids});
  *created = slot == kNoSlot;
  return *created ? Add(ids, hash, ref, guess) : slot;
}

uint32_t SeriesIndex::Add(const LabelIds& ids, uint32_t hash, uint64_t ref, BaseGuess* guess) {
  const uint32_t slot = table_.Allocate();
  if (slot == UINT32_MAX) return kNoSlot;
  for (const LabelId& id : ids) {
    LabelName& name = by_name_[id.name];
    ValueInfo& info = name.info[id.value];
    if (info.uses == 0 && id.value + 1 < name.values.limit()) name.generation = ++generations_;
    info.postings.Add(slot);
    if (info.postings.size() == 1) ++name.linked_values;
    name.linked_bytes += BytesOf(id);
    heavy_.Raised(HeavyPairs::Key(id.name, id.value), info.postings.size(),
                  [this](uint64_t pair) { return CountOf(pair); });
    ++info.uses;
  }
  SeriesRecord& record = table_[slot];
  record.ref = ref;
  record.hash = hash;
  record.row = rows_.Add(ids, metric_name_id_, guess);
  by_hash_[record.hash >> 24].insert(slot);
  all_.Add(slot);
  ++size_;
  return slot;
}

void SeriesIndex::Unlink(const IdSet& slots) {
  LabelIds ids;
  absl::flat_hash_set<LabelId> touched;
  slots.ForEach([&](uint32_t slot) {
    by_hash_[table_[slot].hash >> 24].erase(slot);
    GetLabelIds(slot, &ids);
    touched.insert(ids.begin(), ids.end());
    --size_;
    ++unlinked_;
  });
  for (const LabelId& id : touched) {
    LabelName& name = by_name_[id.name];
    Postings& postings = name.info[id.value].postings;
    const uint32_t before = postings.size();
    postings.Remove(slots);
    if (postings.size() == 0) --name.linked_values;
    name.linked_bytes -= BytesOf(id) * (before - postings.size());
    heavy_.Lowered(HeavyPairs::Key(id.name, id.value), before, postings.size());
  }
  all_ = IdSet::AndNot(all_, slots);
}

void SeriesIndex::Release(std::span<const uint32_t> slots) {
  last_labels_ = Labels();
  LabelIds ids;
  // Backwards, so that they are given out again in ascending order, which postings like.
  for (size_t i = slots.size(); i-- > 0;) {
    const uint32_t slot = slots[i];
    GetLabelIds(slot, &ids);
    for (const LabelId& id : ids) {
      if (--by_name_[id.name].info[id.value].uses == 0) EraseValue(id);
    }
    rows_.Remove(table_[slot].row);
    table_[slot].row = kNoId;
    table_.Free(slot);
    --unlinked_;
  }
  if (rows_.wasteful()) CompactRows();
}

void SeriesIndex::EraseValue(const LabelId& id) {
  LabelName& name = by_name_[id.name];
  name.info[id.value] = ValueInfo();
  name.values.Erase(id.value);
  if (name.values.size() == 0 && id.name != metric_name_id_) {
    std::destroy_at(&name);
    std::construct_at(&name);
    names_.Erase(id.name);
  }
  name.generation = ++generations_;
}

void SeriesIndex::CompactRows() {
  // Unlinked series still have readers and rows; they wait for the next round.
  if (unlinked_ > 0) return;
  LabelRows fresh;
  rows_.MoveTablesTo(&fresh);
  all_.ForEach([&](uint32_t slot) { table_[slot].row = rows_.CopyRow(table_[slot].row, &fresh); });
  rows_ = std::move(fresh);
}

Labels SeriesIndex::GetLabels(uint32_t slot) const {
  thread_local LabelIds ids;
  GetLabelIds(slot, &ids);
  std::string flat;
  size_t bytes = 0;
  for (const LabelId& id : ids) {
    bytes += names_.Get(id.name).size() + by_name_[id.name].values.Get(id.value).size() + 4;
  }
  flat.reserve(bytes);
  AppendFlat(ids, &flat);
  return Labels::FromFlat(std::move(flat));
}

Labels SeriesIndex::GetLabels(uint32_t slot, std::span<const uint32_t> name_ids) const {
  std::string flat;
  ByteWriter writer(&flat);
  for (const uint32_t name : name_ids) {
    const std::string_view value = ValueOf(slot, name);
    if (value.empty()) continue;
    writer.UvarintString(names_.Get(name));
    writer.UvarintString(value);
  }
  return Labels::FromFlat(std::move(flat));
}

std::string_view SeriesIndex::ValueOf(uint32_t slot, uint32_t name_id) const {
  const uint32_t value = ValueIdOf(slot, name_id);
  return value == kNoId ? std::string_view() : by_name_[name_id].values.Get(value);
}

size_t SeriesIndex::symbol_bytes() const {
  size_t bytes = names_.bytes();
  for (const LabelName& name : by_name_) bytes += name.values.bytes();
  return bytes;
}

}  // namespace narthex::tsdb
