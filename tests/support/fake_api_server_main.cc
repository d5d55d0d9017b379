// A fake Kubernetes API server as a program, for tests that are scripts:
//
//   fake_kube_api --listen=127.0.0.1:0 --objects=DIR [--token=T] [--tls-cert=F --tls-key=F]
//                 [--pods=50000]
//
// Prints its URL on a line of its own, then takes commands on stdin until that ends, each answered
// with "ok" or "error: …":
//
//   load DIR                       objects of the JSON files of a folder
//   put FILE                       one object
//   delete COLLECTION KEY          delete /api/v1/pods default/web-0
//   cut-watches | end-watches | forget-history
//   fail TIMES STATUS [PART]       answers of requests that contain PART
//   delay MILLISECONDS
//   crowd COUNT                    pods made up on demand
//   token TOKEN USER               TokenReview knows it, SubjectAccessReview allows it

#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <sstream>

#include "core/base/file.h"
#include "core/flags/flags.h"
#include "core/kube/testing/fake_api_server.h"
#include "core/strings/numbers.h"

namespace narthex::kube {
namespace {

Status PutFile(FakeApiServer* server, const std::string& file) {
  NX_ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
  NX_ASSIGN_OR_RETURN(const JsonValue object, ParseJson(text));
  server->objects().Put(CollectionOf(object), object);
  return OkStatus();
}

void Crowd(FakeApiServer* server, size_t count) {
  server->objects().Declare("/api/v1/pods", "Pod", true);
  server->objects().Generate("/api/v1/pods", count, [](size_t i) { return MakeCrowdPod(i); });
}

Status Command(FakeApiServer* server, const std::string& line) {
  std::istringstream words(line);
  std::string name, a, b, c;
  words >> name >> a >> b >> c;
  if (name == "load") return server->Load(a);
  if (name == "put") return PutFile(server, a);
  if (name == "delete") {
    server->Delete(a, b);
  } else if (name == "cut-watches") {
    server->CutWatches();
  } else if (name == "end-watches") {
    server->EndWatches();
  } else if (name == "forget-history") {
    server->ForgetHistory();
  } else if (name == "fail") {
    server->FailNext(static_cast<int>(ParseInt(a).value_or(1)),
                     static_cast<int>(ParseInt(b).value_or(500)), c);
  } else if (name == "delay") {
    server->SetDelay(std::chrono::milliseconds(ParseInt(a).value_or(0)));
  } else if (name == "crowd") {
    Crowd(server, ParseUint(a).value_or(0));
  } else if (name == "token") {
    server->AddUser(a, b, true);
  } else {
    return InvalidArgument("unknown command {}", name);
  }
  return OkStatus();
}

int Main(int argc, char** argv) {
  FlagSet flags("fake_kube_api", "A fake Kubernetes API server for tests.");
  auto* listen = flags.String("listen", "IPv4 address and port.", "127.0.0.1:0");
  auto* objects = flags.String("objects", "Folder of JSON files with objects.", "");
  auto* token = flags.String("token", "Bearer token to ask for.", "");
  auto* cert = flags.String("tls-cert", "PEM file; with --tls-key serves HTTPS.", "");
  auto* key = flags.String("tls-key", "PEM file.", "");
  auto* stay = flags.Bool("stay", "Go on when stdin has ended, until killed.", false);
  auto* pods = flags.Int("pods", "So many made-up pods.", 0);
  flags.Parse(argc, argv);
  FakeApiServer::Options options;
  const size_t colon = listen->rfind(':');
  options.address = listen->substr(0, colon);
  options.port =
      static_cast<int>(ParseInt(std::string_view(*listen).substr(colon + 1)).value_or(0));
  options.token = *token;
  if (!cert->empty()) {
    options.certificate_pem = ReadFile(*cert).value_or("");
    options.key_pem = ReadFile(*key).value_or("");
  }
  auto server = FakeApiServer::Start(std::move(options));
  Status status = server.status();
  if (status.ok() && !objects->empty()) status = (*server)->Load(*objects);
  if (!status.ok()) {
    fmt::print(stderr, "fake_kube_api: {}\n", MessageOf(status));
    return 1;
  }
  // What the default scrape jobs look for behind the API server.
  (*server)->SetText("/metrics", "# TYPE apiserver_up gauge\napiserver_up 1\n");
  (*server)->SetText("/api/v1/nodes/*/proxy/metrics", "# TYPE kubelet_up gauge\nkubelet_up 1\n");
  (*server)->SetText("/api/v1/nodes/*/proxy/metrics/cadvisor",
                     "# TYPE container_up gauge\ncontainer_up 1\n");
  if (*pods > 0) Crowd(server->get(), static_cast<size_t>(*pods));
  fmt::print("{}\n", (*server)->url());
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    const Status done = line.empty() ? OkStatus() : Command(server->get(), line);
    fmt::print("{}\n", done.ok() ? std::string("ok") : fmt::format("error: {}", MessageOf(done)));
    std::fflush(stdout);
  }
  while (*stay) pause();
  return 0;
}

}  // namespace
}  // namespace narthex::kube

int main(int argc, char** argv) { return narthex::kube::Main(argc, argv); }
