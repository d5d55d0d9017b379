// alertmanager: flags, one App, signals.

#include <cstdio>

#include "alertmanager/app/app.h"
#include "core/base/signals.h"
#include "core/log/log.h"

namespace narthex::am {
namespace {

int Fail(const Status& status) {
  NX_LOG(Error, MessageOf(status));
  return 1;
}

int Main(int argc, char** argv) {
  FlagSet flags("alertmanager", "");
  const OptionFlags option_flags(flags);
  const LogFlags log_flags = AddLogFlags(flags);
  flags.SetVersion(VersionText("alertmanager"));
  flags.Parse(argc, argv);
  ApplyLogFlags(log_flags);
  StatusOr<Options> options = option_flags.Read();
  if (!options.ok()) return Fail(options.status());

  const SignalSet signals({SIGHUP, SIGINT, SIGTERM});
  signal(SIGPIPE, SIG_IGN);

  NX_LOG(Info, "Starting Alertmanager", {"version", GetBuildInfo("alertmanager").version});
  if (!options->warning.empty()) NX_LOG(Warn, options->warning);
  StatusOr<std::unique_ptr<App>> app = App::Create(*std::move(options), Clock::System());
  if (!app.ok()) return Fail(app.status());
  if (Status status = (*app)->Start(); !status.ok()) return Fail(status);
  const int64_t interval = (*app)->auto_reload_interval_ms();
  for (;;) {
    const int signal = interval > 0 ? signals.WaitFor(interval) : signals.Wait();
    if (signal == 0) {
      (*app)->ReloadIfChanged();
    } else if (signal == SIGHUP) {
      (void)(*app)->Reload();  // it logs and counts its own failures
    } else {
      break;
    }
  }
  NX_LOG(Info, "Received SIGTERM, exiting gracefully...");
  (*app)->Stop();
  return 0;
}

}  // namespace
}  // namespace narthex::am

int main(int argc, char** argv) { return narthex::am::Main(argc, argv); }
