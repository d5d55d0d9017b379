#pragma once
// Blocking queries for one thing of Consul, one after the other. Part of ConsulProvider.

#include <functional>
#include <string>

#include "server/discovery/consul/consul.h"

namespace narthex::discovery::consul {

class Watch {
 public:
  struct Events {
    std::function<void(const JsonValue&)> changed;
    // After every answer, good or bad. May destroy the watch.
    std::function<void()> answered;
  };

  // `call` is what metrics and logs say: "services", "service".
  Watch(ConsulProvider* owner, std::string path, http::Params query, std::string call,
        std::string name, Events events);
  ~Watch();

  void Begin();

 private:
  void OnAnswer(StatusOr<http::ClientResponse> response);
  void Fail(const Status& status);
  // True when the answer tells something new.
  bool Advance(std::string_view index);

  ConsulProvider* const owner_;
  const std::string path_;
  const http::Params query_;
  const std::string call_, name_;
  const Events events_;
  Loop::Lifetime lifetime_;
  Loop::Timer next_;
  std::shared_ptr<http::Cancellation> query_under_way_;
  uint64_t index_ = 0;
  int64_t due_ms_ = 0;
  int64_t begun_nanos_ = 0;
};

}  // namespace narthex::discovery::consul
