#pragma once
// The series of one target: the parser's table on one side, members of a storage group on the
// other, and what a scrape does to both.
//
//   line ──ScrapeTable──▶ slot ──slots_──▶ member of the group        (no timestamp of its own)
//                                 └──────▶ held labels ──▶ Appender   (with one, or not created
//                                 yet)
//
// New series are held back until the whole body has been parsed and the limits are known to be
// kept, so that a scrape that fails creates nothing in the head.
//
// Thread safety: none; one scrape at a time.

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/exposition/scrape.h"
#include "core/labels/relabel.h"
#include "server/config/config.h"
#include "server/scrape/classic_histogram.h"
#include "server/scrape/histograms.h"
#include "server/scrape/metadata.h"
#include "server/storage/interface.h"

namespace narthex::scrape {

// Reused between scrapes of any targets; one for each worker.
struct Scratch {
  ScrapeResult result;
  std::vector<double> values;  // by member
  std::vector<uint8_t> seen;   // by member
  // Label hash → member, of those that came with this scrape; only while an appender writes too.
  absl::flat_hash_map<uint64_t, uint32_t> joined;
  bool note_joins = false;
  LabelsBuilder builder;
  std::vector<Label> exposed;
  std::string body;                      // decompressed
  std::vector<AnyHistogram> histograms;  // as result.histograms, ready to be stored
  std::vector<storage::GroupWriter::MemberExemplar> exemplars;

  // Gives memory back after an outsized scrape.
  void Trim();
};

// What one body is read under.
struct AppendInput {
  std::string_view body;
  ScrapeGrammar grammar = ScrapeGrammar::kText;
  const config::ScrapeConfig* config = nullptr;
  const RelabelRules* metric_rules = nullptr;
  const Labels* target_labels = nullptr;
  TimestampMs timestamp = 0;
  TimestampMs now = 0;             // for the bound on timestamps of the future
  bool native_histograms = false;  // stored; else only their classic part is
  bool always_classic = false;     // the classic part as well
  bool convert_classic = false;    // classic histograms become native ones
  bool store_metadata = false;     // with the series, in the storage
  bool store_starts = false;       // as zeros, when series began
  bool type_and_unit_labels = false;
};

struct AppendCounts {
  size_t scraped = 0;        // samples in the body
  size_t after_relabel = 0;  // of those, kept by metric_relabel_configs
  size_t added = 0;          // series new to this target
  size_t out_of_order = 0;
  size_t duplicate = 0;
  size_t out_of_bounds = 0;
  size_t refused = 0;            // the head takes no more series
  size_t native_histograms = 0;  // seen and not stored
  size_t exemplars_out_of_order = 0;
};

// The errors whose kind matters to the metrics.
inline constexpr std::string_view kSampleLimitError = "sample limit exceeded";
inline constexpr std::string_view kBucketLimitError = "histogram bucket limit exceeded";
bool IsSampleLimitError(const Status& status);
bool IsBucketLimitError(const Status& status);

class TargetSeries {
 public:
  TargetSeries(storage::Appendable* storage, MetadataCache* metadata, uint64_t seed);

  // Parses and stores one body. On error nothing of it is stored; the caller then ends the series
  // with MarkStale. After either the caller writes the report, and the log is written with that.
  Status Append(const AppendInput& input, Scratch* scratch, AppendCounts* counts);

  // Ends every series that has not ended yet, at `timestamp`; those with timestamps of their own
  // only under track_timestamps_staleness.
  void MarkStale(TimestampMs timestamp, bool track_explicit, Scratch* scratch);

  // Forgets which text stands for which series: relabelling changed. Series that come out the same
  // go on; those that do not are ended by the next scrape.
  void Invalidate();

  // Gives everything back, without stale markers: the target has been down for long. Whether there
  // was anything.
  bool Release();

  size_t member_count() const { return group_ == nullptr ? 0 : group_->member_count(); }
  size_t table_bytes() const { return table_.memory_bytes(); }

 private:
  struct Held {
    Labels labels;
    bool fresh = true;       // not counted as added yet
    bool histogram = false;  // ticks by the appender, so it ends there too
  };
  // A histogram that is made of classic series.
  struct Converted {
    Labels labels;              // as exposed; none: a free place
    uint32_t slot = kDropSlot;  // of its series, when it has one
    bool placed = false;        // it was asked for a slot
    uint32_t parts = 0;         // classic series
    uint32_t natives = 0;       // native series of the same labels, which go before
    bool shown = false;         // by the last scrape
    TimestampMs timestamp_ms = kNoTimestamp;
    TimestampMs start_ms = kNoStart;  // the first that a part has
    ClassicHistogram collected;       // during a scrape
  };
  static constexpr uint32_t kNoHistogram = UINT32_MAX;
  struct PartOf {
    uint32_t histogram = kNoHistogram;
    ClassicPart part = ClassicPart::kNone;  // or the native series itself
    double bound = 0;
  };
  class Sink;
  static constexpr uint32_t kHeldBit = 1U << 31;
  static constexpr uint32_t kNoMember = UINT32_MAX;
  static constexpr uint32_t kNoPlace = UINT32_MAX;  // a slot that is only a part of a histogram

  // ---- Conversion of classic histograms (series_classic.cc) ----
  static ClassicSeries Classify(const Labels& labels);
  Converted& ConvertedOf(const Labels& labels, uint32_t* index);
  uint32_t BareSlot();
  void SetPart(uint32_t slot, const PartOf& part);
  void ClearConverted();
  size_t CollectParts(ScrapeResult* result);
  void ForgetParts(ScrapeResult* result);
  void MoveExemplars(ScrapeResult* result);
  Status ConvertClassic(const AppendInput& input, Scratch* scratch, AppendCounts* counts);
  void EndSilent(TimestampMs timestamp, storage::Appender* appender);

  uint32_t Hold(Labels labels);
  void FreeSlot(uint32_t slot);
  void ReleaseHeld();
  void Reset();
  Status Parse(const AppendInput& input, Scratch* scratch, AppendCounts* counts);
  bool NeedsLabels(const AppendInput& input, const ScrapeResult& result) const;
  uint32_t MemberOf(uint32_t slot, Scratch* scratch, AppendCounts* counts);
  void CollectValues(const AppendInput& input, Scratch* scratch, AppendCounts* counts,
                     storage::Appender* explicit_samples);
  Status ConvertHistograms(const AppendInput& input, Scratch* scratch);
  TimestampMs TimeOf(const AppendInput& input, TimestampMs own) const;
  bool IsNewStart(const AppendInput& input, const ScrapeResult::Start& start) const;
  Status AppendStarts(const AppendInput& input, Scratch* scratch);
  void AppendHistograms(const AppendInput& input, Scratch* scratch, storage::Appender* appender,
                        AppendCounts* counts);
  void AppendExemplars(const AppendInput& input, Scratch* scratch, storage::Appender* appender,
                       AppendCounts* counts);
  void StoreMetadata(storage::Appender* appender);
  void EndOrphans(TimestampMs timestamp, Scratch* scratch, storage::Appender* appender);
  void AppendExplicit(const AppendInput& input, const ScrapeResult::Sample& sample,
                      storage::Appender* appender, AppendCounts* counts);
  static bool SeenAsMember(const Labels& labels, const Scratch& scratch);
  size_t RetireUnseen(const AppendInput& input, Scratch* scratch, storage::Appender* appender);
  void Retire(uint32_t member);
  void GrowScratch(Scratch* scratch) const;
  void CommitValues(TimestampMs timestamp, Scratch* scratch, AppendCounts* counts);

  storage::Appendable* const storage_;
  MetadataCache* const metadata_;
  ScrapeTable table_;
  std::unique_ptr<storage::GroupWriter> group_;
  std::vector<uint32_t> slots_;  // member, or kHeldBit | index into held_
  std::vector<uint32_t> free_slots_;
  std::vector<Held> held_;
  std::vector<uint32_t> free_held_;
  std::vector<Labels> orphans_;  // live series of histograms from before a reset
  // While classic histograms are converted: by slot, what it is a part of.
  std::vector<PartOf> parts_;
  std::vector<Converted> converted_;
  std::vector<uint32_t> free_converted_;
  absl::flat_hash_map<Labels, uint32_t> converted_by_labels_;
  std::vector<uint32_t> silent_;  // of histograms that the scrape before had and this one has not
  bool converting_ = false;
  bool storing_starts_ = false;
  TimestampMs last_time_ = INT64_MIN;  // of the scrape before, which gave every line a sample
  bool keeping_classic_ = false;
  bool storing_native_ = false;
  std::vector<bool> members_;      // which are live
  bool live_ = false;              // the last tick held values
  bool explicit_live_ = false;     // the last scrape held samples with own timestamps
  bool histograms_live_ = false;   // the last scrape held native histograms
  bool metadata_changed_ = false;  // since it was stored
  bool sweep_ = false;             // the table was reset: members may have lost their line
};

}  // namespace narthex::scrape
