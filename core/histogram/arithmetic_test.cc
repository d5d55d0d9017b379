#include "core/histogram/arithmetic.h"

#include <cmath>
#include <limits>

#include "tests/catch.h"

namespace narthex {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

// Schema 0: bucket i covers (2^(i-1), 2^i].
FloatHistogram Exponential(int32_t first, std::vector<double> counts, double sum = 0) {
  FloatHistogram h;
  h.positive_spans = {{first, static_cast<uint32_t>(counts.size())}};
  h.positive_buckets = std::move(counts);
  for (double c : h.positive_buckets) h.count += c;
  h.sum = sum;
  return h;
}

FloatHistogram Custom(std::vector<double> bounds, std::vector<double> counts, double sum = 0) {
  FloatHistogram h = Exponential(0, std::move(counts), sum);
  h.schema = kCustomBucketsSchema;
  h.custom_values = std::move(bounds);
  return h;
}

FloatHistogram With(FloatHistogram h, CounterResetHint hint) {
  h.reset = hint;
  return h;
}

TEST_CASE("sums and differences of equal layouts") {
  FloatHistogram h = Exponential(1, {1, 2, 3}, 10);
  REQUIRE(AddTo(&h, Exponential(2, {5, 0, 7}, 4)).ok());
  CHECK(ToString(h) == "{count:18, sum:14, (1,2]:1, (2,4]:7, (4,8]:3, (8,16]:7}");
  REQUIRE(SubtractFrom(&h, Exponential(2, {7}, 1)).ok());
  // The bucket that became empty is gone.
  CHECK(h.positive_spans == std::vector<BucketSpan>{{1, 1}, {1, 2}});
  CHECK(ToString(h) == "{count:11, sum:13, (1,2]:1, (4,8]:3, (8,16]:7}");
}

TEST_CASE("the coarser schema wins") {
  FloatHistogram fine = Exponential(1, {1, 2, 4, 8});  // (1,1.41] (1.41,2] (2,2.82] (2.82,4]
  fine.schema = 1;
  for (const bool swap : {false, true}) {
    FloatHistogram a = swap ? Exponential(1, {100, 200}) : fine;
    REQUIRE(AddTo(&a, swap ? fine : Exponential(1, {100, 200})).ok());
    CHECK(ToString(a) == "{count:315, sum:0, (1,2]:103, (2,4]:212}");
  }
}

TEST_CASE("the wider zero bucket wins, and takes in what it cuts through") {
  FloatHistogram narrow = Exponential(-1, {1, 2, 4});  // (0.25,0.5] (0.5,1] (1,2]
  narrow.zero_threshold = 0.001;
  narrow.zero_count = 3;
  FloatHistogram wide = Exponential(2, {7});
  wide.zero_threshold = 0.6;
  wide.zero_count = 10;
  for (const bool swap : {false, true}) {
    FloatHistogram a = swap ? wide : narrow;
    REQUIRE(AddTo(&a, swap ? narrow : wide).ok());
    CHECK(a.zero_threshold == 1);
    CHECK(a.zero_count == 16);
    CHECK(ToString(a) == "{count:14, sum:0, [-1,1]:16, (1,2]:4, (2,4]:7}");
  }
}

TEST_CASE("custom bounds are reduced to those both have") {
  FloatHistogram h = Custom({1, 2, 3, 4}, {1, 2, 4, 8, 16}, 5);
  const auto notes = AddTo(&h, Custom({2, 4, 8}, {100, 200, 300, 400}, 6));
  REQUIRE(notes.ok());
  CHECK(notes->bounds_reconciled);
  CHECK(h.custom_values == std::vector<double>{2, 4});
  CHECK(ToString(h) == "{count:1031, sum:11, [-Inf,2]:103, (2,4]:212, (4,+Inf]:716}");
  CHECK_FALSE(AddTo(&h, Exponential(1, {1})).ok());
}

TEST_CASE("hints of sums") {
  using enum CounterResetHint;
  struct Case {
    CounterResetHint a, b, want;
    bool collision;
  };
  for (const Case& c :
       {Case{kReset, kReset, kReset, false}, Case{kReset, kGauge, kGauge, false},
        Case{kGauge, kNotReset, kGauge, false}, Case{kUnknown, kReset, kUnknown, false},
        Case{kNotReset, kUnknown, kUnknown, false}, Case{kReset, kNotReset, kUnknown, true}}) {
    FloatHistogram h = With(Exponential(1, {1}), c.a);
    const auto notes = AddTo(&h, With(Exponential(1, {1}), c.b));
    REQUIRE(notes.ok());
    CHECK(h.reset == c.want);
    CHECK(notes->reset_collision == c.collision);
  }
}

TEST_CASE("multiples") {
  FloatHistogram h = Exponential(1, {2, 4}, 6);
  Multiply(&h, 0.5);
  CHECK(ToString(h) == "{count:3, sum:3, (1,2]:1, (2,4]:2}");
  CHECK(h.reset == CounterResetHint::kUnknown);
  Multiply(&h, -1);
  CHECK(h.reset == CounterResetHint::kGauge);
  Divide(&h, 0);
  CHECK(h.positive_buckets.empty());
  CHECK(h.count == -kInf);
}

TEST_CASE("resets") {
  using enum CounterResetHint;
  const FloatHistogram before = Exponential(1, {1, 2});
  CHECK_FALSE(IsReset(before, before));
  // The zero bucket of both ends inside of a populated bucket.
  FloatHistogram coarse = Exponential(0, {3, 2});
  coarse.schema = -4;
  coarse.zero_threshold = 0.001;
  CHECK_FALSE(IsReset(coarse, coarse));
  CHECK_FALSE(IsReset(before, Exponential(1, {1, 3})));
  CHECK(IsReset(before, Exponential(1, {1, 1})));
  CHECK(IsReset(before, Exponential(1, {0, 9})));  // one bucket fell
  CHECK(IsReset(before, Exponential(2, {9})));     // one is gone
  CHECK(IsReset(before, With(Exponential(1, {9, 9}), kReset)));
  CHECK_FALSE(IsReset(before, With(Exponential(1, {0, 0}), kNotReset)));
  FloatHistogram finer = Exponential(1, {9, 9});
  finer.schema = 1;
  CHECK(IsReset(before, finer));
  CHECK_FALSE(IsReset(finer, Exponential(1, {18})));
  CHECK(IsReset(finer, Exponential(1, {17, 3})));
  FloatHistogram zero = Exponential(2, {2});
  zero.zero_threshold = 2;
  zero.zero_count = 1;
  zero.count = 3;
  CHECK_FALSE(IsReset(before, zero));
  zero.zero_threshold = 1.5;  // inside (1,2]
  CHECK(IsReset(before, zero));
  CHECK(IsReset(Custom({1, 2}, {1, 2, 3}), Custom({1, 4}, {0, 1, 9})));
  CHECK_FALSE(IsReset(Custom({1, 2}, {1, 2, 3}), Custom({1, 4}, {1, 1, 9})));
}

TEST_CASE("sums are compensated and means survive overflow") {
  HistogramSum sum(HistogramSum::Kind::kSum, Exponential(1, {1e100}, 1));
  REQUIRE(sum.Add(Exponential(1, {1}, 1e100)).ok());
  REQUIRE(sum.Add(Exponential(1, {-1e100}, -1e100)).ok());
  const FloatHistogram total = sum.Result();
  CHECK(total.positive_buckets == std::vector<double>{1});
  CHECK(total.sum == 1);

  HistogramSum mean(HistogramSum::Kind::kMean, Exponential(1, {1}, 1e308));
  REQUIRE(mean.Add(Exponential(1, {2}, 1.5e308)).ok());
  REQUIRE(mean.Add(Exponential(2, {3}, 1.25e308)).ok());
  const FloatHistogram result = mean.Result();
  CHECK(result.sum == Approx(1.25e308));
  CHECK(result.positive_buckets.size() == 2);
  CHECK(result.positive_buckets[1] == 1);
}

TEST_CASE("trimming") {
  const FloatHistogram h = Exponential(1, {4, 8}, 30);  // (1,2] (2,4]
  CHECK(SameBits(TrimAbove(h, 4), h));
  CHECK(SameBits(TrimBelow(h, 1), h));
  // Half of (2,4] on the logarithmic scale lies below sqrt(8).
  const FloatHistogram low = TrimAbove(h, std::sqrt(8.0));
  CHECK(low.positive_buckets[1] == Approx(4));
  CHECK(low.count == Approx(8));
  CHECK(low.sum == Approx(4 * std::sqrt(2.0) + 4 * std::sqrt(2 * std::sqrt(8.0))));
  CHECK(TrimAbove(h, 0.5).count == 0);
  const FloatHistogram high = TrimBelow(h, 2);
  CHECK(ToString(high) == "{count:8, sum:22.627416997969522, (2,4]:8}");
  const FloatHistogram custom = Custom({5, 10}, {10, 10, 10}, 200);
  CHECK(ToString(TrimAbove(custom, 7.5)) == "{count:15, sum:56.25, [-Inf,5]:10, (5,10]:5}");
  CHECK(ToString(TrimBelow(custom, 7.5)) == "{count:15, sum:143.75, (5,10]:5, (10,+Inf]:10}");
}

TEST_CASE("buckets in order") {
  FloatHistogram h = Exponential(1, {3});
  h.zero_count = 2;
  h.zero_threshold = 0.5;
  h.negative_spans = {{1, 2}};
  h.negative_buckets = {4, 5};
  std::string text;
  for (const CountedBucket& b : AllBuckets(h)) {
    text += fmt::format("{}..{}:{} ", b.lower, b.upper, b.count);
  }
  CHECK(text == "-4..-2:5 -2..-1:4 -0.5..0.5:2 1..2:3 ");
  h.zero_threshold = 1.5;
  CHECK(AllBuckets(h)[1].upper == -1.5);
  CHECK(AllBuckets(h)[3].lower == 1.5);
}

}  // namespace
}  // namespace narthex
