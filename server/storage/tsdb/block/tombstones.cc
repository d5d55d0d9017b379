#include "server/storage/tsdb/block/tombstones.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/crc32c.h"
#include "core/base/file.h"

namespace narthex::tsdb {
namespace {

constexpr uint32_t kMagic = 0x0130BA30;
constexpr uint8_t kVersion = 1;
constexpr size_t kHeaderBytes = 5;
constexpr size_t kMaxFileBytes = size_t{4} << 30;

// Is there a millisecond between the end of `a` and the start of `b`?
bool Apart(const Interval& a, const Interval& b) {
  return a.maxt != INT64_MAX && a.maxt + 1 < b.mint;
}

}  // namespace

void AddInterval(Interval interval, std::vector<Interval>* intervals) {
  if (interval.mint > interval.maxt) return;
  const auto first =
      std::partition_point(intervals->begin(), intervals->end(),
                           [&](const Interval& known) { return Apart(known, interval); });
  auto last = first;
  for (; last != intervals->end() && !Apart(interval, *last); ++last) {
    interval.mint = std::min(interval.mint, last->mint);
    interval.maxt = std::max(interval.maxt, last->maxt);
  }
  if (first == last) {
    intervals->insert(first, interval);
    return;
  }
  *first = interval;
  intervals->erase(first + 1, last);
}

bool IsCovered(std::span<const Interval> intervals, int64_t mint, int64_t maxt) {
  return std::any_of(intervals.begin(), intervals.end(),
                     [&](const Interval& i) { return i.mint <= mint && maxt <= i.maxt; });
}

bool Overlaps(std::span<const Interval> intervals, int64_t mint, int64_t maxt) {
  return std::any_of(intervals.begin(), intervals.end(),
                     [&](const Interval& i) { return i.mint <= maxt && mint <= i.maxt; });
}

std::vector<Interval> Subtract(std::span<const Interval> intervals, int64_t mint, int64_t maxt) {
  std::vector<Interval> rest;
  for (const Interval& deleted : intervals) {
    if (mint > maxt || deleted.mint > maxt) break;
    if (deleted.maxt < mint) continue;
    if (deleted.mint > mint) rest.push_back({mint, deleted.mint - 1});
    if (deleted.maxt == INT64_MAX) return rest;
    mint = deleted.maxt + 1;
  }
  if (mint <= maxt) rest.push_back({mint, maxt});
  return rest;
}

void Tombstones::Add(uint64_t series, Interval interval) {
  if (interval.mint <= interval.maxt) AddInterval(interval, &by_series_[series]);
}

void Tombstones::Add(uint64_t series, std::span<const Interval> intervals) {
  for (const Interval& interval : intervals) Add(series, interval);
}

std::span<const Interval> Tombstones::Get(uint64_t series) const {
  const auto found = by_series_.find(series);
  if (found == by_series_.end()) return {};
  return found->second;
}

uint64_t Tombstones::intervals() const {
  uint64_t n = 0;
  for (const auto& [series, list] : by_series_) n += list.size();
  return n;
}

std::string Tombstones::Encode() const {
  std::string out;
  ByteWriter writer(&out);
  writer.Be32(kMagic);
  writer.U8(kVersion);
  for (const auto& [series, list] : by_series_) {
    for (const Interval& interval : list) {
      writer.Uvarint(series);
      writer.Varint(interval.mint);
      writer.Varint(interval.maxt);
    }
  }
  writer.Be32(Crc32c(std::string_view(out).substr(kHeaderBytes)));
  return out;
}

StatusOr<Tombstones> Tombstones::Decode(std::string_view file) {
  if (file.size() < kHeaderBytes + 4) return DataLoss("invalid size");
  ByteReader header(file);
  if (const uint32_t magic = header.Be32(); magic != kMagic) {
    return DataLoss("invalid magic number {:x}", magic);
  }
  if (const uint8_t version = header.U8(); version != kVersion) {
    return DataLoss("invalid tombstone format {}", version);
  }
  const std::string_view stones = file.substr(kHeaderBytes, file.size() - kHeaderBytes - 4);
  if (ByteReader(file.substr(file.size() - 4)).Be32() != Crc32c(stones)) {
    return DataLoss("checksum did not match");
  }
  Tombstones out;
  ByteReader reader(stones);
  while (!reader.empty()) {
    const uint64_t series = reader.Uvarint();
    Interval interval;
    interval.mint = reader.Varint();
    interval.maxt = reader.Varint();
    if (!reader.ok()) return DataLoss("a tombstone is cut off");
    out.Add(series, interval);
  }
  return out;
}

StatusOr<Tombstones> ReadTombstones(const std::string& block_dir) {
  const std::string path = JoinPath(block_dir, kTombstonesFile);
  if (!FileExists(path)) return Tombstones();
  NX_ASSIGN_OR_RETURN(const std::string file, ReadFile(path, kMaxFileBytes));
  StatusOr<Tombstones> tombstones = Tombstones::Decode(file);
  if (!tombstones.ok()) return Annotate(tombstones.status(), path);
  return tombstones;
}

Status WriteTombstones(const std::string& block_dir, const Tombstones& tombstones) {
  return WriteFileAtomically(JoinPath(block_dir, kTombstonesFile), tombstones.Encode());
}

}  // namespace narthex::tsdb
