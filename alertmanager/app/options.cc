#include "alertmanager/app/options.h"

#include <algorithm>
#include <thread>

#include "alertmanager/config/features.h"
#include "core/strings/quote.h"

namespace narthex::am {
namespace {

constexpr auto kGo = FlagSet::DurationSyntax::kGo;
constexpr int64_t kNanosPerMs = 1'000'000;

}  // namespace

OptionFlags::OptionFlags(FlagSet& flags) : cluster_(flags) {
  config_file_ =
      flags.String("config.file", "Alertmanager configuration file name.", "alertmanager.yml");
  auto_reload_ =
      flags.Bool("config.auto-reload",
                 "Not in upstream. Reload the configuration when the content of its file "
                 "or of its templates changes.",
                 false);
  auto_reload_interval_ =
      flags.Duration("config.auto-reload-interval",
                     "Not in upstream. How often the files are checked for changes.", "30s", kGo);
  storage_path_ = flags.String("storage.path", "Base path for data storage.", "data/");
  retention_ = flags.Duration("data.retention", "How long to keep data for.", "120h", kGo);
  maintenance_ = flags.Duration("data.maintenance-interval",
                                "Interval between garbage collections of silences and the "
                                "notification log.",
                                "15m", kGo);
  max_silences_ =
      flags.Int("silences.max-silences",
                "Maximum number of silences, including expired silences. If negative or "
                "zero, no limit is set.",
                0);
  max_silence_bytes_ =
      flags.Int("silences.max-silence-size-bytes",
                "Maximum silence size in bytes. If negative or zero, no limit is set.", 0);
  log_silences_ = flags.Bool("log.silences", "Log when silences are set or expired.", false);
  alert_gc_ = flags.Duration("alerts.gc-interval", "Interval between alert GC.", "30m", kGo);
  per_alertname_limit_ = flags.Int("alerts.per-alertname-limit",
                                   "Maximum number of alerts per alertname (not implemented).", 0);
  flags.Duration(
      "dispatch.maintenance-interval",
      "Interval between removals of ended aggregation groups. Accepted; they are removed "
      "at once.",
      "30s", kGo);
  start_delay_ = flags.Duration("dispatch.start-delay",
                                "Minimum time to wait before dispatching alerts.", "0s", kGo);
  systemd_socket_ = flags.Bool("web.systemd-socket",
                               "Use systemd socket activation listeners (not implemented).", false);
  listen_ = flags.Strings("web.listen-address",
                          "Addresses on which to expose metrics and web interface. Repeatable.",
                          {":9093"});
  web_config_file_ = flags.String(
      "web.config.file", "Path to configuration file that can enable TLS or authentication.", "");
  external_url_ = flags.String("web.external-url",
                               "The URL under which Alertmanager is externally reachable.", "");
  route_prefix_ =
      flags.String("web.route-prefix",
                   "Prefix for the internal routes of web endpoints. Defaults to path of "
                   "--web.external-url.",
                   "");
  get_concurrency_ =
      flags.Int("web.get-concurrency",
                "Maximum number of GET requests processed concurrently. If negative or "
                "zero, the limit is the number of cores or 8, whichever is larger.",
                0);
  timeout_ = flags.Duration("web.timeout",
                            "Timeout for HTTP requests. If negative or zero, no timeout is set.",
                            "0s", kGo);
  features_ =
      flags.String("enable-feature",
                   "Comma-separated experimental features: classic-mode, utf8-strict-mode.", "");
}

Status OptionFlags::CheckRefused() const {
  auto refuse = [](std::string_view what) {
    return Unimplemented("{} is known to Alertmanager, not implemented here", what);
  };
  if (*systemd_socket_) return refuse("--web.systemd-socket");
  if (*per_alertname_limit_ > 0) return refuse("--alerts.per-alertname-limit");
  return cluster_.Check();
}

Status OptionFlags::CheckFeatures() const {
  NX_ASSIGN_OR_RETURN(const Features features, ParseFeatures(*features_));
  if (!features.others.empty()) {
    return Unimplemented("feature '{}' is known to Alertmanager, not implemented here",
                         features.others.front());
  }
  SetMatcherSyntax(features.matcher_syntax);
  return OkStatus();
}

StatusOr<Options> OptionFlags::Read() const {
  NX_RETURN_IF_ERROR(CheckRefused());
  NX_RETURN_IF_ERROR(CheckFeatures());
  Options options;
  options.config_file = *config_file_;
  options.storage_path = *storage_path_;
  options.retention_ns = *retention_ * kNanosPerMs;
  options.maintenance_interval_ns = *maintenance_ * kNanosPerMs;
  options.alert_gc_interval_ns = *alert_gc_ * kNanosPerMs;
  options.start_delay_ns = *start_delay_ * kNanosPerMs;
  options.max_silences = *max_silences_;
  options.max_silence_bytes = *max_silence_bytes_;
  options.log_silences = *log_silences_;
  options.listen_addresses = *listen_;
  options.web_config_file = *web_config_file_;
  options.external_url = *external_url_;
  options.route_prefix = *route_prefix_;
  options.get_concurrency =
      *get_concurrency_ > 0
          ? static_cast<int>(std::min<int64_t>(*get_concurrency_, 1 << 20))
          : std::max<int>(static_cast<int>(std::thread::hardware_concurrency()), 8);
  options.timeout_ms = std::max<int64_t>(*timeout_, 0);
  options.warning = cluster_.Warning();
  if (options.maintenance_interval_ns < 0 || options.alert_gc_interval_ns <= 0) {
    return InvalidArgument(
        "--data.maintenance-interval must not be negative, --alerts.gc-interval must be positive");
  }
  if (*auto_reload_) {
    options.auto_reload_interval_ms = std::max<int64_t>(1000, *auto_reload_interval_);
  }
  return options;
}

}  // namespace narthex::am
