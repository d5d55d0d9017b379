#pragma once
// A Client: configuration, proxies, TLS state and connection pools shared by its exchanges.
// Immutable after Create but for the pools, which belong to their loops.

#include <memory>
#include <vector>

#include "core/http/client.h"
#include "core/http/client_connection.h"
#include "core/http/client_loop.h"
#include "core/http/client_tls.h"
#include "core/http/dial_metrics.h"
#include "core/http/oauth2.h"
#include "core/http/prepared_request.h"
#include "core/http/proxy.h"

namespace narthex::http {

class ClientImpl final : public Client, public std::enable_shared_from_this<ClientImpl> {
 public:
  static StatusOr<std::shared_ptr<Client>> Make(ClientRuntime::Impl& runtime, Options options);
  ClientImpl(ClientRuntime::Impl& runtime, Options options, ProxySelector proxies);
  ~ClientImpl() override;

  using Client::Do;
  std::shared_ptr<const PreparedRequest> Prepare(ClientRequest request) const override;
  // The same for a URL that is split already.
  std::shared_ptr<const PreparedRequest> Prepare(ClientRequest request, Url url) const;
  void Do(std::shared_ptr<const PreparedRequest> request, Callback callback) override;

  const Options& options() const { return options_; }
  const ClientConfig& config() const { return options_.config; }
  const ProxySelector& proxies() const { return proxies_; }
  ClientTls& tls() { return tls_; }
  // Null without oauth2.
  OAuth2Source* oauth2() { return oauth2_.get(); }
  const std::shared_ptr<Resolver>& resolver() const { return resolver_; }
  const std::shared_ptr<ClientLoop>& loop(size_t index) const { return loops_[index]; }
  // Null when nobody counts.
  const std::shared_ptr<DialCounters>& counters() const { return counters_; }
  ConnectionPool& pool(size_t index) { return *pools_[index]; }

 private:
  const Options options_;
  const ProxySelector proxies_;
  const std::shared_ptr<Resolver> resolver_;
  const std::shared_ptr<DialCounters> counters_;
  const std::vector<std::shared_ptr<ClientLoop>> loops_;
  std::vector<std::shared_ptr<ConnectionPool>> pools_;
  ClientTls tls_;
  std::shared_ptr<OAuth2Source> oauth2_;
};

}  // namespace narthex::http
