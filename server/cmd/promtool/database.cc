#include "server/cmd/promtool/database.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "core/base/file.h"

namespace narthex::promtool {
namespace {

StatusOr<std::vector<std::string>> BlockIds(const std::string& dir) {
  NX_ASSIGN_OR_RETURN(std::vector<std::string> names, ListDirectory(dir));
  std::erase_if(names, [](const std::string& name) { return !tsdb::Ulid::Parse(name); });
  return names;
}

}  // namespace

Status CheckDatabaseDir(const std::string& dir) {
  struct stat info;
  if (::stat(dir.c_str(), &info) != 0) {
    if (errno == ENOENT) {  // in Go's words
      return NotFound("opening the db dir: stat {}: no such file or directory", dir);
    }
    return ErrnoStatus(errno, "opening the db dir: stat " + dir);
  }
  if (!S_ISDIR(info.st_mode))
    return InvalidArgument("opening the db dir: {} is not a directory", dir);
  return OkStatus();
}

StatusOr<std::vector<BlockPtr>> OpenBlocks(const std::string& dir) {
  NX_RETURN_IF_ERROR(CheckDatabaseDir(dir));
  NX_ASSIGN_OR_RETURN(const std::vector<std::string> ids, BlockIds(dir));
  std::vector<BlockPtr> blocks;
  std::string damaged;
  for (const std::string& id : ids) {
    StatusOr<BlockPtr> block = tsdb::Block::Open(JoinPath(dir, id));
    if (block.ok()) {
      blocks.push_back(*std::move(block));
      continue;
    }
    // A server may delete a block while we look.
    if (!FileExists(JoinPath(dir, id))) continue;
    if (!damaged.empty()) damaged += "; ";
    damaged += fmt::format("corrupted block {}: {}", id, MessageOf(block.status()));
  }
  if (!damaged.empty()) return DataLoss("{}", damaged);
  std::stable_sort(blocks.begin(), blocks.end(), [](const BlockPtr& a, const BlockPtr& b) {
    return a->min_time() < b->min_time();
  });
  return blocks;
}

StatusOr<std::string> LastBlockId(const std::string& dir) {
  NX_RETURN_IF_ERROR(CheckDatabaseDir(dir));
  NX_ASSIGN_OR_RETURN(const std::vector<std::string> ids, BlockIds(dir));
  if (ids.empty()) return NotFound("no blocks found");
  return ids.back();
}

}  // namespace narthex::promtool
