#include "server/storage/tsdb/head/label_order.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <string>

namespace narthex::tsdb {
namespace {

constexpr size_t kSlice = 8192;  // series looked at in one hold of the index lock

// Ranks of strings by id; ids without a string get 0.
template <typename Has, typename Get>
std::vector<uint32_t> Rank(const SharedMutex& mutex, uint32_t limit, Has&& has,
                           Get&& get) NO_THREAD_SAFETY_ANALYSIS {
  // The strings are copied, so that the lock is not held while they are sorted.
  std::string bytes;
  std::vector<uint32_t> ids;
  std::vector<size_t> ends;
  {
    ReaderLock lock(const_cast<SharedMutex&>(mutex));
    limit = std::max(limit, uint32_t{0});
    for (uint32_t id = 0, n = limit; id < n; ++id) {
      if (!has(id)) continue;
      ids.push_back(id);
      bytes += get(id);
      ends.push_back(bytes.size());
    }
  }
  const auto text = [&](uint32_t i) {
    const size_t from = i == 0 ? 0 : ends[i - 1];
    return std::string_view(bytes).substr(from, ends[i] - from);
  };
  std::vector<uint32_t> order(ids.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return text(a) < text(b); });
  std::vector<uint32_t> ranks(limit);
  for (uint32_t r = 0; r < order.size(); ++r) ranks[ids[order[r]]] = r;
  return ranks;
}

}  // namespace

template <typename Fn>
void LabelOrder::ForEachPair(std::span<Entry> entries, size_t depth, Fn&& fn) {
  LabelIds ids;
  for (size_t from = 0; from < entries.size(); from += kSlice) {
    ReaderLock lock(core_.index.mutex());
    for (size_t i = from; i < std::min(entries.size(), from + kSlice); ++i) {
      core_.index.GetLabelIds(entries[i].slot, &ids);
      fn(&entries[i], depth < ids.size() ? &ids[depth] : nullptr);
    }
  }
}

std::vector<uint32_t> LabelOrder::Offsets(std::span<Entry> entries, size_t depth) {
  std::vector<bool> seen(name_ranks_.size());
  ForEachPair(entries, depth, [&](Entry*, const LabelId* id) {
    if (id != nullptr) seen[id->name] = true;
  });
  std::vector<uint32_t> names;
  for (uint32_t name = 0; name < seen.size(); ++name) {
    if (seen[name]) names.push_back(name);
  }
  std::sort(names.begin(), names.end(),
            [this](uint32_t a, uint32_t b) { return name_ranks_[a] < name_ranks_[b]; });
  std::vector<uint32_t> offsets(seen.size());
  uint32_t next = 1;  // 0: without a pair there
  for (const uint32_t name : names) {
    offsets[name] = next;
    next += static_cast<uint32_t>(RanksOf(name).size());
  }
  return offsets;
}

void LabelOrder::SortBy(std::span<Entry> entries, size_t depth) {
  const std::vector<uint32_t> offsets = Offsets(entries, depth);
  ForEachPair(entries, depth, [&](Entry* entry, const LabelId* id) {
    entry->key = id == nullptr ? 0 : offsets[id->name] + value_ranks_[id->name][id->value];
  });
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.key != b.key ? a.key < b.key : a.slot < b.slot;
  });
}

LabelOrder::LabelOrder(const HeadCore* core, size_t at_once) : core_(*core), at_once_(at_once) {
  const SeriesIndex& index = core_.index;
  uint32_t names = 0;
  {
    ReaderLock lock(index.mutex());
    entries_.reserve(index.size());
    index.all().ForEach([&](uint32_t slot) { entries_.push_back({0, slot}); });
    names = index.names().limit();
  }
  name_ranks_ = Rank(
      index.mutex(), names, [&](uint32_t id) { return index.names().Has(id); },
      [&](uint32_t id) { return index.names().Get(id); });
  value_ranks_.resize(names);

  SortBy(entries_, 0);
  levels_.push_back({entries_.size(), 0});
}

const std::vector<uint32_t>& LabelOrder::RanksOf(uint32_t name) {
  std::vector<uint32_t>& ranks = value_ranks_[name];
  if (!ranks.empty()) return ranks;
  const SeriesIndex& index = core_.index;
  uint32_t limit = 0;
  {
    ReaderLock lock(index.mutex());
    limit = index.name(name).values.limit();
  }
  // Values that came later belong to series that are not among ours.
  ranks = Rank(
      index.mutex(), limit, [&](uint32_t id) { return index.name(name).values.Has(id); },
      [&](uint32_t id) { return index.name(name).values.Get(id); });
  return ranks;
}

uint64_t LabelOrder::RankOf(uint64_t pair) {
  const auto name = static_cast<uint32_t>(pair >> 32);
  return uint64_t{name_ranks_[name]} << 32 | RanksOf(name)[static_cast<uint32_t>(pair)];
}

void LabelOrder::SortWhole(std::span<const Entry> entries, size_t depth) {
  std::vector<uint64_t> pairs;  // of all series
  std::vector<size_t> ends;
  LabelIds ids;
  {
    ReaderLock lock(core_.index.mutex());
    for (const Entry& entry : entries) {
      core_.index.GetLabelIds(entry.slot, &ids);
      for (size_t k = depth; k < ids.size(); ++k) {
        pairs.push_back(uint64_t{ids[k].name} << 32 | ids[k].value);
      }
      ends.push_back(pairs.size());
    }
  }
  for (uint64_t& pair : pairs) pair = RankOf(pair);
  const auto key = [&](uint32_t i) {
    const size_t from = i == 0 ? 0 : ends[i - 1];
    return std::span<const uint64_t>(pairs.data() + from, ends[i] - from);
  };
  std::vector<uint32_t> order(entries.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    const auto x = key(a), y = key(b);
    return std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end());
  });
  for (const uint32_t i : order) run_.push_back(entries[i].slot);
}

void LabelOrder::LoadRun() {
  run_.clear();
  next_in_run_ = 0;
  while (levels_.back().end == next_entry_) levels_.pop_back();
  for (;;) {
    const auto [limit, depth] = levels_.back();
    size_t end = next_entry_ + 1;
    while (end < limit && entries_[end].key == entries_[next_entry_].key) ++end;
    const std::span<Entry> entries(entries_.data() + next_entry_, end - next_entry_);
    // Label sets differ, so those without a pair at this depth are one.
    if (entries.size() <= std::max<size_t>(at_once_, 1) || entries[0].key == 0) {
      SortWhole(entries, depth + 1);
      next_entry_ = end;
      return;
    }
    SortBy(entries, depth + 1);
    levels_.push_back({end, depth + 1});
  }
}

uint32_t LabelOrder::Next() {
  if (next_in_run_ == run_.size()) {
    if (next_entry_ == entries_.size()) return kNoSlot;
    LoadRun();
  }
  return run_[next_in_run_++];
}

}  // namespace narthex::tsdb
