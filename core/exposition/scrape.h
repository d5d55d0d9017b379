#pragma once
// Parsing the bodies of one target, scrape after scrape.
//
// A target answers with nearly the same text every time, so the parser predicts it. ScrapeTable
// remembers, in the order of the last scrape, what stood there:
//
//   ┌ hash u64 ┬ slot u32 ┬ length u24 │ flags u8 ┐   16 bytes a series or run of comment lines
//
// For the predicted entry it hashes `length` bytes at the read position; if the hash matches and a
// blank follows, this is that series and the value is right behind: no tokenising, no look-up, no
// stored text. Otherwise the line is tokenised and looked for in the next few entries, then in an
// index built on demand, and only a series nobody knows is decoded into labels and shown to the
// sink, which answers with the slot number it wants to see from then on. Hashes are keyed and 64
// bits wide, and lengths must agree as well.
//
// Predicted parsing gives exactly what parsing everything afresh would give; any text that is not
// plainly the expected one takes the full path. Protobuf bodies use the same table over the
// bytes of their label sets.
//
// Thread safety: a table is used by one scrape at a time.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/exposition/format.h"
#include "core/exposition/text_reader.h"
#include "core/labels/labels.h"
#include "core/metrics/registry.h"

namespace narthex {

inline constexpr uint32_t kDropSlot = UINT32_MAX;  // a series relabelling drops
inline constexpr int64_t kNoTimestamp = INT64_MIN;
inline constexpr int64_t kNoStart = 0;

// What one scrape found, in the order of the body. Reused between scrapes (of any targets) to save
// allocations.
struct ScrapeResult {
  struct Sample {
    double value;
    int64_t timestamp_ms;  // kNoTimestamp unless the line has one
    uint32_t slot;
    bool repeated;  // this very series stood in the body before
  };
  struct Exemplar {
    uint32_t slot;
    int64_t series_timestamp_ms;  // the line's own timestamp, or kNoTimestamp
    ScrapedExemplar exemplar;
  };
  struct Histogram {
    uint32_t slot;
    int64_t timestamp_ms;
    std::shared_ptr<const MetricSample> sample;  // count, sum and native part
    bool gauge;
    int64_t start_ms = kNoStart;
  };
  // When the series of a sample began to count, where the body says so.
  struct Start {
    uint32_t slot;
    int64_t timestamp_ms;  // of the sample: the line's own, or kNoTimestamp
    int64_t start_ms;
  };
  struct Vanished {
    uint32_t slot;
    bool had_timestamp;  // its last sample had a timestamp of its own
  };

  std::vector<Sample> samples;  // without dropped ones
  std::vector<Exemplar> exemplars;
  std::vector<Histogram> histograms;
  std::vector<Start> starts;  // of `samples`, under ScrapeOptions::starts
  // Samples in the body, dropped ones and the one that ended the scrape with an error included.
  size_t scraped = 0;
  size_t added = 0;        // series the table did not know
  size_t timestamped = 0;  // of `samples`, those with a timestamp

  // Filled when the scrape succeeded: entries not seen this time, forgotten by the table now. Two
  // texts may share one slot; a slot is gone only if no sample of this scrape carries it. Dropped
  // series are left out.
  std::vector<Vanished> vanished;
  std::vector<uint32_t> vanished_metadata;

  // How the lines were recognised, for tests and metrics.
  size_t predicted = 0, found = 0;

  void Clear();
};

struct MetadataLine {
  enum class Kind : uint8_t { kHelp, kType, kUnit };
  Kind kind;
  std::string_view family;
  std::string_view text;  // a type by its name: "counter", "unknown"
};

// Receives what the table does not know yet.
class ScrapeSink {
 public:
  virtual ~ScrapeSink() = default;
  // A series seen for the first time (or again after it vanished). Returns the slot its samples are
  // reported under, or kDropSlot. An error ends the scrape with that error.
  virtual StatusOr<uint32_t> OnSeries(const Labels& labels) = 0;
  // Called before OnSeries when the series is exposed with labels whose values are empty. They are
  // no part of its label set; exporters write them to say that there is no such label. Valid during
  // the call.
  virtual void OnEmptyLabels(std::span<const std::string_view> names) { (void)names; }
  // HELP, TYPE and UNIT lines not seen in the last scrape, valid during the call. Returns a number
  // of the caller's choice that ScrapeResult::vanished_metadata names when these lines are gone.
  virtual uint32_t OnMetadata(std::span<const MetadataLine> lines) {
    (void)lines;
    return 0;
  }
};

struct ScrapeOptions {
  ScrapeGrammar grammar = ScrapeGrammar::kText;
  TextLimits limits;
  // Protobuf only: take the native part of a histogram, and its classic part as well.
  bool native_histograms = false;
  bool always_classic = false;
  bool classic_without_buckets = false;  // the classic part also where it is a count and a sum
  // Find out when series began. OpenMetrics' _created lines are no series of their own then, and
  // its bodies are read without predictions. Clear the table when this changes.
  bool starts = false;
  // Label series with the type and unit of their family (__type__, __unit__).
  bool type_and_unit_labels = false;
};

class ScrapeTable {
 public:
  // For tests: `hash_mask` 0 makes all hashes collide.
  explicit ScrapeTable(uint64_t seed, uint64_t hash_mask = ~uint64_t{0});
  ~ScrapeTable();
  ScrapeTable(ScrapeTable&&) noexcept;
  ScrapeTable& operator=(ScrapeTable&&) noexcept;

  // Forgets everything: after relabelling rules changed. The slots are the caller's business.
  void Clear();
  size_t size() const;  // entries, comment runs included
  size_t memory_bytes() const;

  struct Impl;
  Impl* impl() { return impl_.get(); }

 private:
  std::unique_ptr<Impl> impl_;
};

// Parses one body. On error the table keeps what it knows, including the series added before the
// error, nothing vanishes, and *result is meaningless except for its counts.
Status ParseScrape(std::string_view body, const ScrapeOptions& options, ScrapeTable* table,
                   ScrapeSink* sink, ScrapeResult* result);

}  // namespace narthex
