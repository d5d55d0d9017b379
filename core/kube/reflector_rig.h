#pragma once
// What the tests of reflectors share: pods, a handler that remembers, and a server with one
// reflector.

#include <atomic>
#include <map>
#include <memory>
#include <string>

#include "core/base/mutex.h"
#include "core/kube/reflector.h"
#include "core/kube/testing/fake_api_server.h"
#include "tests/catch.h"
#include "tests/eventually.h"

namespace narthex::kube {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr char kPods[] = "/api/v1/pods";

inline std::string Pod(const std::string& name, const std::string& node = "n1", int revision = 0) {
  return fmt::format(
      R"({{"kind":"Pod","apiVersion":"v1","metadata":{{"name":"{}","namespace":"ns",)"
      R"("labels":{{"node":"{}"}},"annotations":{{"revision":"{}"}},)"
      R"("managedFields":[{{}}]}},"spec":{{"nodeName":"{}"}}}})",
      name, node, revision, node);
}

class Recorder final : public ObjectHandler {
 public:
  void OnObject(std::string_view key, const JsonValue& object, Change change) override {
    MutexLock lock(mutex_);
    (change == Change::kAdded ? added_ : modified_) += 1;
    if (object["metadata"].Has("managedFields")) wrong_ = true;
    if (state_.contains(std::string(key)) != (change == Change::kModified)) wrong_ = true;
    state_[std::string(key)] = object["metadata"]["annotations"]["revision"].AsString();
  }
  void OnDelete(std::string_view key) override {
    MutexLock lock(mutex_);
    ++deleted_;
    if (state_.erase(std::string(key)) == 0) wrong_ = true;
  }
  void OnSynced() override { ++syncs; }
  void OnListEnd(const Status& status, size_t objects) override {
    if (status.ok()) listed = objects;
    MutexLock lock(mutex_);
    if (!status.ok()) error_ = MessageOf(status);
    ++(status.ok() ? lists : failed_lists);
  }
  void OnWatchEnd(const Status& status) override { ++(status.ok() ? watches : failed_watches); }

  // "a=0 b=1"
  std::string Text() {
    MutexLock lock(mutex_);
    std::string out;
    for (const auto& [key, revision] : state_) {
      out += fmt::format("{}{}={}", out.empty() ? "" : " ", key.substr(3), revision);
    }
    return wrong_ ? "wrong: " + out : out;
  }
  size_t size() {
    MutexLock lock(mutex_);
    return state_.size();
  }
  std::string error() {
    MutexLock lock(mutex_);
    return error_;
  }
  int added() {
    MutexLock lock(mutex_);
    return added_;
  }
  bool Reaches(const std::string& text) {
    return Eventually([&] { return Text() == text; });
  }
  std::atomic<int> syncs{0}, lists{0}, failed_lists{0}, watches{0}, failed_watches{0};
  std::atomic<size_t> listed{0};

 private:
  Mutex mutex_;
  std::map<std::string, std::string> state_ GUARDED_BY(mutex_);
  std::string error_ GUARDED_BY(mutex_);
  int added_ GUARDED_BY(mutex_) = 0;
  int modified_ GUARDED_BY(mutex_) = 0;
  int deleted_ GUARDED_BY(mutex_) = 0;
  bool wrong_ GUARDED_BY(mutex_) = false;
};

// A server, a client and one reflector of pods.
struct Rig {
  explicit Rig(FakeApiServer::Options server_options = {}, ApiConfig config = {}) {
    server_options.bookmarks = milliseconds(20);
    auto started = FakeApiServer::Start(std::move(server_options));
    REQUIRE(started.ok());
    server = *std::move(started);
    server->objects().Declare(kPods, "Pod", true);
    config.server = server->url();
    auto made = Api::Create(runtime, {.config = config, .user_agent = "test"});
    REQUIRE(made.ok());
    api = *std::move(made);
    options.resource = {"", "v1", "pods", "", "", ""};
    options.min_backoff = milliseconds(5);
    options.max_backoff = milliseconds(50);
  }
  void Start() { reflector = std::make_unique<Reflector>(api, &worker, options, &handler); }
  bool Watching() {
    return Eventually([&] { return server->open_watches() > 0; });
  }

  std::unique_ptr<FakeApiServer> server;
  http::ClientRuntime runtime;
  Worker worker;
  std::shared_ptr<Api> api;
  Recorder handler;
  Reflector::Options options;
  std::unique_ptr<Reflector> reflector;
};

}  // namespace narthex::kube
