#include "kube_state_metrics/families/page.h"

namespace narthex::ksm {
namespace {

constexpr size_t kChunk = 64 << 10;

}  // namespace

bool WriteResource(const FamilySet& families, std::span<const Store* const> stores,
                   bool open_metrics, const ChunkWriter& write, StringSet* shown) {
  std::vector<RecordRef> records;
  for (const Store* store : stores) store->Snapshot(&records);
  if (records.empty()) return true;
  std::vector<RecordCursor> cursors;
  cursors.reserve(records.size());
  for (const RecordRef& record : records) cursors.emplace_back(*record);

  std::string chunk;
  chunk.reserve(kChunk + (8 << 10));
  for (size_t i = 0; i < families.size(); ++i) {
    if (shown == nullptr || shown->insert(families[i].name).second) {
      chunk.append(families.Header(i, open_metrics));
    }
    for (RecordCursor& cursor : cursors) {
      if (cursor.family() != static_cast<int>(i)) continue;
      cursor.AppendFamily(families[i], families.dictionaries(i), &chunk);
      if (chunk.size() < kChunk) continue;
      if (!write(chunk)) return false;
      chunk.clear();
    }
  }
  return chunk.empty() || write(chunk);
}

}  // namespace narthex::ksm
