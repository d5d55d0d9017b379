#include "core/http/client.h"

#include <future>

#include "core/http/ascii.h"
#include "core/http/client_impl.h"
#include "core/http/credentials.h"
#include "core/http/exchange.h"

namespace narthex::http {

std::string ClientResponse::status_line() const {
  if (!status_text.empty()) return status_text;
  const std::string_view text = StatusText(status);
  return text.empty() ? fmt::format("{}", status) : fmt::format("{} {}", status, text);
}

ClientRuntime::ClientRuntime(int io_threads, std::string name, Registry* registry)
    : impl_(std::make_unique<Impl>()) {
  impl_->registry = registry;
  if (registry != nullptr) DialCountersOf(*registry, "default");  // upstream's, of nobody
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
      for (const auto& [deadline, exchange] : active) {
        exchange->Fail(Cancelled("context canceled"));
      }
      done.set_value();
    });
    done.get_future().wait();
  }
  impl_->guards.clear();
  for (const auto& loop : impl_->loops) loop->context.stop();
  impl_->threads.clear();
  for (const auto& loop : impl_->loops) loop->Drain();
}

StatusOr<std::shared_ptr<Client>> Client::Create(ClientRuntime& runtime, Options options) {
  return ClientImpl::Make(runtime.impl(), std::move(options));
}

StatusOr<std::shared_ptr<Client>> ClientImpl::Make(ClientRuntime::Impl& runtime, Options options) {
  NX_RETURN_IF_ERROR(ValidateClientConfig(options.config));
  const ClientConfig& config = options.config;
  NX_RETURN_IF_ERROR(CheckSecretReferences(config));
  NX_ASSIGN_OR_RETURN(auto proxies, ProxySelector::Create(config.proxy_url, config.no_proxy,
                                                          config.proxy_from_environment));
  auto client = std::make_shared<ClientImpl>(runtime, std::move(options), std::move(proxies));
  // The system's roots are read when they are first needed; what is configured is checked now.
  if (client->tls_.has_files()) NX_RETURN_IF_ERROR(client->tls_.Current().status());
  if (client->config().oauth2) {
    const ClientConfig::OAuth2& oauth2 = *client->config().oauth2;
    Options inner;
    inner.user_agent = client->options().user_agent;
    inner.config.tls = oauth2.tls;
    inner.config.proxy_url = oauth2.proxy_url;
    inner.config.no_proxy = oauth2.no_proxy;
    inner.config.proxy_from_environment = oauth2.proxy_from_environment;
    NX_ASSIGN_OR_RETURN(auto token_client, Make(runtime, std::move(inner)));
    client->oauth2_ = std::make_shared<OAuth2Source>(oauth2, std::move(token_client));
  }
  return std::shared_ptr<Client>(std::move(client));
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
      counters_(
          runtime.registry == nullptr || options_.name.empty()
              ? nullptr
              : std::make_shared<DialCounters>(DialCountersOf(*runtime.registry, options_.name))),
      loops_(runtime.loops),
      tls_(options_.config.tls) {
  for (const auto& loop : loops_) {
    pools_.push_back(std::make_shared<ConnectionPool>(
        loop, options_.keep_alive ? options_.max_idle_connections_per_host : 0,
        options_.idle_timeout));
  }
}

ClientImpl::~ClientImpl() {
  for (size_t i = 0; i < loops_.size(); ++i) {
    if (loops_[i]->Post([pool = pools_[i]] { pool->CloseAll(); })) continue;
    // The runtime is gone, and with it the only thread that could be using the pool.
    pools_[i]->CloseAll();
    loops_[i]->Drain();
  }
}

std::shared_ptr<const PreparedRequest> ClientImpl::Prepare(ClientRequest request) const {
  // To Go a URL may have no scheme as well; only its transport does not know that one either.
  const bool no_scheme = request.url.starts_with("//");
  auto url = Url::Parse(no_scheme ? "http:" + request.url : request.url);
  const auto refuse = [&](const std::string& why) {
    url = InvalidArgument("{} \"{}\": {}", OperationName(request.method), request.url, why);
  };
  if (url.ok() && (no_scheme || (url->scheme != "http" && url->scheme != "https"))) {
    refuse(fmt::format("unsupported protocol scheme \"{}\"", no_scheme ? "" : url->scheme));
  } else if (url.ok() && url->host.empty() && url->port.empty() && request.unix_socket.empty()) {
    refuse("http: no Host in request URL");
  }
  if (url.ok()) return Prepare(std::move(request), *std::move(url));
  auto refused = std::make_shared<PreparedRequest>();
  refused->request = std::move(request);
  refused->status = url.status();
  return refused;
}

std::shared_ptr<const PreparedRequest> ClientImpl::Prepare(ClientRequest request, Url url) const {
  auto prepared = std::make_shared<PreparedRequest>();
  prepared->request = std::move(request);
  prepared->url = std::move(url);
  prepared->request.url = prepared->url.ToString();
  const Url& u = prepared->url;
  prepared->proxy = prepared->request.unix_socket.empty() ? proxies_.Select(u) : nullptr;
  prepared->brings_authorization = prepared->request.headers.Has("Authorization");
  prepared->head = RequestHead(*prepared, options_.user_agent);
  prepared->request.headers = Headers();
  prepared->loop_index = std::hash<std::string>{}(u.host + u.port) % loops_.size();
  return prepared;
}

void ClientImpl::Do(std::shared_ptr<const PreparedRequest> request, Callback callback) {
  const std::shared_ptr<ClientLoop>& loop = loops_[request->loop_index];
  const bool here = loop->context.get_executor().running_in_this_thread();
  if (here && request->status.ok() && !loop->shutting_down) {
    return std::make_shared<Exchange>(shared_from_this(), std::move(request), std::move(callback))
        ->Start();
  }
  auto shared_callback = std::make_shared<Callback>(std::move(callback));
  const bool posted =
      loop->Post([self = shared_from_this(), request = std::move(request), shared_callback] {
        if (!request->status.ok()) return (*shared_callback)(request->status);
        if (self->loops_[request->loop_index]->shutting_down) {
          return (*shared_callback)(Cancelled("context canceled"));
        }
        std::make_shared<Exchange>(self, request, std::move(*shared_callback))->Start();
      });
  if (!posted) (*shared_callback)(Cancelled("context canceled"));
}

}  // namespace narthex::http
