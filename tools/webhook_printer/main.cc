// webhook_printer: receives Alertmanager webhooks and prints one line per alert. A window into the
// demo and the end-to-end test, not a product.
//
//   webhook_printer --listen=127.0.0.1:5001 [--raw]

#include <csignal>
#include <cstdio>

#include "core/flags/flags.h"
#include "core/http/server.h"
#include "core/json/reader.h"

namespace {

using narthex::JsonValue;

std::string_view Text(const JsonValue& object, std::string_view key) {
  const JsonValue* value = object.Find(key);
  return value != nullptr && value->is_string() ? value->string() : std::string_view();
}

void PrintAlerts(const JsonValue& message) {
  const JsonValue* alerts = message.Find("alerts");
  if (alerts == nullptr || !alerts->is_array()) return;
  for (const JsonValue& alert : alerts->array()) {
    const JsonValue* labels = alert.Find("labels");
    const JsonValue* annotations = alert.Find("annotations");
    std::string line = fmt::format("webhook: {}", Text(alert, "status"));
    if (labels != nullptr && labels->is_object()) {
      line += fmt::format(" {}", Text(*labels, "alertname"));
      for (const auto& [name, value] : labels->object()) {
        if (name != "alertname" && value.is_string()) {
          line += fmt::format(" {}={}", name, value.string());
        }
      }
    }
    if (annotations != nullptr) line += fmt::format(" | {}", Text(*annotations, "summary"));
    std::puts(line.c_str());
  }
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  narthex::FlagSet flags("webhook_printer", "Prints the alerts that Alertmanager delivers.");
  auto* listen = flags.String("listen", "Address to listen on.", "127.0.0.1:5001");
  auto* raw = flags.Bool("raw", "Print each message as received, one line each.", false);
  flags.Parse(argc, argv);

  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  narthex::http::ServerOptions options;
  options.listen_addresses = {*listen};
  options.worker_threads = 1;
  options.server_name = "webhook_printer";
  auto handler = [raw = *raw](const narthex::http::Request& request,
                              narthex::http::ResponseWriter& response) {
    if (raw) {
      std::puts(request.body.c_str());
      std::fflush(stdout);
    } else if (auto message = narthex::ParseJson(request.body); message.ok()) {
      PrintAlerts(*message);
    }
    response.Send(200, "text/plain; charset=utf-8", "");
  };
  auto server = narthex::http::Server::Create(options, handler);
  narthex::Status status = server.ok() ? (*server)->Start() : server.status();
  if (!status.ok()) {
    fmt::print(stderr, "webhook_printer: {}\n", narthex::MessageOf(status));
    return 1;
  }
  int received = 0;
  sigwait(&signals, &received);
  (*server)->Stop();
  return 0;
}
