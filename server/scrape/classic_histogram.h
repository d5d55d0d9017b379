#pragma once
// Classic histograms, series by series, made into native ones with custom buckets
// (convert_classic_histograms_to_nhcb), by the rules of upstream.
//
// Thread safety: none.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "server/scrape/histograms.h"

namespace narthex::scrape {

// What a series of a classic histogram says.
enum class ClassicPart : uint8_t { kNone, kBucket, kCount, kSum };

struct ClassicSeries {
  ClassicPart part = ClassicPart::kNone;
  double bound = 0;       // of a bucket
  std::string_view base;  // the name of the family
};
// What a series is by its name and its label "le" (nullptr: it has none).
ClassicSeries ClassifySeries(std::string_view name, const std::string_view* le);

// The samples of one histogram in one scrape.
class ClassicHistogram {
 public:
  void Add(ClassicPart part, double bound, double value);
  bool empty() const { return !any_; }
  void Clear();
  // None when the samples contradict each other. Counts that are no integers make it a histogram of
  // floats. Without a count it is that of the highest bucket; without a bucket +Inf that is the
  // count.
  std::optional<AnyHistogram> Convert() const;

 private:
  struct Bucket {
    double bound = 0;
    double count = 0;  // cumulative
  };
  void AddBucket(double bound, double count);

  std::vector<Bucket> buckets_;  // ascending
  double count_ = 0;
  double sum_ = 0;
  bool any_ = false;
  bool has_count_ = false;
  bool broken_ = false;
};

}  // namespace narthex::scrape
