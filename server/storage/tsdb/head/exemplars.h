#pragma once
// The exemplars of all series: one ring in which the newest one takes the place of the oldest.
//
// Thread safety: every method.

#include <absl/container/flat_hash_map.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mutex.h"
#include "core/labels/labels.h"
#include "server/storage/interface.h"

namespace narthex::tsdb {

class ExemplarRing {
 public:
  // 0: takes none.
  explicit ExemplarRing(size_t capacity) : capacity_(capacity) {}

  enum class Verdict : uint8_t { kTaken, kDuplicate, kOutOfOrder, kOff };
  // What Add would say, without doing it.
  size_t capacity() const {
    MutexLock lock(mutex_);
    return capacity_;
  }
  Verdict Check(const Labels& series, const storage::Exemplar& exemplar) const;
  // Takes an exemplar that is newer than the series' newest one: by time, then value, then labels.
  Verdict Add(const Labels& series, const storage::Exemplar& exemplar);
  // Keeps the newest ones.
  void Resize(size_t capacity);

  // Sorted by the labels of the series.
  std::vector<storage::ExemplarQueryable::SeriesExemplars> Select(
      int64_t mint, int64_t maxt, std::span<const std::vector<Matcher>> selectors) const;
  // All of them, oldest first.
  void ForEach(const std::function<void(const Labels&, const storage::Exemplar&)>& found) const;

  struct Figures {
    size_t capacity = 0, size = 0, series = 0;
    int64_t oldest_time = 0;  // of the exemplar that goes next; 0 when there is none
    uint64_t appended = 0, out_of_order = 0;
  };
  Figures figures() const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Series {
    uint32_t oldest = kNone, newest = kNone;
  };
  using Index = absl::flat_hash_map<Labels, Series>;
  struct Entry {
    storage::Exemplar exemplar;
    Labels series;
    uint32_t next = kNone;  // the series' next one in time
  };
  Verdict CheckLocked(const Labels& series, const storage::Exemplar& e) const REQUIRES(mutex_);
  void Drop(Entry* entry) REQUIRES(mutex_);
  void Store(const Labels& series, const storage::Exemplar& e) REQUIRES(mutex_);
  size_t oldest() const REQUIRES(mutex_) { return entries_.size() < capacity_ ? 0 : next_; }

  mutable Mutex mutex_;
  size_t capacity_ GUARDED_BY(mutex_);
  std::vector<Entry> entries_ GUARDED_BY(mutex_);  // grows up to the capacity
  size_t next_ GUARDED_BY(mutex_) = 0;             // where the next one goes
  Index series_ GUARDED_BY(mutex_);
  uint64_t appended_ GUARDED_BY(mutex_) = 0;
  uint64_t out_of_order_ GUARDED_BY(mutex_) = 0;
};

// Names and values of an exemplar's labels together, in characters; more is refused (OpenMetrics).
inline constexpr size_t kMaxExemplarRunes = 128;
Status CheckExemplarLabels(const Labels& labels);

// A record of exemplars (docs/formats/wal.md), for series by reference.
struct LoggedExemplar {
  uint64_t ref = 0;
  storage::Exemplar exemplar;
};
std::string EncodeExemplars(std::span<const LoggedExemplar> exemplars);
// Any bytes are safe; what cannot be read is left out.
std::vector<LoggedExemplar> DecodeExemplars(std::string_view payload);

}  // namespace narthex::tsdb
