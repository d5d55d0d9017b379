#pragma once
// Brings the chunks of one series from several sources into one list that ascends in time without
// overlap. Chunks that overlap nothing are handed on untouched; the others are decoded, merged with
// one sample a timestamp (that of the first source), and encoded anew.
//
// What a histogram chunk says about a counter reset before its first sample holds for the chunk it
// followed in its own source. Behind another one it is replaced by "unknown", which sends readers
// to the values themselves.
//
// Thread safety: none.

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "server/storage/tsdb/chunkenc/chunk_list.h"
#include "server/storage/tsdb/chunkenc/encoding.h"

namespace narthex::tsdb {

class ChunkMerger {
 public:
  struct Input {
    ChunkView chunk;
    uint32_t source = 0;
  };

  // Inputs in any order; reorders them. The result is valid until the next call, and as long as the
  // data of the inputs.
  StatusOr<std::span<const ChunkView>> Merge(std::vector<Input>* inputs);

  // Chunks that were encoded anew, over the life of this object.
  uint64_t recoded() const { return recoded_; }

 private:
  static constexpr uint32_t kNoSource = UINT32_MAX;
  void PassOn(const Input& input);
  Status Recode(std::span<const Input> cluster);

  std::vector<ChunkView> out_;
  std::deque<std::string> patched_;
  std::vector<std::vector<EncodedChunk>> encoded_;
  uint32_t last_source_ = kNoSource;
  uint64_t recoded_ = 0;
};

}  // namespace narthex::tsdb
