#pragma once
// Vectors: one child metric per combination of label values. Included by registry.h.
//
// Children live in an open-addressing table of atomic pointers. A look-up hashes the values and
// walks the table without a lock. Creation takes a mutex; when the table grows a new one is
// published and the old one is kept for readers still inside it (together they are at most as large
// as the newest).
//
// Thread safety: all methods. A reference that With returned stays valid until the vector dies,
// also after Remove: a removed child is only no longer collected, and the next With makes a fresh
// one.

#include <initializer_list>
#include <numeric>
#include <type_traits>

namespace narthex {

struct NoMetricOptions {};

template <typename Metric>
struct MetricTraits {
  using Options = NoMetricOptions;
};
template <>
struct MetricTraits<Histogram> {
  using Options = HistogramOptions;
};
template <>
struct MetricTraits<Summary> {
  using Options = SummaryOptions;
};

namespace metrics_internal {

// Hash over the values with their lengths, so that {"ab",""} and {"a","b"} differ.
uint64_t HashValues(std::span<const std::string_view> values);
// Aborts: the number of values differs from the number of labels.
void CheckArity(size_t got, size_t want);
// Indices of `names` in ascending order of the name.
std::vector<size_t> SortOrder(const std::vector<std::string>& names);

}  // namespace metrics_internal

template <typename Metric>
class MetricVec {
 public:
  using Options = typename MetricTraits<Metric>::Options;

  MetricVec(std::vector<std::string> label_names, Options options)
      : names_(std::move(label_names)),
        order_(metrics_internal::SortOrder(names_)),
        options_(std::move(options)) {
    tables_.push_back(std::make_unique<Table>(16));
    table_.store(tables_.back().get(), std::memory_order_release);
  }
  ~MetricVec() = default;
  MetricVec(const MetricVec&) = delete;

  const std::vector<std::string>& label_names() const { return names_; }

  // The child of these values, in the order of label_names(). A wrong number of values aborts.
  Metric& With(std::initializer_list<std::string_view> values) {
    return With(std::span<const std::string_view>(values.begin(), values.size()));
  }
  Metric& With(std::span<const std::string_view> values) {
    metrics_internal::CheckArity(values.size(), names_.size());
    const uint64_t hash = metrics_internal::HashValues(values);
    if (Child* child = Find(*table_.load(std::memory_order_acquire), hash, values)) {
      return child->metric;
    }
    return Create(hash, values);
  }

  // False when there is no such child. The next With starts from zero.
  bool Remove(std::initializer_list<std::string_view> values) {
    return Remove(std::span<const std::string_view>(values.begin(), values.size()));
  }
  bool Remove(std::span<const std::string_view> values) {
    metrics_internal::CheckArity(values.size(), names_.size());
    MutexLock lock(mutex_);
    Child* child = Find(*tables_.back(), metrics_internal::HashValues(values), values);
    if (child == nullptr) return false;
    child->removed.store(true, std::memory_order_release);
    return true;
  }
  // Removes every child for which matches(values) holds; returns how many.
  template <typename Predicate>
  size_t RemoveIf(Predicate matches) {
    MutexLock lock(mutex_);
    size_t removed = 0;
    for (const auto& child : children_) {
      if (child->removed.load(std::memory_order_relaxed) || !matches(child->values)) continue;
      child->removed.store(true, std::memory_order_release);
      ++removed;
    }
    return removed;
  }

  // Calls visit(const std::vector<std::string>& values, const Metric&) for every child.
  template <typename Visitor>
  void ForEach(Visitor visit) const {
    MutexLock lock(mutex_);
    for (const auto& child : children_) {
      if (!child->removed.load(std::memory_order_relaxed)) visit(child->values, child->metric);
    }
  }

  // The labels of a child, sorted by name.
  std::vector<MetricLabel> LabelsOf(const std::vector<std::string>& values) const {
    std::vector<MetricLabel> labels;
    labels.reserve(order_.size());
    for (size_t i : order_) labels.push_back({names_[i], values[i]});
    return labels;
  }

 private:
  struct Child {
    Child(uint64_t h, std::span<const std::string_view> v, const Options& options)
      requires std::is_same_v<Options, NoMetricOptions>
        : hash(h), values(v.begin(), v.end()) {}
    Child(uint64_t h, std::span<const std::string_view> v, const Options& options)
      requires(!std::is_same_v<Options, NoMetricOptions>)
        : hash(h), values(v.begin(), v.end()), metric(options) {}

    const uint64_t hash;
    const std::vector<std::string> values;
    std::atomic<bool> removed{false};
    Metric metric;
  };
  struct Table {
    explicit Table(size_t n) : mask(n - 1), slots(n) {}
    const size_t mask;
    std::vector<std::atomic<Child*>> slots;
  };

  static Child* Find(const Table& table, uint64_t hash, std::span<const std::string_view> values) {
    for (size_t i = hash & table.mask;; i = (i + 1) & table.mask) {
      Child* child = table.slots[i].load(std::memory_order_acquire);
      if (child == nullptr) return nullptr;
      if (child->hash == hash && !child->removed.load(std::memory_order_acquire) &&
          std::equal(values.begin(), values.end(), child->values.begin())) {
        return child;
      }
    }
  }

  static void Insert(Table& table, Child* child) {
    size_t i = child->hash & table.mask;
    while (table.slots[i].load(std::memory_order_relaxed) != nullptr) i = (i + 1) & table.mask;
    table.slots[i].store(child, std::memory_order_release);
  }

  Metric& Create(uint64_t hash, std::span<const std::string_view> values) {
    MutexLock lock(mutex_);
    if (Child* child = Find(*tables_.back(), hash, values)) return child->metric;
    children_.push_back(std::make_unique<Child>(hash, values, options_));
    // At most three quarters full, so that a probe always meets an empty slot.
    if (children_.size() * 4 > (tables_.back()->mask + 1) * 3) {
      tables_.push_back(std::make_unique<Table>((tables_.back()->mask + 1) * 2));
      for (const auto& child : children_) Insert(*tables_.back(), child.get());
      table_.store(tables_.back().get(), std::memory_order_release);
    } else {
      Insert(*tables_.back(), children_.back().get());
    }
    return children_.back()->metric;
  }

  const std::vector<std::string> names_;
  const std::vector<size_t> order_;
  const Options options_;
  mutable Mutex mutex_;
  std::vector<std::unique_ptr<Child>> children_ GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Table>> tables_ GUARDED_BY(mutex_);
  std::atomic<const Table*> table_{nullptr};
};

}  // namespace narthex
