#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <cstdlib>

#include "core/rpc/channel.h"
#include "core/rpc/server.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

namespace narthex {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<RpcServer> MustStart(RpcServer::Options options) {
  auto server = RpcServer::Start(options);
  INFO(MessageOf(server.status()));
  REQUIRE(server.ok());
  return *std::move(server);
}

std::shared_ptr<grpc::Channel> Dial(int port, RpcTls tls = {}) {
  return MakeRpcChannel({.address = "127.0.0.1:" + std::to_string(port), .tls = std::move(tls)})
      .value();
}

TEST_CASE("a server answers health checks over loopback") {
  auto server = MustStart({.listen_address = "127.0.0.1:0"});
  REQUIRE(server->port() > 0);
  auto channel = Dial(server->port());
  CHECK(CheckRpcHealth(channel, "", 10s).value() == RpcHealth::kServing);
  server->SetServing("narthex.Example", false);
  CHECK(CheckRpcHealth(channel, "narthex.Example", 10s).value() == RpcHealth::kNotServing);
  server->SetServing("narthex.Example", true);
  CHECK(CheckRpcHealth(channel, "narthex.Example", 10s).value() == RpcHealth::kServing);
  CHECK(CheckRpcHealth(channel, "no.such.Service", 10s).status().code() == StatusCode::kNotFound);
  server->Stop();
  server->Stop();  // again is harmless
  CHECK_FALSE(CheckRpcHealth(Dial(1), "", 10s).ok());
}

TEST_CASE("reflection lists the services") {
  auto server = MustStart({.listen_address = "127.0.0.1:0"});
  grpc::GenericStub stub(Dial(server->port()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + 10s);
  grpc::CompletionQueue queue;
  auto step = [&] {
    void* tag = nullptr;
    bool ok = false;
    REQUIRE(queue.Next(&tag, &ok));
    return ok;
  };
  auto call = stub.PrepareCall(
      &context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
  call->StartCall(nullptr);
  REQUIRE(step());
  grpc::Slice request(std::string("\x3A\x01*"));  // ServerReflectionRequest{list_services: "*"}
  call->Write(grpc::ByteBuffer(&request, 1), nullptr);
  REQUIRE(step());
  grpc::ByteBuffer response;
  call->Read(&response, nullptr);
  REQUIRE(step());
  grpc::Slice slice;
  REQUIRE(response.DumpToSingleSlice(&slice).ok());
  const std::string text(reinterpret_cast<const char*>(slice.begin()), slice.size());
  CHECK(text.find("grpc.health.v1.Health") != std::string::npos);
  context.TryCancel();
  grpc::Status status;
  call->Finish(&status, nullptr);
  step();
  queue.Shutdown();
}

TEST_CASE("plain text stays on loopback unless told otherwise") {
  auto refused = RpcServer::Start({.listen_address = "0.0.0.0:0"});
  CHECK(refused.status().code() == StatusCode::kFailedPrecondition);
  CHECK(RpcServer::Start({.listen_address = "127.0.0.1"}).status().code() ==
        StatusCode::kInvalidArgument);
  CHECK(MustStart({.listen_address = "0.0.0.0:0", .allow_insecure_network = true})->port() > 0);
}

TEST_CASE("an address in use and missing files are named") {
  auto server = MustStart({.listen_address = "127.0.0.1:0"});
  const std::string address = "127.0.0.1:" + std::to_string(server->port());
  auto second = RpcServer::Start({.listen_address = address});
  REQUIRE_FALSE(second.ok());
  CHECK(MessageOf(second.status()).find(address) != std::string_view::npos);
  auto no_file = RpcServer::Start(
      {.listen_address = "127.0.0.1:0", .tls = {.cert_file = "/no/cert", .key_file = "/no/key"}});
  CHECK(MessageOf(no_file.status()).find("/no/key") != std::string_view::npos);
  auto no_key = RpcServer::Start({.listen_address = "127.0.0.1:0", .tls = {.cert_file = "/x"}});
  CHECK(no_key.status().code() == StatusCode::kInvalidArgument);
  CHECK_FALSE(MakeRpcChannel({.address = "x:1", .tls = {.ca_file = "/no/ca"}}).ok());
}

TEST_CASE("mutual TLS lets in who shows a certificate of the right authority") {
  const TempDir folder;
  const std::string& dir = folder.path();
  // One self-signed certificate serves as authority, server and client.
  const std::string command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
      "/CN=localhost -addext subjectAltName=DNS:localhost -keyout " +
      dir + "/key -out " + dir + "/cert >/dev/null 2>&1";
  REQUIRE(std::system(command.c_str()) == 0);
  const RpcTls tls{.cert_file = dir + "/cert",
                   .key_file = dir + "/key",
                   .ca_file = dir + "/cert",
                   .server_name = "localhost"};
  auto server = MustStart({.listen_address = "127.0.0.1:0", .tls = tls});
  CHECK(CheckRpcHealth(Dial(server->port(), tls), "", 10s).value() == RpcHealth::kServing);
  const RpcTls anonymous{.ca_file = dir + "/cert", .server_name = "localhost"};
  CHECK_FALSE(CheckRpcHealth(Dial(server->port(), anonymous), "", 10s).ok());
  CHECK_FALSE(CheckRpcHealth(Dial(server->port()), "", 10s).ok());
}

}  // namespace
}  // namespace narthex
