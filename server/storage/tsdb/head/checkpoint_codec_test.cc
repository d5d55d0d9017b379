// The records of a checkpoint: what goes in comes out, and damage is noticed or harmless.

#include "server/storage/tsdb/head/checkpoint_codec.h"

#include <random>

#include "tests/catch.h"

namespace narthex::tsdb {
namespace {

CheckpointHead SomeHead() {
  CheckpointHead head;
  head.series = 12;
  head.next_ref = uint64_t{1} << 41;
  head.min_time = -5;
  head.max_time = 1'700'000'000'000;
  head.truncated_before = INT64_MIN;
  head.files = {{1, 8, INT64_MAX, INT64_MIN}, {7, uint64_t{128} << 20, 10, 20}};
  return head;
}

TEST_CASE("Head of a checkpoint") {
  const CheckpointHead head = SomeHead();
  const std::string bytes = head.Encode();
  const auto back = CheckpointHead::Decode(bytes);
  REQUIRE(back.ok());
  CHECK(back->series == head.series);
  CHECK(back->next_ref == head.next_ref);
  CHECK(back->min_time == head.min_time);
  CHECK(back->max_time == head.max_time);
  CHECK(back->truncated_before == head.truncated_before);
  CHECK(back->files == head.files);
  for (size_t n = 0; n < bytes.size(); ++n) {
    INFO(n);
    CHECK(CheckpointHead::Decode(bytes.substr(0, n)).status().code() == StatusCode::kDataLoss);
  }
}

TEST_CASE("Another version of the checkpoint is named") {
  std::string bytes = SomeHead().Encode();
  bytes[0] = 9;
  const auto back = CheckpointHead::Decode(bytes);
  REQUIRE(back.status().code() == StatusCode::kFailedPrecondition);
  CHECK(MessageOf(back.status()) == "checkpoint of version 9; this program reads version 1");
}

std::vector<CheckpointSeries> SomeSeries() {
  std::mt19937_64 random(3);
  std::vector<CheckpointSeries> out;
  for (uint64_t i = 0; i < 300; ++i) {
    CheckpointSeries series;
    series.ref = (uint64_t{1} << 40) + (i % 50 == 0 ? random() % 1000 : i);
    // Mostly the names of the series before; now and then others, also more than a mask has.
    const size_t labels = i % 40 == 13 ? 100 : i % 10 == 7 ? 3 : 8;
    for (uint32_t n = 0; n < labels; ++n) {
      series.labels.push_back({n * 2, n < 5 ? 1 : static_cast<uint32_t>(random() % 100000)});
    }
    for (uint32_t c = 0; c < i % 5; ++c) {
      series.chunks.push_back({static_cast<uint32_t>(1'700'000'000 + c * 1800), 1 + c % 2,
                               static_cast<uint32_t>(random())});
    }
    if (i % 7 == 0 && !series.chunks.empty()) series.chunks[0].min_second = UINT32_MAX;
    if (i % 3 == 0) series.covered_until = static_cast<int64_t>(random());
    out.push_back(series);
  }
  return out;
}

bool Same(const CheckpointSeries& a, const CheckpointSeries& b) {
  return a.ref == b.ref && a.labels == b.labels && a.chunks == b.chunks &&
         a.covered_until == b.covered_until;
}

TEST_CASE("Series of a checkpoint") {
  const std::vector<CheckpointSeries> all = SomeSeries();
  CheckpointSeriesWriter writer;
  for (const CheckpointSeries& series : all) writer.Add(series);
  const std::string bytes = writer.Take();
  CHECK(writer.size() == 0);
  CheckpointSeriesReader in(bytes);
  LabelIds before;
  for (const CheckpointSeries& want : all) {
    REQUIRE(in.Next());
    REQUIRE(Same(in.series(), want));
    for (size_t i = 0; i < want.labels.size(); ++i) {
      if (in.same_names() && !in.Changed(i)) REQUIRE(before[i] == want.labels[i]);
    }
    before = want.labels;
  }
  CHECK(!in.Next());
  CHECK(in.ok());
  // The next record stands alone.
  writer.Add(all[5]);
  const std::string second = writer.Take();
  CheckpointSeriesReader alone(second);
  REQUIRE(alone.Next());
  CHECK(Same(alone.series(), all[5]));
}

TEST_CASE("A torn record of series ends early and says so") {
  const std::vector<CheckpointSeries> all = SomeSeries();
  CheckpointSeriesWriter writer;
  for (size_t i = 0; i < 40; ++i) writer.Add(all[i]);
  const std::string bytes = writer.Take();
  for (size_t n = 0; n < bytes.size(); ++n) {
    CheckpointSeriesReader in(std::string_view(bytes).substr(0, n));
    size_t read = 0;
    bool right = true;
    while (in.Next()) right = right && Same(in.series(), all[read++]);
    if (!right || read >= 40) FAIL("at " << n);
  }
}

TEST_CASE("Flipped bits in a record of series are harmless") {
  const std::vector<CheckpointSeries> all = SomeSeries();
  CheckpointSeriesWriter writer;
  for (size_t i = 0; i < 40; ++i) writer.Add(all[i]);
  const std::string bytes = writer.Take();
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] ^= static_cast<char>(1 << bit % 8);
    CheckpointSeriesReader in(damaged);
    size_t read = 0;
    while (in.Next()) {
      ++read;
      if (in.series().labels.size() > damaged.size()) FAIL("labels from nowhere, bit " << bit);
      if (in.series().chunks.size() > damaged.size()) FAIL("chunks from nowhere, bit " << bit);
    }
    if (read > damaged.size()) FAIL("series from nowhere, bit " << bit);
  }
}

TEST_CASE("Symbols of a checkpoint") {
  SeriesIndex from, to;
  std::vector<uint32_t> slots;
  for (int i = 0; i < 20; ++i) {
    const Labels labels{
        {"__name__", fmt::format("m{}", i % 3)}, {"i", std::to_string(i)}, {"job", "j"}};
    slots.push_back(from.Create(labels, static_cast<uint64_t>(i) + 1, nullptr));
  }
  CheckpointSymbolWriter writer;
  std::vector<LabelIds> numbered(20);
  std::vector<std::string> records;
  for (size_t i = 20; i-- > 0;) {  // numbers follow the order of use, not that of the ids
    LabelIds ids;
    from.GetLabelIds(slots[i], &ids);
    writer.Number(from, ids, &numbered[i]);
    if (i % 6 == 0) records.push_back(writer.Take());
  }
  CHECK(writer.Take().empty());
  CheckpointSymbols symbols;
  for (const std::string& record : records) REQUIRE(symbols.Add(record, 1000).ok());
  for (size_t i = 0; i < 20; ++i) {
    LabelIds ids;
    uint32_t hash = 0;
    for (const LabelId& number : numbered[i]) {
      CheckpointSymbols::Label label;
      REQUIRE(symbols.Resolve(number, &to, &label));
      ids.push_back(label.id);
      hash += label.hash;
    }
    CHECK(hash == to.HashOf(ids));
    bool created = false;
    const uint32_t slot = to.FindOrCreate(ids, hash, 1, nullptr, &created);
    REQUIRE(created);
    CHECK(to.Find(to.GetLabels(slot)) == slot);
    CHECK(to.FindOrCreate(ids, hash, 2, nullptr, &created) == slot);
    CHECK(!created);
    CHECK(to.GetLabels(slot) == from.GetLabels(slots[i]));
  }
  CheckpointSymbols::Label id;
  CHECK(!symbols.Resolve({0, 100}, &to, &id));
  CHECK(!symbols.Resolve({100, 0}, &to, &id));

  // Without the first record what it defined is lost, and nothing else is taken for it.
  CheckpointSymbols rest;
  for (size_t r = 1; r < records.size(); ++r) REQUIRE(rest.Add(records[r], 1000).ok());
  CHECK(!rest.Resolve(numbered[19][0], &to, &id));
  CHECK(!symbols.Add(records[0], 1).ok());  // numbers above the limit
  CHECK(!symbols.Add(std::string_view(records[0]).substr(1), 1000).ok());
}

TEST_CASE("Values of open chunks") {
  std::mt19937_64 random(5);
  Slab slab;
  for (int kind = 0; kind < 6; ++kind) {
    for (int count = 0; count <= kMaxStreamValues; count += 1 + count / 8) {
      ValueState state;
      std::vector<uint64_t> want;
      for (int i = 0; i < count; ++i) {
        const double v = kind == 0   ? 1
                         : kind == 1 ? (i < 5 ? 1 : 2)
                         : kind == 2 ? static_cast<double>(random() % 100)
                         : kind == 3 ? i * 1000
                         : kind == 4 ? static_cast<double>(random() % 1000) / 100
                                     : std::bit_cast<double>(random());
        want.push_back(std::bit_cast<uint64_t>(v));
        REQUIRE(AppendValue(slab, &state, want.back()));
      }
      const uint8_t* stream = state.buffer == 0 ? nullptr : slab.Address(state.buffer);
      std::string bytes;
      EncodeOpenValues(state, stream, 130, &bytes);
      ByteReader in(bytes);
      OpenValues back;
      REQUIRE(DecodeOpenValues(&in, &back));
      CHECK(in.empty());
      REQUIRE(back.state.count == count);
      if (count > 0) CHECK(back.age == 130);
      // It goes on as if nothing had happened.
      if (!back.stream.empty()) {
        back.state.buffer = slab.Allocate(back.stream.size());
        std::memcpy(slab.Address(back.state.buffer), back.stream.data(), back.stream.size());
      }
      while (want.size() < kMaxStreamValues) {
        want.push_back(want.empty() ? 7 : want[want.size() / 2]);
        REQUIRE(AppendValue(slab, &back.state, want.back()));
      }
      std::vector<uint64_t> got(want.size());
      DecodeValues(back.state, back.state.buffer == 0 ? nullptr : slab.Address(back.state.buffer),
                   got.data());
      CHECK(got == want);
      for (size_t n = 0; n < bytes.size(); ++n) {
        ByteReader torn(std::string_view(bytes).substr(0, n));
        if (DecodeOpenValues(&torn, &back)) FAIL("torn at " << n << " of " << bytes.size());
      }
      ClearValues(slab, &state);
    }
  }
}

TEST_CASE("Flipped bits in the values of an open chunk are refused or harmless") {
  Slab slab;
  for (const bool floats : {false, true}) {
    ValueState state;
    for (int i = 0; i < 40; ++i) {
      const double v = floats ? i * 0.7311234 : i * i;
      REQUIRE(AppendValue(slab, &state, std::bit_cast<uint64_t>(v)));
    }
    std::string bytes;
    EncodeOpenValues(state, slab.Address(state.buffer), 60, &bytes);
    size_t refused = 0;
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      std::string damaged = bytes;
      damaged[bit / 8] ^= static_cast<char>(1 << bit % 8);
      ByteReader in(damaged);
      OpenValues back;
      if (!DecodeOpenValues(&in, &back)) {
        ++refused;
        continue;
      }
      ValueState again = back.state;
      if (!back.stream.empty()) {
        again.buffer = slab.Allocate(back.stream.size());
        std::memcpy(slab.Address(again.buffer), back.stream.data(), back.stream.size());
      }
      while (again.count < kMaxStreamValues) {
        REQUIRE(AppendValue(slab, &again, std::bit_cast<uint64_t>(0.1 * again.count)));
      }
      uint64_t values[kMaxStreamValues];
      DecodeValues(again, again.buffer == 0 ? nullptr : slab.Address(again.buffer), values);
      ClearValues(slab, &again);
    }
    CHECK(refused > 0);
  }
}

}  // namespace
}  // namespace narthex::tsdb
