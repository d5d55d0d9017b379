#include "server/storage/tsdb/block_set.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/base/file.h"
#include "core/log/log.h"

namespace narthex::tsdb {
namespace {

// Prometheus 1.x to 2.19 wrote plain ".tmp".
constexpr std::string_view kLegacyTmpSuffix = ".tmp";

bool IsTemporary(std::string_view name) {
  for (const std::string_view suffix :
       {kTmpForCreationSuffix, kTmpForDeletionSuffix, kLegacyTmpSuffix}) {
    if (!name.ends_with(suffix)) continue;
    name.remove_suffix(suffix.size());
    return Ulid::Parse(name).has_value();
  }
  return false;
}

// Files and links have such names only by chance or by hand; Prometheus passes them over as well.
bool IsBlockDirectory(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::symlink_status(path, ignored).type() ==
         std::filesystem::file_type::directory;
}

bool Earlier(const BlockPtr& a, const BlockPtr& b) {
  if (a->min_time() != b->min_time()) return a->min_time() < b->min_time();
  return a->ulid() < b->ulid();
}

}  // namespace

void BlockSet::RemoveTemporaries(const std::string& dir) {
  const auto names = ListDirectory(dir);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (!IsTemporary(name)) continue;
    std::error_code error;
    std::filesystem::remove_all(JoinPath(dir, name), error);
    if (error) {
      NX_LOG(Warn, "Unfinished block could not be removed", {"dir", name},
             {"err", error.message()});
    } else {
      NX_LOG(Info, "Removed an unfinished block", {"dir", name});
    }
  }
}

StatusOr<BlockSet::Change> BlockSet::Scan() {
  NX_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(dir_));
  std::map<Ulid, BlockPtr> open;
  const std::shared_ptr<const BlockSet::List> served = list();
  for (const BlockPtr& block : *served) open.emplace(block->ulid(), block);

  std::vector<BlockPtr> found;
  std::map<Ulid, std::string> damaged;
  for (const std::string& name : names) {
    const std::optional<Ulid> id = Ulid::Parse(name);
    if (!id.has_value()) continue;
    const std::string path = JoinPath(dir_, name);
    if (!IsBlockDirectory(path)) continue;
    if (const auto known = open.find(*id); known != open.end()) {
      found.push_back(known->second);
      continue;
    }
    auto block = Block::Open(path);
    if (block.ok()) {
      found.push_back(*std::move(block));
      continue;
    }
    std::string why(MessageOf(block.status()));
    const auto before = damaged_.find(*id);
    if (before == damaged_.end() || before->second != why) {
      NX_LOG(Error, "Block cannot be read and is left out; its samples are missing from queries",
             {"block", path}, {"err", why});
    }
    damaged.emplace(*id, std::move(why));
  }

  std::set<Ulid> replaced;
  for (const BlockPtr& block : found) {
    const BlockCompaction compaction = block->meta().compaction;
    for (const BlockDescription& parent : compaction.parents) replaced.insert(parent.ulid);
    if (compaction.deletable) replaced.insert(block->ulid());
  }
  Change change;
  for (const Ulid& id : replaced) {
    // A damaged one whose samples live on in a successor, too.
    if (damaged.erase(id) > 0) change.obsolete.push_back(JoinPath(dir_, id.ToString()));
  }
  damaged_ = std::move(damaged);
  auto blocks = std::make_shared<List>();
  for (BlockPtr& block : found) {
    if (replaced.contains(block->ulid())) {
      change.obsolete.push_back(block->dir());
    } else {
      blocks->push_back(std::move(block));
    }
  }
  std::sort(blocks->begin(), blocks->end(), Earlier);
  change.blocks = std::move(blocks);
  return change;
}

void BlockSet::Drop(const std::vector<Ulid>& ids, Change* change) {
  if (ids.empty()) return;
  auto kept = std::make_shared<List>();
  for (const BlockPtr& block : *change->blocks) {
    if (std::find(ids.begin(), ids.end(), block->ulid()) == ids.end()) {
      kept->push_back(block);
    } else {
      change->obsolete.push_back(block->dir());
    }
  }
  change->blocks = std::move(kept);
}

Status BlockSet::DeleteObsolete(const Change& change) {
  Status first;
  for (const std::string& dir : change.obsolete) {
    const Status status = DeleteBlockDir(dir);
    if (status.ok()) {
      NX_LOG(Info, "Deleted obsolete block", {"block", dir});
    } else if (first.ok()) {
      first = status;
    }
  }
  return first;
}

uint64_t BlockSet::bytes() const {
  uint64_t sum = 0;
  const std::shared_ptr<const BlockSet::List> served = list();
  for (const BlockPtr& block : *served) sum += block->bytes();
  return sum;
}

}  // namespace narthex::tsdb
