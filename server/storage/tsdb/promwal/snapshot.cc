#include "server/storage/tsdb/promwal/snapshot.h"

#include "core/base/bytes.h"
#include "core/base/file.h"
#include "core/strings/numbers.h"
#include "server/storage/tsdb/promwal/log_reader.h"
#include "server/storage/tsdb/promwal/records.h"

namespace narthex::tsdb::promwal {
namespace {

constexpr std::string_view kPrefix = "chunk_snapshot.";
constexpr uint8_t kSeriesRecord = 1;

// False when it is something else, or damaged.
bool Decode(std::string_view record, SnapshotSeries* out) {
  ByteReader in(record);
  if (in.U8() != kSeriesRecord) return false;
  out->ref = in.Be64();
  if (!DecodeRecordLabels(&in, &out->labels)) return false;
  in.Be64();
  out->has_chunk = in.Uvarint() != 0;
  out->chunk = {};
  if (!out->has_chunk) return in.ok();
  out->chunk.ref = out->ref;
  out->chunk.mint = static_cast<int64_t>(in.Be64());
  out->chunk.maxt = static_cast<int64_t>(in.Be64());
  out->chunk.encoding = static_cast<Encoding>(in.U8());
  out->chunk.data = in.UvarintString();
  return in.ok() && out->chunk.mint <= out->chunk.maxt;
}

}  // namespace

std::string FindSnapshot(const std::string& data_dir) {
  const auto names = ListDirectory(data_dir);
  if (!names.ok()) return "";
  std::string newest;
  std::pair<uint64_t, uint64_t> place;  // segment and offset of the log
  for (const std::string& name : *names) {
    if (!name.starts_with(kPrefix)) continue;
    const std::string_view numbers = std::string_view(name).substr(kPrefix.size());
    const size_t dot = numbers.find('.');
    if (dot == std::string_view::npos) continue;
    const auto segment = ParseUint(numbers.substr(0, dot));
    const auto offset = ParseUint(numbers.substr(dot + 1));
    if (!segment || !offset) continue;  // an unfinished one
    if (!newest.empty() && std::pair(*segment, *offset) < place) continue;
    place = {*segment, *offset};
    newest = JoinPath(data_dir, name);
  }
  return newest;
}

Status ForEachSnapshotSeries(const std::string& snapshot_dir,
                             const std::function<void(const SnapshotSeries&)>& found) {
  NX_ASSIGN_OR_RETURN(const LogFiles files, FindLog(snapshot_dir));
  LogScan scan;
  SnapshotSeries series;
  return ScanLog(
      files,
      [&](std::string_view record) {
        if (Decode(record, &series)) found(series);
      },
      &scan);
}

}  // namespace narthex::tsdb::promwal
