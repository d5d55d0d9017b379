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

// *definitions is the payload of a kSymbols record, empty when all symbols are defined. Requires
// the index's lock.
void EncodeSeries(const SeriesIndex& index, uint32_t slot, SymbolMarks* marks,
                  std::string* definitions, std::string* series);

// The symbols one segment has defined so far, for reading.
class SegmentSymbols {
 public:
  void Clear();
  Status AddDefinitions(std::string_view payload);
  // Calls found(ref, labels) for a kSeries payload. DataLoss for symbols nobody defined.
  Status DecodeSeries(std::string_view payload, uint64_t* ref, Labels* labels) const;

 private:
  absl::flat_hash_map<uint32_t, std::string> names_;
  absl::flat_hash_map<uint64_t, std::string> values_;  // name id << 32 | value id
};

}  // namespace narthex::tsdb
