#include "server/storage/tsdb/promwal/log_reader.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>

#include "core/base/bytes.h"
#include "core/base/crc32c.h"
#include "core/base/file.h"
#include "core/base/mapped_file.h"
#include "core/compress/snappy.h"
#include "core/compress/zstd.h"

namespace narthex::tsdb::promwal {
namespace {

enum Fragment : uint8_t { kPadding = 0, kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };
constexpr uint8_t kTypeMask = 0x07;
constexpr uint8_t kSnappyBit = 0x08;
constexpr uint8_t kZstdBit = 0x10;

std::optional<uint32_t> NumberIn(std::string_view name) {
  uint32_t n = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), n);
  if (name.empty() || error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return n;
}

// Puts fragments together.
class Assembler {
 public:
  Assembler(const OnRecord& record, LogScan* scan) : record_(record), scan_(*scan) {}

  // False when the fragment does not belong here.
  bool Add(uint8_t header, std::string_view data) {
    const uint8_t type = header & kTypeMask;
    const bool begins = type == kFull || type == kFirst;
    if (lost_ && !begins) return true;  // the rest of a record whose beginning is gone
    lost_ = false;
    if (begins == open_ || type > kLast || (header & ~(kTypeMask | kSnappyBit | kZstdBit)) != 0) {
      return false;
    }
    if (begins) {
      parts_.clear();
      compression_ = header & (kSnappyBit | kZstdBit);
    } else if ((header & (kSnappyBit | kZstdBit)) != compression_) {
      return false;
    }
    if (type == kFull) return Finish(data);
    if (parts_.size() + data.size() > kMaxRecord) return false;
    parts_.append(data);
    open_ = type != kLast;
    return open_ || Finish(parts_);
  }
  bool open() const { return open_; }
  void Drop() {
    open_ = false;
    lost_ = true;
  }

 private:
  bool Finish(std::string_view data) {
    if (compression_ == 0) return Emit(data);
    const Status status = compression_ == kSnappyBit ? SnappyDecompress(data, kMaxRecord, &plain_)
                          : compression_ == kZstdBit ? ZstdDecompress(data, kMaxRecord, &plain_)
                                                     : InvalidArgument("two compressions");
    return status.ok() && Emit(plain_);
  }
  bool Emit(std::string_view record) {
    ++scan_.records;
    record_(record);
    return true;
  }

  const OnRecord& record_;
  LogScan& scan_;
  bool open_ = false;  // a first fragment was read, its last one not
  bool lost_ = false;  // bytes are missing before this place
  uint8_t compression_ = 0;
  std::string parts_, plain_;
};

bool IsZero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
}

// The fragments of one page; false on damage.
bool ScanPage(std::string_view page, Assembler* records) {
  while (!page.empty()) {
    if ((static_cast<uint8_t>(page.front()) & kTypeMask) == kPadding) return IsZero(page);
    ByteReader in(page);
    const uint8_t header = in.U8();
    const uint16_t length = in.Be16();
    const uint32_t crc = in.Be32();
    const std::string_view data = in.Bytes(length);
    if (!in.ok() || Crc32c(data) != crc || !records->Add(header, data)) return false;
    page = in.rest();
  }
  return true;
}

}  // namespace

void ScanSegment(std::string_view segment, const OnRecord& record, LogScan* scan) {
  scan->bytes += segment.size();
  Assembler records(record, scan);
  for (size_t at = 0; at < segment.size(); at += kPageSize) {
    std::string_view page = segment.substr(at, kPageSize);
    if (ScanPage(page, &records)) continue;
    ++scan->damaged;
    records.Drop();
  }
  // A record never crosses into the next segment.
  if (records.open()) ++scan->damaged;
}

StatusOr<LogFiles> FindLog(const std::string& dir) {
  LogFiles files;
  const auto names = ListDirectory(dir);
  if (!names.ok()) {
    if (names.status().code() == StatusCode::kNotFound) return files;
    return names.status();
  }
  constexpr std::string_view kCheckpoint = "checkpoint.";
  std::optional<uint32_t> checkpoint;
  std::vector<std::pair<uint32_t, std::string>> segments;
  for (const std::string& name : *names) {
    const std::string path = JoinPath(dir, name);
    if (name.starts_with(kCheckpoint)) {
      const auto number = NumberIn(std::string_view(name).substr(kCheckpoint.size()));
      if (!number.has_value() || (checkpoint.has_value() && *number < *checkpoint)) continue;
      checkpoint = number;
      files.checkpoint = path;
    } else if (const auto number = NumberIn(name)) {
      segments.emplace_back(*number, path);
    }
  }
  std::sort(segments.begin(), segments.end());
  for (auto& [number, path] : segments) {
    if (checkpoint.has_value() && number <= *checkpoint) continue;
    files.segments.push_back(std::move(path));
    files.last_segment = number;
  }
  return files;
}

Status ScanLog(const LogFiles& files, const OnRecord& record, LogScan* scan) {
  std::vector<std::string> paths;
  if (!files.checkpoint.empty()) {
    NX_ASSIGN_OR_RETURN(const LogFiles inner, FindLog(files.checkpoint));
    paths = inner.segments;
  }
  paths.insert(paths.end(), files.segments.begin(), files.segments.end());
  for (const std::string& path : paths) {
    NX_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::OpenSequential(path));
    ScanSegment(file.data(), record, scan);
  }
  return OkStatus();
}

}  // namespace narthex::tsdb::promwal
