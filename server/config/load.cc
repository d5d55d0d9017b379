// From text to a checked Config: defaults of the global section, relative paths, further files,
// names that must be unique.

#include <cstdlib>
#include <map>

#include "core/base/file.h"
#include "core/strings/quote.h"
#include "server/config/describe.h"
#include "server/discovery/file/file.h"

namespace narthex::config {
namespace {

constexpr size_t kMaxConfigBytes = 64 << 20;
constexpr std::string_view kAllProtocols[] = {kOpenMetricsText001, kOpenMetricsText100,
                                              kPrometheusProto, kPrometheusText004,
                                              kPrometheusText100};

bool IsProtocol(std::string_view name) {
  return std::find(std::begin(kAllProtocols), std::end(kAllProtocols), name) !=
         std::end(kAllProtocols);
}

Status CheckProtocol(const std::string& name) {
  if (IsProtocol(name)) return OkStatus();
  return InvalidArgument(
      "unknown scrape protocol {}, supported: [OpenMetricsText0.0.1 OpenMetricsText1.0.0 "
      "PrometheusProto PrometheusText0.0.4 PrometheusText1.0.0]",
      name);
}

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// A * nowhere but in the last element.
bool IsGlob(std::string_view pattern) {
  const size_t star = pattern.find('*');
  return star == std::string_view::npos || pattern.find('/', star) == std::string_view::npos;
}

// Go's path.Match: classes are not empty and end, something follows a backslash.
bool IsPattern(std::string_view pattern) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') ++i;
    if (i == pattern.size()) return false;
    if (pattern[i] != '[') continue;
    const size_t first = i + 1 + (pattern.substr(i + 1).starts_with('^') ? 1 : 0);
    const size_t end = pattern.find(']', first);
    if (end == std::string_view::npos || end == first) return false;
    i = end;
  }
  return true;
}

Status CheckGlobs(const std::vector<std::string>& patterns, std::string_view what) {
  for (const std::string& pattern : patterns) {
    if (!IsGlob(pattern)) return InvalidArgument("invalid {} file path {}", what, GoQuote(pattern));
  }
  return OkStatus();
}

// Go's os.Expand over one value; "$$" is a dollar. Unset variables are named in *warnings.
std::string ExpandVariables(std::string_view text, const LoadOptions& options,
                            std::vector<std::string>* warnings) {
  std::string out;
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  const auto lookup = [&](const std::string& name) {
    const char* value =
        options.getenv != nullptr ? options.getenv(name.c_str()) : std::getenv(name.c_str());
    if (value != nullptr) {
      out += value;
    } else {
      warnings->push_back(fmt::format("Empty environment variable {} in external_labels", name));
    }
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char next = text[i + 1];
    if (next == '$') {
      out += '$';
      ++i;
    } else if (next == '{') {
      const size_t end = text.find('}', i + 2);
      if (end == std::string_view::npos || end == i + 2) {
        i += end == i + 2 ? 2 : 1;  // bad syntax: Go eats it
        continue;
      }
      lookup(std::string(text.substr(i + 2, end - i - 2)));
      i = end;
    } else {
      size_t end = i + 1;
      while (end < text.size() && is_word(text[end])) ++end;
      if (end == i + 1) {
        out += '$';
        continue;
      }
      lookup(std::string(text.substr(i + 1, end - i - 1)));
      i = end - 1;
    }
  }
  return out;
}

void ExpandExternalLabels(Config* config, const LoadOptions& options) {
  LabelsBuilder labels;
  for (const Label& l : config->global.external_labels) {
    labels.Set(l.name, ExpandVariables(l.value, options, &config->warnings));
  }
  config->global.external_labels = labels.Build();
}

// Everything secret of a client block, which its print-out hides.
std::string Secrets(const http::ClientConfig& c) {
  std::string out;
  const auto add = [&](const std::string& text) {
    out += text;
    out += '\0';
  };
  if (c.basic_auth.has_value()) add(c.basic_auth->password);
  if (c.authorization.has_value()) add(c.authorization->credentials);
  if (c.oauth2.has_value()) {
    add(c.oauth2->client_secret);
    add(c.oauth2->client_certificate_key);
    add(c.oauth2->tls.key);
    add(c.oauth2->proxy_url);
  }
  add(c.tls.key);
  add(c.proxy_url);
  for (const auto* headers : {&c.proxy_connect_headers, &c.http_headers}) {
    for (const auto& header : *headers) {
      for (const std::string& value : header.values) add(value);
      for (const std::string& value : header.secrets) add(value);
    }
  }
  return out;
}

template <typename T>
void Inherit(T own_default, const T& global, T* own) {
  if (*own == own_default) *own = global;
}

void InheritLimits(const ScrapeLimits& global, ScrapeLimits* own) {
  Inherit<int64_t>(0, global.body_size, &own->body_size);
  Inherit<uint64_t>(0, global.samples, &own->samples);
  Inherit<uint64_t>(0, global.targets, &own->targets);
  Inherit<uint64_t>(0, global.labels, &own->labels);
  Inherit<uint64_t>(0, global.label_name_length, &own->label_name_length);
  Inherit<uint64_t>(0, global.label_value_length, &own->label_value_length);
  Inherit<uint64_t>(0, global.keep_dropped_targets, &own->keep_dropped_targets);
}

Status ResolveNames(const GlobalConfig& global, ScrapeConfig* job) {
  if (job->name_validation_text.empty()) job->name_validation = global.name_validation;
  job->name_validation_text = job->name_validation == NameValidation::kLegacy ? "legacy" : "utf8";
  if (job->name_escaping_text.empty()) job->name_escaping_text = global.name_escaping;
  if (job->name_escaping_text.empty()) {
    job->name_escaping_text =
        job->name_validation == NameValidation::kLegacy ? "underscores" : "allow-utf-8";
  }
  const std::optional<NameEscaping> escaping = ParseNameEscaping(job->name_escaping_text);
  if (!escaping.has_value()) {
    return InvalidArgument(
        "unknown scrape config name escaping method specified, must be one of "
        "'allow-utf-8', 'underscores', 'dots', or 'values', got {}",
        GoQuote(job->name_escaping_text));
  }
  job->name_escaping = *escaping;
  if (job->name_escaping == NameEscaping::kAllowUtf8 &&
      job->name_validation == NameValidation::kLegacy) {
    return InvalidArgument("utf8 metric names requested but validation scheme is not set to UTF8");
  }
  return OkStatus();
}

Status ResolveProtocols(const GlobalConfig& global, ScrapeConfig* job) {
  if (job->scrape_protocols.empty()) job->scrape_protocols = global.scrape_protocols;
  if (job->scrape_protocols.empty()) {
    // Only protobuf has native histograms.
    if (*job->scrape_native_histograms) job->scrape_protocols.emplace_back(kPrometheusProto);
    for (const std::string_view name :
         {kOpenMetricsText100, kOpenMetricsText001, kPrometheusText100, kPrometheusText004}) {
      job->scrape_protocols.emplace_back(name);
    }
  }
  if (Status s = CheckProtocols(job->scrape_protocols); !s.ok()) {
    return InvalidArgument("{} for scrape config with job name {}", MessageOf(s),
                           GoQuote(job->job_name));
  }
  if (job->fallback_scrape_protocol.empty()) return OkStatus();
  return Annotate(CheckProtocol(job->fallback_scrape_protocol),
                  fmt::format("invalid fallback_scrape_protocol for scrape config with job name {}",
                              GoQuote(job->job_name)));
}

Status CheckJob(const ScrapeConfig& job) {
  if (job.scrape_timeout_ms > job.scrape_interval_ms) {
    return InvalidArgument(
        "scrape timeout greater than scrape interval for scrape config with job name {}",
        GoQuote(job.job_name));
  }
  if (job.relabel_configs.empty()) NX_RETURN_IF_ERROR(CheckStaticTargets(job.discovery));
  NX_RETURN_IF_ERROR(CompileRelabelRules(job.relabel_configs, job.name_validation).status());
  return CompileRelabelRules(job.metric_relabel_configs, job.name_validation).status();
}

void ResolveJobPaths(const std::string& directory, ScrapeConfig* job) {
  ResolvePaths(job->http, directory);
  ResolvePaths(job->discovery, directory);
  job->scrape_failure_log_file = JoinPath(directory, job->scrape_failure_log_file);
}

Status ResolveJobs(const GlobalConfig& global, const std::string& file,
                   std::vector<ScrapeConfig>* jobs, std::map<std::string, std::string>* seen) {
  for (ScrapeConfig& job : *jobs) {
    job.source_file = file;
    if (job.job_name.empty()) return InvalidArgument("job_name is empty (line {})", job.line);
    if (Status s = ResolveJob(global, &job); !s.ok()) {
      return InvalidArgument("{} (job {}, line {})", MessageOf(s), GoQuote(job.job_name), job.line);
    }
    const std::string place = fmt::format("{}:{}", file, job.line);
    const auto [it, is_new] = seen->emplace(job.job_name, place);
    if (!is_new) {
      return InvalidArgument("found multiple scrape configs with job name {} (at {} and {})",
                             GoQuote(job.job_name), it->second, place);
    }
    ResolveJobPaths(DirectoryOf(file), &job);
  }
  return OkStatus();
}

Status ReadScrapeConfigFiles(Config* config, std::map<std::string, std::string>* seen) {
  for (const std::string& pattern : config->scrape_config_files) {
    NX_ASSIGN_OR_RETURN(const std::vector<std::string> files, ExpandGlob(pattern));
    for (const std::string& file : files) {
      NX_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kMaxConfigBytes));
      ScrapeConfigFile content;
      Status status = Decode(text, &content);
      if (status.ok()) status = ResolveJobs(config->global, file, &content.scrape_configs, seen);
      if (!status.ok()) return Annotate(status, GoQuote(file));
      for (ScrapeConfig& job : content.scrape_configs) {
        config->scrape_configs.push_back(std::move(job));
      }
    }
  }
  return OkStatus();
}

void ResolveAlertmanagers(const std::string& directory, AlertingConfig* alerting) {
  for (size_t i = 0; i < alerting->alertmanagers.size(); ++i) {
    AlertmanagerConfig& a = alerting->alertmanagers[i];
    a.key = fmt::format("config-{}", i);
    ResolvePaths(a.http, directory);
    ResolvePaths(a.discovery, directory);
    a.fingerprint = Marshal(a) + Secrets(a.http);
  }
}

// Upstream's rules for an agent.
Status CheckAgent(const Config& config) {
  if (!config.alerting.alertmanagers.empty() || !config.alerting.alert_relabel_configs.empty()) {
    return InvalidArgument("field alerting is not allowed in agent mode");
  }
  if (!config.rule_files.empty()) {
    return InvalidArgument("field rule_files is not allowed in agent mode");
  }
  return OkStatus();
}

Status Finish(const std::string& directory, const LoadOptions& options, Config* config) {
  NX_RETURN_IF_ERROR(CheckGlobs(config->rule_files, "rule"));
  NX_RETURN_IF_ERROR(CheckGlobs(config->scrape_config_files, "scrape config"));
  for (std::string& file : config->rule_files) file = JoinPath(directory, file);
  for (std::string& file : config->scrape_config_files) file = JoinPath(directory, file);
  GlobalConfig& global = config->global;
  NX_RETURN_IF_ERROR(CheckStrategy(global, config->otlp));
  global.query_log_file = JoinPath(directory, global.query_log_file);
  global.scrape_failure_log_file = JoinPath(directory, global.scrape_failure_log_file);
  ExpandExternalLabels(config, options);

  std::map<std::string, std::string> seen;
  NX_RETURN_IF_ERROR(ResolveJobs(global, config->file, &config->scrape_configs, &seen));
  ResolveAlertmanagers(directory, &config->alerting);
  // The print-out shows the file, not what it includes.
  config->yaml = Marshal(*config);
  if (options.read_scrape_config_files) NX_RETURN_IF_ERROR(ReadScrapeConfigFiles(config, &seen));
  for (ScrapeConfig& job : config->scrape_configs) {
    job.yaml = Marshal(job);
    job.fingerprint = job.yaml + Secrets(job.http);
  }
  return OkStatus();
}

}  // namespace

Status CheckProtocols(const std::vector<std::string>& protocols) {
  for (size_t i = 0; i < protocols.size(); ++i) {
    NX_RETURN_IF_ERROR(Annotate(CheckProtocol(protocols[i]), "scrape_protocols"));
    if (std::find(protocols.begin(), protocols.begin() + static_cast<ptrdiff_t>(i), protocols[i]) !=
        protocols.begin() + static_cast<ptrdiff_t>(i)) {
      return InvalidArgument("duplicated protocol in scrape_protocols, got [{}]",
                             fmt::join(protocols, " "));
    }
  }
  return OkStatus();
}

Status ResolveJob(const GlobalConfig& global, ScrapeConfig* job) {
  if (job->scrape_interval_ms == 0) job->scrape_interval_ms = global.scrape_interval_ms;
  if (job->scrape_timeout_ms == 0) {
    job->scrape_timeout_ms = std::min(global.scrape_timeout_ms, job->scrape_interval_ms);
  }
  if (job->scrape_failure_log_file.empty()) {
    job->scrape_failure_log_file = global.scrape_failure_log_file;
  }
  if (!job->extra_scrape_metrics.has_value())
    job->extra_scrape_metrics = global.extra_scrape_metrics;
  if (!job->scrape_native_histograms.has_value()) {
    job->scrape_native_histograms = global.scrape_native_histograms;
  }
  if (!job->convert_classic_histograms_to_nhcb.has_value()) {
    job->convert_classic_histograms_to_nhcb = global.convert_classic_histograms_to_nhcb;
  }
  if (!job->always_scrape_classic_histograms.has_value()) {
    job->always_scrape_classic_histograms = global.always_scrape_classic_histograms;
  }
  InheritLimits(global.limits, &job->limits);
  NX_RETURN_IF_ERROR(ResolveNames(global, job));
  NX_RETURN_IF_ERROR(ResolveProtocols(global, job));
  return CheckJob(*job);
}

StatusOr<std::vector<std::string>> ExpandGlob(const std::string& pattern) {
  if (!IsPattern(pattern)) return InvalidArgument("syntax error in pattern {}", GoQuote(pattern));
  return discovery::file::MatchFiles(pattern);
}

StatusOr<std::shared_ptr<const Config>> Load(std::string_view text, const std::string& directory,
                                             const std::string& name, const LoadOptions& options) {
  auto config = std::make_shared<Config>();
  config->file = name;
  config->global.extra_scrape_metrics = options.extra_scrape_metrics;
  if (options.protobuf_first) {
    for (const std::string_view name : {kPrometheusProto, kOpenMetricsText100, kOpenMetricsText001,
                                        kPrometheusText100, kPrometheusText004}) {
      config->global.scrape_protocols.emplace_back(name);
    }
  }
  NX_RETURN_IF_ERROR(Decode(text, config.get()));
  NX_RETURN_IF_ERROR(Finish(directory, options, config.get()));
  return std::shared_ptr<const Config>(std::move(config));
}

StatusOr<std::shared_ptr<const Config>> LoadFile(const std::string& path,
                                                 const LoadOptions& options) {
  StatusOr<std::string> text = ReadFile(path, kMaxConfigBytes);
  if (!text.ok()) return text.status();
  StatusOr<std::shared_ptr<const Config>> config = Load(*text, DirectoryOf(path), path, options);
  if (!config.ok()) return Annotate(config.status(), fmt::format("parsing YAML file {}", path));
  if (options.agent) NX_RETURN_IF_ERROR(CheckAgent(**config));
  return config;
}

}  // namespace narthex::config
