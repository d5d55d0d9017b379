#pragma once
// The time series database of one data directory:
//
//   data/lock                      held while open
//   data/<ULID>/                   blocks, in Prometheus' format
//   data/head/chunks_head/000001   full chunks, Prometheus' head chunk format
//   (docs/formats/head.md) data/head/wal-00000001 …       log of everything else
//   (docs/formats/wal.md) data/head/checkpoint-00000007  stands for all segments below 7
//   (docs/formats/checkpoint.md)
//
//   Options options{.dir = "data/", .registry = &registry};
//   NX_ASSIGN_OR_RETURN(std::unique_ptr<tsdb::Db> db, tsdb::Db::Open(options));
//   auto group = db->NewGroup();        // one per target, rule: all series tick together
//   auto appender = db->NewAppender();  // anything with timestamps of its own
//   auto querier = db->NewQuerier(mint, maxt);
//
// Thread safety: every method from any thread. A GroupWriter or Appender belongs to one thread at a
// time. Writers and queriers must be gone before the Db is destroyed.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/storage/interface.h"
#include "server/storage/tsdb/block/meta.h"
#include "server/storage/tsdb/options.h"
#include "server/storage/tsdb/retention.h"

namespace narthex::tsdb {

class Db final : public storage::Appendable,
                 public storage::Queryable,
                 public storage::ExemplarQueryable {
 public:
  // Creates the directory when missing, takes the lock, replays the log. Fails with a reason that
  // names the path when the directory cannot be used or another process holds it. Damaged data
  // never fails it: what cannot be read is left out, counted and logged.
  static StatusOr<std::unique_ptr<Db>> Open(const Options& options);
  ~Db() override;  // Close, when that has not been called

  std::unique_ptr<storage::GroupWriter> NewGroup() override;
  std::unique_ptr<storage::Appender> NewAppender() override;
  StatusOr<std::unique_ptr<storage::Querier>> NewQuerier(TimestampMs mint,
                                                         TimestampMs maxt) const override;

  StatusOr<std::vector<SeriesExemplars>> SelectExemplars(
      TimestampMs mint, TimestampMs maxt,
      std::span<const std::vector<Matcher>> selectors) const override;
  // Of a series of the head, when somebody wrote some.
  std::optional<storage::MetricMetadata> MetadataOf(const Labels& series) const;
  // Changes how many exemplars are kept; the newest ones stay. 0: none.
  void SetMaxExemplars(uint64_t n);

  // Writes the samples that are in no block as a log that Prometheus reads, so that it can go on
  // with this directory (docs/formats/prometheus-wal.md). To be called last, before Close: no
  // samples are taken afterwards.
  Status ExportLog(LogCompression compression = LogCompression::kSnappy);
  // Writes what is buffered, syncs and closes the files. Later commits are refused.
  Status Close();

  // `limit` entries a list.
  Stats GetStats(size_t limit) const;
  TimestampMs min_time() const;
  TimestampMs max_time() const;
  uint64_t series_count() const;

  // Forgets the samples of the head older than `mint`, and series left without samples, without
  // writing a block. An open querier may lose such samples between two reads.
  Status Truncate(TimestampMs mint);
  // Replaces the log so far by a checkpoint of the open chunks.
  Status Checkpoint();
  // One round of housekeeping: blocks that came or have to go, cuts, compaction, idle sources,
  // checkpoint when due. What the thread does every Options::maintenance_interval.
  Status Maintain();
  // Returns when everything committed so far has gone to write(2) (and, if asked, to the disk).
  Status Flush(bool sync);
  // Changes the retention at run time (configuration reload); the next round applies it.
  void SetRetention(const RetentionLimits& limits);
  // The same for the out-of-order window.
  void SetOutOfOrderWindow(int64_t window_ms);
  // The same for the part of stale series that takes them out of the head.
  void SetStaleSeriesThreshold(double threshold);
  // Cuts and merges all that is due, now, delay or not.
  Status CompactNow();
  // Off: neither cuts nor merges of blocks (an external tool works on them).
  void SetCompactions(bool enabled);

  // ---- Administration; each but Blocks waits for a compaction under way ----

  // The meta data of the blocks that are served, ascending by time.
  std::vector<BlockMeta> Blocks() const;
  // Marks samples as deleted, in blocks and in the head; on disk when it returns.
  Status Delete(TimestampMs mint, TimestampMs maxt, std::span<const Matcher> matchers);
  // Rewrites the blocks that have deleted samples.
  Status CleanTombstones();
  // Links the blocks into `dir` and, if asked, writes what is in the head as a block there.
  Status Snapshot(const std::string& dir, bool with_head);

 private:
  struct Impl;
  explicit Db(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::tsdb
