#include "server/storage/tsdb/chunkenc/histogram_values.h"

#include "server/storage/interface.h"
#include "server/storage/tsdb/chunkenc/varbit.h"

namespace narthex::tsdb {
namespace {

// Whether a count of `before` is larger than the one in `after`; a bucket that is gone must have
// been empty.
template <typename T>
bool AnyShrinks(const std::vector<T>& before, const std::vector<T>& after, const SpanMerge* merge) {
  if (merge == nullptr) {
    for (size_t i = 0; i < before.size(); ++i) {
      if (before[i] > after[i]) return true;
    }
    return false;
  }
  size_t b = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    while (b < after.size() && merge->b[b] < merge->a[i]) ++b;
    const bool there = b < after.size() && merge->b[b] == merge->a[i];
    if (there ? before[i] > after[b] : before[i] != T{}) return true;
  }
  return false;
}

template <typename Deltas, typename Get>
std::vector<int64_t> Counts(const Deltas& deltas, Get get) {
  std::vector<int64_t> out;
  out.reserve(deltas.size());
  uint64_t count = 0;
  for (const auto& d : deltas) out.push_back(static_cast<int64_t>(count += get(d)));
  return out;
}

bool Stale(double sum) { return storage::IsStaleNaN(sum); }

}  // namespace

// ---- Integers ----

void IntValues::PutFirst(const IntHistogram& h, BitWriter* out) {
  PutVarbitUint(count_.value = h.count, out);
  PutVarbitUint(zero_.value = h.zero_count, out);
  out->Put(sum_ = std::bit_cast<uint64_t>(h.sum), 64);
  const auto put = [out](const std::vector<int64_t>& deltas, std::vector<Counter>* to) {
    to->clear();
    for (const int64_t d : deltas) {
      PutVarbitInt(d, out);
      to->push_back({static_cast<uint64_t>(d), 0});
    }
  };
  put(h.positive_deltas, &positive_);
  put(h.negative_deltas, &negative_);
}

void IntValues::PutStep(uint64_t value, Counter* c, BitWriter* out) {
  const uint64_t delta = value - c->value;
  PutVarbitInt(static_cast<int64_t>(delta - c->delta), out);
  *c = {value, delta};
}

void IntValues::PutNext(const IntHistogram& h, BitWriter* out) {
  const bool stale = Stale(h.sum);
  if (stale) {
    // No chunk goes on with anything but stale markers behind one.
    PutVarbitInt(0, out);
    PutVarbitInt(0, out);
  } else {
    PutStep(h.count, &count_, out);
    PutStep(h.zero_count, &zero_, out);
  }
  const auto bits = std::bit_cast<uint64_t>(h.sum);
  EncodeXor(sum_, bits, &sum_window_, [out](uint64_t v, unsigned n) { out->Put(v, n); });
  sum_ = bits;
  if (stale) return;
  for (size_t i = 0; i < positive_.size(); ++i) {
    PutStep(static_cast<uint64_t>(h.positive_deltas[i]), &positive_[i], out);
  }
  for (size_t i = 0; i < negative_.size(); ++i) {
    PutStep(static_cast<uint64_t>(h.negative_deltas[i]), &negative_[i], out);
  }
}

bool IntValues::Shrinks(const IntHistogram& h, bool positive, const SpanMerge* merge) const {
  const auto before =
      Counts(positive ? positive_ : negative_, [](const Counter& c) { return c.value; });
  const auto after = Counts(positive ? h.positive_deltas : h.negative_deltas,
                            [](int64_t d) { return static_cast<uint64_t>(d); });
  return AnyShrinks(before, after, merge);
}

// ---- Floats ----

void FloatValues::PutFirst(const FloatHistogram& h, BitWriter* out) {
  const auto first = [out](double value, Value* v) {
    *v = {std::bit_cast<uint64_t>(value), {}};
    out->Put(v->bits, 64);
  };
  first(h.count, &count_);
  first(h.zero_count, &zero_);
  first(h.sum, &sum_);
  positive_.assign(h.positive_buckets.size(), {});
  negative_.assign(h.negative_buckets.size(), {});
  for (size_t i = 0; i < positive_.size(); ++i) first(h.positive_buckets[i], &positive_[i]);
  for (size_t i = 0; i < negative_.size(); ++i) first(h.negative_buckets[i], &negative_[i]);
}

void FloatValues::PutStep(double value, Value* v, BitWriter* out) {
  const auto bits = std::bit_cast<uint64_t>(value);
  EncodeXor(v->bits, bits, &v->window, [out](uint64_t b, unsigned n) { out->Put(b, n); });
  v->bits = bits;
}

void FloatValues::PutNext(const FloatHistogram& h, BitWriter* out) {
  const bool stale = Stale(h.sum);
  PutStep(stale ? 0 : h.count, &count_, out);
  PutStep(stale ? 0 : h.zero_count, &zero_, out);
  PutStep(h.sum, &sum_, out);
  if (stale) return;
  for (size_t i = 0; i < positive_.size(); ++i) PutStep(h.positive_buckets[i], &positive_[i], out);
  for (size_t i = 0; i < negative_.size(); ++i) PutStep(h.negative_buckets[i], &negative_[i], out);
}

bool FloatValues::Shrinks(const FloatHistogram& h, bool positive, const SpanMerge* merge) const {
  std::vector<double> before;
  for (const Value& v : positive ? positive_ : negative_) {
    before.push_back(std::bit_cast<double>(v.bits));
  }
  return AnyShrinks(before, positive ? h.positive_buckets : h.negative_buckets, merge);
}

}  // namespace narthex::tsdb
