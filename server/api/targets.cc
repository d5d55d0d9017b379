// targets, scrape_pools and the metadata of metrics.
#include <map>
#include <set>

#include "core/http/types.h"
#include "core/json/reader.h"
#include "core/labels/relabel.h"
#include "core/strings/duration.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "server/api/impl.h"
#include "server/api/params.h"

namespace narthex::api {
namespace {

constexpr std::string_view kLocalHosts[] = {"127.0.0.1", "localhost", "::1"};

std::string PortOf(const std::string& address) {
  const size_t colon = address.rfind(':');
  return colon == std::string::npos ? "" : address.substr(colon + 1);
}

// The URL as somebody elsewhere can use it: targets on localhost get the external host.
std::string GlobalUrl(const std::string& scrape_url, const Options& options) {
  auto url = http::Url::Parse(scrape_url);
  auto external = http::Url::Parse(options.external_url);
  if (!url.ok() || !external.ok()) return scrape_url;
  bool local = false;
  for (std::string_view host : kLocalHosts) local = local || url->host == host;
  if (!local) return scrape_url;
  if (url->effective_port() == PortOf(options.listen_address)) {
    // That is us: scheme and port are those of the outside too.
    url->scheme = external->scheme;
    url->port = external->port;
  }
  url->host = external->host;
  return url->ToString();
}

void WriteActive(JsonWriter& json, const scrape::ActiveTarget& target, const Options& options) {
  json.BeginObject().Key("discoveredLabels");
  WriteLabels(json, target.discovered_labels);
  json.Key("labels");
  WriteLabels(json, target.labels);
  json.Member("scrapePool", target.pool).Member("scrapeUrl", target.scrape_url);
  json.Member("globalUrl", GlobalUrl(target.scrape_url, options));
  json.Member("lastError", target.last_error);
  json.Member("lastScrape", FormatTime(target.last_scrape_nanos));
  json.Key("lastScrapeDuration").Double(target.last_scrape_duration_seconds);
  json.Member("health", scrape::HealthToString(target.health));
  json.Member("scrapeInterval", FormatPromDuration(target.interval_ms));
  json.Member("scrapeTimeout", FormatPromDuration(target.timeout_ms)).EndObject();
}

void WriteDropped(JsonWriter& json, const scrape::TargetsSnapshot& targets, bool shown) {
  json.Key("droppedTargets").BeginArray();
  if (shown) {
    for (const scrape::DroppedTarget& target : targets.dropped) {
      json.BeginObject().Key("discoveredLabels");
      WriteLabels(json, target.discovered_labels);
      json.Member("scrapePool", target.pool).EndObject();
    }
  }
  json.EndArray().Key("droppedTargetCounts");
  if (!shown) {
    json.Null();
    return;
  }
  json.BeginObject();
  for (const auto& [pool, count] : targets.dropped_counts) json.Key(pool).Int(count);
  json.EndObject();
}

void WriteRule(JsonWriter& json, const RelabelConfig& rule) {
  json.BeginObject();
  if (!rule.source_labels.empty()) {
    json.Key("sourceLabels");
    WriteStrings(json, rule.source_labels);
  }
  if (!rule.separator.empty()) json.Member("separator", rule.separator);
  json.Member("regex", rule.regex);
  if (rule.modulus != 0) json.Key("modulus").Int(static_cast<int64_t>(rule.modulus));
  if (!rule.target_label.empty()) json.Member("targetLabel", rule.target_label);
  if (!rule.replacement.empty()) json.Member("replacement", rule.replacement);
  json.Member("action", RelabelActionToString(rule.action)).EndObject();
}

// {"name": "value"}
StatusOr<Labels> LabelsParam(std::string_view text) {
  NX_ASSIGN_OR_RETURN(const JsonValue document, ParseJson(text));
  if (!document.is_object()) return InvalidArgument("not an object");
  LabelsBuilder labels;
  for (const auto& [name, value] : document.members()) {
    if (!value.is_string()) return InvalidArgument("the value of {} is no text", GoQuote(name));
    labels.Set(name, value.AsString());
  }
  return labels.Build();
}

// A count that may be absent (-1).
StatusOr<int64_t> CountParam(const http::Params& params, std::string_view name) {
  const auto text = params.Get(name);
  if (text.empty()) return -1;
  if (const auto count = ParseInt(text)) return *count;
  return InvalidArgument("{} must be a number", name);
}

}  // namespace

Outcome Api::Impl::Targets(const Call& call) {
  if (!sources.targets) return Unavailable("targets are not available");
  const std::string state = ToLowerAscii(call.request.query.Get("state"));
  const bool any = state.empty() || state == "any";
  const bool active = any || state == "active", dropped = any || state == "dropped";
  auto targets = std::make_shared<scrape::TargetsSnapshot>(
      sources.targets(std::string(call.request.query.Get("scrapePool"))));
  return Answer{[this, targets, active, dropped](DataWriter& out) {
                  JsonWriter& json = out.json();
                  json.BeginObject().Key("activeTargets").BeginArray();
                  for (const auto& target : targets->active) {
                    if (!active || !out.Breathe()) break;
                    WriteActive(json, target, options);
                  }
                  json.EndArray();
                  WriteDropped(json, *targets, dropped);
                  json.EndObject();
                },
                {},
                {}};
}

// What each of a job's rules makes of a discovered target. Behind a rule that drops it nothing is
// left.
Outcome Api::Impl::TargetsRelabelSteps(const Call& call) {
  if (!sources.scrape_pool_rules) return Unavailable("scrape pools are not available");
  const std::string pool(call.form.Get("scrapePool"));
  if (pool.empty()) return BadData("no scrapePool parameter provided");
  const std::string_view text = call.form.Get("labels");
  if (text.empty()) return BadData("no labels parameter provided");
  const auto labels = LabelsParam(text);
  if (!labels.ok()) return BadData(Annotate(labels.status(), "error parsing labels"));
  const auto configs = sources.scrape_pool_rules(pool);
  if (!configs.ok()) return BadData(Annotate(configs.status(), "error retrieving scrape config"));
  auto rules = CompileRelabelRules(*configs);
  if (!rules.ok()) return BadData(rules.status());
  return Answer{[rules = *std::move(rules), labels = *labels](DataWriter& out) {
                  JsonWriter& json = out.json();
                  json.BeginObject().Key("steps").BeginArray();
                  LabelsBuilder builder(labels);
                  bool keep = true;
                  for (const RelabelRule& rule : rules) {
                    keep = keep && rule.Apply(&builder);
                    json.BeginObject().Key("rule");
                    WriteRule(json, rule.config());
                    json.Key("output");
                    WriteLabels(json, keep ? builder.Build() : Labels());
                    json.Key("keep").Bool(keep).EndObject();
                  }
                  json.EndArray().EndObject();
                },
                {},
                {}};
}

Outcome Api::Impl::ScrapePools(const Call&) {
  if (!sources.scrape_pools) return Unavailable("scrape pools are not available");
  auto pools = sources.scrape_pools();
  std::sort(pools.begin(), pools.end());
  return Answer{[pools = std::move(pools)](DataWriter& out) {
                  out.json().BeginObject().Key("scrapePools");
                  WriteStrings(out.json(), pools);
                  out.json().EndObject();
                },
                {},
                {}};
}

Outcome Api::Impl::ScrapePoolConfig(const Call& call) {
  if (!sources.scrape_pool_config) return Unavailable("scrape pools are not available");
  const std::string pool(call.request.query.Get("scrapePool"));
  if (pool.empty()) return BadData("no scrapePool parameter provided");
  auto yaml = sources.scrape_pool_config(pool);
  if (!yaml.ok()) return Failure{"not_found", std::string(MessageOf(yaml.status()))};
  return Answer{[yaml = *std::move(yaml)](DataWriter& out) {
                  out.json().BeginObject().Member("yaml", yaml).EndObject();
                },
                {},
                {}};
}

Outcome Api::Impl::Metadata(const Call& call) {
  if (!sources.metadata) return Unavailable("metadata is not available");
  const auto limit = CountParam(call.form, "limit");
  if (!limit.ok()) return BadData(limit.status());
  const auto per_metric = CountParam(call.form, "limit_per_metric");
  if (!per_metric.ok()) return BadData(per_metric.status());
  std::map<std::string, std::set<scrape::MetricMetadata>> metrics;
  for (auto& entry : sources.metadata(std::string(call.form.Get("metric")))) {
    metrics[entry.metadata.metric].insert(std::move(entry.metadata));
  }
  return Answer{
      [metrics = std::move(metrics), limit = *limit, per_metric = *per_metric](DataWriter& out) {
        JsonWriter& json = out.json();
        json.BeginObject();
        int64_t names = 0;
        for (const auto& [name, entries] : metrics) {
          if (limit >= 0 && names++ >= limit) break;
          json.Key(name).BeginArray();
          int64_t shown = 0;
          for (const auto& entry : entries) {
            if (per_metric > 0 && shown++ >= per_metric) break;
            json.BeginObject().Member("type", entry.type).Member("unit", entry.unit);
            json.Member("help", entry.help).EndObject();
          }
          json.EndArray();
          if (!out.Breathe()) return;
        }
        json.EndObject();
      },
      {},
      {}};
}

Outcome Api::Impl::TargetsMetadata(const Call& call) {
  if (!sources.metadata) return Unavailable("metadata is not available");
  const auto limit = CountParam(call.form, "limit");
  if (!limit.ok()) return BadData(limit.status());
  std::vector<std::vector<Matcher>> sets;
  if (const auto text = call.form.Get("match_target"); !text.empty()) {
    auto matchers = promql::ParseAnySelector(text);
    if (!matchers.ok()) return BadParameter("match_target", matchers.status());
    sets.push_back(*std::move(matchers));
  }
  const std::string metric(call.form.Get("metric"));
  auto entries = std::make_shared<std::vector<scrape::TargetMetadata>>(sources.metadata(metric));
  return Answer{[entries, sets, metric, limit = *limit](DataWriter& out) {
                  JsonWriter& json = out.json();
                  json.BeginArray();
                  int64_t shown = 0;
                  const Labels* target = nullptr;  // the limit does not cut in the middle of one
                  for (const auto& entry : *entries) {
                    if (target == nullptr || *target != entry.target) {
                      if (limit >= 0 && shown >= limit) break;
                      target = &entry.target;
                    }
                    if (!AnySetMatches(sets, entry.target)) continue;
                    ++shown;
                    json.BeginObject().Key("target");
                    WriteLabels(json, entry.target);
                    // Named only when not asked for by name.
                    if (metric.empty()) json.Member("metric", entry.metadata.metric);
                    json.Member("type", entry.metadata.type).Member("help", entry.metadata.help);
                    json.Member("unit", entry.metadata.unit).EndObject();
                    if (!out.Breathe()) return;
                  }
                  json.EndArray();
                },
                {},
                {}};
}

}  // namespace narthex::api
