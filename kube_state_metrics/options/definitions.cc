// The flags and what each does.

#include <algorithm>

#include "core/strings/duration.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "kube_state_metrics/options/flags.h"
#include "kube_state_metrics/options/options.h"

namespace narthex::ksm {
namespace {

using Setter = std::function<Status(Options&, std::string_view)>;

StatusOr<bool> ParseBool(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == no) return false;
  }
  return InvalidArgument("strconv.ParseBool: parsing \"{}\": invalid syntax", text);
}

Setter String(std::string Options::* member) {
  return [member](Options& options, std::string_view value) {
    options.*member = std::string(value);
    return OkStatus();
  };
}

Setter Bool(bool Options::* member) {
  return [member](Options& options, std::string_view value) -> Status {
    NX_ASSIGN_OR_RETURN(options.*member, ParseBool(value));
    return OkStatus();
  };
}

Setter Int(int64_t Options::* member, int64_t min, int64_t max) {
  return [=](Options& options, std::string_view value) -> Status {
    const auto parsed = ParseInt(value);
    if (!parsed) {
      return InvalidArgument("strconv.ParseInt: parsing \"{}\": invalid syntax", value);
    }
    if (*parsed < min || *parsed > max) {
      return InvalidArgument("{} is not between {} and {}", *parsed, min, max);
    }
    options.*member = *parsed;
    return OkStatus();
  };
}

Setter Duration(std::chrono::milliseconds Options::* member) {
  return [member](Options& options, std::string_view value) -> Status {
    NX_ASSIGN_OR_RETURN(const int64_t nanos, ParseGoDuration(value));
    if (nanos < 0) return InvalidArgument("negative duration \"{}\"", value);
    options.*member = std::chrono::milliseconds(nanos / 1'000'000);
    return OkStatus();
  };
}

Setter List(std::vector<std::string> Options::* member) {
  return [member](Options& options, std::string_view value) {
    for (std::string& item : CommaList(value)) (options.*member).push_back(std::move(item));
    return OkStatus();
  };
}

Setter Allow(AllowList Options::* member) {
  return
      [member](Options& options, std::string_view value) { return (options.*member).Parse(value); };
}

// Taken when it asks for what happens anyway, refused by name otherwise.
Setter Only(std::string accepted, std::string_view why) {
  return [accepted = std::move(accepted), why](Options&, std::string_view value) -> Status {
    if (value == accepted) return OkStatus();
    return Unimplemented("only \"{}\" is supported: {}", accepted, why);
  };
}

Status CheckNumber(std::string_view value) {
  if (ParseFloat(value)) return OkStatus();
  return InvalidArgument("strconv.ParseFloat: parsing \"{}\": invalid syntax", value);
}

// Accepted, when they are what the flag takes, and without effect, because what it tunes does not
// exist here.
Setter NoEffectBool() {
  return [](Options&, std::string_view value) { return ParseBool(value).status(); };
}

Setter NoEffectNumber() {
  return [](Options&, std::string_view value) { return CheckNumber(value); };
}

Setter NoEffectSeverity() {
  return [](Options&, std::string_view value) {
    constexpr std::string_view kNames[] = {"INFO", "WARNING", "ERROR", "FATAL"};
    const bool named = std::ranges::any_of(
        kNames, [&](std::string_view name) { return EqualsIgnoreCase(value, name); });
    return named ? OkStatus() : CheckNumber(value);
  };
}

std::vector<FlagDefinition> Make() {
  constexpr int64_t kMaxPort = 65535;
  constexpr int64_t kMaxInt = INT32_MAX;
  constexpr std::string_view kStderr = "logs go to stderr";
  return {
      {"add_dir_header", "", "false",
       "If true, adds the file directory to the header of the log messages (not supported).", "",
       Only("false", kStderr)},
      {"alsologtostderr", "", "false",
       "log to standard error as well as files; it is where all logs go.", "", NoEffectBool()},
      {"apiserver", "string", "", "The URL of the apiserver to use as a master", "apiserver",
       String(&Options::apiserver)},
      {"auth-filter", "", "false",
       "If true, requires authentication and authorization through Kubernetes API to access "
       "metrics endpoints",
       "auth_filter", Bool(&Options::auth_filter)},
      {"auto-gomemlimit", "", "false",
       "Automatically set GOMEMLIMIT to match container or system memory limit. There is no "
       "garbage collector here: no effect.",
       "auto-gomemlimit", NoEffectBool()},
      {"auto-gomemlimit-ratio", "float", "0.9",
       "The ratio of reserved GOMEMLIMIT memory to the detected maximum container or system "
       "memory. No effect.",
       "auto-gomemlimit-ratio", NoEffectNumber()},
      {"config", "string", "",
       "Path to the kube-state-metrics options config YAML file. If this flag is set, the flags "
       "defined in the file override the command line flags.",
       "", String(&Options::config)},
      {"continue-without-config", "", "false",
       "If true, kube-state-metrics continues to run even if the config file specified by --config "
       "is not present. This is useful for scenarios where config file is not provided at startup "
       "but is provided later, for e.g., via configmap. Kube-state-metrics will not exit with an "
       "error if the config file is not found, instead watches and reloads when it is created.",
       "continue_without_config", Bool(&Options::continue_without_config)},
      {"continue-without-custom-resource-state-config-file", "", "false",
       "If true, Kube-state-metrics continues to run even if the config file specified by "
       "--custom-resource-state-config-file is not present.",
       "continue_without_custom_resource_state_config_file",
       Bool(&Options::continue_without_custom_config)},
      {"custom-resource-state-config", "string", "",
       "Inline Custom Resource State Metrics config YAML (experimental)", "custom_resource_config",
       String(&Options::custom_config)},
      {"custom-resource-state-config-file", "string", "",
       "Path to a Custom Resource State Metrics config file (experimental)",
       "custom_resource_config_file", String(&Options::custom_config_file)},
      {"custom-resource-state-only", "", "false",
       "Only provide Custom Resource State metrics (experimental)", "custom_resources_only",
       Bool(&Options::custom_only)},
      {"enable-gzip-encoding", "", "false",
       "Gzip responses when requested by clients via 'Accept-Encoding: gzip' header.",
       "enable_gzip_encoding", Bool(&Options::gzip)},
      {"host", "string", "\"::\"", "Host to expose metrics on.", "host", String(&Options::host)},
      {"kubeconfig", "string", "", "Absolute path to the kubeconfig file", "kubeconfig",
       String(&Options::kubeconfig)},
      {"log_backtrace_at", "traceLocation", ":0",
       "when logging hits line file:N, emit a stack trace (not supported)", "",
       Only(":0", kStderr)},
      {"log_dir", "string", "", "If non-empty, write log files in this directory (not supported)",
       "", Only("", kStderr)},
      {"log_file", "string", "", "If non-empty, use this log file (not supported)", "",
       Only("", kStderr)},
      {"log_file_max_size", "uint", "1800",
       "Defines the maximum size a log file can grow to. There are no log files: no effect.", "",
       NoEffectNumber()},
      {"logtostderr", "", "true", "log to standard error instead of files", "",
       Only("true", kStderr)},
      {"metric-allowlist", "string", "",
       "Comma-separated list of metrics to be exposed. This list comprises of exact metric names "
       "and/or ECMAScript-based regex patterns. The allowlist and denylist are mutually exclusive.",
       "metric_allowlist", List(&Options::metric_allowlist)},
      {"metric-annotations-allowlist", "string", "",
       "Comma-separated list of Kubernetes annotations keys that will be used in the resource' "
       "labels metric. By default the annotations metrics are not exposed. To include them, "
       "provide a list of resource names in their plural form and Kubernetes annotation keys you "
       "would like to allow for them (Example: "
       "'=namespaces=[kubernetes.io/team,...],pods=[kubernetes.io/team],...)'. A single '*' can be "
       "provided per resource instead to allow any annotations, but that has severe performance "
       "implications (Example: '=pods=[*]').",
       "annotations_allow_list", Allow(&Options::annotations)},
      {"metric-denylist", "string", "",
       "Comma-separated list of metrics not to be enabled. This list comprises of exact metric "
       "names and/or ECMAScript-based regex patterns. The allowlist and denylist are mutually "
       "exclusive.",
       "metric_denylist", List(&Options::metric_denylist)},
      {"metric-labels-allowlist", "string", "",
       "Comma-separated list of additional Kubernetes label keys that will be used in the "
       "resource' labels metric. By default the labels metrics are not exposed. To include them, "
       "provide a list of resource names in their plural form and Kubernetes label keys you would "
       "like to allow for them (Example: "
       "'=namespaces=[k8s-label-1,k8s-label-n,...],pods=[app],...)'. A single '*' can be provided "
       "per resource instead to allow any labels, but that has severe performance implications "
       "(Example: '=pods=[*]'). Additionally, an asterisk (*) can be provided as a key, which will "
       "resolve to all resources.",
       "labels_allow_list", Allow(&Options::labels)},
      {"metric-opt-in-list", "string", "",
       "Comma-separated list of metrics which are opt-in and not enabled by default. This is in "
       "addition to the metric allow- and denylists",
       "metric_opt_in_list", List(&Options::metric_opt_in)},
      {"namespaces", "string", "",
       "Comma-separated list of namespaces to be enabled. Defaults to \"\"", "namespaces",
       List(&Options::namespaces)},
      {"namespaces-denylist", "string", "",
       "Comma-separated list of namespaces not to be enabled. If namespaces and "
       "namespaces-denylist are both set, only namespaces that are excluded in namespaces-denylist "
       "will be used.",
       "namespaces_denylist", List(&Options::namespaces_denylist)},
      {"node", "string", "",
       "Name of the node that contains the kube-state-metrics pod. Most likely it should be passed "
       "via the downward API. This is used for daemonset sharding. Only available for resources "
       "(pod metrics) that support spec.nodeName fieldSelector. This is experimental.",
       "node", String(&Options::node)},
      {"object-limit", "int", "0",
       "The total number of objects to list per resource from the API Server. (experimental)",
       "object_limit", Int(&Options::object_limit, 0, kMaxInt)},
      {"one_output", "", "false",
       "If true, only write logs to their native severity level. There are no log files: no "
       "effect.",
       "", NoEffectBool()},
      {"pod", "string", "",
       "Name of the pod that contains the kube-state-metrics container. When set, it is expected "
       "that --pod and --pod-namespace are both set. Most likely this should be passed via the "
       "downward API. This is used for auto-detecting sharding. If set, this has preference over "
       "statically configured sharding. This is experimental, it may be removed without notice.",
       "pod", String(&Options::pod)},
      {"pod-namespace", "string", "",
       "Name of the namespace of the pod specified by --pod. When set, it is expected that --pod "
       "and --pod-namespace are both set.",
       "pod_namespace", String(&Options::pod_namespace)},
      {"port", "int", "8080", "Port to expose metrics on.", "port",
       Int(&Options::port, 0, kMaxPort)},
      {"resources", "string", "",
       "Comma-separated list of Resources to be enabled. Defaults to the default resources of this "
       "release.",
       "resources", List(&Options::resources)},
      {"server-idle-timeout", "duration", "5m0s",
       "The maximum amount of time to wait for the next request when keep-alives are enabled. "
       "Align with the idletimeout of your scrape clients.",
       "server_idle_timeout", Duration(&Options::idle_timeout)},
      {"server-read-header-timeout", "duration", "5s",
       "The maximum duration for reading the header of requests.", "server_read_header_timeout",
       Duration(&Options::read_header_timeout)},
      {"server-read-timeout", "duration", "1m0s",
       "The maximum duration for reading the entire request, including the body. Align with the "
       "scrape interval or timeout of scraping clients. ",
       "server_read_timeout", Duration(&Options::read_timeout)},
      {"server-write-timeout", "duration", "1m0s",
       "The maximum duration before timing out writes of the response. Align with the scrape "
       "interval or timeout of scraping clients..",
       "server_write_timeout", Duration(&Options::write_timeout)},
      {"shard", "int32", "0",
       "The instances shard nominal (zero indexed) within the total number of shards.", "shard",
       Int(&Options::shard, 0, kMaxInt)},
      {"skip_headers", "", "false",
       "If true, avoid header prefixes in the log messages (not supported)", "",
       Only("false", kStderr)},
      {"skip_log_headers", "", "false",
       "If true, avoid headers when opening log files. There are no log files: no effect.", "",
       NoEffectBool()},
      {"stderrthreshold", "severity", "2",
       "logs at or above this threshold go to stderr when writing to files; all do.", "",
       NoEffectSeverity()},
      {"telemetry-host", "string", "\"::\"", "Host to expose kube-state-metrics self metrics on.",
       "telemetry_host", String(&Options::telemetry_host)},
      {"telemetry-port", "int", "8081", "Port to expose kube-state-metrics self metrics on.",
       "telemetry_port", Int(&Options::telemetry_port, 0, kMaxPort)},
      {"tls-config", "string", "", "Path to the TLS configuration file", "tls_config",
       String(&Options::tls_config)},
      {"total-shards", "int", "1",
       "The total number of shards. Sharding is disabled when total shards is set to 1.",
       "total_shards", Int(&Options::total_shards, 1, kMaxInt)},
      {"track-unscheduled-pods", "", "false",
       "This configuration is used in conjunction with node configuration. When this configuration "
       "is true, node configuration is empty and the metric of unscheduled pods is fetched from "
       "the Kubernetes API Server. This is experimental.",
       "track_unscheduled_pods", Bool(&Options::track_unscheduled_pods)},
      {"use-apiserver-cache", "", "false",
       "Sets resourceVersion=0 for ListWatch requests, using cached resources from the apiserver "
       "instead of an etcd quorum read.",
       "use_api_server_cache", Bool(&Options::use_apiserver_cache)},
      {"v", "Level", "0", "number for the log level verbosity", "",
       Int(&Options::verbosity, 0, kMaxInt), 'v'},
      {"vmodule", "moduleSpec", "",
       "comma-separated list of pattern=N settings for file-filtered logging (not supported)", "",
       Only("", "levels are the same for every file")},
  };
}

}  // namespace

std::span<const FlagDefinition> FlagDefinitions() {
  static const auto* const all = new std::vector<FlagDefinition>(Make());
  return *all;
}

}  // namespace narthex::ksm
