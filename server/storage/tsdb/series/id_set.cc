#include "server/storage/tsdb/series/id_set.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/base/vectorized.h"

namespace narthex::tsdb {
namespace {

constexpr size_t kBitmapUnits = 4096;  // u16 units of a bitmap container
constexpr size_t kMaxArray = 4096;     // beyond it a bitmap is smaller
constexpr size_t kFewIds = 64;         // looking through a bitmap takes longer than to add them
constexpr size_t kRunCheckEvery = 16;  // run containers are reviewed when this many runs were added

// Index of the first run that starts after v.
size_t RunAfter(const std::vector<uint16_t>& data, uint16_t v) {
  size_t lo = 0, hi = data.size() / 2;
  if (hi > 0 && data[hi * 2 - 2] <= v) return hi;  // most are added at the end
  while (lo < hi) {
    const size_t mid = (lo + hi) / 2;
    if (data[mid * 2] <= v) {
      lo = mid + 1;
    } else {
      hi = mid;
    }
  }
  return lo;
}

// How many ones there are, and how many runs of them.
NX_VECTORIZED void Count(const uint64_t* words, size_t n, uint32_t* ones, uint32_t* runs) {
  uint64_t all = 0, begun = 0, carry = 0;
  for (size_t i = 0; i < n; ++i) {
    const uint64_t w = words[i];
    all += static_cast<uint64_t>(std::popcount(w));
    begun += static_cast<uint64_t>(std::popcount(w & ~(w << 1 | carry)));
    carry = w >> 63;
  }
  *ones = static_cast<uint32_t>(all);
  *runs = static_cast<uint32_t>(begun);
}

}  // namespace

IdSet::Container IdSet::Container::FromBitmap(uint16_t key, const Bitmap& bits) {
  Container c{.key = key};
  uint32_t runs = 0;
  Count(bits, kWords, &c.count, &runs);
  const size_t others = std::min<size_t>(c.count, kBitmapUnits);
  if (runs * size_t{2} <= others) {
    c.kind = Kind::kRuns;
    c.data.reserve(runs * size_t{2});
    for (uint32_t v = 0; v < 65536;) {
      const uint64_t w = bits[v >> 6] >> (v & 63);
      if (w == 0) {
        v = (v | 63) + 1;
        continue;
      }
      v += static_cast<uint32_t>(std::countr_zero(w));
      uint32_t end = v;
      while (end < 65536) {
        const uint64_t rest = ~(bits[end >> 6] >> (end & 63));
        const auto ones = static_cast<uint32_t>(std::countr_zero(rest));
        const uint32_t room = 64 - (end & 63);
        end += std::min(ones, room);
        if (ones < room) break;
      }
      c.data.push_back(static_cast<uint16_t>(v));
      c.data.push_back(static_cast<uint16_t>(end - v - 1));
      v = end;
    }
  } else if (c.count <= kMaxArray) {
    c.kind = Kind::kArray;
    c.data.reserve(c.count);
    for (uint32_t i = 0; i < kWords; ++i) {
      for (uint64_t w = bits[i]; w != 0; w &= w - 1) {
        c.data.push_back(
            static_cast<uint16_t>(i * 64 + static_cast<uint32_t>(std::countr_zero(w))));
      }
    }
  } else {
    c.kind = Kind::kBitmap;
    c.data.resize(kBitmapUnits);
    std::memcpy(c.data.data(), bits, sizeof bits);
  }
  return c;
}

void IdSet::Container::Fill(Bitmap& bits) const {
  switch (kind) {
    case Kind::kBitmap: {
      Bitmap own;
      std::memcpy(own, data.data(), sizeof own);
      for (size_t i = 0; i < kWords; ++i) bits[i] |= own[i];
      return;
    }
    case Kind::kArray:
      for (const uint16_t v : data) bits[v >> 6] |= uint64_t{1} << (v & 63);
      return;
    case Kind::kRuns:
      for (size_t i = 0; i < data.size(); i += 2) {
        const uint32_t first = data[i], last = first + data[i + 1];
        for (uint32_t w = first >> 6; w <= last >> 6; ++w) {
          uint64_t mask = ~uint64_t{0};
          if (w == first >> 6) mask &= ~uint64_t{0} << (first & 63);
          if (w == last >> 6) mask &= ~uint64_t{0} >> (63 - (last & 63));
          bits[w] |= mask;
        }
      }
      return;
  }
}

void IdSet::Container::Convert() {
  Bitmap bits{};
  Fill(bits);
  *this = FromBitmap(key, bits);
}

bool IdSet::Container::Contains(uint16_t v) const {
  switch (kind) {
    case Kind::kRuns: {
      const size_t after = RunAfter(data, v);
      return after > 0 && v - data[after * 2 - 2] <= data[after * 2 - 1];
    }
    case Kind::kArray: return std::binary_search(data.begin(), data.end(), v);
    case Kind::kBitmap: return (data[v >> 4] >> (v & 15)) & 1;
  }
  return false;
}

bool IdSet::Container::AddToRuns(uint16_t v) {
  const size_t after = RunAfter(data, v);
  const bool touches_next = after < data.size() / 2 && v + 1 == data[after * 2];
  if (after > 0) {
    const uint32_t start = data[after * 2 - 2], length = data[after * 2 - 1];
    if (v <= start + length) return false;
    if (v == start + length + 1) {
      ++data[after * 2 - 1];
      if (touches_next) {
        data[after * 2 - 1] = static_cast<uint16_t>(length + 2 + data[after * 2 + 1]);
        data.erase(data.begin() + static_cast<ptrdiff_t>(after * 2),
                   data.begin() + static_cast<ptrdiff_t>(after * 2 + 2));
      }
      ++count;
      return true;
    }
  }
  ++count;
  if (touches_next) {
    --data[after * 2];
    ++data[after * 2 + 1];
    return true;
  }
  const uint16_t run[] = {v, 0};
  data.insert(data.begin() + static_cast<ptrdiff_t>(after * 2), run, run + 2);
  // Checked at intervals: one look costs a scan of the container.
  if (data.size() / 2 % kRunCheckEvery == 0 &&
      data.size() > std::min<size_t>(count, kBitmapUnits)) {
    Convert();
  }
  return true;
}

bool IdSet::Container::AddToArray(uint16_t v) {
  if (data.empty() || data.back() < v) {
    data.push_back(v);
  } else {
    const auto at = std::lower_bound(data.begin(), data.end(), v);
    if (*at == v) return false;
    data.insert(at, v);
  }
  ++count;
  if (count > kMaxArray) Convert();
  return true;
}

bool IdSet::Container::Add(uint16_t v) {
  if (kind == Kind::kRuns) return AddToRuns(v);
  if (kind == Kind::kArray) return AddToArray(v);
  const auto bit = static_cast<uint16_t>(1u << (v & 15));
  if (data[v >> 4] & bit) return false;
  data[v >> 4] = static_cast<uint16_t>(data[v >> 4] | bit);
  ++count;
  return true;
}

IdSet IdSet::FromSorted(std::span<const uint32_t> ids) {
  if (ids.size() <= kFewIds) {
    IdSet out;
    for (const uint32_t id : ids) out.Add(id);
    return out;
  }
  IdSetBuilder builder;
  for (const uint32_t id : ids) builder.Add(id);
  return builder.Build();
}

IdSet::Container& IdSet::Locate(uint16_t key) {
  if (!containers_.empty() && containers_.back().key == key) return containers_.back();
  const auto at = std::lower_bound(containers_.begin(), containers_.end(), key,
                                   [](const Container& c, uint16_t k) { return c.key < k; });
  if (at != containers_.end() && at->key == key) return *at;
  return *containers_.insert(at, Container{.key = key});
}

bool IdSet::Add(uint32_t id) {
  return Locate(static_cast<uint16_t>(id >> 16)).Add(static_cast<uint16_t>(id));
}

bool IdSet::Contains(uint32_t id) const {
  const auto key = static_cast<uint16_t>(id >> 16);
  const auto at = std::lower_bound(containers_.begin(), containers_.end(), key,
                                   [](const Container& c, uint16_t k) { return c.key < k; });
  return at != containers_.end() && at->key == key && at->Contains(static_cast<uint16_t>(id));
}

size_t IdSet::size() const {
  size_t n = 0;
  for (const Container& c : containers_) n += c.count;
  return n;
}

size_t IdSet::bytes() const {
  size_t n = sizeof *this + containers_.capacity() * sizeof(Container);
  for (const Container& c : containers_) n += c.data.capacity() * sizeof(uint16_t);
  return n;
}

std::vector<uint32_t> IdSet::ToVector() const {
  std::vector<uint32_t> out;
  out.reserve(size());
  ForEach([&out](uint32_t id) { out.push_back(id); });
  return out;
}

IdSet::Container IdSet::AndContainers(const Container& a, const Container& b) {
  if (b.kind == Kind::kArray && a.kind != Kind::kArray) return AndContainers(b, a);
  if (a.kind == Kind::kArray) {
    Container out{.key = a.key, .kind = Kind::kArray};
    for (const uint16_t v : a.data) {
      if (b.Contains(v)) out.data.push_back(v);
    }
    out.count = static_cast<uint32_t>(out.data.size());
    return out;
  }
  Bitmap x{}, y{};
  a.Fill(x);
  b.Fill(y);
  for (size_t i = 0; i < kWords; ++i) x[i] &= y[i];
  return Container::FromBitmap(a.key, x);
}

IdSet::Container IdSet::AndNotContainers(const Container& a, const Container& b) {
  if (a.kind == Kind::kArray) {
    Container out{.key = a.key, .kind = Kind::kArray};
    for (const uint16_t v : a.data) {
      if (!b.Contains(v)) out.data.push_back(v);
    }
    out.count = static_cast<uint32_t>(out.data.size());
    return out;
  }
  Bitmap x{}, y{};
  a.Fill(x);
  b.Fill(y);
  for (size_t i = 0; i < kWords; ++i) x[i] &= ~y[i];
  return Container::FromBitmap(a.key, x);
}

IdSet IdSet::And(const IdSet& a, const IdSet& b) {
  IdSet out;
  size_t i = 0, j = 0;
  while (i < a.containers_.size() && j < b.containers_.size()) {
    const Container &x = a.containers_[i], &y = b.containers_[j];
    if (x.key == y.key) {
      Container c = AndContainers(x, y);
      if (c.count > 0) out.containers_.push_back(std::move(c));
    }
    i += x.key <= y.key;
    j += y.key <= x.key;
  }
  return out;
}

IdSet IdSet::AndNot(const IdSet& a, const IdSet& b) {
  IdSet out;
  size_t j = 0;
  for (const Container& x : a.containers_) {
    while (j < b.containers_.size() && b.containers_[j].key < x.key) ++j;
    if (j == b.containers_.size() || b.containers_[j].key != x.key) {
      out.containers_.push_back(x);
      continue;
    }
    Container c = AndNotContainers(x, b.containers_[j]);
    if (c.count > 0) out.containers_.push_back(std::move(c));
  }
  return out;
}

IdSet IdSet::Or(const IdSet& a, const IdSet& b) {
  IdSetBuilder builder;
  builder.Add(a);
  builder.Add(b);
  return builder.Build();
}

uint64_t* IdSetBuilder::Words(uint16_t key) {
  if (key >= bitmaps_.size()) bitmaps_.resize(key + size_t{1});
  auto& words = bitmaps_[key];
  if (words == nullptr) words = std::make_unique<uint64_t[]>(IdSet::kWords);
  return words.get();
}

void IdSetBuilder::Add(const IdSet& set) {
  for (const auto& c : set.containers_) {
    c.Fill(*reinterpret_cast<IdSet::Bitmap*>(Words(c.key)));
  }
}

IdSet IdSetBuilder::Build() const {
  IdSet out;
  for (size_t key = 0; key < bitmaps_.size(); ++key) {
    if (bitmaps_[key] == nullptr) continue;
    auto c = IdSet::Container::FromBitmap(
        static_cast<uint16_t>(key), *reinterpret_cast<const IdSet::Bitmap*>(bitmaps_[key].get()));
    if (c.count > 0) out.containers_.push_back(std::move(c));
  }
  return out;
}

}  // namespace narthex::tsdb
