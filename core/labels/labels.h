#pragma once
// Label sets: the identity of a series.
//
// Labels is an immutable, sorted set of name/value pairs held in one flat buffer:
//
//   ┌ uvarint len ┬ name ┬ uvarint len ┬ value ┬ … ┐   pairs in ascending byte order of the name
//
// so that a copy is one allocation, comparison of equals is one memcmp, and iteration touches one
// cache line after the other. Names are unique; empty values are never stored (an empty label and
// an absent label are the same thing in Prometheus' data model).
//
// Thread safety: const methods may run concurrently.

#include <compare>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex {

inline constexpr std::string_view kMetricNameLabel = "__name__";
inline constexpr std::string_view kBucketLabel = "le";
inline constexpr std::string_view kQuantileLabel = "quantile";
inline constexpr std::string_view kInstanceLabel = "instance";
inline constexpr std::string_view kJobLabel = "job";
inline constexpr std::string_view kAlertNameLabel = "alertname";

struct Label {
  std::string_view name;
  std::string_view value;
  friend auto operator<=>(const Label&, const Label&) = default;
};

class Labels {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Label;
    using difference_type = std::ptrdiff_t;
    using pointer = const Label*;
    using reference = const Label&;

    Iterator(const char* p, const char* end) : next_(p), end_(end) { ++*this; }
    const Label& operator*() const { return label_; }
    const Label* operator->() const { return &label_; }
    Iterator& operator++();
    bool operator==(const Iterator& other) const { return at_ == other.at_; }
    // The pair as it stands in the buffer.
    std::string_view flat() const { return {at_, static_cast<size_t>(next_ - at_)}; }

   private:
    const char* at_ = nullptr;
    const char* next_;
    const char* end_;
    Label label_;
  };

  Labels() = default;
  Labels(const Labels&) = default;
  Labels(Labels&&) = default;
  Labels& operator=(const Labels&) = default;
  // Frees the old buffer: std::string keeps it when what is moved in is short.
  Labels& operator=(Labels&& other) noexcept {
    std::string(std::move(other.flat_)).swap(flat_);
    return *this;
  }
  // Sorts; of several pairs with one name the last wins; pairs with an empty value are left out.
  Labels(std::initializer_list<Label> labels);
  static Labels FromPairs(std::span<const Label> labels);
  static Labels FromPairs(std::span<const std::pair<std::string, std::string>> labels);
  // Both sets in one; nullopt when a name is in both.
  static std::optional<Labels> MergeDisjoint(const Labels& a, const Labels& b);
  // Adopts a buffer in the format above. The caller vouches for order and uniqueness.
  static Labels FromFlat(std::string flat) { return Labels(std::move(flat)); }
  // Gives the buffer away, for reuse; the set is empty then.
  std::string ReleaseFlat() && { return std::exchange(flat_, {}); }

  Iterator begin() const { return {flat_.data(), flat_.data() + flat_.size()}; }
  Iterator end() const { return {flat_.data() + flat_.size(), flat_.data() + flat_.size()}; }
  bool empty() const { return flat_.empty(); }
  size_t size() const;  // number of labels; O(n)

  // The value, or "" when absent. O(n).
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const { return !Get(name).empty(); }
  std::string_view metric_name() const { return Get(kMetricNameLabel); }

  // xxhash64 over name 0xff value 0xff …, the hash Prometheus shows in sharding and limit_ratio.
  uint64_t Hash() const;
  // The same over only the given names / all but the given names and __name__. Names sorted.
  uint64_t HashForLabels(std::span<const std::string> names) const;
  uint64_t HashWithoutLabels(std::span<const std::string> names) const;
  // 64-bit FNV-1a over name 0xff value 0xff …: the fingerprint of an alert (prometheus/common).
  uint64_t Fingerprint() const;

  // Lexicographic by name, then value, then length: the order of series in blocks and results.
  friend std::strong_ordering operator<=>(const Labels& a, const Labels& b);
  friend bool operator==(const Labels& a, const Labels& b) { return a.flat_ == b.flat_; }

  // {a="b", c="d"}: values quoted as Go's strconv.Quote; names that are no legacy names quoted too.
  std::string ToString() const;
  // The metric name in front when there is one: up{job="x"}.
  std::string ToMetricString() const;

  std::string_view flat() const { return flat_; }

  template <typename H>
  friend H AbslHashValue(H h, const Labels& labels) {
    return H::combine(std::move(h), labels.Hash());
  }

 private:
  explicit Labels(std::string flat) : flat_(std::move(flat)) {}
  std::string flat_;
};

// Edits a label set. Setting an empty value deletes. Cheap to Reset and reuse.
class LabelsBuilder {
 public:
  LabelsBuilder() = default;
  explicit LabelsBuilder(const Labels& base) { Reset(base); }
  void Reset() { pairs_.clear(); }
  void Reset(const Labels& base);

  LabelsBuilder& Set(std::string_view name, std::string_view value);
  LabelsBuilder& Del(std::string_view name);
  // Keeps only / drops these names.
  LabelsBuilder& Keep(std::span<const std::string> names);
  LabelsBuilder& Del(std::span<const std::string> names);
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const { return !Get(name).empty(); }
  bool empty() const { return pairs_.empty(); }

  const std::vector<std::pair<std::string, std::string>>& pairs() const { return pairs_; }
  Labels Build() const;

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;  // sorted by name
};

}  // namespace narthex
