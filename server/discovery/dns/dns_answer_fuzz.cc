// Answers of DNS servers as discovery reads them. The first byte chooses the type of record.
#include <cstdint>

#include "server/discovery/dns/resolver.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using narthex::discovery::dns::RecordType;
  if (size == 0) return 0;
  constexpr RecordType kTypes[] = {RecordType::kSrv, RecordType::kA, RecordType::kAaaa,
                                   RecordType::kMx, RecordType::kNs};
  const auto records = narthex::discovery::dns::ReadRecords(kTypes[data[0] % std::size(kTypes)],
                                                            {data + 1, size - 1});
  if (records.ok() && records->size() > size) __builtin_trap();
  return 0;
}
