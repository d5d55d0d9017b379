// Any bytes as a segment and as a record: no harm, and records that were decoded encode again to
// something that decodes to the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "server/storage/tsdb/promwal/log_reader.h"
#include "server/storage/tsdb/promwal/records.h"

namespace narthex::tsdb::promwal {
namespace {

class Samples final : public RecordSink {
 public:
  void OnSample(const SampleRecord& sample) override { samples.push_back(sample); }
  std::vector<SampleRecord> samples;
};

}  // namespace
}  // namespace narthex::tsdb::promwal

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace narthex::tsdb::promwal;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  LogScan scan;
  RecordSink ignore;
  ScanSegment(bytes, [&](std::string_view record) { (void)DecodeRecord(record, &ignore); }, &scan);
  Samples first, second;
  (void)DecodeRecord(bytes, &first);
  if (first.samples.empty()) return 0;
  std::string again;
  RecordEncoder().Samples(first.samples, &again);
  if (!DecodeRecord(again, &second).ok() || second.samples.size() != first.samples.size())
    std::abort();
  return 0;
}
