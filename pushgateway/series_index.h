#pragma once
// What all groups hold together, so that a push is checked against it in time that grows with the
// push alone: per family name the types it is stored under and the hashes of its series.
//
// Series are told apart by a 64-bit hash of their labels. Two different ones that share it would be
// refused as duplicates; with a million series of one name the chance is about one in 4·10^7.
//
// Not thread-safe.

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/string_map.h"
#include "core/metrics/registry.h"

namespace narthex::pushgateway {

class SeriesIndex {
 public:
  // The families of the program itself: pushes must not contradict their types.
  explicit SeriesIndex(StringMap<MetricType> own) : own_(std::move(own)) {}

  void Add(const MetricFamily& family);
  void Remove(const MetricFamily& family);  // added before

  // What is wrong with adding these families, each free of duplicates in itself; empty when
  // nothing.
  std::vector<std::string> Check(std::span<const MetricFamily> families) const;

  size_t series() const { return series_; }

 private:
  struct Family {
    std::array<uint32_t, 6> types{};  // stored families by type
    absl::flat_hash_map<uint64_t, uint32_t> series;
  };
  // The type of a name, stored or own.
  const Family* Find(std::string_view name) const;
  bool Known(std::string_view name, MetricType* type) const;
  std::string Collision(const MetricFamily& family) const;

  const StringMap<MetricType> own_;
  StringMap<Family> families_;
  size_t series_ = 0;
};

}  // namespace narthex::pushgateway
