#pragma once
// The HTTP client of one provider: answers arrive on the provider's thread, and not at all once the
// fetcher is gone, which ends what it asked.
//
// Thread safety: none; it lives on the loop's thread.

#include <functional>
#include <memory>
#include <unordered_set>

#include "core/http/cancellation.h"
#include "core/http/client.h"
#include "server/discovery/provider.h"

namespace narthex::discovery {

class Fetcher {
 public:
  using Callback = std::function<void(StatusOr<http::ClientResponse>)>;

  // Fails on unreadable certificates and the like.
  static StatusOr<std::unique_ptr<Fetcher>> Create(std::string name,
                                                   const http::ClientConfig& config,
                                                   const ProviderContext& context);

  ~Fetcher();

  // What is returned ends the request, for who has no use for the answer any more.
  std::shared_ptr<http::Cancellation> Get(http::ClientRequest request, Callback callback);

 private:
  Fetcher(Loop* loop, std::shared_ptr<http::Client> client)
      : loop_(loop), client_(std::move(client)) {}

  Loop* const loop_;
  const std::shared_ptr<http::Client> client_;
  std::unordered_set<std::shared_ptr<http::Cancellation>> under_way_;
  Loop::Lifetime lifetime_;
};

}  // namespace narthex::discovery
