#include "core/rpc/server.h"

#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <mutex>

#include "core/base/file.h"
#include "core/log/log.h"

namespace narthex {
namespace {

constexpr size_t kMaxPemBytes = 1 << 20;

StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(const RpcTls& tls) {
  if (!tls.enabled()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options(
      tls.ca_file.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                          : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  if (!tls.ca_file.empty()) {
    NX_ASSIGN_OR_RETURN(options.pem_root_certs, ReadFile(tls.ca_file, kMaxPemBytes));
  }
  NX_ASSIGN_OR_RETURN(std::string key, ReadFile(tls.key_file, kMaxPemBytes));
  NX_ASSIGN_OR_RETURN(std::string cert, ReadFile(tls.cert_file, kMaxPemBytes));
  options.pem_key_cert_pairs.push_back({std::move(key), std::move(cert)});
  return grpc::SslServerCredentials(options);
}

bool IsLoopback(std::string_view address) {
  const std::string_view host = address.substr(0, address.rfind(':'));
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

Status CheckOptions(const RpcServer::Options& options) {
  if (options.listen_address.rfind(':') == std::string::npos) {
    return InvalidArgument("gRPC address {}: missing port", options.listen_address);
  }
  if (options.tls.enabled() && (options.tls.cert_file.empty() || options.tls.key_file.empty())) {
    return InvalidArgument("gRPC address {}: TLS needs a certificate and a key",
                           options.listen_address);
  }
  if (!options.tls.enabled() && !options.allow_insecure_network &&
      !IsLoopback(options.listen_address)) {
    return FailedPrecondition("gRPC address {}: plain text is served on loopback only",
                              options.listen_address);
  }
  return OkStatus();
}

// The library logs what any peer may provoke (failed handshakes); that is for debugging only.
void ForwardLog(gpr_log_func_args* args) {
  if (!LogEnabled(LogLevel::kDebug)) return;
  WriteLog(LogLevel::kDebug, args->file, args->line, args->message, {{"component", "grpc"}});
}

// Process-wide switches of the library.
void InitLibraryOnce() {
  static std::once_flag once;
  std::call_once(once, [] {
    gpr_set_log_function(ForwardLog);
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

}  // namespace

struct RpcServer::Impl {
  std::unique_ptr<grpc::Server> server;
  int port = 0;
};

RpcServer::RpcServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RpcServer::~RpcServer() { Stop(); }

StatusOr<std::unique_ptr<RpcServer>> RpcServer::Start(const Options& options) {
  NX_RETURN_IF_ERROR(CheckOptions(options));
  NX_ASSIGN_OR_RETURN(auto credentials, MakeCredentials(options.tls));
  InitLibraryOnce();
  auto impl = std::make_unique<Impl>();
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.listen_address, credentials, &impl->port);
  // Two processes must not share the port by accident.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetMaxReceiveMessageSize(options.max_message_bytes);
  builder.SetMaxSendMessageSize(options.max_message_bytes);
  for (grpc::Service* service : options.services) builder.RegisterService(service);
  impl->server = builder.BuildAndStart();
  if (impl->server == nullptr || impl->port == 0) {
    return Unavailable("cannot listen for gRPC on {}", options.listen_address);
  }
  NX_LOG(Info, "Listening for gRPC", {"address", options.listen_address}, {"port", impl->port},
         {"tls", options.tls.enabled()});
  return std::unique_ptr<RpcServer>(new RpcServer(std::move(impl)));
}

int RpcServer::port() const { return impl_->port; }

void RpcServer::SetServing(const std::string& service, bool serving) {
  if (auto* health = impl_->server->GetHealthCheckService()) {
    health->SetServingStatus(service, serving);
  }
}

void RpcServer::Stop(std::chrono::milliseconds grace) {
  if (impl_->server == nullptr) return;
  if (auto* health = impl_->server->GetHealthCheckService()) health->Shutdown();
  impl_->server->Shutdown(std::chrono::system_clock::now() + grace);
  impl_->server->Wait();
  impl_->server.reset();
}

}  // namespace narthex
