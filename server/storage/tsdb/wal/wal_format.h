#pragma once
// The records of the log (docs/formats/wal.md): framing constants and the coding of sample rows.

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/bytes.h"

namespace narthex::tsdb {

enum class RecordType : uint8_t {
  kSymbols = 1,  // names and values used by later records of the segment
  kShape = 2,    // a list of names used by later records of the segment
  kSeries = 3,
  kGroup = 4,   // a group and all its members
  kLayout = 5,  // changes of a group's members
  kRow = 6,
  kKeyRow = 7,
  kDetached = 8,     // samples with timestamps of their own
  kTombstone = 9,    // series that are gone
  kCut = 10,         // samples before this time are gone
  kHistograms = 12,  // as kDetached
  kFloatHistograms = 13,
  kCompressed = 14,
  kSync = 15,    // where reading resumes after damage
  kCopied = 16,  // checkpoint only: how far the log was when the next group was copied
  kDelete = 17,  // deleted ranges of series
  kExemplars = 18,
  kLate = 19,  // as kDetached, out of order; the next two as kHistograms, kFloatHistograms
  kLateHistograms = 20,
  kLateFloatHistograms = 21,
  kMetadata = 22,
  // Checkpoint only (docs/formats/checkpoint.md).
  kCheckpointHead = 64,
  kCheckpointSymbols = 65,
  kCheckpointSeries = 66,
  kOpenValues = 67,
  kCheckpointEnd = 68,
};

// The record of samples of this kind that are out of order, and back.
inline RecordType LateType(RecordType in_order) {
  return in_order == RecordType::kHistograms        ? RecordType::kLateHistograms
         : in_order == RecordType::kFloatHistograms ? RecordType::kLateFloatHistograms
                                                    : RecordType::kLate;
}
inline bool IsLate(RecordType type) {
  return type >= RecordType::kLate && type <= RecordType::kLateFloatHistograms;
}
inline RecordType InOrderType(RecordType late) {
  return late == RecordType::kLateHistograms        ? RecordType::kHistograms
         : late == RecordType::kLateFloatHistograms ? RecordType::kFloatHistograms
                                                    : RecordType::kDetached;
}

inline constexpr std::string_view kSegmentMagic = "NXWAL\x01\r\n";
inline constexpr size_t kSegmentHeader = 16;  // magic, u32 segment, u32 zero
inline constexpr size_t kFrameHeader = 10;    // u32 length, u32 crc32c, u8 type, u8 flags
inline constexpr size_t kMaxPayload = 64 << 20;
inline constexpr size_t kSyncAlignment = 4096;
inline constexpr size_t kSyncEvery = 1 << 20;
inline constexpr std::string_view kSyncMagic = "\xf1\x0b\x5a\x93NXSYNC\x1d\x84\x2e\xc7\x60\xb9";
inline constexpr int kKeyRowEvery = 64;

// A place in the log. Offsets count the frames of records alone, as if none were compressed.
struct LogPosition {
  uint32_t segment = 0;
  uint64_t offset = 0;
  friend auto operator<=>(const LogPosition&, const LogPosition&) = default;
};

// Appends a frame to *out. The checksum covers type, flags and payload.
void AppendFrame(RecordType type, std::string_view payload, std::string* out);

// How a group's member list changes.
enum class LayoutChange : uint8_t {
  kAdd = 0,       // member, ref: written by ticks from now on
  kRedirect = 1,  // member, ref: its samples come as kDetached records
  kEnd = 2,       // member: free
  kDetach = 3,    // member: from kAdd to kRedirect
  kRejoin = 4,    // member: from kRedirect to kAdd
  kReset = 5,     // all members stop being written (a new writer takes the group over)
};

// One value against the previous one:
//   integers   uvarint(zigzag(Δ) << 1)
//   decimals   u8 128 | (bytes-1) << 4 | (exponent-1) << 1 | 1, then the bytes of zigzag(Δ) of the
//              values times 10^exponent, where that is shorter
//   others     u8 (bytes-1) << 4 | trailing zero bytes << 1 | 1, then the bytes of the XOR
inline constexpr size_t kMaxWalValue = 10;
// Writes at most kMaxWalValue bytes and returns their end.
char* EncodeWalValue(uint64_t previous, uint64_t bits, char* out);
void EncodeWalValue(uint64_t previous, uint64_t bits, std::string* out);
uint64_t DecodeWalValue(uint64_t previous, ByteReader* in);

}  // namespace narthex::tsdb
