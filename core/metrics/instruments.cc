#include <cstdio>

#include "core/base/check.h"
#include "core/metrics/registry.h"

namespace narthex {
namespace {

void AddBits(std::atomic<uint64_t>* bits, double v) {
  uint64_t old = bits->load(std::memory_order_relaxed);
  while (!bits->compare_exchange_weak(old, std::bit_cast<uint64_t>(std::bit_cast<double>(old) + v),
                                      std::memory_order_relaxed)) {
  }
}

}  // namespace

void Counter::Add(double v) {
  if (v >= 0) AddBits(&bits_, v);
}

void Gauge::Add(double v) { AddBits(&bits_, v); }

namespace metrics_internal {

uint64_t HashValues(std::span<const std::string_view> values) {
  uint64_t h = 0x9e3779b97f4a7c15;
  for (std::string_view v : values) {
    h ^= std::hash<std::string_view>{}(v) + v.size();
    h *= 0xff51afd7ed558ccd;  // the mixer of MurmurHash3
    h ^= h >> 33;
  }
  return h;
}

void CheckArity(size_t got, size_t want) {
  if (got == want) [[likely]]
    return;
  std::fprintf(stderr, "inconsistent label cardinality: expected %zu label values but got %zu\n",
               want, got);
  NX_CHECK(got == want);
}

std::vector<size_t> SortOrder(const std::vector<std::string>& names) {
  std::vector<size_t> order(names.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return names[a] < names[b]; });
  for (size_t i = 1; i < order.size(); ++i) NX_CHECK(names[order[i - 1]] != names[order[i]]);
  return order;
}

}  // namespace metrics_internal
}  // namespace narthex
