#pragma once
// The records of samples with timestamps of their own (docs/formats/wal.md): floats, histograms,
// float histograms. Samples keep their order: a record ends where the kind changes.
//
// Thread safety: none.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/histogram/histogram.h"
#include "server/storage/tsdb/wal/wal_format.h"

namespace narthex::tsdb {

class SampleRecords {
 public:
  void Add(uint64_t ref, int64_t t, uint64_t bits);
  void Add(uint64_t ref, int64_t t, const IntHistogram& h);
  void Add(uint64_t ref, int64_t t, const FloatHistogram& h);
  // The records of all that was added.
  std::vector<std::pair<RecordType, std::string>> Take();

 private:
  void Begin(RecordType type, uint64_t ref, int64_t t);
  void End();

  std::vector<std::pair<RecordType, std::string>> done_;
  std::string body_;
  RecordType type_ = RecordType::kDetached;
  uint64_t count_ = 0;
  uint64_t ref_ = 0;
  int64_t time_ = 0;
};

// Reads such a payload. Any bytes are safe; histograms come out valid or as stale markers.
class SampleReader {
 public:
  SampleReader(RecordType type, std::string_view payload);
  // False at the end and on damage.
  bool Next();
  uint64_t ref() const { return ref_; }
  int64_t time() const { return static_cast<int64_t>(time_); }
  uint64_t bits() const { return bits_; }
  const IntHistogram& histogram() const { return histogram_; }
  const FloatHistogram& float_histogram() const { return floats_; }

 private:
  const RecordType type_;
  ByteReader in_;
  uint64_t left_ = 0;
  uint64_t ref_ = 0;
  uint64_t time_ = 0;
  uint64_t bits_ = 0;
  IntHistogram histogram_;
  FloatHistogram floats_;
};

}  // namespace narthex::tsdb
