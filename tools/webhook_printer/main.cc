// webhook_printer: receives Alertmanager webhooks and prints one line per alert. A window into the
// demo and the end-to-end test, not a product.
//
//   webhook_printer --listen=127.0.0.1:5001 [--raw]

#include <cstdio>

#include "core/base/signals.h"
#include "core/flags/flags.h"
#include "core/http/server.h"
#include "core/json/reader.h"

namespace {

using narthex::JsonValue;

void PrintAlerts(const JsonValue& message) {
  for (const JsonValue& alert : message["alerts"].items()) {
    const JsonValue& labels = alert["labels"];
    std::string line =
        fmt::format("webhook: {} {}", alert["status"].AsString(), labels["alertname"].AsString());
    for (const auto& [name, value] : labels.members()) {
      if (name != "alertname") line += fmt::format(" {}={}", name, value.AsString());
    }
    line += fmt::format(" | {}", alert["annotations"]["summary"].AsString());
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

  const narthex::SignalSet signals({SIGINT, SIGTERM});

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
  signals.Wait();
  (*server)->Stop();
  return 0;
}
