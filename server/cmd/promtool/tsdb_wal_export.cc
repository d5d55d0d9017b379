#include "server/cmd/promtool/tsdb_wal_export.h"

#include "core/base/file.h"
#include "server/cmd/promtool/output.h"
#include "server/storage/tsdb/db.h"

namespace narthex::promtool {
namespace {

// More than servers keep by default.
constexpr uint64_t kMaxExemplars = 1'000'000;

Status Export(const std::string& dir, tsdb::LogCompression compression) {
  // Opening would create it.
  if (!FileExists(dir)) return NotFound("{}: no such directory", dir);
  tsdb::Options options;
  options.dir = dir;
  options.retention_ms = 0;
  options.max_exemplars = kMaxExemplars;
  options.maintenance_interval = std::chrono::milliseconds(0);
  NX_ASSIGN_OR_RETURN(const std::unique_ptr<tsdb::Db> db, tsdb::Db::Open(options));
  NX_RETURN_IF_ERROR(db->ExportLog(compression));
  return db->Close();
}

}  // namespace

int ExportWal(const std::string& dir, tsdb::LogCompression compression) {
  return ExitCode(Export(dir, compression));
}

}  // namespace narthex::promtool
