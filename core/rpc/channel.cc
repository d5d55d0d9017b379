#include "core/rpc/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "core/base/bytes.h"
#include "core/base/file.h"

namespace narthex {
namespace {

constexpr size_t kMaxPemBytes = 1 << 20;
constexpr char kHealthMethod[] = "/grpc.health.v1.Health/Check";

Status ToStatus(const grpc::Status& status) {
  // Both sides number the codes as google.rpc.Code does.
  return MakeStatus(static_cast<StatusCode>(status.error_code()), status.error_message());
}

StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(const RpcTls& tls) {
  if (!tls.enabled()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  if (!tls.ca_file.empty()) {
    NX_ASSIGN_OR_RETURN(options.pem_root_certs, ReadFile(tls.ca_file, kMaxPemBytes));
  }
  if (!tls.cert_file.empty()) {
    NX_ASSIGN_OR_RETURN(options.pem_cert_chain, ReadFile(tls.cert_file, kMaxPemBytes));
    NX_ASSIGN_OR_RETURN(options.pem_private_key, ReadFile(tls.key_file, kMaxPemBytes));
  }
  return grpc::SslCredentials(options);
}

// HealthCheckRequest{service = 1}: small enough to write by hand and keep generated code out.
grpc::ByteBuffer HealthRequest(const std::string& service) {
  std::string message;
  if (!service.empty()) {
    ByteWriter writer(&message);
    writer.U8(0x0A);
    writer.UvarintString(service);
  }
  grpc::Slice slice(message);
  return grpc::ByteBuffer(&slice, 1);
}

// HealthCheckResponse{status = 1}.
RpcHealth ReadHealthResponse(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  if (!buffer.DumpToSingleSlice(&slice).ok()) return RpcHealth::kUnknown;
  ByteReader reader({reinterpret_cast<const char*>(slice.begin()), slice.size()});
  if (reader.U8() != 0x08) return RpcHealth::kUnknown;
  const uint64_t status = reader.Uvarint();
  if (!reader.ok()) return RpcHealth::kUnknown;
  return status == 1 ? RpcHealth::kServing
                     : (status == 2 ? RpcHealth::kNotServing : RpcHealth::kUnknown);
}

}  // namespace

StatusOr<std::shared_ptr<grpc::Channel>> MakeRpcChannel(const RpcChannelOptions& options) {
  NX_ASSIGN_OR_RETURN(auto credentials, MakeCredentials(options.tls));
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(options.max_message_bytes);
  arguments.SetMaxSendMessageSize(options.max_message_bytes);
  // Channels of different options must not share a connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (options.keepalive.count() > 0) {
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(options.keepalive.count()));
  }
  if (!options.tls.server_name.empty()) {
    arguments.SetSslTargetNameOverride(options.tls.server_name);
  }
  return grpc::CreateCustomChannel(options.address, credentials, arguments);
}

StatusOr<RpcHealth> CheckRpcHealth(const std::shared_ptr<grpc::Channel>& channel,
                                   const std::string& service, std::chrono::milliseconds timeout) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  grpc::CompletionQueue queue;
  auto call = stub.PrepareUnaryCall(&context, kHealthMethod, HealthRequest(service), &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);  // returns once the deadline has passed at the latest
  queue.Shutdown();
  NX_RETURN_IF_ERROR(ToStatus(status));
  return ReadHealthResponse(response);
}

}  // namespace narthex
