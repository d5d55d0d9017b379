#pragma once
// CRC-32C (Castagnoli), the checksum of blocks, WAL records and streamed remote read.

#include <cstdint>
#include <string_view>

namespace narthex {

// Continues `crc` (0 to start) over `data`. Uses the SSE4.2 instruction where the CPU has it.
uint32_t Crc32c(std::string_view data, uint32_t crc = 0);

}  // namespace narthex
