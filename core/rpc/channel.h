#pragma once
// Client side of gRPC: channels, and the health check every server answers.

#include <chrono>
#include <memory>
#include <string>

#include "core/base/status.h"
#include "core/rpc/credentials.h"

namespace grpc {
class Channel;
}

namespace narthex {

struct RpcChannelOptions {
  std::string address;  // "host:port"
  RpcTls tls;
  int max_message_bytes = 16 << 20;
  // An idle connection is checked this often; 0 = never.
  std::chrono::milliseconds keepalive{30'000};
};

// Never blocks: the channel connects on first use. Fails on unreadable certificates.
StatusOr<std::shared_ptr<grpc::Channel>> MakeRpcChannel(const RpcChannelOptions& options);

enum class RpcHealth { kUnknown, kServing, kNotServing };
// Calls grpc.health.v1.Health/Check. Blocks up to the timeout. NotFound for an unknown service.
StatusOr<RpcHealth> CheckRpcHealth(const std::shared_ptr<grpc::Channel>& channel,
                                   const std::string& service, std::chrono::milliseconds timeout);

}  // namespace narthex
