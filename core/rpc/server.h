#pragma once
// A gRPC server with health checking and reflection. It exists only when an address is configured:
// no program listens for gRPC by itself.
//
//   RpcServer::Options options{.listen_address = "127.0.0.1:10901", .services = {&store_api}};
//   NX_ASSIGN_OR_RETURN(auto server, RpcServer::Start(options));
//
// Without TLS it binds loopback addresses alone unless told otherwise.
// Thread safety: all methods. gRPC runs the handlers on threads of its own.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/rpc/credentials.h"

namespace grpc {
class Service;
}

namespace narthex {

class RpcServer {
 public:
  struct Options {
    std::string listen_address;            // "host:port"; port 0 picks one
    RpcTls tls;                            // empty: plain text
    bool allow_insecure_network = false;   // plain text on addresses other than loopback
    std::vector<grpc::Service*> services;  // not owned, outlive the server
    int max_message_bytes = 16 << 20;
  };

  static StatusOr<std::unique_ptr<RpcServer>> Start(const Options& options);
  ~RpcServer();  // Stop

  int port() const;
  // What grpc.health.v1 answers for a service; "" is the whole server, which starts as serving.
  void SetServing(const std::string& service, bool serving);
  // Health turns to not serving, running calls may finish within the grace period.
  void Stop(std::chrono::milliseconds grace = std::chrono::seconds(5));

 private:
  struct Impl;
  explicit RpcServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex
