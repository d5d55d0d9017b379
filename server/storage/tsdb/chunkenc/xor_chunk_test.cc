#include "server/storage/tsdb/chunkenc/xor_chunk.h"

#include <bit>
#include <cstring>
#include <random>

#include "tests/catch.h"

namespace narthex::tsdb {
namespace {

struct Sample {
  int64_t t;
  uint64_t bits;
};

std::string Encode(const std::vector<Sample>& samples) {
  XorChunk chunk;
  for (const Sample& s : samples) chunk.Append(s.t, s.bits);
  return chunk.bytes();
}

// Whole chunks are decoded by other code than the iterator.
void CheckDecode(std::string_view bytes, int64_t mint, int64_t maxt) {
  storage::SampleColumns expected, decoded;
  XorIterator it(bytes);
  while (it.Next()) {
    if (it.time() < mint) continue;
    if (it.time() > maxt) break;
    expected.timestamps.push_back(it.time());
    expected.values.push_back(std::bit_cast<double>(it.bits()));
  }
  REQUIRE(DecodeXorChunk(bytes, mint, maxt, &decoded).ok() == it.status().ok());
  REQUIRE(decoded.timestamps == expected.timestamps);
  REQUIRE(decoded.values.size() == expected.values.size());
  if (expected.values.empty()) return;
  REQUIRE(std::memcmp(decoded.values.data(), expected.values.data(),
                      expected.values.size() * sizeof(double)) == 0);
}

void CheckRoundTrip(const std::vector<Sample>& samples) {
  const std::string bytes = Encode(samples);
  XorIterator it(bytes);
  size_t n = 0;
  while (it.Next()) {
    if (it.time() != samples[n].t || it.bits() != samples[n].bits)
      FAIL("sample " << n << " differs");
    ++n;
  }
  REQUIRE(it.status().ok());
  REQUIRE(n == samples.size());
  CheckDecode(bytes, INT64_MIN, INT64_MAX);
  CheckDecode(bytes, samples[n / 3].t, samples[n / 2].t);
  CheckDecode(bytes, samples[n / 2].t, INT64_MAX);
  // Every prefix is recognised as cut short.
  for (size_t cut = 0; cut < bytes.size(); cut += 1 + bytes.size() / 50) {
    XorIterator part(std::string_view(bytes).substr(0, cut));
    size_t m = 0;
    while (part.Next()) ++m;
    REQUIRE(m < samples.size());
    if (cut >= 2) REQUIRE_FALSE(part.status().ok());
    CheckDecode(std::string_view(bytes).substr(0, cut), INT64_MIN, INT64_MAX);
  }
}

TEST_CASE("XOR chunks round-trip anything") {
  std::mt19937_64 random(11);
  const int64_t steps[] = {0,
                           1,
                           15000,
                           15001,
                           14999,
                           -5,
                           int64_t{1} << 13,
                           (int64_t{1} << 13) + 1,
                           int64_t{1} << 16,
                           (int64_t{1} << 19) + 1,
                           -(int64_t{1} << 19),
                           int64_t{1} << 40};
  for (int round = 0; round < 400; ++round) {
    std::vector<Sample> samples;
    int64_t t =
        static_cast<int64_t>(random() % 1000) - 500 + (round % 3 == 0 ? 1'700'000'000'000 : 0);
    uint64_t bits = random();
    const size_t n = random() % 300 + 1;
    for (size_t i = 0; i < n; ++i) {
      samples.push_back({t, bits});
      t += steps[random() % std::size(steps)];
      if (round % 4 == 0) t = static_cast<int64_t>(random());
      switch (random() % 4) {
        case 0: bits = random(); break;
        case 1: bits ^= uint64_t{1} << (random() % 64); break;
        case 2: bits = std::bit_cast<uint64_t>(static_cast<double>(random() % 100)); break;
        default: break;
      }
    }
    CheckRoundTrip(samples);
  }
}

// Times of the chunks before are remembered: chunks that begin alike and go on otherwise, and come
// in any order, must not take one another's.
TEST_CASE("chunks that share some of their times keep their own") {
  std::mt19937_64 random(12);
  const int64_t gaps[] = {15000, 15000, 15000, 15001, 60000, int64_t{1} << 40};
  std::vector<std::string> chunks;
  std::vector<Sample> samples;
  for (int k = 0; k < 200; ++k) {
    // A part of the chunk before, and as many others as there are.
    samples.resize(samples.empty() ? 0 : random() % samples.size());
    if (samples.size() < 2) samples = {{1000, 1}, {16000, 2}};
    const size_t n = random() % (2 * kSamplesPerChunk) + 3;
    while (samples.size() < n) {
      samples.push_back({samples.back().t + gaps[random() % std::size(gaps)], random() % 3});
    }
    chunks.push_back(Encode(samples));
  }
  for (int k = 0; k < 1000; ++k) {
    CheckDecode(chunks[random() % chunks.size()], INT64_MIN, INT64_MAX);
  }
}

TEST_CASE("chunks in which nothing changes, whole and cut short") {
  const int64_t starts[] = {0, -1'000'000, 1'700'000'000'000, INT64_MAX - 100'000, INT64_MIN};
  const int64_t intervals[] = {0, 1, 15'000, int64_t{1} << 33, -1};
  for (size_t n = 1; n < 150; ++n) {
    std::vector<Sample> samples;
    int64_t t = starts[n % std::size(starts)];
    for (size_t i = 0; i < n; ++i) {
      samples.push_back({t, 42});
      t = static_cast<int64_t>(static_cast<uint64_t>(t) +
                               static_cast<uint64_t>(intervals[n % std::size(intervals)]));
    }
    const std::string bytes = Encode(samples);
    for (size_t size = 0; size <= bytes.size(); ++size) {
      CheckDecode(std::string_view(bytes).substr(0, size), INT64_MIN, INT64_MAX);
      CheckDecode(std::string_view(bytes).substr(0, size), samples[n / 3].t, samples[n / 2].t);
    }
    // Only the last bit tells a change.
    std::string changed = bytes;
    changed.back() = static_cast<char>(changed.back() | 1);
    CheckDecode(changed, INT64_MIN, INT64_MAX);
  }
}

TEST_CASE("a chunk whose second sample is earlier than the first") {
  const std::string bytes = Encode({{100, 1}, {50, 2}, {60, 3}, {70, 4}});
  CheckDecode(bytes, INT64_MIN, INT64_MAX);
  CheckDecode(bytes, 55, 65);
  CheckDecode(bytes, 55, 200);
}

TEST_CASE("XOR chunk bit layout") {
  // 2 bytes count, zigzag varint of the first time, 64 bits of value, uvarint delta, "0" for an
  // equal value, then "0" delta of delta and "0" again.
  const uint64_t one = std::bit_cast<uint64_t>(1.0);
  const std::string bytes = Encode({{1, one}, {11, one}, {21, one}});
  CHECK(bytes == std::string("\x00\x03\x02\x3f\xf0\x00\x00\x00\x00\x00\x00\x0a\x00", 13));
  // A changed value: 11, five bits of leading zeros, six bits of significant ones, those.
  const uint64_t two = std::bit_cast<uint64_t>(2.0);
  const std::string changed = Encode({{1, one}, {11, two}});
  // 0x3ff0… xor 0x4000… = 0x7ff0…: 11 00001 001011 11111111111.
  CHECK(changed == std::string("\x00\x02\x02\x3f\xf0\x00\x00\x00\x00\x00\x00\x0a\xc2\x5f\xff", 15));
}

TEST_CASE("Random bytes never hurt the chunk decoder") {
  std::mt19937_64 random(13);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes(random() % 64, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    XorIterator it(bytes);
    size_t n = 0;
    while (it.Next()) ++n;
    REQUIRE(n <= 65535);
    CheckDecode(bytes, INT64_MIN, INT64_MAX);
    CheckDecode(bytes, -1000, 1'000'000);
  }
}

}  // namespace
}  // namespace narthex::tsdb
