#include "core/histogram/resolution.h"

#include <map>
#include <random>

#include "core/histogram/bounds.h"
#include "tests/catch.h"

namespace narthex {
namespace {

// Bucket index → count of the positive side.
std::map<int64_t, double> Counts(const FloatHistogram& h) {
  std::map<int64_t, double> out;
  size_t at = 0;
  int64_t index = 0;
  for (const BucketSpan& span : h.positive_spans) {
    index += span.offset;
    for (uint32_t k = 0; k < span.length; ++k) out[index++] += h.positive_buckets[at++];
  }
  return out;
}

IntHistogram Random(std::mt19937_64* random, int32_t schema) {
  IntHistogram h{.reset = CounterResetHint::kGauge, .schema = schema, .zero_count = 3, .count = 3};
  int64_t before = 0;
  for (int n = 0; n < 12; ++n) {
    const auto length = static_cast<uint32_t>((*random)() % 4);
    const auto gap = static_cast<int32_t>((*random)() % 5);
    h.positive_spans.push_back({n == 0 ? gap - 40 : gap, length});
    for (uint32_t k = 0; k < length; ++k) {
      const auto count = static_cast<int64_t>((*random)() % 100);
      h.positive_deltas.push_back(count - before);
      before = count;
      h.count += static_cast<uint64_t>(count);
    }
  }
  h.negative_spans = {{2, 2}};
  h.negative_deltas = {5, -1};
  h.count += 9;
  return h;
}

TEST_CASE("A lower schema has the same observations in wider buckets") {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    const auto from = static_cast<int32_t>(random() % 13) - 3;
    const IntHistogram fine = Random(&random, from);
    const int32_t to = from - 1 - static_cast<int32_t>(random() % static_cast<uint64_t>(from + 4));
    IntHistogram coarse = fine;
    REQUIRE(ReduceResolution(to, &coarse).ok());
    REQUIRE(coarse.schema == to);
    if (to <= kMaxExponentialSchema) REQUIRE(Validate(coarse).ok());
    REQUIRE(coarse.reset == fine.reset);
    std::map<int64_t, double> want;
    for (const auto& [index, count] : Counts(ToFloat(fine))) {
      // The bucket whose bounds hold the fine one's.
      int64_t wide = index;
      for (int32_t s = from; s > to; --s) wide = wide > 0 ? (wide + 1) / 2 : wide / 2;
      want[wide] += count;
    }
    REQUIRE(Counts(ToFloat(coarse)) == want);
    FloatHistogram floats = ToFloat(fine);
    REQUIRE(ReduceResolution(to, &floats).ok());
    REQUIRE(SameBits(floats, ToFloat(coarse)));
  }
}

TEST_CASE("Bounds of reduced buckets enclose the old ones") {
  for (int32_t index = -300; index <= 300; ++index) {
    IntHistogram h{.schema = 5, .count = 1, .positive_spans = {{index, 1}}, .positive_deltas = {1}};
    REQUIRE(ReduceResolution(2, &h).ok());
    const Bucket fine = BucketAt(index, true, 5, {});
    const Bucket coarse = BucketAt(h.positive_spans[0].offset, true, 2, {});
    CHECK((coarse.lower <= fine.lower && fine.upper <= coarse.upper));
  }
}

TEST_CASE("What cannot be reduced") {
  IntHistogram h{.schema = 1};
  CHECK(MessageOf(ReduceResolution(1, &h)) == "cannot reduce resolution from schema 1 to 1");
  h.schema = kCustomBucketsSchema;
  CHECK(MessageOf(ReduceResolution(0, &h)) ==
        "cannot reduce resolution when there are custom buckets");
  IntHistogram fine{.schema = 52, .positive_spans = {{INT32_MAX, 1}}, .positive_deltas = {1}};
  REQUIRE(ReduceResolution(-4, &fine).ok());
  CHECK(fine.positive_spans[0].offset == 1);
}

TEST_CASE("Buckets are limited by lower schemas") {
  std::mt19937_64 random(8);
  for (size_t limit = 1; limit < 30; ++limit) {
    IntHistogram h = Random(&random, 8);
    const uint64_t count = h.count;
    const Status status = LimitBuckets(limit, &h);
    if (limit < 3) {
      // Three sides of zero and one remain at the lowest schema.
      if (!status.ok()) CHECK(MessageOf(status) == "histogram bucket limit exceeded");
      continue;
    }
    REQUIRE(status.ok());
    CHECK(h.positive_deltas.size() + h.negative_deltas.size() <= limit);
    CHECK(h.count == count);
    CHECK(Validate(h).ok());
  }
  IntHistogram small = Random(&random, 3);
  const IntHistogram same = small;
  REQUIRE(LimitBuckets(1000, &small).ok());
  CHECK(SameBits(small, same));
  IntHistogram custom{.schema = kCustomBucketsSchema,
                      .count = 2,
                      .positive_spans = {{0, 2}},
                      .positive_deltas = {1, 0},
                      .custom_values = {1, 2}};
  CHECK(MessageOf(LimitBuckets(1, &custom)) == "histogram bucket limit exceeded");
}

}  // namespace
}  // namespace narthex
