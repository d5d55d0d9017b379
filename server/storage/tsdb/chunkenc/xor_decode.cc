// Whole XOR chunks into columns: the innermost loop of every query.
//
// Reading bit by bit, or rather branch by branch, waits for two things: for where the sample before
// ended, and for branches that no processor foresees. So:
//  - Series of one target are sampled at the same times. The codes of the times of the last chunks
//    are kept; that a chunk has the same ones is one comparison a sample that nearly always holds.
//  - A chunk in which nothing changes is known by its size and its zeroes.
// The three codes of a value are told apart by branches: a chunk takes longer without any.

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>

#include "core/base/bytes.h"
#include "core/base/vectorized.h"
#include "server/storage/tsdb/chunkenc/xor_chunk.h"

namespace narthex::tsdb {
namespace {

#define NX_ALWAYS_INLINE inline __attribute__((always_inline))

Status DecodeSlowly(std::string_view chunk, int64_t mint, int64_t maxt,
                    storage::SampleColumns* out) {
  XorIterator it(chunk);
  while (it.Next()) {
    if (it.time() < mint) continue;
    if (it.time() > maxt) break;
    out->timestamps.push_back(it.time());
    out->values.push_back(std::bit_cast<double>(it.bits()));
  }
  return it.status();
}

// The times of a chunk and how they were written.
struct Track {
  // At the top the code of a difference of differences, below it its length. From the third
  // sample on.
  uint32_t codes[kSamplesPerChunk];
  int64_t times[kSamplesPerChunk];
  uint32_t known = 0;  // samples

  void Start(int64_t first, int64_t second) {
    if (known >= 2 && times[0] == first && times[1] == second) return;
    times[0] = first;
    times[1] = second;
    known = 2;
  }
  void Note(size_t i, uint64_t word, uint64_t used, int64_t time) {
    if (i != known || i >= kSamplesPerChunk || time < times[i - 1]) return;
    codes[i] = static_cast<uint32_t>(word >> 40 << 8 | used);
    times[i] = time;
    known = static_cast<uint32_t>(i + 1);
  }
};

// Those of the chunks that this thread read last: as many as a series has in a day or so. Four
// share a place, as chunks that begin at regular intervals may well meet at few of them.
class Tracks {
 public:
  Track& For(int64_t first_time) {
    const uint64_t set = static_cast<uint64_t>(first_time) * 0x9e3779b97f4a7c15 >> (64 - kSetBits);
    for (size_t way = 0; way < kWays; ++way) {
      Track& track = tracks_[set * kWays + way];
      if (track.known >= 2 && track.times[0] == first_time) return track;
    }
    return tracks_[set * kWays + next_++ % kWays];
  }

 private:
  static constexpr int kSetBits = 4;
  static constexpr size_t kWays = 4;
  Track tracks_[kWays << kSetBits];
  uint32_t next_ = 0;
};

Tracks& ThreadTracks() {
  thread_local const auto tracks = std::make_unique_for_overwrite<Tracks>();
  return *tracks;
}

// A copy of a chunk with zeroes behind it, so that nine bytes can be loaded anywhere. A sample
// that begins in the chunk ends at most 19 bytes behind it; of zeroes a sample takes two bits, and
// a chunk of known times has at most kSamplesPerChunk of them.
struct PaddedChunk {
  static constexpr size_t kLargest = 4096;
  static constexpr size_t kPadding = 20 + kSamplesPerChunk / 4 + 14;

  explicit PaddedChunk(std::string_view data) {
    std::memcpy(bytes, data.data(), data.size());
    std::memset(bytes + data.size(), 0, kPadding);
  }
  uint8_t bytes[kLargest + kPadding];
};

NX_ALWAYS_INLINE uint64_t LoadBig(const uint8_t* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return __builtin_bswap64(word);
}

// At least the next 57 bits, from the highest bit down.
NX_ALWAYS_INLINE uint64_t Peek(const uint8_t* bytes, size_t at) {
  return LoadBig(bytes + at / 8) << (at % 8);
}
// The next 64.
NX_ALWAYS_INLINE uint64_t PeekAll(const uint8_t* bytes, size_t at) {
  return Peek(bytes, at) | uint64_t{bytes[at / 8 + 8]} >> (8 - at % 8);
}

// Where a chunk is read, and what the next value is made from.
struct Cursor {
  size_t at = 0;
  uint64_t bits = 0;
  uint64_t significant = 64;
  uint64_t trailing = 0;   // zeroes behind the significant bits
  uint64_t malformed = 0;  // its highest bit is set by a code that claims more than 64 bits
};

// Reads a value whose code begins `used` bits behind c->at; these are at the top of `word`.
NX_ALWAYS_INLINE void NextValue(const uint8_t* bytes, uint64_t word, uint64_t used, Cursor* c) {
  // 0: the same value; 10: bits where they were before; 11: how many and where, and the bits.
  if (word >> 63 == 0) {
    c->at += used + 1;
    return;
  }
  uint64_t at = c->at + used + 2;
  if (word >> 62 == 3) {
    c->significant = (((word >> 51) - 1) & 63) + 1;
    c->trailing = 64 - (word >> 57 & 31) - c->significant;
    c->malformed |= c->trailing;
    at += 11;
  }
  c->bits ^= PeekAll(bytes, at) >> (64 - c->significant) << (c->trailing & 63);
  c->at = at + c->significant;
}

// Reads the values of as many samples as are known from `i` on and written with the same times.
// Returns the next sample.
NX_VECTORIZED size_t FollowTrack(const uint8_t* bytes, const uint32_t* codes, size_t i,
                                 size_t known, Cursor* cursor, uint64_t* values) {
  Cursor c = *cursor;
  for (; i < known; ++i) {
    const uint64_t word = Peek(bytes, c.at);
    const uint32_t code = codes[i];
    const uint32_t used = code & 0xff;
    if (((static_cast<uint32_t>(word >> 32) ^ code) >> (32 - used)) != 0) break;
    NextValue(bytes, word << used, used, &c);
    values[i] = c.bits;
  }
  *cursor = c;
  return i;
}

// The rest of a difference of differences that begins with `ones` ones, 1 to 3.
uint64_t DeltaOfDelta(uint64_t word, unsigned ones, unsigned size) {
  uint64_t bits = word << (ones + 1) >> (64 - size);
  if (bits > uint64_t{1} << (size - 1)) bits -= uint64_t{1} << size;
  return bits;
}

// Reads the samples from `i` on, behind two or more, and notes what their times are.
bool DecodeSamples(const PaddedChunk& chunk, size_t end, size_t i, size_t total, Cursor* c,
                   Track* track, int64_t* times, uint64_t* values) {
  auto time = static_cast<uint64_t>(times[i - 1]);
  uint64_t delta = time - static_cast<uint64_t>(times[i - 2]);
  for (; i < total && c->at <= end; ++i) {
    uint64_t word = Peek(chunk.bytes, c->at);
    uint64_t used = 1;
    const auto ones = static_cast<unsigned>(std::countl_one(word));
    if (ones >= 4) {
      delta += PeekAll(chunk.bytes, c->at + 4);
      c->at += 68;
      if (c->at > end) return false;
      word = Peek(chunk.bytes, c->at);
      used = 0;
    } else if (ones > 0) {
      const unsigned size = ones == 1 ? 14 : ones == 2 ? 17 : 20;
      delta += DeltaOfDelta(word, ones, size);
      used = ones + 1 + size;
    }
    time += delta;
    times[i] = static_cast<int64_t>(time);
    if (used != 0) track->Note(i, word, used, times[i]);
    NextValue(chunk.bytes, word << used, used, c);
    values[i] = c->bits;
  }
  return i == total;
}

// A chunk up to its second value, which all lies on whole bytes.
struct Head {
  size_t total = 0;
  int64_t times[2] = {};
  uint64_t bits = 0;
  size_t bytes = 0;

  bool Read(std::string_view chunk) {
    ByteReader in(chunk);
    total = in.Be16();
    times[0] = in.Varint();
    bits = in.Be64();
    times[1] = static_cast<int64_t>(static_cast<uint64_t>(times[0]) + in.Uvarint());
    bytes = chunk.size() - in.remaining();
    return in.ok() && total > 2 && times[0] <= times[1];
  }
};

// May it be that nothing changes? Then the second value takes a bit, and samples behind it two.
bool MayBeConstant(std::string_view chunk, const Head& head) {
  return chunk.size() - head.bytes == (1 + 2 * (head.total - 2) + 7) / 8;
}

// Fills in the samples when all behind the head is zeroes: the same value at equal intervals.
NX_VECTORIZED bool DecodeConstant(std::string_view chunk, const Head& head, int64_t* times,
                                  uint64_t* values) {
  const uint64_t interval =
      static_cast<uint64_t>(head.times[1]) - static_cast<uint64_t>(head.times[0]);
  const bool may_overflow = interval > UINT32_MAX || head.times[0] > INT64_MAX / 2;
  if (may_overflow || chunk.find_first_not_of('\0', head.bytes) != chunk.npos) return false;
  for (size_t i = 0; i < head.total; ++i) {
    times[i] = head.times[0] + static_cast<int64_t>(i * interval);
  }
  std::fill_n(values, head.total, head.bits);
  return true;
}

// All samples of a chunk; false when it is not sound or its times do not ascend.
bool DecodeAll(std::string_view data, const Head& head, int64_t* times, uint64_t* values) {
  const PaddedChunk chunk(data);
  const size_t end = data.size() * 8;
  Cursor c;
  c.at = head.bytes * 8;
  c.bits = values[0] = head.bits;
  NextValue(chunk.bytes, Peek(chunk.bytes, c.at), 0, &c);
  values[1] = c.bits;
  Track& track = ThreadTracks().For(head.times[0]);
  track.Start(head.times[0], head.times[1]);
  const size_t known = std::min<size_t>(head.total, track.known);
  const size_t i = FollowTrack(chunk.bytes, track.codes, 2, known, &c, values);
  std::memcpy(times, track.times, i * sizeof *times);
  if (i < known) track.known = static_cast<uint32_t>(i);  // other times from here on
  if (!DecodeSamples(chunk, end, i, head.total, &c, &track, times, values)) return false;
  // The samples of a track ascend.
  return c.at <= end && c.malformed >> 63 == 0 && std::is_sorted(times + i - 1, times + head.total);
}

}  // namespace

// What is unusual in any way is left to the iterator.
Status DecodeXorChunk(std::string_view chunk, int64_t mint, int64_t maxt,
                      storage::SampleColumns* out) {
  Head head;
  if (chunk.size() > PaddedChunk::kLargest || !head.Read(chunk)) {
    return DecodeSlowly(chunk, mint, maxt, out);
  }
  const size_t before = out->timestamps.size();
  out->timestamps.resize(before + head.total);
  out->values.resize(before + head.total);
  int64_t* const times = out->timestamps.data() + before;
  double* const values = out->values.data() + before;
  const auto bits = reinterpret_cast<uint64_t*>(values);
  const bool constant = MayBeConstant(chunk, head) && DecodeConstant(chunk, head, times, bits);
  if (!constant && !DecodeAll(chunk, head, times, bits)) {
    out->timestamps.resize(before);
    out->values.resize(before);
    return DecodeSlowly(chunk, mint, maxt, out);
  }
  int64_t* const end = times + head.total;
  if (times[0] >= mint && end[-1] <= maxt) return OkStatus();
  const auto first = static_cast<size_t>(std::lower_bound(times, end, mint) - times);
  const auto last = static_cast<size_t>(std::upper_bound(times, end, maxt) - times);
  const size_t kept = last > first ? last - first : 0;
  if (first > 0) {
    std::memmove(times, times + first, kept * sizeof *times);
    std::memmove(values, values + first, kept * sizeof *values);
  }
  out->timestamps.resize(before + kept);
  out->values.resize(before + kept);
  return OkStatus();
}

}  // namespace narthex::tsdb
