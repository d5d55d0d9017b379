#pragma once
// Coding of the records that define series (docs/formats/wal.md). A symbol is written once a
// segment, before the first series that uses it, under its id in the dictionary at that time.

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/labels/labels.h"
#include "server/storage/tsdb/series/series_index.h"

namespace narthex::tsdb {

// Remembers which symbols a stream has defined: true means "not yet", and marks it.
class SymbolMarks {
 public:
  virtual ~SymbolMarks() = default;
  virtual bool Name(uint32_t name) = 0;
  virtual bool Value(uint32_t name, uint32_t value) = 0;
};

// Of the series created last. `next`: the one created before it went to this stream, too.
// *definitions is the payload of a kSymbols record, empty when all symbols are defined. Requires
// the index's lock.
void EncodeSeries(const SeriesIndex& index, uint64_t ref, bool next, SymbolMarks* marks,
                  std::string* definitions, std::string* series);

// The symbols one segment has defined so far, for reading. Each is looked up in the index when the
// first series uses it.
class SegmentSymbols {
 public:
  void Clear();
  // To be called when strings may have left the index.
  void ForgetIds();
  Status AddDefinitions(std::string_view payload);
  // A kSeries payload as ids of the index, which is locked for writing. DataLoss for symbols nobody
  // defined and for what is no label set. *labels is valid until the next call.
  Status DecodeSeries(std::string_view payload, SeriesIndex* index, uint64_t* ref,
                      const LabelIds** labels);

 private:
  struct Symbol {
    std::string text;
    uint32_t id = kNoId;  // in the index
  };
  Status Resolve(const LabelId& own, SeriesIndex* index, LabelId* id);
  // Whether the names ascend.
  static bool InOrder(const LabelIds& labels, const SeriesIndex& index);

  absl::flat_hash_map<uint32_t, Symbol> names_;
  absl::flat_hash_map<uint64_t, Symbol> values_;  // name id << 32 | value id
  // The series before, in ids of the segment and of the index: neighbours share most labels.
  LabelIds own_, labels_;
};

}  // namespace narthex::tsdb
