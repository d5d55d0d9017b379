// Bytes from disk never hurt: log segments (framing and every record), chunks, rows. The first byte
// chooses.

#include <cstdlib>
#include <filesystem>

#include "core/log/log.h"
#include "server/storage/tsdb/chunkenc/xor_chunk.h"
#include "server/storage/tsdb/head/replay.h"
#include "server/storage/tsdb/series/id_set.h"
#include "server/storage/tsdb/series/postings.h"
#include "server/storage/tsdb/wal/row_codec.h"

namespace narthex::tsdb {
namespace {

const std::string& Directory() {
  static const std::string path = [] {
    SetLogLevel(LogLevel::kError);
    std::string pattern = (std::filesystem::temp_directory_path() / "tsdb-fuzz-XXXXXX").string();
    return std::string(::mkdtemp(pattern.data()));
  }();
  return path;
}

// Records as a segment has them, without the checksums that no fuzzer guesses.
void Records(ByteReader in) {
  Options options;
  options.dir = Directory();
  Head head(options);
  Replay replay(&head, options.dir + "/head");
  MutexLock lock(head.core().structure_mutex);
  while (in.ok() && !in.empty()) {
    const auto type = static_cast<RecordType>(in.U8());
    replay.Apply(type, in.UvarintString());
  }
}

void Sets(ByteReader in) {
  IdSet set;
  Postings postings;
  while (in.ok() && !in.empty()) {
    const uint32_t id = in.Le16() * 7u;
    if (set.Add(id) == (postings.size() == set.size())) std::abort();
    postings.Add(id);
    if (!set.Contains(id) || !postings.Contains(id) || postings.size() != set.size()) std::abort();
  }
  if (!(postings.ToSet() == set)) std::abort();
  if (!IdSet::AndNot(set, set).empty() || !(IdSet::And(set, set) == set)) std::abort();
}

}  // namespace
}  // namespace narthex::tsdb

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace narthex;
  using namespace narthex::tsdb;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0: ScanSegment(bytes, 1, [](RecordType, std::string_view) {}, [] {}); break;
    case 1: {
      storage::SampleColumns out;
      (void)DecodeXorChunk(bytes, INT64_MIN, INT64_MAX, &out);
      break;
    }
    case 2: {
      RowReader row(data[0] & 0x80, bytes);
      for (uint32_t i = 0; i < std::min(row.head().members, 4096u); ++i) (void)row.Next(i);
      break;
    }
    case 3: Records(ByteReader(bytes)); break;
    default: Sets(ByteReader(bytes)); break;
  }
  return 0;
}
