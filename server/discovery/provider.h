#pragma once
// A running discovery mechanism, and what it runs in.
//
// The contract. A provider is made, called and destroyed on the manager's thread, which is the
// thread of ProviderContext::loop. It must not block there for longer than reading a file takes:
// network traffic is asynchronous (HTTP by Fetcher, sockets by Loop::Watch), waiting is a
// Loop::Timer. No provider has a thread of its own, so its state needs no lock. What must come from
// another thread (a watch that decodes on an I/O thread) either posts to the loop or calls
// Publisher::Publish, which any thread may do, and stops doing so before ~Provider returns.
//
// A provider publishes what changed: a group replaces the one of the same source, a group without
// targets deletes it. The first Publish should hold everything that was found, also when that is
// nothing: until then the groups of a predecessor stay. A look that fails publishes nothing, so
// that the last known groups stay. The manager tells the consumer of updates at most once in
// Options::update_interval_ms, of the first one of a provider at once.

#include <memory>
#include <string>

#include "core/metrics/registry.h"
#include "server/discovery/loop.h"
#include "server/discovery/target_group.h"

namespace narthex::http {
class ClientRuntime;
}

namespace narthex::discovery {

class Provider {
 public:
  virtual ~Provider() = default;
};

class Publisher {
 public:
  virtual ~Publisher() = default;
  // Never blocks on the consumer. Groups that say what is known already change nothing.
  virtual void Publish(TargetGroups groups) = 0;
};

// The HTTP threads of a manager, started when the first provider asks.
class HttpThreads {
 public:
  virtual ~HttpThreads() = default;
  virtual http::ClientRuntime& Get() = 0;
};

// Everything here outlives the provider; `publisher` may be kept longer.
struct ProviderContext {
  Loop* loop = nullptr;
  HttpThreads* http = nullptr;
  // Families are shared by every provider and both managers of the process (see Registry: the
  // second registration yields the first); series of its own a provider removes when it goes.
  Registry* registry = nullptr;
  std::string config;  // the job that asked first: the label `config` of refresh metrics
  std::string user_agent;
  std::shared_ptr<Publisher> publisher;
};

}  // namespace narthex::discovery
