#include "server/cmd/promtool/tsdb_list.h"

#include <algorithm>
#include <ctime>
#include <vector>

#include "core/strings/duration.h"
#include "server/cmd/promtool/output.h"

namespace narthex::promtool {
namespace {

constexpr size_t kMinColumn = 13;
constexpr size_t kColumnGap = 2;
constexpr int64_t kNanosPerMs = 1'000'000;

std::string TimeText(int64_t ms, bool human_readable) {
  if (!human_readable) return fmt::to_string(ms);
  const std::time_t seconds = ms / 1000;
  std::tm utc;
  if (::gmtime_r(&seconds, &utc) == nullptr) return fmt::to_string(ms);
  char text[64];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S +0000 UTC", &utc)};
}

std::vector<std::string> RowOf(const tsdb::Block& block, bool human_readable) {
  const tsdb::BlockMeta meta = block.meta();
  const auto bytes = static_cast<int64_t>(block.bytes());
  return {meta.ulid.ToString(),
          TimeText(meta.min_time, human_readable),
          TimeText(meta.max_time, human_readable),
          FormatGoDuration((meta.max_time - meta.min_time) * kNanosPerMs),
          fmt::to_string(meta.stats.samples),
          fmt::to_string(meta.stats.chunks),
          fmt::to_string(meta.stats.series),
          human_readable ? FormatSize(bytes) : fmt::to_string(bytes)};
}

}  // namespace

std::string BlockTable(std::span<const BlockPtr> blocks, bool with_header, bool human_readable) {
  std::vector<std::vector<std::string>> rows;
  if (with_header) {
    rows.push_back({"BLOCK ULID", "MIN TIME", "MAX TIME", "DURATION", "NUM SAMPLES", "NUM CHUNKS",
                    "NUM SERIES", "SIZE"});
  }
  for (const BlockPtr& block : blocks) rows.push_back(RowOf(*block, human_readable));
  if (rows.empty()) return "";
  std::vector<size_t> widths(rows[0].size(), kMinColumn);
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size() + kColumnGap);
    }
  }
  std::string out;
  for (const auto& row : rows) {
    for (size_t i = 0; i + 1 < row.size(); ++i) out += fmt::format("{:<{}}", row[i], widths[i]);
    out += row.back() + "\n";
  }
  return out;
}

int ListBlocks(const std::string& dir, bool human_readable) {
  const auto blocks = OpenBlocks(dir);
  if (!blocks.ok()) return Fail(blocks.status());
  Output().Write(BlockTable(*blocks, true, human_readable));
  return kOk;
}

}  // namespace narthex::promtool
