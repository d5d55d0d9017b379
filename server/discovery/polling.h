#pragma once
// A provider that looks once an interval and publishes what it found, with the refresh metrics. A
// look that fails is told and counted; the last known groups stay.

#include <string>

#include "core/base/status.h"
#include "server/discovery/metrics.h"
#include "server/discovery/provider.h"

namespace narthex::discovery {

class PollingProvider : public Provider {
 public:
  PollingProvider(const ProviderContext& context, std::string mechanism, int64_t interval_ms);

  void Start() { Begin(); }  // the first look

 protected:
  // Ends, now or later, with exactly one Finish.
  virtual void Look() = 0;
  void Finish(StatusOr<TargetGroups> groups);

  const ProviderContext& context() const { return context_; }

 private:
  void Begin();

  const ProviderContext context_;
  const std::string mechanism_;
  const int64_t interval_ms_;
  RefreshMetrics metrics_;
  Loop::Timer next_;
  int64_t due_ms_ = 0;
  int64_t begun_nanos_ = 0;
};

// What MakeProvider of such a mechanism returns.
template <typename T>
StatusOr<std::unique_ptr<Provider>> StartPolling(std::unique_ptr<T> provider) {
  provider->Start();
  return std::unique_ptr<Provider>(std::move(provider));
}

}  // namespace narthex::discovery
