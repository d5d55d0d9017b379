#include "server/cmd/promtool/head_sandbox.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "core/base/file.h"
#include "server/storage/tsdb/db.h"

namespace narthex::promtool {
namespace {

namespace fs = std::filesystem;

constexpr char kLogDir[] = "head";
constexpr char kChunksDir[] = "chunks_head";
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

// False when a file went away meanwhile.
StatusOr<bool> Replicate(const std::string& from, const std::string& to, bool link) {
  std::error_code error;
  fs::remove_all(to, error);
  NX_RETURN_IF_ERROR(CreateDirectories(to));
  if (!FileExists(from)) return true;
  NX_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(from));
  for (const std::string& name : names) {
    const std::string source = JoinPath(from, name), target = JoinPath(to, name);
    error.clear();
    if (link) fs::create_hard_link(source, target, error);
    if (!link || error) {
      error.clear();
      fs::copy(source, target, fs::copy_options::recursive, error);
    }
    if (error == std::errc::no_such_file_or_directory) return false;
    if (error) return ErrnoStatus(error.value(), "copy " + source + " to " + target);
  }
  return true;
}

class Sandbox final : public HeadSandbox {
 public:
  Sandbox(TemporaryDir dir, std::unique_ptr<tsdb::Db> db)
      : dir_(std::move(dir)), db_(std::move(db)) {}
  StatusOr<std::unique_ptr<storage::Querier>> NewQuerier(int64_t mint,
                                                         int64_t maxt) const override {
    return db_->NewQuerier(mint, maxt);
  }

 private:
  TemporaryDir dir_;
  std::unique_ptr<tsdb::Db> db_;  // goes before the directory
};

}  // namespace

StatusOr<std::unique_ptr<HeadSandbox>> HeadSandbox::Open(const std::string& dir,
                                                         const std::string& root) {
  if (!FileExists(JoinPath(dir, kLogDir))) return nullptr;
  NX_ASSIGN_OR_RETURN(TemporaryDir sandbox, TemporaryDir::Create(root));
  bool complete = false;
  for (int i = 0; i < kAttempts && !complete; ++i) {
    // The log first: a chunk it knows of is in the files by then.
    NX_ASSIGN_OR_RETURN(
        complete, Replicate(JoinPath(dir, kLogDir), JoinPath(sandbox.path(), kLogDir), false));
    if (!complete) continue;
    NX_ASSIGN_OR_RETURN(
        complete, Replicate(JoinPath(dir, kChunksDir), JoinPath(sandbox.path(), kChunksDir), true));
  }
  if (!complete) return Unavailable("the head of {} changes faster than it can be copied", dir);
  tsdb::Options options;
  options.dir = sandbox.path();
  options.use_lock_file = false;
  options.retention_ms = 0;
  options.maintenance_interval = std::chrono::milliseconds(0);
  NX_ASSIGN_OR_RETURN(std::unique_ptr<tsdb::Db> db, tsdb::Db::Open(options));
  return std::make_unique<Sandbox>(std::move(sandbox), std::move(db));
}

}  // namespace narthex::promtool
