#pragma once
// What the tests of mechanisms run a provider in: a loop on a thread of its own, a store, metrics.

#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>

#include "core/base/thread.h"
#include "core/http/client.h"
#include "server/discovery/config.h"
#include "server/discovery/group_store.h"
#include "server/discovery/provider.h"
#include "tests/catch.h"
#include "tests/eventually.h"

namespace narthex::discovery {

class ProviderRig final : public HttpThreads {
 public:
  ProviderRig() : thread_("sd-test", [this] { loop_.Run(); }) {}
  ~ProviderRig() override {
    On([this] { provider_.reset(); });
    loop_.Stop();
    thread_.Join();
  }

  // Runs on the loop's thread, to the end.
  void On(const std::function<void()>& task) {
    std::promise<void> done;
    loop_.Post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }

  ProviderContext context() {
    ProviderContext context;
    context.loop = &loop_;
    context.http = this;
    context.registry = &registry_;
    context.config = "job";
    context.user_agent = "Prometheus/test";
    context.publisher = store_;
    return context;
  }

  template <typename Config>
  Status Start(const Config& config) {
    Status status;
    On([&] {
      StatusOr<std::unique_ptr<Provider>> made = MakeProvider(config, context());
      status = made.status();
      if (made.ok()) provider_ = *std::move(made);
    });
    return status;
  }
  void Stop() {
    On([this] { provider_.reset(); });
  }
  Provider* provider() { return provider_.get(); }
  bool published() const { return store_->published(); }

  // Every target with its labels and those of its group, one a line: "source: {a="b", …}".
  std::string Text() {
    TargetGroups groups;
    store_->Read(&groups);
    std::string out;
    for (const auto& group : groups) {
      for (const Labels& target : group->targets) {
        LabelsBuilder all(group->labels);
        for (const Label& label : target) all.Set(label.name, label.value);
        out += fmt::format("{}: {}\n", group->source, all.Build().ToString());
      }
    }
    return out;
  }
  std::string Addresses() {
    TargetGroups groups;
    store_->Read(&groups);
    std::string out;
    for (const auto& group : groups) {
      for (const Labels& target : group->targets) {
        out += std::string(out.empty() ? "" : ",") + std::string(target.Get("__address__"));
      }
    }
    return out;
  }
  bool WaitFor(const std::function<bool()>& condition) { return Eventually(condition); }

  // The sum over a family's series, a histogram's or summary's count; -1 when there is none.
  double Metric(const std::string& name) {
    for (const MetricFamily& family : registry_.Gather().families) {
      if (family.name != name) continue;
      double sum = 0;
      for (const MetricSample& sample : family.samples) sum += sample.value + sample.sample_count;
      return sum;
    }
    return -1;
  }

  http::ClientRuntime& Get() override {
    if (http_ == nullptr) http_ = std::make_unique<http::ClientRuntime>(1, "sd-test-http");
    return *http_;
  }

 private:
  Registry registry_;
  Loop loop_;
  std::unique_ptr<http::ClientRuntime> http_;
  Counter updates_;
  std::shared_ptr<GroupStore> store_ = std::make_shared<GroupStore>([] {}, updates_);
  std::unique_ptr<Provider> provider_;
  NamedThread thread_;
};

}  // namespace narthex::discovery
