#include "server/storage/tsdb/head/exemplars.h"

#include <algorithm>

#include "core/base/bytes.h"

namespace narthex::tsdb {
namespace {

using storage::Exemplar;

bool Matches(const Labels& series, std::span<const std::vector<Matcher>> selectors) {
  return std::any_of(selectors.begin(), selectors.end(), [&](const std::vector<Matcher>& all) {
    return std::all_of(all.begin(), all.end(),
                       [&](const Matcher& m) { return m.Matches(series.Get(m.name())); });
  });
}

size_t Runes(std::string_view text) {
  // Every byte but those that continue a character.
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

}  // namespace

ExemplarRing::Verdict ExemplarRing::CheckLocked(const Labels& series, const Exemplar& e) const {
  if (capacity_ == 0) return Verdict::kOff;
  const auto found = series_.find(series);
  if (found == series_.end()) return Verdict::kTaken;
  const Exemplar& newest = entries_[found->second.newest].exemplar;
  const bool timed = newest.has_timestamp || e.has_timestamp;
  const bool same_value = newest.value == e.value;
  if (same_value && newest.labels == e.labels && (!timed || newest.timestamp == e.timestamp)) {
    return Verdict::kDuplicate;
  }
  if (e.timestamp != newest.timestamp) {
    return e.timestamp < newest.timestamp ? Verdict::kOutOfOrder : Verdict::kTaken;
  }
  const bool less = same_value ? e.labels.Hash() < newest.labels.Hash() : e.value < newest.value;
  return less ? Verdict::kOutOfOrder : Verdict::kTaken;
}

ExemplarRing::Verdict ExemplarRing::Check(const Labels& series, const Exemplar& e) const {
  MutexLock lock(mutex_);
  return CheckLocked(series, e);
}

void ExemplarRing::Drop(Entry* entry) {
  const auto found = series_.find(entry->series);
  found->second.oldest = entry->next;
  if (entry->next == kNone) series_.erase(found);
}

void ExemplarRing::Store(const Labels& series, const Exemplar& e) {
  if (entries_.size() < capacity_) {
    entries_.emplace_back();
    next_ = entries_.size() - 1;
  } else {
    Drop(&entries_[next_]);
  }
  const auto at = static_cast<uint32_t>(next_);
  entries_[at] = {e, series, kNone};
  Series& own = series_[series];
  if (own.newest != kNone) entries_[own.newest].next = at;
  if (own.oldest == kNone) own.oldest = at;
  own.newest = at;
  next_ = (next_ + 1) % capacity_;
}

ExemplarRing::Verdict ExemplarRing::Add(const Labels& series, const Exemplar& e) {
  MutexLock lock(mutex_);
  const Verdict verdict = CheckLocked(series, e);
  out_of_order_ += verdict == Verdict::kOutOfOrder;
  if (verdict != Verdict::kTaken) return verdict;
  Store(series, e);
  ++appended_;
  return verdict;
}

void ExemplarRing::Resize(size_t capacity) {
  MutexLock lock(mutex_);
  if (capacity == capacity_) return;
  const size_t from = oldest();
  std::vector<Entry> old = std::move(entries_);
  entries_.clear();
  series_.clear();
  next_ = 0;
  capacity_ = capacity;
  const size_t kept = std::min(old.size(), capacity);
  for (size_t i = old.size() - kept; i < old.size(); ++i) {
    const Entry& entry = old[(from + i) % old.size()];
    Store(entry.series, entry.exemplar);
  }
}

std::vector<storage::ExemplarQueryable::SeriesExemplars> ExemplarRing::Select(
    int64_t mint, int64_t maxt, std::span<const std::vector<Matcher>> selectors) const {
  std::vector<storage::ExemplarQueryable::SeriesExemplars> out;
  {
    MutexLock lock(mutex_);
    for (const auto& [labels, series] : series_) {
      if (entries_[series.oldest].exemplar.timestamp > maxt) continue;
      if (entries_[series.newest].exemplar.timestamp < mint) continue;
      if (!Matches(labels, selectors)) continue;
      std::vector<Exemplar> found;
      for (uint32_t at = series.oldest; at != kNone; at = entries_[at].next) {
        const Exemplar& e = entries_[at].exemplar;
        if (e.timestamp > maxt) break;
        if (e.timestamp >= mint) found.push_back(e);
      }
      if (!found.empty()) out.push_back({labels, std::move(found)});
    }
  }
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return a.series < b.series; });
  return out;
}

void ExemplarRing::ForEach(const std::function<void(const Labels&, const Exemplar&)>& found) const {
  MutexLock lock(mutex_);
  const size_t from = oldest();
  for (size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[(from + i) % entries_.size()];
    found(entry.series, entry.exemplar);
  }
}

ExemplarRing::Figures ExemplarRing::figures() const {
  MutexLock lock(mutex_);
  return {.capacity = capacity_,
          .size = entries_.size(),
          .series = series_.size(),
          .oldest_time = entries_.empty() ? 0 : entries_[oldest()].exemplar.timestamp,
          .appended = appended_,
          .out_of_order = out_of_order_};
}

Status CheckExemplarLabels(const Labels& labels) {
  size_t runes = 0;
  for (const Label& label : labels) runes += Runes(label.name) + Runes(label.value);
  if (runes <= kMaxExemplarRunes) return OkStatus();
  return InvalidArgument("label length for exemplar exceeds maximum of {} UTF-8 characters",
                         kMaxExemplarRunes);
}

std::string EncodeExemplars(std::span<const LoggedExemplar> exemplars) {
  std::string out;
  ByteWriter writer(&out);
  writer.Uvarint(exemplars.size());
  uint64_t ref = 0;
  uint64_t time = 0;
  for (const LoggedExemplar& e : exemplars) {
    writer.Varint(static_cast<int64_t>(e.ref - ref));
    const auto t = static_cast<uint64_t>(e.exemplar.timestamp);
    writer.Varint(static_cast<int64_t>(t - time));
    writer.U8(e.exemplar.has_timestamp ? 1 : 0);
    writer.LeDouble(e.exemplar.value);
    writer.Uvarint(e.exemplar.labels.size());
    for (const Label& label : e.exemplar.labels) {
      writer.UvarintString(label.name);
      writer.UvarintString(label.value);
    }
    ref = e.ref;
    time = t;
  }
  return out;
}

std::vector<LoggedExemplar> DecodeExemplars(std::string_view payload) {
  std::vector<LoggedExemplar> out;
  ByteReader in(payload);
  const uint64_t count = in.Uvarint();
  uint64_t ref = 0;
  uint64_t time = 0;
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    LoggedExemplar e;
    e.ref = ref += static_cast<uint64_t>(in.Varint());
    time += static_cast<uint64_t>(in.Varint());
    e.exemplar.timestamp = static_cast<int64_t>(time);
    e.exemplar.has_timestamp = in.U8() != 0;
    e.exemplar.value = in.LeDouble();
    LabelsBuilder labels;
    const uint64_t pairs = in.Uvarint();
    for (uint64_t k = 0; k < pairs && in.ok(); ++k) {
      const std::string_view name = in.UvarintString();
      labels.Set(name, in.UvarintString());
    }
    if (!in.ok()) break;
    e.exemplar.labels = labels.Build();
    if (CheckExemplarLabels(e.exemplar.labels).ok()) out.push_back(std::move(e));
  }
  return out;
}

}  // namespace narthex::tsdb
