#include "server/discovery/fetcher.h"

namespace narthex::discovery {

StatusOr<std::unique_ptr<Fetcher>> Fetcher::Create(std::string name,
                                                   const http::ClientConfig& config,
                                                   const ProviderContext& context) {
  http::Client::Options options;
  options.config = config;
  options.name = std::move(name);
  options.user_agent = context.user_agent;
  // Blocking queries hold a connection each.
  constexpr size_t kIdleConnections = 100;
  options.max_idle_connections_per_host = kIdleConnections;
  NX_ASSIGN_OR_RETURN(auto client, http::Client::Create(context.http->Get(), std::move(options)));
  return std::unique_ptr<Fetcher>(new Fetcher(context.loop, std::move(client)));
}

Fetcher::~Fetcher() {
  for (const auto& request : under_way_) request->Cancel();
}

std::shared_ptr<http::Cancellation> Fetcher::Get(http::ClientRequest request, Callback callback) {
  auto cancellation = std::make_shared<http::Cancellation>();
  request.cancellation = cancellation;
  under_way_.insert(cancellation);
  auto answer = lifetime_.Guard([this, cancellation, callback = std::move(callback)](
                                    StatusOr<http::ClientResponse> response) {
    under_way_.erase(cancellation);
    callback(std::move(response));
  });
  // The loop outlives the HTTP threads, so that it may be posted to from them at any time.
  client_->Do(std::move(request), [loop = loop_, answer = std::move(answer)](
                                      StatusOr<http::ClientResponse> response) mutable {
    auto shared = std::make_shared<StatusOr<http::ClientResponse>>(std::move(response));
    loop->Post([answer = std::move(answer), shared]() mutable { answer(std::move(*shared)); });
  });
  return cancellation;
}

}  // namespace narthex::discovery
