#include "server/storage/tsdb/delay_file.h"

#include "core/base/file.h"
#include "core/json/reader.h"
#include "core/log/log.h"

namespace narthex::tsdb {
namespace {
constexpr int64_t kReadEveryMs = 60'000;
constexpr size_t kMaxBytes = 64 << 20;
}  // namespace

void DelayFile::Read() {
  const int64_t now = clock_.NowMs();
  // A clock that went back makes it due again.
  if (read_at_ms_ <= now && now - kReadEveryMs < read_at_ms_) return;
  read_at_ms_ = now;
  uploaded_.clear();
  const auto text = ReadFile(path_, kMaxBytes);
  if (!text.ok()) {
    NX_LOG(Warn, "The list of uploaded blocks cannot be read; new blocks are not compacted",
           {"file", path_}, {"err", text.status()});
    return;
  }
  const auto json = ParseJson(*text);
  if (!json.ok()) {
    NX_LOG(Warn, "The list of uploaded blocks is no JSON; new blocks are not compacted",
           {"file", path_}, {"err", json.status()});
    return;
  }
  const JsonValue& list = (*json)["uploaded"];
  if (!list.is_array()) return;
  for (const JsonValue& id : list.items()) {
    if (id.is_string()) uploaded_.insert(id.AsString());
  }
}

bool DelayFile::HoldsBack(const BlockMeta& block) {
  if (path_.empty() || block.compaction.level > 1) return false;
  Read();
  return !uploaded_.contains(block.ulid.ToString());
}

}  // namespace narthex::tsdb
