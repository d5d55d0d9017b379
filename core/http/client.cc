#include "core/http/client.h"

#include <future>

#include "core/http/client_impl.h"
#include "core/http/exchange.h"

namespace narthex::http {

std::string ClientResponse::status_line() const {
  const std::string_view text = StatusText(status);
  return text.empty() ? fmt::format("{}", status) : fmt::format("{} {}", status, text);
}

ClientRuntime::ClientRuntime(int io_threads, std::string name) : impl_(std::make_unique<Impl>()) {
  impl_->resolver = std::make_shared<Resolver>(name + "-dns");
  for (int i = 0; i < std::max(1, io_threads); ++i) {
    auto loop = std::make_shared<ClientLoop>();
    impl_->guards.emplace_back(loop->context.get_executor());
    impl_->threads.emplace_back(fmt::format("{}{}", name, i), [loop] { loop->context.run(); });
    impl_->loops.push_back(std::move(loop));
  }
}

ClientRuntime::~ClientRuntime() {
  impl_->resolver->Stop();
  for (const auto& loop : impl_->loops) {
    std::promise<void> done;
    loop->Post([&] {
      loop->shutting_down = true;
      const auto active = std::vector(loop->active.begin(), loop->active.end());
      for (const auto& exchange : active) exchange->Fail(Cancelled("context canceled"));
      {
        MutexLock lock(loop->mutex);
        loop->stopped = true;
      }
      done.set_value();
    });
    done.get_future().wait();
  }
  // With the guards gone a loop ends when what was posted before the stop has run.
  impl_->guards.clear();
  for (const auto& loop : impl_->loops) loop->context.stop();
  impl_->threads.clear();
  for (const auto& loop : impl_->loops) {
    loop->context.restart();
    loop->context.poll();
  }
}

StatusOr<std::shared_ptr<Client>> Client::Create(ClientRuntime& runtime, Options options) {
  NX_RETURN_IF_ERROR(ValidateClientConfig(options.config));
  const ClientConfig& config = options.config;
  NX_ASSIGN_OR_RETURN(auto proxies, ProxySelector::Create(config.proxy_url, config.no_proxy,
                                                          config.proxy_from_environment));
  return std::shared_ptr<Client>(
      std::make_shared<ClientImpl>(runtime.impl(), std::move(options), std::move(proxies)));
}

StatusOr<ClientResponse> Client::DoBlocking(ClientRequest request) {
  auto promise = std::make_shared<std::promise<StatusOr<ClientResponse>>>();
  auto future = promise->get_future();
  Do(std::move(request),
     [promise](StatusOr<ClientResponse> result) { promise->set_value(std::move(result)); });
  return future.get();
}

ClientImpl::ClientImpl(ClientRuntime::Impl& runtime, Options options, ProxySelector proxies)
    : options_(std::move(options)),
      proxies_(std::move(proxies)),
      resolver_(runtime.resolver),
      loops_(runtime.loops) {
  for (const auto& loop : loops_) {
    pools_.push_back(std::make_shared<ConnectionPool>(
        loop, options_.keep_alive ? options_.max_idle_connections_per_host : 0,
        options_.idle_timeout));
  }
}

ClientImpl::~ClientImpl() {
  for (size_t i = 0; i < loops_.size(); ++i) {
    loops_[i]->Post([pool = std::move(pools_[i])] { pool->CloseAll(); });
  }
}

void ClientImpl::Do(ClientRequest request, Callback callback) {
  auto url = Url::Parse(request.url);
  if (url.ok() && url->scheme != "http" && url->scheme != "https") {
    url = InvalidArgument("unsupported protocol scheme \"{}\"", url->scheme);
  } else if (url.ok() && url->host.empty() && request.unix_socket.empty()) {
    url = InvalidArgument("no Host in request URL");
  }
  const size_t index =
      url.ok() ? std::hash<std::string>{}(url->host + url->port) % loops_.size() : 0;
  auto shared_callback = std::make_shared<Callback>(std::move(callback));
  const bool posted = loops_[index]->Post(
      [self = shared_from_this(), index, request = std::move(request), url = std::move(url),
       shared_callback]() mutable {
        if (!url.ok()) return (*shared_callback)(std::move(url).status());
        if (self->loops_[index]->shutting_down) {
          return (*shared_callback)(Cancelled("context canceled"));
        }
        std::make_shared<Exchange>(self, index, std::move(request), *std::move(url),
                                   std::move(*shared_callback))
            ->Start();
      });
  if (!posted) (*shared_callback)(Cancelled("context canceled"));
}

}  // namespace narthex::http
