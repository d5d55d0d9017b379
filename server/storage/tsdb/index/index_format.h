#pragma once
// Numbers of the index file that reader and writer share (docs/formats/block.md).

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace narthex::tsdb {

inline constexpr std::string_view kIndexFile = "index";
inline constexpr uint32_t kIndexMagic = 0xBAAAD700;
inline constexpr int kIndexVersionWritten = 2;
inline constexpr size_t kIndexHeaderBytes = 5;
inline constexpr size_t kIndexTocBytes = 6 * 8 + 4;
// From version 2 on a series begins at a multiple of this, and its number is the quotient.
inline constexpr size_t kSeriesAlign = 16;
// One offset in so many is kept in memory.
inline constexpr uint32_t kIndexSampling = 32;

// Offsets of the sections; 0 when a section is absent.
struct IndexToc {
  uint64_t symbols = 0;
  uint64_t series = 0;
  uint64_t label_indices = 0;
  uint64_t label_indices_table = 0;
  uint64_t postings = 0;
  uint64_t postings_table = 0;
};

}  // namespace narthex::tsdb
