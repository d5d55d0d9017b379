#include "server/storage/tsdb/db.h"

#include "core/base/file.h"
#include "core/log/log.h"
#include "server/storage/tsdb/head.h"

namespace narthex::tsdb {

struct Db::Impl {
  explicit Impl(const Options& options) : head(options) {}
  Head head;
};

Db::Db(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Db::~Db() { (void)Close(); }

StatusOr<std::unique_ptr<Db>> Db::Open(const Options& options) {
  NX_RETURN_IF_ERROR(CreateDirectories(options.dir));
  auto impl = std::make_unique<Impl>(options);
  NX_RETURN_IF_ERROR(impl->head.core().chunks.Open([](const ChunkView&, const ChunkRef&) {}));
  impl->head.core().writable = true;
  return std::unique_ptr<Db>(new Db(std::move(impl)));
}

std::unique_ptr<storage::GroupWriter> Db::NewGroup() { return impl_->head.NewGroup(); }
std::unique_ptr<storage::Appender> Db::NewAppender() { return impl_->head.NewAppender(); }
StatusOr<std::unique_ptr<storage::Querier>> Db::NewQuerier(TimestampMs mint,
                                                           TimestampMs maxt) const {
  return impl_->head.NewQuerier(mint, maxt);
}

Status Db::Close() {
  impl_->head.core().writable = false;
  return impl_->head.core().chunks.Close();
}

Stats Db::GetStats(size_t limit) const {
  Stats stats;
  const HeadCore& core = impl_->head.core();
  {
    ReaderLock lock(core.index.mutex());
    core.index.FillStats(limit, &stats);
  }
  stats.min_time = min_time();
  stats.max_time = max_time();
  stats.chunks = impl_->head.CountChunks();
  return stats;
}

TimestampMs Db::min_time() const { return impl_->head.core().min_time.load(); }
TimestampMs Db::max_time() const { return impl_->head.core().max_time.load(); }
uint64_t Db::series_count() const {
  ReaderLock lock(impl_->head.core().index.mutex());
  return impl_->head.core().index.size();
}
Status Db::Truncate(TimestampMs mint) {
  impl_->head.ParkIdle();
  impl_->head.Truncate(mint);
  return OkStatus();
}
Status Db::Checkpoint() { return OkStatus(); }
Status Db::Maintain() { return OkStatus(); }
Status Db::Flush(bool sync) { return OkStatus(); }
void Db::SetRetention(int64_t retention_ms) {}

}  // namespace narthex::tsdb
