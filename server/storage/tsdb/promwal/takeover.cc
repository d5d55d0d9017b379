#include "server/storage/tsdb/promwal/takeover.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <vector>

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/log/log.h"
#include "server/storage/tsdb/block/block_writer.h"
#include "server/storage/tsdb/head/core.h"
#include "server/storage/tsdb/promwal/export.h"
#include "server/storage/tsdb/promwal/import.h"
#include "server/storage/tsdb/promwal/log_reader.h"

namespace narthex::tsdb::promwal {
namespace {

constexpr size_t kMostMark = 4096;

std::string ForeignChunks(const std::string& dir) { return JoinPath(dir, "chunks_head"); }
std::string MarkPath(const std::string& dir) { return JoinPath(dir, "head/exported"); }
// What the export itself carries: Prometheus looks only at files whose names are numbers.
std::string OriginPath(const std::string& wal) { return JoinPath(wal, "exported"); }

// What a log looks like from outside; "" when there is none. A server that opens it begins a
// segment at least.
StatusOr<std::string> IdentityOf(const std::string& wal) {
  NX_ASSIGN_OR_RETURN(const LogFiles files, FindLog(wal));
  if (files.empty()) return std::string();
  std::string identity =
      fmt::format("{} {}", files.checkpoint.empty() ? "none" : "checkpoint", files.segments.size());
  if (!files.segments.empty()) {
    struct stat st;
    if (::stat(files.segments.back().c_str(), &st) != 0) {
      return ErrnoStatus(errno, files.segments.back());
    }
    identity += fmt::format(" {:08} {} {}.{:09}", files.last_segment, st.st_size, st.st_mtim.tv_sec,
                            st.st_mtim.tv_nsec);
  }
  return identity + "\n";
}

// Renamed first, so that a crash leaves either all of it or what opening removes.
Status RemoveTree(const std::string& path) {
  return FileExists(path) ? DeleteBlockDir(path) : OkStatus();
}

StatusOr<std::vector<std::string>> Snapshots(const std::string& dir) {
  std::vector<std::string> out;
  NX_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(dir));
  for (const std::string& name : names) {
    if (name.starts_with("chunk_snapshot.")) out.push_back(JoinPath(dir, name));
  }
  return out;
}

// Checkpoints that Prometheus did not finish: it removes them when it starts, too.
Status RemoveUnfinishedCheckpoints(const std::string& wal) {
  const auto names = ListDirectory(wal);
  if (!names.ok()) return OkStatus();
  for (const std::string& name : *names) {
    if (!name.starts_with("checkpoint.") || !name.ends_with(".tmp")) continue;
    NX_RETURN_IF_ERROR(RemoveTree(JoinPath(wal, name)));
  }
  return OkStatus();
}

// For who keeps head/: what is in chunks_head/ is not ours, unless an earlier version left it
// there.
Status KeepOwnChunks(const std::string& dir) {
  if (!FileExists(JoinPath(dir, "head"))) return OkStatus();
  const std::string own = JoinPath(dir, kHeadChunksDir), foreign = ForeignChunks(dir);
  if (FileExists(own)) return RemoveTree(foreign);
  if (!FileExists(foreign)) return OkStatus();
  if (::rename(foreign.c_str(), own.c_str()) != 0) return ErrnoStatus(errno, "rename " + foreign);
  return SyncDirectory(dir);
}

Status RemoveMark(const std::string& dir) {
  const std::string mark = MarkPath(dir);
  if (!FileExists(mark)) return OkStatus();
  if (::unlink(mark.c_str()) != 0) return ErrnoStatus(errno, mark);
  return SyncDirectory(JoinPath(dir, "head"));
}

Status SetAside(const std::string& path, int64_t now_ms) {
  if (!FileExists(path)) return OkStatus();
  const std::string target = fmt::format("{}.damaged-{}", path, now_ms);
  if (::rename(path.c_str(), target.c_str()) != 0) return ErrnoStatus(errno, "rename " + path);
  NX_LOG(Warn, "A damaged log of Prometheus is kept", {"dir", target});
  return OkStatus();
}

void Report(const ImportResult& result, double seconds) {
  NX_LOG(Info, "Imported the head of a Prometheus data directory", {"series", result.series},
         {"samples", result.samples}, {"blocks", result.blocks.size()},
         {"metadata", result.series_metadata.series.size()}, {"log_bytes", result.log_bytes},
         {"duration", fmt::format("{:.3f}s", seconds)});
  if (result.damaged + result.lost_samples + result.unknown_records > 0) {
    NX_LOG(Warn, "Part of the log could not be imported", {"damaged_places", result.damaged},
           {"samples_of_unknown_series", result.lost_samples},
           {"records_of_unknown_types", result.unknown_records});
  }
}

// The log is in blocks now.
Status RemoveLog(const std::string& dir, bool keep) {
  const int64_t now = Clock::System().NowMs();
  NX_ASSIGN_OR_RETURN(const std::vector<std::string> snapshots, Snapshots(dir));
  for (const std::string& path : snapshots) NX_RETURN_IF_ERROR(RemoveTree(path));
  for (const char* name : {"wbl", "wal"}) {
    const std::string path = JoinPath(dir, name);
    NX_RETURN_IF_ERROR(keep ? SetAside(path, now) : RemoveTree(path));
  }
  return SyncDirectory(dir);
}

}  // namespace

std::string UnfinishedExportDir(const std::string& data_dir) {
  return JoinPath(data_dir, fmt::format("wal{}", kTmpForCreationSuffix));
}
std::string LogDir(const std::string& data_dir) { return JoinPath(data_dir, "wal"); }

Status PublishExport(const std::string& data_dir) {
  const std::string fresh = UnfinishedExportDir(data_dir);
  // The marks first: with both a log that fits is a copy, and alone ours says nothing.
  NX_ASSIGN_OR_RETURN(const std::string identity, IdentityOf(fresh));
  NX_RETURN_IF_ERROR(WriteFileAtomically(OriginPath(fresh), identity));
  NX_RETURN_IF_ERROR(RemoveTree(LogDir(data_dir)));
  NX_RETURN_IF_ERROR(WriteFileAtomically(MarkPath(data_dir), identity));
  if (::rename(fresh.c_str(), LogDir(data_dir).c_str()) != 0) {
    return ErrnoStatus(errno, "rename " + fresh);
  }
  return SyncDirectory(data_dir);
}

StatusOr<HeadOwner> OwnerOfHead(const std::string& dir) {
  NX_ASSIGN_OR_RETURN(const std::string identity, IdentityOf(LogDir(dir)));
  NX_ASSIGN_OR_RETURN(const LogFiles wbl, FindLog(JoinPath(dir, "wbl")));
  const bool own = FileExists(JoinPath(dir, "head"));
  if (identity.empty() && wbl.empty()) return own ? HeadOwner::kOurs : HeadOwner::kNobody;
  if (!FileExists(MarkPath(dir))) return own ? HeadOwner::kBoth : HeadOwner::kPrometheus;
  NX_ASSIGN_OR_RETURN(const std::string mark, ReadFile(MarkPath(dir), kMostMark));
  if (mark == identity) return HeadOwner::kOurs;
  // Else it is a log that began beside ours, while an export was not published.
  const StatusOr<std::string> origin = ReadFile(OriginPath(LogDir(dir)), kMostMark);
  return origin.ok() && *origin == mark ? HeadOwner::kPrometheus : HeadOwner::kBoth;
}

StatusOr<TakenOver> TakeOver(const ImportOptions& options) {
  const std::string& dir = options.dir;
  const std::string wal = LogDir(dir);
  NX_RETURN_IF_ERROR(RemoveTree(UnfinishedExportDir(dir)));
  NX_RETURN_IF_ERROR(RemoveUnfinishedCheckpoints(wal));
  NX_ASSIGN_OR_RETURN(const HeadOwner owner, OwnerOfHead(dir));
  if (owner == HeadOwner::kNobody || owner == HeadOwner::kOurs) {
    NX_RETURN_IF_ERROR(KeepOwnChunks(dir));
    if (!FileExists(MarkPath(dir))) return TakenOver();
    // An export that was not used, never got its name, or was taken away by somebody.
    if (FileExists(wal)) {
      NX_LOG(Info, "Removing the log that was exported for Prometheus: it was not used");
      NX_RETURN_IF_ERROR(RemoveTree(wal));
    }
    NX_RETURN_IF_ERROR(RemoveMark(dir));
    return TakenOver();
  }
  const auto start = std::chrono::steady_clock::now();
  NX_LOG(Info, "Importing the head of a Prometheus data directory ...", {"dir", dir});
  NX_ASSIGN_OR_RETURN(ImportResult result, ImportLog(options));
  Report(result, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  const bool damaged = result.damaged > 0;
  if (owner == HeadOwner::kPrometheus) {
    NX_RETURN_IF_ERROR(RemoveTree(JoinPath(dir, "head")));
    const std::string chunks = ForeignChunks(dir);
    NX_RETURN_IF_ERROR(damaged ? SetAside(chunks, Clock::System().NowMs()) : RemoveTree(chunks));
  } else {
    NX_RETURN_IF_ERROR(KeepOwnChunks(dir));
    NX_RETURN_IF_ERROR(RemoveMark(dir));
    NX_LOG(Warn,
           "Prometheus ran on this directory without an export before: its samples were "
           "imported beside ours");
  }
  NX_RETURN_IF_ERROR(RemoveLog(dir, damaged));
  TakenOver taken{{}, std::move(result.newest_exemplars), std::move(result.series_metadata)};
  for (const BlockMeta& meta : result.blocks) taken.blocks.push_back(meta.ulid);
  return taken;
}

}  // namespace narthex::tsdb::promwal
