#pragma once
// The records of a checkpoint that a log segment does not have (docs/formats/checkpoint.md): head,
// symbols, series with their full chunks, values of open chunks.
//
// Thread safety: none. Any bytes are safe to decode.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/status.h"
#include "server/storage/tsdb/head/chunk_files.h"
#include "server/storage/tsdb/head/value_stream.h"
#include "server/storage/tsdb/series/series_index.h"

namespace narthex::tsdb {

struct CheckpointHead {
  static constexpr uint64_t kVersion = 1;
  uint64_t series = 0;  // about
  uint64_t next_ref = 0;
  int64_t min_time = 0;
  int64_t max_time = 0;
  int64_t truncated_before = 0;
  std::vector<ChunkFiles::Extent> files;  // the chunks in them are named by the series

  std::string Encode() const;
  // FailedPrecondition: of a version this program does not know. DataLoss: malformed.
  static StatusOr<CheckpointHead> Decode(std::string_view payload);
};

// ---- Symbols: numbered from 0 by first use ----

class CheckpointSymbolWriter {
 public:
  // The labels in numbers of the file; what they need is added to the pending record.
  void Number(const SeriesIndex& index, const LabelIds& labels, LabelIds* out);
  // The payload of a kCheckpointSymbols record; empty when nothing is pending.
  std::string Take() { return std::exchange(pending_, {}); }

 private:
  struct Name {
    uint32_t number = kNoId;
    uint32_t next_value = 0;
    std::vector<uint32_t> values;  // by value id
  };
  std::vector<Name> names_;  // by name id
  uint32_t next_name_ = 0;
  std::string pending_;
};

// Views into the payloads are kept.
class CheckpointSymbols {
 public:
  void Clear() { names_.clear(); }
  // Numbers at or above `limit` are damage.
  Status Add(std::string_view payload, uint64_t limit);
  // What a label is in the index, which is locked for writing, and its hash.
  struct Label {
    LabelId id;
    uint32_t hash = 0;
  };
  // False for what is lost.
  bool Resolve(const LabelId& number, SeriesIndex* index, Label* label);

 private:
  struct Symbol {
    std::string_view text;
    uint32_t id = kNoId;  // in the index
    uint32_t hash = 0;    // of a value with its name
  };
  struct Name : Symbol {
    std::vector<Symbol> values;
  };
  std::vector<Name> names_;
};

// ---- Series ----

struct CheckpointSeries {
  uint64_t ref = 0;
  LabelIds labels;  // in numbers of the file, in the order of the names
  std::vector<ChunkRef> chunks;
  // No sample up to here is missing in the chunks; kNoCoverage when that is not known.
  static constexpr int64_t kNoCoverage = INT64_MIN;
  int64_t covered_until = kNoCoverage;
};

// Each record stands alone, given the symbols.
class CheckpointSeriesWriter {
 public:
  void Add(const CheckpointSeries& series);
  size_t size() const { return bytes_.size(); }
  std::string Take();

 private:
  void AddLabels(const LabelIds& labels);
  std::string bytes_;
  CheckpointSeries previous_;
};

class CheckpointSeriesReader {
 public:
  explicit CheckpointSeriesReader(std::string_view payload) : in_(payload) {}
  // False at the end and on damage: see ok().
  bool Next();
  bool ok() const { return in_.ok() && ok_; }
  const CheckpointSeries& series() const { return series_; }
  // Whether label i may differ from that of the series before.
  bool Changed(size_t i) const { return i >= 64 || (changed_ >> i & 1) != 0; }
  bool same_names() const { return same_names_; }

 private:
  bool ReadLabels();
  bool ReadChunks();
  ByteReader in_;
  bool ok_ = true;
  bool same_names_ = false;
  uint64_t changed_ = ~uint64_t{0};
  CheckpointSeries series_;
  std::vector<ChunkRef> chunks_before_;
  int64_t covered_before_ = 0;
};

// ---- Values of open chunks ----

struct OpenValues {
  ValueState state;  // without buffer and start tick
  uint32_t age = 0;  // ticks since the first sample
  std::string_view stream;
};

void EncodeOpenValues(const ValueState& state, const uint8_t* stream, uint32_t age,
                      std::string* out);
// False for what no encoder writes.
bool DecodeOpenValues(ByteReader* in, OpenValues* out);

}  // namespace narthex::tsdb
