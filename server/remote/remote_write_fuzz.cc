// Any bytes as a remote write message: what passes the check is walked without harm, and what is
// read from it agrees with the check.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/metrics/registry.h"
#include "server/remote/write_handler.h"
#include "server/remote/write_message.h"

namespace narthex::remote {
namespace {

class NullAppender final : public storage::Appender {
 public:
  StatusOr<storage::AppendResult> Append(const Labels& labels, TimestampMs, double) override {
    if (!labels.Has(kMetricNameLabel)) std::abort();
    return storage::AppendResult::kOk;
  }
  StatusOr<storage::AppendResult> AppendHistogram(const Labels&, TimestampMs,
                                                  const IntHistogram& h) override {
    if (BucketsOf(h.positive_spans) != h.positive_deltas.size()) std::abort();
    return storage::AppendResult::kOk;
  }
  StatusOr<storage::AppendResult> AppendHistogram(const Labels&, TimestampMs,
                                                  const FloatHistogram& h) override {
    if (BucketsOf(h.positive_spans) != h.positive_buckets.size()) std::abort();
    return storage::AppendResult::kOk;
  }
  StatusOr<storage::AppendResult> AppendExemplar(const Labels&, const storage::Exemplar&) override {
    return storage::AppendResult::kOk;
  }
  Status Commit(bool) override { return OkStatus(); }
  void Rollback() override {}
};

class NullStorage final : public storage::Appendable {
 public:
  std::unique_ptr<storage::GroupWriter> NewGroup() override { return nullptr; }
  std::unique_ptr<storage::Appender> NewAppender() override {
    return std::make_unique<NullAppender>();
  }
};

}  // namespace
}  // namespace narthex::remote

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace narthex;
  static auto* registry = new Registry;
  static auto* storage = new remote::NullStorage;
  static auto* handler = new remote::WriteHandler(storage, registry);
  const std::string message(reinterpret_cast<const char*>(data), size);
  const bool sound = remote::CheckWriteRequest(message).ok();
  const remote::WriteHandler::Result result = handler->Store(message);
  if (!sound && result.code != 400) std::abort();
  return 0;
}
