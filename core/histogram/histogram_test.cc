#include "core/histogram/histogram.h"

#include <bit>
#include <cmath>
#include <limits>

#include "core/histogram/bounds.h"
#include "tests/catch.h"

namespace narthex {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

IntHistogram Sample() {
  return {.schema = 1,
          .zero_threshold = 0.001,
          .zero_count = 2,
          .count = 16,
          .sum = 18.4,
          .positive_spans = {{0, 2}, {1, 2}},
          .negative_spans = {{0, 1}},
          .positive_deltas = {1, 2, -1, 3},  // 1 3 2 5
          .negative_deltas = {3}};
}

IntHistogram CustomSample() {
  return {.schema = kCustomBucketsSchema,
          .count = 6,
          .sum = 20,
          .positive_spans = {{0, 2}, {1, 1}},
          .positive_deltas = {1, 1, 1},
          .custom_values = {1, 2.5, 10}};
}

std::string ErrorOf(const Status& status) { return std::string(MessageOf(status)); }

TEST_CASE("Integer histograms become float ones") {
  const FloatHistogram f = ToFloat(Sample());
  CHECK(f.positive_buckets == std::vector<double>{1, 3, 2, 5});
  CHECK(f.negative_buckets == std::vector<double>{3});
  CHECK(f.count == 16);
  CHECK(f.zero_count == 2);
  CHECK(BucketsOf(f.positive_spans) == 4);
}

TEST_CASE("Validation accepts what is right") {
  CHECK(Validate(Sample()).ok());
  CHECK(Validate(ToFloat(Sample())).ok());
  CHECK(Validate(CustomSample()).ok());
  CHECK(Validate(IntHistogram{}).ok());
  IntHistogram with_nan = Sample();
  with_nan.sum = kNaN;
  with_nan.count = 20;
  CHECK(Validate(with_nan).ok());
  // Floats add up to what they add up to.
  FloatHistogram f = ToFloat(Sample());
  f.count = 1;
  CHECK(Validate(f).ok());
}

TEST_CASE("Validation speaks upstream's words") {
  struct Case {
    std::string name;
    void (*spoil)(IntHistogram*);
    bool custom;
    std::string error;
  };
  const Case cases[] = {
      {"too few buckets", [](IntHistogram* h) { h->positive_deltas.pop_back(); }, false,
       "positive side: spans need 4 buckets, have 3 buckets: histogram spans specify different "
       "number of buckets than provided"},
      {"too many negative buckets", [](IntHistogram* h) { h->negative_deltas.push_back(1); }, false,
       "negative side: spans need 1 buckets, have 2 buckets: histogram spans specify different "
       "number of buckets than provided"},
      {"negative offset", [](IntHistogram* h) { h->positive_spans[1].offset = -1; }, false,
       "positive side: span number 2 with offset -1: histogram has a span whose offset is "
       "negative"},
      {"negative bucket", [](IntHistogram* h) { h->positive_deltas[2] = -4; }, false,
       "positive side: bucket number 3 has observation count of -1: histogram has a bucket whose "
       "observation count is negative"},
      {"negative bucket of the negative side", [](IntHistogram* h) { h->negative_deltas[0] = -4; },
       false,
       "negative side: bucket number 1 has observation count of -4: histogram has a bucket whose "
       "observation count is negative"},
      {"count", [](IntHistogram* h) { h->count = 17; }, false,
       "16 observations found in buckets, but the Count field is 17: histogram's observation "
       "count should equal the number of observations found in the buckets (in absence of NaN)"},
      {"count with NaN", [](IntHistogram* h) { h->count = 15, h->sum = kNaN; }, false,
       "16 observations found in buckets, but the Count field is 15: histogram's observation "
       "count should be at least the number of observations found in the buckets"},
      {"schema", [](IntHistogram* h) { h->schema = 9; }, false,
       "histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, "
       "or -53 for custom buckets, got schema 9"},
      {"custom values", [](IntHistogram* h) { h->custom_values = {1}; }, false,
       "histogram with exponential schema must not have custom bounds"},
      {"unordered bounds", [](IntHistogram* h) { h->custom_values[1] = 1; }, true,
       "custom buckets: previous bound is 1.000000 and current is 1.000000: histogram custom "
       "bounds must be in strictly increasing order"},
      {"infinite bound", [](IntHistogram* h) { h->custom_values.back() = kInf; }, true,
       "custom buckets: last +Inf bound must not be explicitly defined: histogram custom bounds "
       "must be finite"},
      {"too few bounds", [](IntHistogram* h) { h->custom_values = {1, 2}; }, true,
       "custom buckets: only 2 custom bounds defined which is insufficient to cover total span "
       "length of 4: histogram custom bounds are too few"},
      {"zero count", [](IntHistogram* h) { h->zero_count = 1; }, true,
       "custom buckets: must have zero count of 0"},
      {"zero threshold", [](IntHistogram* h) { h->zero_threshold = 1; }, true,
       "custom buckets: must have zero threshold of 0"},
      {"negative spans", [](IntHistogram* h) { h->negative_spans = {{0, 0}}; }, true,
       "custom buckets: must not have negative spans"},
      {"negative buckets", [](IntHistogram* h) { h->negative_deltas = {1}; }, true,
       "custom buckets: must not have negative buckets"},
      {"first offset of custom buckets", [](IntHistogram* h) { h->positive_spans[0].offset = -1; },
       true,
       "custom buckets: span number 1 with offset -1: histogram has a span whose offset is "
       "negative"},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    IntHistogram h = c.custom ? CustomSample() : Sample();
    c.spoil(&h);
    CHECK(ErrorOf(Validate(h)) == c.error);
  }
  FloatHistogram f = ToFloat(Sample());
  f.positive_buckets[0] = -1.5;
  CHECK(ErrorOf(Validate(f)) ==
        "positive side: bucket number 1 has observation count of -1.5: histogram has a bucket "
        "whose observation count is negative");
}

TEST_CASE("Bits tell histograms apart") {
  CHECK(SameBits(Sample(), Sample()));
  IntHistogram nan = Sample();
  nan.sum = kNaN;
  CHECK(SameBits(nan, nan));
  CHECK_FALSE(SameBits(nan, Sample()));
  IntHistogram hint = Sample();
  hint.reset = CounterResetHint::kGauge;
  CHECK_FALSE(SameBits(hint, Sample()));
  FloatHistogram a = ToFloat(Sample()), b = a;
  CHECK(SameBits(a, b));
  a.negative_buckets[0] = 0.0;
  b.negative_buckets[0] = -0.0;
  CHECK_FALSE(SameBits(a, b));
}

TEST_CASE("Empty buckets make no difference to the counts") {
  IntHistogram wide = Sample();
  wide.positive_spans = {{-2, 1}, {1, 3}, {0, 0}, {0, 3}};
  wide.positive_deltas = {0, 1, 2, -3, 2, 3, -5};  // 0 1 3 0 2 5 0
  wide.reset = CounterResetHint::kGauge;
  REQUIRE(Validate(wide).ok());
  CHECK(SameCounts(wide, Sample()));
  CHECK(SameCounts(ToFloat(wide), ToFloat(Sample())));
  const FloatHistogram narrow = WithoutEmptyBuckets(ToFloat(wide));
  CHECK(narrow.positive_spans == std::vector<BucketSpan>{{0, 2}, {1, 2}});
  CHECK(narrow.positive_buckets == std::vector<double>{1, 3, 2, 5});
  CHECK(WithoutEmptyBuckets(FloatHistogram{}).positive_spans.empty());
  wide.positive_spans[0].offset = -1;
  CHECK_FALSE(SameCounts(wide, Sample()));
}

TEST_CASE("Bounds of buckets") {
  CHECK(BucketBound(0, 0, {}) == 1);
  CHECK(BucketBound(3, 0, {}) == 8);
  CHECK(BucketBound(-1, 1, {}) == 0.7071067811865475);
  CHECK(BucketBound(1, -4, {}) == 65536);
  CHECK(BucketBound(64, -4, {}) == std::numeric_limits<double>::max());
  CHECK(BucketBound(65, -4, {}) == kInf);
  CHECK(BucketBound(1024, 0, {}) == std::numeric_limits<double>::max());
  CHECK(BucketBound(1025, 0, {}) == kInf);
  // All bounds of the finest schema as Prometheus 3.5 answers them: FNV-1a over their bytes.
  uint64_t hash = 0xcbf29ce484222325;
  for (int i = -256; i < 0; ++i) {
    const auto bits = std::bit_cast<uint64_t>(BucketBound(i, 8, {}));
    for (int byte = 0; byte < 64; byte += 8) hash = (hash ^ (bits >> byte & 0xff)) * 0x100000001b3;
  }
  CHECK(hash == 0x6e4907084012aac2);
  CHECK(BucketBound(-64, 8, {}) == BucketBound(-1, 2, {}));
  const double bounds[] = {1, 5};
  CHECK(BucketBound(-1, kCustomBucketsSchema, bounds) == -kInf);
  CHECK(BucketBound(1, kCustomBucketsSchema, bounds) == 5);
  CHECK(BucketBound(2, kCustomBucketsSchema, bounds) == kInf);
}

TEST_CASE("Histograms as text") {
  CHECK(ToString(FloatHistogram{}) == "{count:0, sum:0}");
  IntHistogram many;
  many.count = many.zero_count = 12'345'678;
  CHECK(ToString(many) == "{count:12345678, sum:0, [-0,0]:12345678}");
  FloatHistogram h = ToFloat(Sample());
  h.schema = 0;
  h.positive_buckets[1] = 0;
  h.sum = 2349209.324;
  CHECK(ToString(h) ==
        "{count:16, sum:2.349209324e+06, [-1,-0.5):3, [-0.001,0.001]:2, (0.5,1]:1, (4,8]:2, "
        "(8,16]:5}");
  CHECK(ToString(ToFloat(CustomSample())) ==
        "{count:6, sum:20, [-Inf,1]:1, (1,2.5]:2, (10,+Inf]:3}");
}

}  // namespace
}  // namespace narthex
