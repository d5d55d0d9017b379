#include "server/config/describe.h"

#include <map>

#include "core/strings/quote.h"

namespace narthex {
namespace {

// Lists whose items must not be null, each with words of its own.
void RefuseNullItems(config::Fields& f, std::string_view key, std::string_view message) {
  const config::Node* node = f.Take(key);
  if (node == nullptr || !node->is_sequence()) return;
  for (const config::NodePtr& item : node->items) {
    if (item->is_null()) f.Fail(InvalidArgument("{} (line {})", message, item->line));
  }
}

// Not naming any protocol is not the same as naming none.
void RefuseEmptyProtocols(config::Fields& f, std::string_view where) {
  const config::Node* node = f.Take("scrape_protocols");
  if (node == nullptr || !node->is_sequence() || !node->items.empty()) return;
  f.Fail(InvalidArgument("scrape_protocols cannot be empty for {} (line {})", where, node->line));
}

}  // namespace

void Describe(config::Fields& f, RelabelConfig& relabel) {
  f.Type("relabel.plain", "relabel.Config");
  f.FlowList("source_labels", relabel.source_labels);
  f.Field("separator", relabel.separator, config::Print::kAlways);
  const bool default_regex = relabel.regex == RelabelConfig::kDefaultRegex;
  f.Field("regex", relabel.regex,
          f.printing() && default_regex ? config::Print::kNever : config::Print::kNonZero);
  f.Field("modulus", relabel.modulus);
  f.Field("target_label", relabel.target_label);
  f.Field("replacement", relabel.replacement, config::Print::kAlways);
  std::string action(RelabelActionToString(relabel.action));
  f.Field("action", action);
  if (!f.decoding()) return;
  for (const std::string& label : relabel.source_labels) {
    if (IsValidLabelName(label, NameValidation::kUtf8)) continue;
    f.Fail(InvalidArgument("line {}: {} is not a valid label name", f.line(), GoQuote(label)));
  }
  const StatusOr<RelabelAction> parsed = ParseRelabelAction(action);
  if (!parsed.ok()) return f.Fail(Annotate(parsed.status(), fmt::format("line {}", f.line())));
  relabel.action = *parsed;
  if (const auto rule = RelabelRule::Compile(relabel); !rule.ok()) {
    f.Fail(Annotate(rule.status(), fmt::format("line {}", f.line())));
  }
}

namespace config {
namespace {

constexpr std::string_view kNotHere = "known to Prometheus, not implemented here";

void NameRules(Fields& f, NameValidation& validation, std::string* text) {
  *text = validation == NameValidation::kLegacy ? "legacy" : "utf8";
  if (f.decoding() && !f.Has("metric_name_validation_scheme")) {
    text->clear();
    return;
  }
  f.Field("metric_name_validation_scheme", *text);
  if (!f.decoding() || text->empty()) return;
  if (*text != "utf8" && *text != "legacy") {
    f.Fail(InvalidArgument("line {}: unrecognized ValidationScheme: {}", f.line(), GoQuote(*text)));
  }
  validation = *text == "legacy" ? NameValidation::kLegacy : NameValidation::kUtf8;
}

}  // namespace

void Describe(Fields& f, GlobalConfig& g) {
  f.Type("config.plain", "config.GlobalConfig");
  f.Millis("scrape_interval", g.scrape_interval_ms);
  // Unset is not the same as ten seconds: it shrinks with the interval.
  if (f.decoding()) g.scrape_timeout_ms = 0;
  f.Millis("scrape_timeout", g.scrape_timeout_ms);
  RefuseEmptyProtocols(f, "global config");
  f.Field("scrape_protocols", g.scrape_protocols);
  f.Millis("evaluation_interval", g.evaluation_interval_ms);
  f.Millis("rule_query_offset", g.rule_query_offset_ms);
  f.Field("query_log_file", g.query_log_file);
  f.Field("scrape_failure_log_file", g.scrape_failure_log_file);
  f.Field("external_labels", g.external_labels);
  f.Bytes("body_size_limit", g.limits.body_size);
  f.Field("sample_limit", g.limits.samples);
  f.Field("target_limit", g.limits.targets);
  f.Field("label_limit", g.limits.labels);
  f.Field("label_name_length_limit", g.limits.label_name_length);
  f.Field("label_value_length_limit", g.limits.label_value_length);
  f.Field("keep_dropped_targets", g.limits.keep_dropped_targets);
  std::string scheme;
  NameRules(f, g.name_validation, &scheme);
  f.Field("metric_name_escaping_scheme", g.name_escaping);
  f.Field("convert_classic_histograms_to_nhcb", g.convert_classic_histograms_to_nhcb);
  f.Field("always_scrape_classic_histograms", g.always_scrape_classic_histograms);
  f.Field("scrape_native_histograms", g.scrape_native_histograms);
  f.Field("extra_scrape_metrics", g.extra_scrape_metrics);
}

Status AfterDecode(GlobalConfig& g) {
  for (const Label& l : g.external_labels) {
    if (!IsValidLabelName(l.name, g.name_validation)) {
      return InvalidArgument("{} is not a valid label name", GoQuote(l.name));
    }
    if (!IsValidLabelValue(l.value)) {
      return InvalidArgument("{} is not a valid label value", GoQuote(l.value));
    }
  }
  if (g.scrape_interval_ms == 0) g.scrape_interval_ms = 60'000;
  if (g.scrape_timeout_ms > g.scrape_interval_ms) {
    return InvalidArgument("global scrape timeout greater than scrape interval");
  }
  if (g.scrape_timeout_ms == 0)
    g.scrape_timeout_ms = std::min<int64_t>(10'000, g.scrape_interval_ms);
  if (g.evaluation_interval_ms == 0) g.evaluation_interval_ms = 60'000;
  if (Status s = CheckProtocols(g.scrape_protocols); !s.ok()) {
    return InvalidArgument("{} for global config", MessageOf(s));
  }
  if (!g.name_escaping.empty() && !ParseNameEscaping(g.name_escaping).has_value()) {
    return InvalidArgument(
        "unknown global name escaping method specified, must be one of "
        "'allow-utf-8', 'underscores', 'dots', or 'values', got {}",
        GoQuote(g.name_escaping));
  }
  return OkStatus();
}

void Describe(Fields& f, ScrapeConfig& c) {
  f.Type("config.ScrapeConfig");
  if (f.decoding()) c.line = f.line();
  f.Field("job_name", c.job_name, Print::kAlways);
  f.Field("honor_labels", c.honor_labels);
  f.Field("honor_timestamps", c.honor_timestamps, Print::kAlways);
  f.Field("track_timestamps_staleness", c.track_timestamps_staleness, Print::kAlways);
  std::map<std::string, std::vector<std::string>> params(c.params.begin(), c.params.end());
  f.Field("params", params);
  if (f.decoding()) c.params = {params.begin(), params.end()};
  f.Millis("scrape_interval", c.scrape_interval_ms);
  f.Millis("scrape_timeout", c.scrape_timeout_ms);
  if (f.decoding()) {
    RefuseEmptyProtocols(f, fmt::format("scrape config with job name {}", GoQuote(c.job_name)));
  }
  f.Field("scrape_protocols", c.scrape_protocols);
  f.Field("fallback_scrape_protocol", c.fallback_scrape_protocol);
  f.Field("always_scrape_classic_histograms", c.always_scrape_classic_histograms);
  f.Field("convert_classic_histograms_to_nhcb", c.convert_classic_histograms_to_nhcb);
  f.Field("scrape_failure_log_file", c.scrape_failure_log_file);
  f.Field("metrics_path", c.metrics_path);
  f.Field("scheme", c.scheme);
  f.Field("enable_compression", c.enable_compression, Print::kAlways);
  f.Bytes("body_size_limit", c.limits.body_size);
  f.Field("sample_limit", c.limits.samples);
  f.Field("target_limit", c.limits.targets);
  f.Field("label_limit", c.limits.labels);
  f.Field("label_name_length_limit", c.limits.label_name_length);
  f.Field("label_value_length_limit", c.limits.label_value_length);
  f.Field("native_histogram_bucket_limit", c.native_histogram_bucket_limit);
  f.Field("native_histogram_min_bucket_factor", c.native_histogram_min_bucket_factor);
  f.Field("keep_dropped_targets", c.limits.keep_dropped_targets);
  NameRules(f, c.name_validation, &c.name_validation_text);
  f.Field("metric_name_escaping_scheme", c.name_escaping_text);
  f.Field("scrape_native_histograms", c.scrape_native_histograms);
  f.Field("extra_scrape_metrics", c.extra_scrape_metrics);
  f.Inline(c.http);
  if (f.decoding()) {
    RefuseNullItems(f, "relabel_configs", "empty or null target relabeling rule in scrape config");
    RefuseNullItems(f, "metric_relabel_configs",
                    "empty or null metric relabeling rule in scrape config");
  }
  f.Field("relabel_configs", c.relabel_configs);
  f.Field("metric_relabel_configs", c.metric_relabel_configs);
  f.Inline(c.discovery);
}

void Describe(Fields& f, AlertmanagerConfig& a) {
  f.Type("config.AlertmanagerConfig");
  f.Inline(a.http);
  f.Refuse("sigv4", kNotHere);
  f.Field("scheme", a.scheme);
  f.Field("path_prefix", a.path_prefix);
  f.Millis("timeout", a.timeout_ms);
  f.Field("api_version", a.api_version);
  if (f.decoding()) {
    RefuseNullItems(f, "relabel_configs", "empty or null Alertmanager target relabeling rule");
    RefuseNullItems(f, "alert_relabel_configs", "empty or null Alertmanager alert relabeling rule");
  }
  f.Field("relabel_configs", a.relabel_configs);
  f.Field("alert_relabel_configs", a.alert_relabel_configs);
  f.Inline(a.discovery);
}

Status AfterDecode(AlertmanagerConfig& a) {
  if (a.api_version != "v2") {
    return InvalidArgument("expected Alertmanager api version to be one of [v2] but got {}",
                           a.api_version);
  }
  if (a.timeout_ms <= 0) return InvalidArgument("Alertmanager timeout must be greater than 0");
  if (a.scheme != "http" && a.scheme != "https") {
    return InvalidArgument("unsupported Alertmanager scheme {}", GoQuote(a.scheme));
  }
  return a.relabel_configs.empty() ? CheckStaticTargets(a.discovery) : OkStatus();
}

void Describe(Fields& f, AlertingConfig& a) {
  f.Type("config.plain", "config.AlertingConfig");
  if (f.decoding()) {
    RefuseNullItems(f, "alert_relabel_configs", "empty or null alert relabeling rule");
    RefuseNullItems(f, "alertmanagers", "empty or null Alertmanager config section");
  }
  f.Field("alert_relabel_configs", a.alert_relabel_configs);
  f.Field("alertmanagers", a.alertmanagers);
}

namespace {

struct Retention {
  StorageConfig& storage;

  void Describe(Fields& f) {
    f.Type("config.plain", "config.TSDBRetentionConfig");
    if (f.printing()) {
      int64_t time = storage.retention_time_ms.value_or(0);
      f.Millis("time", time);
      Size printed;
      printed.bytes = storage.retention_bytes.value_or(0);
      if (printed.bytes != 0) f.Field("size", printed);
      double share = storage.retention_percentage;
      if (share != 0) f.Field("percentage", share);
      return;
    }
    Duration time;
    Size size;
    double percentage = 0;
    f.Field("time", time);
    f.Field("size", size);
    f.Field("percentage", percentage);
    if (time.ms != 0) storage.retention_time_ms = time.ms;
    if (percentage < 0 || percentage > 100) {
      f.Fail(InvalidArgument("'storage.tsdb.retention.percentage' must be in the range [0, 100]"));
    }
    if (size.bytes < 0) {
      f.Fail(InvalidArgument("'storage.tsdb.retention.size' must not be negative"));
    }
    if (size.bytes != 0) storage.retention_bytes = size.bytes;
    storage.retention_percentage = percentage;
  }
};

// storage.tsdb: everything acts on the running database.
void DescribeTsdb(Fields& f, StorageConfig& s) {
  f.Type("config.plain", "config.TSDBConfig");
  f.Millis("out_of_order_time_window", s.out_of_order_window_ms);
  f.Field("stale_series_compaction_threshold", s.stale_series_threshold);
  if (s.stale_series_threshold < 0 || s.stale_series_threshold > 1) {
    f.Fail(InvalidArgument(
        "'storage.tsdb.stale_series_compaction_threshold' must be in the range [0, 1]"));
  }
  if (const Node* encoding = f.Take("chunk_encoding"); encoding != nullptr) {
    struct Encoding {
      std::string floats = "xor";
      void Describe(Fields& e) {
        e.Type("config.plain", "config.ChunkEncodingConfig");
        e.Field("floats", floats);
        if (floats == "xor") return;
        const std::string place =
            fmt::format("line {}: chunk_encoding.floats: {}", e.line(), GoQuote(floats));
        e.Fail(floats == "xor2"
                   ? Unimplemented("{} is {}, expected \"xor\"", place, kNotHere)
                   : InvalidArgument("{} is unknown, expected \"xor\" (\"xor2\" is {})", place,
                                     kNotHere));
      }
    } value;
    Codec<Encoding>::Decode(*f.context(), *encoding, &value);
  }
}

}  // namespace

void Describe(Fields& f, ExemplarsConfig& e) {
  f.Type("config.ExemplarsConfig");
  f.Field("max_exemplars", e.max_exemplars);
}

void Describe(Fields& f, StorageConfig& s) {
  f.Type("config.StorageConfig");
  struct Tsdb {
    StorageConfig* storage = nullptr;
    void Describe(Fields& t) {
      StorageConfig none;
      StorageConfig& s = storage == nullptr ? none : *storage;
      DescribeTsdb(t, s);
      Retention retention{s};
      if (t.decoding()) {
        if (const Node* node = t.Take("retention"); node != nullptr) {
          DecodeDescribed(*t.context(), *node, retention);
        }
      } else if (t.printing()) {
        Fields inner = Fields::ForPrint();
        retention.Describe(inner);
        NodePtr printed = inner.TakePrinted();
        if (!printed->members.empty()) t.Put("retention", std::move(printed));
      }
    }
    static void DecodeDescribed(Context& context, const Node& node, Retention& retention) {
      if (!node.is_mapping()) return context.AddMismatch(node, "config.plain");
      const size_t before = context.error_count();
      Fields inner = Fields::ForDecode(context, node);
      retention.Describe(inner);
      inner.Finish(before);
    }
  } tsdb{&s};
  f.Field("tsdb", tsdb);
  f.Field("exemplars", s.exemplars);
}

void Describe(Fields& f, Config& c) {
  f.Type("config.plain", "config.Config");
  f.Field("global", c.global, Print::kAlways);
  struct Runtime {
    int64_t gogc = 0;
    void Describe(Fields& r) {
      r.Type("config.RuntimeConfig");
      r.Field("gogc", gogc);
    }
  } runtime{c.runtime_gogc};
  f.Field("runtime", runtime);
  c.runtime_gogc = runtime.gogc;
  f.Field("alerting", c.alerting);
  f.Field("rule_files", c.rule_files);
  f.Field("scrape_config_files", c.scrape_config_files);
  if (f.decoding()) {
    RefuseNullItems(f, "scrape_configs", "empty or null scrape config section");
  }
  f.Field("scrape_configs", c.scrape_configs);
  f.Field("storage", c.storage);
  for (const std::string_view key : {"tracing", "remote_write", "remote_read"}) {
    f.Refuse(key, kNotHere);
  }
  f.Field("otlp", c.otlp);
}

void ScrapeConfigFile::Describe(Fields& f) {
  f.Type("config.ScrapeConfigs");
  if (f.decoding()) {
    RefuseNullItems(f, "scrape_configs", "empty or null scrape config section");
  }
  f.Field("scrape_configs", scrape_configs);
}

}  // namespace config
}  // namespace narthex
