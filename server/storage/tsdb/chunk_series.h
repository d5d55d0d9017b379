#pragma once
// Series with their chunks, in label order: what a block is written from, and what the head, a
// block and a merge of several of them give.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/labels/labels.h"
#include "server/storage/tsdb/chunkenc/encoding.h"

namespace narthex::tsdb {

class ChunkSeriesSet {
 public:
  virtual ~ChunkSeriesSet() = default;
  // Every label name and value that Next will show, sorted and unique; to be called before Next.
  // More than these is allowed.
  virtual StatusOr<std::vector<std::string>> Symbols() = 0;
  // Series in ascending order of labels, each with at least one chunk. False at the end and on
  // error; status() tells which.
  virtual bool Next() = 0;
  virtual const Labels& labels() const = 0;
  // Ascending and not overlapping in time; valid, with their data, until the next Next.
  virtual std::span<const ChunkView> chunks() const = 0;
  virtual Status status() const = 0;
};

}  // namespace narthex::tsdb
