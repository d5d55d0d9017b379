#pragma once
// What is kept of a group. Groups are immutable once stored: a push makes a new one that shares the
// families it does not touch.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/metrics/registry.h"
#include "pushgateway/grouping.h"

namespace narthex::pushgateway {

inline constexpr std::string_view kPushTime = "push_time_seconds";
inline constexpr std::string_view kPushFailureTime = "push_failure_time_seconds";

// A pushed family, packed: as delimited protobuf it takes a fifth of the memory of a MetricFamily,
// and it is what the persistence writes.
class StoredFamily {
 public:
  StoredFamily() = default;
  StoredFamily(int64_t pushed_ns, const MetricFamily& family);
  // Takes over what packed() gave another time; DataLoss when it is damaged.
  static StatusOr<StoredFamily> FromPacked(int64_t pushed_ns, std::string_view packed);

  int64_t pushed_ns() const { return pushed_ns_; }
  MetricType type() const { return type_; }
  size_t samples() const { return samples_; }
  std::string_view packed() const { return *packed_; }
  MetricFamily Unpack() const;  // samples carry the grouping labels

 private:
  int64_t pushed_ns_ = 0;
  MetricType type_ = MetricType::kUntyped;
  size_t samples_ = 0;
  std::shared_ptr<const std::string> packed_;
};

struct Group {
  // When a push last succeeded or failed (0: never), and when that fact was noted.
  struct PushTime {
    int64_t value_ns = 0;
    int64_t noted_ns = 0;
  };
  Grouping labels;
  PushTime success, failure;
  std::map<std::string, StoredFamily, std::less<>> families;

  bool last_push_successful() const { return failure.value_ns <= success.value_ns; }
};

// push_time_seconds and push_failure_time_seconds of a group, without samples of other groups.
MetricFamily PushTimeFamily(const Group& group);
MetricFamily PushFailureTimeFamily(const Group& group);

// Gives every sample the grouping labels (they win over the body's) and instance="" where there is
// no instance; drops the two families above and empty ones; of several families of a name keeps the
// last.
std::vector<MetricFamily> Relabel(std::vector<MetricFamily> families, const Grouping& grouping);

}  // namespace narthex::pushgateway
