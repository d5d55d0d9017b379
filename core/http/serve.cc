#include "core/http/serve.h"

#include <cstdio>

#include "core/log/log.h"

namespace narthex::http {

ServeFlags::ServeFlags(FlagSet& flags, std::string default_address)
    : listen(flags.Strings("web.listen-address",
                           "Addresses on which to expose metrics and web interface. Repeatable for "
                           "multiple addresses.",
                           {std::move(default_address)})),
      config_file(flags.String("web.config.file",
                               "Path to configuration file that can enable TLS or authentication.",
                               "")),
      systemd_socket(flags.Bool("web.systemd-socket",
                                "Use systemd socket activation listeners instead of port "
                                "listeners (not implemented).",
                                false)),
      telemetry_path(
          flags.String("web.telemetry-path", "Path under which to expose metrics.", "/metrics")) {}

Status ServeFlags::Check() const {
  if (*systemd_socket) return Unimplemented("--web.systemd-socket is not implemented");
  if (!telemetry_path->starts_with('/')) {
    return InvalidArgument("--web.telemetry-path must start with a slash");
  }
  return OkStatus();
}

int FailStart(std::string_view program, std::string_view message) {
  std::fprintf(stderr, "%.*s: error: %.*s\n", static_cast<int>(program.size()), program.data(),
               static_cast<int>(message.size()), message.data());
  return 1;
}

int ServeUntilSignal(std::string_view program, const ServeFlags& flags, const SignalSet& signals,
                     ServerOptions options, Handler handler) {
  options.listen_addresses = *flags.listen;
  options.web_config_file = *flags.config_file;
  auto server = Server::Create(std::move(options), std::move(handler));
  if (!server.ok()) return FailStart(program, MessageOf(server.status()));
  if (Status status = (*server)->Start(); !status.ok()) {
    NX_LOG(Error, "Couldn't start the HTTP server", {"err", status});
    return 1;
  }
  const int signal = signals.Wait();
  NX_LOG(Info, "Received a signal or a request to quit, exiting", {"signal", signal});
  (*server)->Stop();
  return 0;
}

}  // namespace narthex::http
