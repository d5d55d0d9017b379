#pragma once
// Series that have ended: their newest sample is a stale marker and nobody holds them to write on.
// What compaction of stale series takes out of the head early, once blocks have it.
//
// Thread safety: beside readers and writers of the head; serialised by the caller.

#include <cstdint>
#include <span>
#include <vector>

#include "server/storage/tsdb/head/head.h"

namespace narthex::tsdb {

struct EndedSeries {
  uint32_t slot = 0;
  uint64_t ref = 0;
  int64_t newest = 0;  // time of its marker
};

// Ascending by slot. Empty, after a cheap look, when it is sure that they are less than `at_least`
// of all series; else it decodes a chunk for each series without open samples.
std::vector<EndedSeries> FindEnded(Head* head, double at_least);

// Takes those of them out of the head that are as they were found; returns how many. No reader may
// need the head's copy.
uint64_t RemoveEnded(Head* head, std::span<const EndedSeries> ended);

}  // namespace narthex::tsdb
