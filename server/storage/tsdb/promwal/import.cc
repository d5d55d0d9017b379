#include "server/storage/tsdb/promwal/import.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>

#include "core/base/file.h"
#include "core/log/log.h"
#include "server/storage/tsdb/block/block_writer.h"
#include "server/storage/tsdb/compact/chunk_joiner.h"
#include "server/storage/tsdb/head/chunk_files.h"
#include "server/storage/tsdb/promwal/catalog.h"
#include "server/storage/tsdb/promwal/log_reader.h"
#include "server/storage/tsdb/promwal/records.h"
#include "server/storage/tsdb/promwal/snapshot.h"
#include "server/storage/tsdb/promwal/staged_series.h"

namespace narthex::tsdb::promwal {
namespace {

// Out-of-order chunks are marked in the encoding.
constexpr uint8_t kEncodingMask = 0x7f;

uint64_t DefaultMemory() {
  const auto pages = static_cast<uint64_t>(std::max<long>(::sysconf(_SC_PHYS_PAGES), 0));
  const auto page = static_cast<uint64_t>(std::max<long>(::sysconf(_SC_PAGESIZE), 4096));
  return std::clamp(pages * page / 8, uint64_t{64} << 20, uint64_t{1} << 30);
}

struct Logs {
  LogFiles wal, wbl;
  std::string chunks_head;  // read when not empty
  std::string snapshot;     // the same
};

// ---- First pass ----

class CatalogSink final : public RecordSink {
 public:
  CatalogSink(Catalog* catalog, ImportResult* result, size_t max_exemplars, bool extra)
      : catalog_(*catalog), result_(*result), max_exemplars_(max_exemplars), extra_(extra) {}
  void OnSeries(uint64_t ref, Labels labels) override {
    catalog_.AddSeries(ref, std::move(labels));
  }
  void OnSamples(std::span<const SampleRecord> samples) override {
    for (const SampleRecord& sample : samples) Count(sample.ref, sample.time);
  }
  bool WantsHistogram(uint64_t ref, int64_t time) override {
    Count(ref, time);
    return false;
  }
  void OnTombstone(const TombstoneRecord& tombstone) override { catalog_.AddTombstone(tombstone); }
  void OnExemplar(const ExemplarRecord& record) override {
    ++result_.exemplars;
    const Labels* series = catalog_.Find(record.ref);
    if (series == nullptr || max_exemplars_ == 0) return;
    auto& kept = result_.newest_exemplars;
    if (kept.size() == max_exemplars_) kept.pop_front();
    kept.push_back(
        {*series, {.labels = record.labels, .value = record.value, .timestamp = record.time}});
  }
  void OnMetadata(const MetadataRecord& record) override {
    ++result_.metadata;
    metadata_[record.ref] =
        result_.series_metadata.Intern({.type = std::string(MetricTypeName(record.type)),
                                        .help = std::string(record.help),
                                        .unit = std::string(record.unit)});
  }
  // Hands on what was found of metadata.
  void Finish() {
    // A later reference of the same labels says more.
    const std::map<uint64_t, uint32_t> by_ref(metadata_.begin(), metadata_.end());
    for (const auto& [ref, text] : by_ref) {
      const Labels* series = catalog_.Find(ref);
      if (series != nullptr) result_.series_metadata.series.emplace_back(*series, text);
    }
  }
  void OnUnknown(uint8_t type) override {
    const bool known = type >= static_cast<uint8_t>(RecordType::kSamplesV2) &&
                       type <= static_cast<uint8_t>(RecordType::kFloatHistogramsV2);
    if (known) refused_ = type;
    ++result_.unknown_records;
  }
  uint8_t refused() const { return refused_; }

 private:
  void Count(uint64_t ref, int64_t time) {
    result_.lost_samples += !catalog_.CountSample(ref, time, extra_);
  }
  Catalog& catalog_;
  ImportResult& result_;
  const size_t max_exemplars_;
  const bool extra_;
  uint8_t refused_ = 0;
  absl::flat_hash_map<uint64_t, uint32_t> metadata_;  // of a reference, the newest
};

// Damaged records count like damaged bytes.
Status Scan(const LogFiles& files, RecordSink* sink, LogScan* scan) {
  uint64_t damaged = 0;
  NX_RETURN_IF_ERROR(ScanLog(
      files, [&](std::string_view record) { damaged += !DecodeRecord(record, sink).ok(); }, scan));
  scan->damaged += damaged;
  return OkStatus();
}

// Series of a snapshot are found by this and their reference there: the log may have given that to
// another one since.
constexpr uint64_t kSnapshotRefs = uint64_t{1} << 62;

// Each sound chunk of chunks_head/ and of the snapshot whose series is known.
Status ForEachHeadChunk(const Logs& logs, const Catalog& catalog,
                        const std::function<void(uint32_t rank, const HeadChunk&)>& found) {
  Epochs epochs;
  ChunkFiles files(logs.chunks_head, &epochs);
  NX_RETURN_IF_ERROR(files.Open({}, [&](const HeadChunk& chunk, const ChunkRef&) {
    const uint32_t rank = catalog.RankOf(chunk.ref);
    if (rank != Catalog::kNone) found(rank, chunk);
  }));
  if (logs.snapshot.empty()) return OkStatus();
  return ForEachSnapshotSeries(logs.snapshot, [&](const SnapshotSeries& series) {
    const uint32_t rank = catalog.RankOf(kSnapshotRefs + series.ref);
    if (series.has_chunk && rank != Catalog::kNone) found(rank, series.chunk);
  });
}

// The series of the snapshot; under their own references where the log says nothing of these.
Status AddSnapshotSeries(const std::string& snapshot, const Catalog& log, Catalog* catalog) {
  return ForEachSnapshotSeries(snapshot, [&](const SnapshotSeries& series) {
    if (series.ref >= kSnapshotRefs) return;
    catalog->AddSeries(kSnapshotRefs + series.ref, series.labels);
    if (log.Find(series.ref) == nullptr) catalog->AddSeries(series.ref, series.labels);
  });
}

// ---- Further passes: the samples of some series in a range of time ----

class Batch final : public RecordSink {
 public:
  // Series of the ranks [from, to).
  Batch(const Catalog& catalog, uint32_t from, uint32_t to, int64_t mint, int64_t maxt,
        int samples_per_chunk)
      : catalog_(catalog), mint_(mint), maxt_(maxt), at_(catalog.size(), kOther) {
    series_.reserve(to - from);
    while (series_.size() < to - from) {
      series_.push_back({.staged = StagedSeries(samples_per_chunk)});
    }
    for (uint32_t rank = from; rank < to; ++rank) at_[catalog.PlaceAt(rank)] = 0;
    uint32_t next = 0;
    for (uint32_t& at : at_) {
      if (at != kOther) at = next++;
    }
  }

  void ReadExtras(bool extra) { extra_ = extra; }
  void OnSamples(std::span<const SampleRecord> samples) override;
  void OnHistogram(uint64_t ref, int64_t t, const IntHistogram& h) override { Take(ref, t, h); }
  void OnHistogram(uint64_t ref, int64_t t, const FloatHistogram& h) override { Take(ref, t, h); }
  bool WantsHistogram(uint64_t ref, int64_t) override { return Find(ref) != kOther; }
  void OnHeadChunk(uint32_t rank, const HeadChunk& chunk);

  StagedSeries& at(uint32_t rank) { return series_[at_[catalog_.PlaceAt(rank)]].staged; }

 private:
  static constexpr uint32_t kOther = UINT32_MAX;
  struct Series {
    int64_t newest = INT64_MIN;
    StagedSeries staged;
  };

  uint32_t Find(uint64_t ref) const {
    const uint32_t place = catalog_.PlaceOf(ref);
    return place == Catalog::kNone ? kOther : at_[place];
  }
  bool InRange(int64_t t) const { return t >= mint_ && t <= maxt_; }
  template <typename Sample>
  void Take(uint64_t ref, int64_t t, const Sample& sample) {
    const uint32_t i = Find(ref);
    if (i != kOther) TakeFor(&series_[i], t, sample);
  }
  template <typename Sample>
  void TakeFor(Series* series, int64_t t, const Sample& sample) {
    if (extra_) {
      if (InRange(t)) series->staged.AddExtra(t, sample);
      return;
    }
    // What replay would drop: not rising, or in a block already.
    if (t < catalog_.min_valid() || t <= series->newest) return;
    series->newest = t;
    if (InRange(t)) series->staged.Add(t, sample);
  }

  const Catalog& catalog_;
  const int64_t mint_, maxt_;
  std::vector<uint32_t> at_;  // by place in the catalog
  // In the order of the catalog's places: samples of a scrape lie beside each other.
  std::vector<Series> series_;
  bool extra_ = false;
};

void Batch::OnSamples(std::span<const SampleRecord> samples) {
  uint32_t at[kMostSamplesAtOnce];
  for (size_t i = 0; i < samples.size(); ++i) {
    at[i] = Find(samples[i].ref);
    if (at[i] != kOther) series_[at[i]].staged.Prefetch();
  }
  for (size_t i = 0; i < samples.size(); ++i) {
    if (at[i] != kOther) TakeFor(&series_[at[i]], samples[i].time, samples[i].bits);
  }
}

void Batch::OnHeadChunk(uint32_t rank, const HeadChunk& chunk) {
  const uint32_t i = at_[catalog_.PlaceAt(rank)];
  if (i == kOther || chunk.maxt < mint_ || chunk.mint > maxt_) return;
  StagedSeries& series = series_[i].staged;
  const auto encoding = static_cast<uint8_t>(chunk.encoding);
  const bool in_order = encoding == (encoding & kEncodingMask);
  const auto it = NewChunkIterator(static_cast<Encoding>(encoding & kEncodingMask), chunk.data);
  IntHistogram integer;
  FloatHistogram floating;
  for (SampleKind kind = it->Next(); kind != SampleKind::kNone; kind = it->Next()) {
    const int64_t t = it->time();
    if (!InRange(t) || (in_order && t < catalog_.min_valid())) continue;
    if (kind == SampleKind::kFloat) series.AddExtra(t, it->bits());
    if (kind == SampleKind::kHistogram) it->Get(&integer), series.AddExtra(t, integer);
    if (kind == SampleKind::kFloatHistogram) it->Get(&floating), series.AddExtra(t, floating);
  }
}

// The series of one block, read from the log batch by batch.
class ImportedSeries final : public ChunkSeriesSet {
 public:
  ImportedSeries(const Catalog& catalog, const Logs& logs, const Catalog::Range& range,
                 int64_t number, uint64_t memory, int samples_per_chunk)
      : catalog_(catalog),
        logs_(logs),
        range_(range),
        mint_(number * catalog.range_ms()),
        maxt_(mint_ + catalog.range_ms() - 1),
        memory_(memory),
        most_samples_(std::clamp(samples_per_chunk, 1, kSamplesPerChunk)),
        joiner_(samples_per_chunk) {}

  StatusOr<std::vector<std::string>> Symbols() override { return catalog_.Symbols(); }
  bool Next() override;
  const Labels& labels() const override { return catalog_.labels(rank_); }
  std::span<const ChunkView> chunks() const override { return chunks_; }
  Status status() const override { return status_; }

 private:
  Status Load();

  const Catalog& catalog_;
  const Logs& logs_;
  const Catalog::Range& range_;
  const int64_t mint_, maxt_;
  const uint64_t memory_;
  const int most_samples_;  // of a chunk of floats, before they are joined
  std::unique_ptr<Batch> batch_;
  uint32_t next_ = 0;  // the rank to look at next
  uint32_t end_ = 0;   // of the batch
  uint32_t rank_ = 0;
  std::vector<EncodedChunk> encoded_;
  std::vector<ChunkView> views_;
  ChunkJoiner joiner_;
  std::span<const ChunkView> chunks_;
  Status status_;
};

Status ImportedSeries::Load() {
  // A guess from above: a sample takes three bytes, most take less.
  constexpr uint64_t kPerSeries = sizeof(StagedSeries) + 80, kPerSample = 3;
  uint64_t estimate = 0;
  const uint32_t from = end_;
  while (end_ < catalog_.size() && (end_ == from || estimate < memory_)) {
    estimate += kPerSeries + kPerSample * catalog_.samples(end_++);
  }
  batch_ = nullptr;
  batch_ = std::make_unique<Batch>(catalog_, from, end_, mint_, maxt_, most_samples_);
  LogScan scan;
  if (range_.log) NX_RETURN_IF_ERROR(Scan(logs_.wal, batch_.get(), &scan));
  batch_->ReadExtras(true);
  if (range_.extra) NX_RETURN_IF_ERROR(Scan(logs_.wbl, batch_.get(), &scan));
  if (logs_.chunks_head.empty()) return OkStatus();
  return ForEachHeadChunk(logs_, catalog_, [this](uint32_t rank, const HeadChunk& chunk) {
    batch_->OnHeadChunk(rank, chunk);
  });
}

bool ImportedSeries::Next() {
  while (status_.ok()) {
    if (next_ == end_) {
      if (end_ == catalog_.size()) return false;
      status_ = Load();
      continue;
    }
    rank_ = next_++;
    auto chunks = std::exchange(batch_->at(rank_), StagedSeries()).Take(catalog_.deleted(rank_));
    if (!chunks.ok()) {
      status_ = chunks.status();
      return false;
    }
    if (chunks->empty()) continue;
    encoded_ = *std::move(chunks);
    views_.clear();
    for (const EncodedChunk& chunk : encoded_) views_.push_back(chunk.view());
    chunks_ = joiner_.Join(views_);
    return true;
  }
  return false;
}

// Three years of two hours: no head reaches that far.
constexpr size_t kMaxBlocks = 13'000;

// The ends of all ranges are timestamps.
bool TimesAreSane(const std::map<int64_t, Catalog::Range>& ranges, int64_t range_ms) {
  const int64_t limit = INT64_MAX / range_ms - 2;
  return ranges.empty() || (ranges.begin()->first > -limit && ranges.rbegin()->first < limit);
}

}  // namespace

int64_t InOrderBlocksEnd(const std::string& dir) {
  int64_t newest = INT64_MIN;
  const auto names = ListDirectory(dir);
  if (!names.ok()) return newest;
  for (const std::string& name : *names) {
    if (!Ulid::Parse(name).has_value()) continue;
    const auto meta = ReadMetaFile(JoinPath(dir, name));
    if (!meta.ok() || meta->compaction.HasHint(kHintOutOfOrder) ||
        meta->compaction.HasHint(kHintStaleSeries)) {
      continue;
    }
    newest = std::max(newest, meta->max_time);
  }
  return newest;
}

namespace {

// The first pass over both logs.
Status ReadCatalog(const ImportOptions& options, const Logs& logs, Catalog* catalog,
                   ImportResult* result, LogScan* scan) {
  for (const bool extra : {false, true}) {
    CatalogSink sink(catalog, result, options.max_exemplars, extra);
    NX_RETURN_IF_ERROR(Scan(extra ? logs.wbl : logs.wal, &sink, scan));
    if (sink.refused() != 0) {
      return Unimplemented(
          "{}: records of type {} (start timestamps, an experimental feature of Prometheus) cannot "
          "be imported; nothing was changed",
          JoinPath(options.dir, extra ? "wbl" : "wal"), sink.refused());
    }
    sink.Finish();
  }
  return OkStatus();
}

}  // namespace

StatusOr<ImportResult> ImportLog(const ImportOptions& options) {
  ImportResult result;
  Logs logs;
  NX_ASSIGN_OR_RETURN(logs.wal, FindLog(JoinPath(options.dir, "wal")));
  NX_ASSIGN_OR_RETURN(logs.wbl, FindLog(JoinPath(options.dir, "wbl")));
  Catalog catalog(options.block_range_ms, InOrderBlocksEnd(options.dir));
  LogScan scan;
  NX_RETURN_IF_ERROR(ReadCatalog(options, logs, &catalog, &result, &scan));
  if (scan.damaged > 0) logs.snapshot = FindSnapshot(options.dir);
  if (!logs.snapshot.empty()) {
    // Again, with the series whose definition is lost.
    Catalog whole(options.block_range_ms, InOrderBlocksEnd(options.dir));
    NX_RETURN_IF_ERROR(AddSnapshotSeries(logs.snapshot, catalog, &whole));
    catalog = std::move(whole);
    result = {};
    scan = {};
    NX_RETURN_IF_ERROR(ReadCatalog(options, logs, &catalog, &result, &scan));
  }
  result.log_bytes = scan.bytes;
  result.records = scan.records;
  result.damaged = scan.damaged;
  catalog.Finish();
  result.series = catalog.size();
  std::map<int64_t, Catalog::Range> ranges = catalog.ranges();
  if (scan.damaged > 0) {
    logs.chunks_head = JoinPath(options.dir, "chunks_head");
    NX_RETURN_IF_ERROR(ForEachHeadChunk(logs, catalog, [&](uint32_t, const HeadChunk& chunk) {
      const int64_t first = FloorDiv(chunk.mint, options.block_range_ms);
      const int64_t last = FloorDiv(chunk.maxt, options.block_range_ms);
      // A chunk never spans more than two; a false one must not make us count for ever.
      for (int64_t n = first; n <= last && n - first < 2; ++n) {
        Catalog::Range& range = ranges[n];
        const int64_t end = (n + 1) * options.block_range_ms - 1;
        range.newest = std::max(range.newest, std::min(chunk.maxt, end));
      }
    }));
  }
  if (ranges.size() > kMaxBlocks || !TimesAreSane(ranges, options.block_range_ms)) {
    return DataLoss("{}: the samples lie in {} ranges of time; this is no log that can be imported",
                    JoinPath(options.dir, "wal"), ranges.size());
  }
  const uint64_t memory = options.memory_bytes != 0 ? options.memory_bytes : DefaultMemory();
  BlockWriter writer(options.dir, {.cancel = options.cancel});
  for (auto it = ranges.begin(); it != ranges.end(); ++it) {
    ImportedSeries series(catalog, logs, it->second, it->first, memory, options.samples_per_chunk);
    BlockMeta meta;
    meta.min_time = it->first * options.block_range_ms;
    meta.max_time = meta.min_time + options.block_range_ms;
    if (std::next(it) == ranges.end()) {
      // The range is not over: samples behind the newest one still come, for other series, and a
      // block that counted as in-order would lock them out.
      meta.max_time = it->second.newest + 1;
      meta.compaction.AddHint(kHintOutOfOrder);
    }
    NX_ASSIGN_OR_RETURN(const BlockMeta written, writer.Write(meta, &series));
    if (written.stats.samples == 0) continue;
    result.samples += written.stats.samples;
    result.blocks.push_back(written);
  }
  return result;
}

}  // namespace narthex::tsdb::promwal
