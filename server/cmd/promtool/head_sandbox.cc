#include "server/cmd/promtool/head_sandbox.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "core/base/file.h"
#include "server/storage/tsdb/db.h"
#include "server/storage/tsdb/promwal/import.h"
#include "server/storage/tsdb/promwal/takeover.h"

namespace narthex::promtool {
namespace {

namespace fs = std::filesystem;
using tsdb::promwal::HeadOwner;

constexpr char kLogDir[] = "head";            // ours
constexpr char kChunksDir[] = "chunks_head";  // of Prometheus; ours lie in kLogDir
constexpr const char* kPrometheusDirs[] = {"wal", "wbl", kChunksDir};
// A checkpoint may remove log files between our listing and copying.
constexpr int kAttempts = 5;

class TemporaryDir {
 public:
  static StatusOr<TemporaryDir> Create(const std::string& root) {
    std::string path = JoinPath(root, "tmp_dbro_sandbox-XXXXXX");
    if (::mkdtemp(path.data()) == nullptr)
      return ErrnoStatus(errno, "setting up sandbox dir " + path);
    TemporaryDir dir;
    dir.path_ = path;
    return dir;
  }
  TemporaryDir() = default;
  TemporaryDir(TemporaryDir&& other) noexcept : path_(std::exchange(other.path_, "")) {}
  TemporaryDir& operator=(TemporaryDir&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~TemporaryDir() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// False when a file went away meanwhile. What is called `except` is left out.
StatusOr<bool> Replicate(const std::string& from, const std::string& to, bool link,
                         std::string_view except = {}) {
  std::error_code error;
  fs::remove_all(to, error);
  NX_RETURN_IF_ERROR(CreateDirectories(to));
  if (!FileExists(from)) return true;
  NX_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(from));
  for (const std::string& name : names) {
    if (name == except) continue;
    const std::string source = JoinPath(from, name), target = JoinPath(to, name);
    error.clear();
    if (fs::is_directory(source, error)) {
      NX_ASSIGN_OR_RETURN(const bool complete, Replicate(source, target, link));
      if (!complete) return false;
      continue;
    }
    error.clear();
    if (link) fs::create_hard_link(source, target, error);
    if (!link || error) {
      error.clear();
      fs::copy_file(source, target, error);
    }
    if (error == std::errc::no_such_file_or_directory) return false;
    if (error) return ErrnoStatus(error.value(), "copy " + source + " to " + target);
  }
  return true;
}

class Sandbox final : public HeadSandbox {
 public:
  Sandbox(TemporaryDir dir, std::vector<BlockPtr> blocks)
      : dir_(std::move(dir)), blocks_(std::move(blocks)) {}
  std::span<const BlockPtr> blocks() const override { return blocks_; }

 private:
  TemporaryDir dir_;
  std::vector<BlockPtr> blocks_;
};

// Our head. The log first: a chunk it knows of is in the files by then.
StatusOr<bool> ReplicateHead(const std::string& dir, const std::string& sandbox) {
  const std::string head = JoinPath(dir, kLogDir), copy = JoinPath(sandbox, kLogDir);
  NX_ASSIGN_OR_RETURN(const bool log, Replicate(head, copy, false, kChunksDir));
  if (!log) return false;
  // Where a version before this one left them, opening the copy moves them.
  const bool own = FileExists(JoinPath(head, kChunksDir));
  return Replicate(JoinPath(own ? head : dir, kChunksDir),
                   JoinPath(own ? copy : sandbox, kChunksDir), true);
}

// The head as blocks, which hold the samples as they were stored.
StatusOr<std::vector<BlockPtr>> OpenHead(const std::string& sandbox) {
  tsdb::Options options;
  options.dir = sandbox;
  options.use_lock_file = false;
  options.retention_ms = 0;
  options.maintenance_interval = std::chrono::milliseconds(0);
  const std::string snapshot = JoinPath(sandbox, "snapshot");
  {
    NX_ASSIGN_OR_RETURN(const std::unique_ptr<tsdb::Db> db, tsdb::Db::Open(options));
    NX_RETURN_IF_ERROR(db->Snapshot(snapshot, /*with_head=*/true));
  }
  return OpenBlocks(snapshot);
}

// Prometheus' log, and the blocks, which say what of it is not news.
StatusOr<bool> ReplicateLog(const std::string& dir, const std::string& sandbox) {
  for (const char* part : kPrometheusDirs) {
    NX_ASSIGN_OR_RETURN(const bool complete,
                        Replicate(JoinPath(dir, part), JoinPath(sandbox, part), true));
    if (!complete) return false;
  }
  NX_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(dir));
  for (const std::string& name : names) {
    if (!tsdb::Ulid::Parse(name)) continue;
    std::error_code ignored;
    fs::create_directory_symlink(fs::absolute(JoinPath(dir, name)), JoinPath(sandbox, name),
                                 ignored);
  }
  return true;
}

StatusOr<std::vector<BlockPtr>> ImportLog(const std::string& sandbox) {
  NX_ASSIGN_OR_RETURN(const auto result, tsdb::promwal::ImportLog({.dir = sandbox}));
  std::vector<BlockPtr> blocks;
  for (const tsdb::BlockMeta& meta : result.blocks) {
    NX_ASSIGN_OR_RETURN(blocks.emplace_back(),
                        tsdb::Block::Open(JoinPath(sandbox, meta.ulid.ToString())));
  }
  return blocks;
}

template <typename Copy>
Status Retry(const std::string& dir, Copy&& copy) {
  for (int i = 0; i < kAttempts; ++i) {
    NX_ASSIGN_OR_RETURN(const bool complete, copy());
    if (complete) return OkStatus();
  }
  return Unavailable("the head of {} changes faster than it can be copied", dir);
}

}  // namespace

StatusOr<std::unique_ptr<HeadSandbox>> HeadSandbox::Open(const std::string& dir,
                                                         const std::string& root) {
  NX_ASSIGN_OR_RETURN(const HeadOwner owner, tsdb::promwal::OwnerOfHead(dir));
  if (owner == HeadOwner::kNobody) {
    return std::make_unique<Sandbox>(TemporaryDir(), std::vector<BlockPtr>());
  }
  NX_ASSIGN_OR_RETURN(TemporaryDir sandbox, TemporaryDir::Create(root));
  std::vector<BlockPtr> blocks;
  if (owner != HeadOwner::kPrometheus) {
    const std::string ours = JoinPath(sandbox.path(), "ours");
    NX_RETURN_IF_ERROR(Retry(dir, [&] { return ReplicateHead(dir, ours); }));
    NX_ASSIGN_OR_RETURN(blocks, OpenHead(ours));
  }
  if (owner != HeadOwner::kOurs) {
    const std::string theirs = JoinPath(sandbox.path(), "prometheus");
    NX_RETURN_IF_ERROR(Retry(dir, [&] { return ReplicateLog(dir, theirs); }));
    NX_ASSIGN_OR_RETURN(const std::vector<BlockPtr> imported, ImportLog(theirs));
    blocks.insert(blocks.end(), imported.begin(), imported.end());
  }
  return std::make_unique<Sandbox>(std::move(sandbox), std::move(blocks));
}

}  // namespace narthex::promtool
