#include "server/storage/tsdb/head/head_deletes.h"

#include <absl/container/flat_hash_set.h>

#include "core/base/bytes.h"

namespace narthex::tsdb {

void HeadDeletes::Publish(Tombstones next) {
  const bool any = !next.empty();
  current_ = std::make_shared<const Tombstones>(std::move(next));
  any_.store(any, std::memory_order_release);
}

void HeadDeletes::Add(std::span<const Entry> entries) {
  if (entries.empty()) return;
  MutexLock lock(mutex_);
  Tombstones next = *current_;
  for (const auto& [ref, interval] : entries) next.Add(ref, interval);
  Publish(std::move(next));
}

void HeadDeletes::RemoveBefore(int64_t mint) {
  if (!any()) return;
  MutexLock lock(mutex_);
  Tombstones next;
  for (const auto& [ref, intervals] : current_->by_series()) {
    for (const Interval& interval : intervals) {
      if (interval.maxt >= mint) next.Add(ref, interval);
    }
  }
  Publish(std::move(next));
}

void HeadDeletes::RemoveSeries(std::span<const uint64_t> refs) {
  if (!any()) return;
  const absl::flat_hash_set<uint64_t> gone(refs.begin(), refs.end());
  MutexLock lock(mutex_);
  Tombstones next;
  for (const auto& [ref, intervals] : current_->by_series()) {
    if (!gone.contains(ref)) next.Add(ref, intervals);
  }
  Publish(std::move(next));
}

std::vector<Interval> HeadDeletes::Get(uint64_t ref) const {
  std::shared_ptr<const Tombstones> now;
  {
    MutexLock lock(mutex_);
    now = current_;
  }
  const auto intervals = now->Get(ref);
  return {intervals.begin(), intervals.end()};
}

std::vector<HeadDeletes::Entry> HeadDeletes::All() const {
  std::shared_ptr<const Tombstones> now;
  {
    MutexLock lock(mutex_);
    now = current_;
  }
  std::vector<Entry> out;
  for (const auto& [ref, intervals] : now->by_series()) {
    for (const Interval& interval : intervals) out.emplace_back(ref, interval);
  }
  return out;
}

std::string HeadDeletes::Encode(std::span<const Entry> entries) {
  std::string payload;
  ByteWriter out(&payload);
  uint64_t previous = 0;
  for (const auto& [ref, interval] : entries) {
    out.Varint(static_cast<int64_t>(ref - previous));
    out.Varint(interval.mint);
    out.Varint(interval.maxt);
    previous = ref;
  }
  return payload;
}

std::vector<HeadDeletes::Entry> HeadDeletes::Decode(std::string_view payload) {
  std::vector<Entry> out;
  ByteReader in(payload);
  uint64_t ref = 0;
  while (in.ok() && !in.empty()) {
    ref += static_cast<uint64_t>(in.Varint());
    const int64_t mint = in.Varint();
    const int64_t maxt = in.Varint();
    if (in.ok() && mint <= maxt) out.push_back({ref, {mint, maxt}});
  }
  return out;
}

void EraseDeleted(std::span<const Interval> deleted, size_t from, storage::SampleColumns* columns) {
  if (deleted.empty()) return;
  const bool histograms = !columns->histogram_index.empty();
  size_t to = from;
  for (size_t i = from; i < columns->timestamps.size(); ++i) {
    const int64_t t = columns->timestamps[i];
    if (IsCovered(deleted, t, t)) continue;
    columns->timestamps[to] = t;
    columns->values[to] = columns->values[i];
    if (histograms) columns->histogram_index[to] = columns->histogram_index[i];
    ++to;
  }
  columns->timestamps.resize(to);
  columns->values.resize(to);
  if (histograms) columns->histogram_index.resize(to);
}

}  // namespace narthex::tsdb
