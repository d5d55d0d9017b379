#include "server/scrape/target.h"

#include <algorithm>
#include <map>

#include "core/http/types.h"
#include "core/strings/duration.h"
#include "core/strings/quote.h"
#include "core/strings/utf8.h"

namespace narthex::scrape {
namespace {

constexpr std::string_view kAddress = "__address__";
constexpr std::string_view kScheme = "__scheme__";
constexpr std::string_view kMetricsPath = "__metrics_path__";
constexpr std::string_view kInterval = "__scrape_interval__";
constexpr std::string_view kTimeout = "__scrape_timeout__";
constexpr std::string_view kUnixSocket = "__unix_socket__";
constexpr std::string_view kParamPrefix = "__param_";
constexpr std::string_view kMetaPrefix = "__meta_";

// Switches that a target may override by relabelling.
constexpr std::string_view kNativeSwitch = "__scrape_native_histograms__";
constexpr std::string_view kClassicSwitch = "__always_scrape_classic_histograms__";
// This one must be off.
constexpr std::string_view kConvertSwitch = "__convert_classic_histograms_to_nhcb__";

uint64_t Fnv1a(std::string_view text, uint64_t hash = 14695981039346656037ULL) {
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211ULL;
  }
  return hash;
}

// Go's url.URL.EscapedPath for a path that is not escaped yet.
std::string EscapeUrlPath(std::string_view path) {
  std::string out;
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-_.~$&+,/:;=@").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

// Go's url.URL.String for a host: what it may hold stays, brackets and all.
std::string EscapeUrlHost(std::string_view host) {
  std::string out;
  for (const char c : host) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-_.~!$&'()*+,;=:[]<>\"").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string BuildUrl(const config::ScrapeConfig& config, const LabelsBuilder& labels) {
  std::map<std::string, std::vector<std::string>> params(config.params.begin(),
                                                         config.params.end());
  for (const auto& [name, value] : labels.pairs()) {
    if (!name.starts_with(kParamPrefix)) continue;
    std::vector<std::string>& values = params[name.substr(kParamPrefix.size())];
    if (values.empty()) values.emplace_back();
    values[0] = value;
  }
  // Go prints a URL without scheme so; it cannot be asked either way.
  const std::string_view scheme = labels.Get(kScheme);
  std::string url = fmt::format("{}{}//{}", scheme, scheme.empty() ? "" : ":",
                                EscapeUrlHost(labels.Get(kAddress)));
  const std::string_view path = labels.Get(kMetricsPath);
  if (!path.empty() && path[0] != '/') url += '/';
  url += EscapeUrlPath(path);
  char separator = '?';
  for (const auto& [name, values] : params) {
    for (const std::string& value : values) {
      url += separator + http::QueryEscape(name) + "=" + http::QueryEscape(value);
      separator = '&';
    }
  }
  return url;
}

StatusOr<int64_t> ParseTargetDuration(std::string_view what, std::string_view text) {
  StatusOr<int64_t> duration = ParsePromDuration(text);
  if (!duration.ok()) {
    return InvalidArgument("error parsing scrape {}: {}", what, MessageOf(duration.status()));
  }
  if (*duration == 0) return InvalidArgument("scrape {} cannot be 0", what);
  return duration;
}

StatusOr<bool> ParseGoBool(std::string_view text) {
  for (const std::string_view t : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == t) return true;
  }
  for (const std::string_view f : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == f) return false;
  }
  return InvalidArgument("strconv.ParseBool: parsing {}: invalid syntax", GoQuote(text));
}

StatusOr<bool> Switch(const LabelsBuilder& labels, std::string_view name) {
  const std::string_view text = labels.Get(name);
  if (text.empty()) return false;
  const StatusOr<bool> value = ParseGoBool(text);
  if (!value.ok()) return InvalidArgument("error parsing {}: {}", name, MessageOf(value.status()));
  return value;
}

}  // namespace

uint64_t Target::identity() const { return Fnv1a(unix_socket, Fnv1a(url, labels.Hash())); }

Labels DiscoveredLabels(const config::ScrapeConfig& config, const Labels& target,
                        const Labels& group) {
  LabelsBuilder labels(group);
  for (const Label& l : target) labels.Set(l.name, l.value);
  const auto set_default = [&](std::string_view name, std::string_view value) {
    if (!labels.Has(name)) labels.Set(name, value);
  };
  set_default(kJobLabel, config.job_name);
  set_default(kInterval, FormatPromDuration(config.scrape_interval_ms));
  set_default(kTimeout, FormatPromDuration(config.scrape_timeout_ms));
  set_default(kMetricsPath, config.metrics_path);
  set_default(kScheme, config.scheme);
  set_default(kConvertSwitch,
              config.convert_classic_histograms_to_nhcb.value_or(false) ? "true" : "false");
  set_default(kClassicSwitch,
              config.always_scrape_classic_histograms.value_or(false) ? "true" : "false");
  set_default(kNativeSwitch, config.scrape_native_histograms.value_or(false) ? "true" : "false");
  for (const auto& [name, values] : config.params) {
    if (!values.empty()) set_default(std::string(kParamPrefix) + name, values[0]);
  }
  return labels.Build();
}

StatusOr<std::optional<Target>> MakeTarget(const config::ScrapeConfig& config,
                                           std::span<const RelabelRule> rules, Labels discovered,
                                           Labels* all) {
  LabelsBuilder labels(discovered);
  if (!Relabel(rules, &labels)) return std::optional<Target>();
  const std::string address(labels.Get(kAddress));
  if (address.empty()) return InvalidArgument("no address");
  if (address.find('/') != std::string::npos) {
    return InvalidArgument("{} is not a valid hostname", GoQuote(address));
  }
  Target target;
  NX_ASSIGN_OR_RETURN(target.interval_ms, ParseTargetDuration("interval", labels.Get(kInterval)));
  NX_ASSIGN_OR_RETURN(target.timeout_ms, ParseTargetDuration("timeout", labels.Get(kTimeout)));
  if (target.timeout_ms > target.interval_ms) {
    return InvalidArgument("scrape timeout cannot be greater than scrape interval ({} > {})",
                           GoQuote(labels.Get(kTimeout)), GoQuote(labels.Get(kInterval)));
  }
  NX_ASSIGN_OR_RETURN(target.convert_classic, Switch(labels, kConvertSwitch));
  NX_ASSIGN_OR_RETURN(target.always_classic, Switch(labels, kClassicSwitch));
  NX_ASSIGN_OR_RETURN(target.native_histograms, Switch(labels, kNativeSwitch));
  if (!labels.Has(kInstanceLabel)) labels.Set(kInstanceLabel, address);
  LabelsBuilder own;
  std::vector<std::string> meta;
  for (const auto& [name, value] : labels.pairs()) {
    if (!IsValidLabelValue(value)) {
      return InvalidArgument("invalid label value for {}: {}", GoQuote(name), GoQuote(value));
    }
    if (name.starts_with(kMetaPrefix)) meta.push_back(name);
    if (!name.starts_with("__")) own.Set(name, value);
  }
  labels.Del(meta);
  target.url = BuildUrl(config, labels);
  target.unix_socket = labels.Get(kUnixSocket);
  target.discovered = std::move(discovered);
  Labels built = labels.Build();
  target.schedule_hash = Fnv1a(target.url, Fnv1a(fmt::format("{:016}", built.Hash())));
  if (all != nullptr) *all = std::move(built);
  target.labels = own.Build();
  return std::optional<Target>(std::move(target));
}

int64_t BunchNanos(int64_t interval_ms, size_t targets) {
  constexpr int64_t kNarrowest = 50'000'000;  // ten thousand targets in 15 s: 33 at once
  constexpr int64_t kWidest = 8 * kNarrowest;
  constexpr int64_t kTogether = 8;
  const int64_t interval = interval_ms * 1'000'000;
  const int64_t most =
      std::min(interval / 20, interval / (static_cast<int64_t>(targets) + 1) * kTogether);
  int64_t bunch = kNarrowest;
  while (bunch < kWidest && bunch * 2 <= most) bunch *= 2;
  return bunch;
}

int64_t NextScrapeNanos(int64_t now_nanos, int64_t interval_ms, uint64_t hash, uint64_t seed,
                        int64_t bunch_nanos) {
  const int64_t interval = interval_ms * 1'000'000;
  auto offset = static_cast<int64_t>((hash ^ seed) % static_cast<uint64_t>(interval));
  offset -= offset % std::min(bunch_nanos, std::max<int64_t>(1, interval / 20));
  int64_t next = now_nanos - now_nanos % interval + offset;
  if (next <= now_nanos) next += interval;
  return next;
}

void MergeTargetLabels(std::span<const Label> exposed, const Labels& target, bool honor,
                       LabelsBuilder* out) {
  out->Reset();
  for (const Label& l : exposed) out->Set(l.name, l.value);
  const auto find = [&](std::string_view name) {
    return std::find_if(exposed.begin(), exposed.end(),
                        [&](const Label& l) { return l.name == name; });
  };
  std::vector<Label> clashes;
  for (const Label& l : target) {
    const auto it = find(l.name);
    if (it != exposed.end() && honor) continue;
    if (it != exposed.end() && !it->value.empty()) clashes.push_back(*it);
    out->Set(l.name, l.value);
  }
  // Short names first, so that exported_x of the exporter's own keeps its place in the chain.
  std::stable_sort(clashes.begin(), clashes.end(),
                   [](const Label& a, const Label& b) { return a.name.size() < b.name.size(); });
  for (const Label& l : clashes) {
    std::string name(l.name);
    do {
      name.insert(0, "exported_");
    } while (out->Has(name));
    out->Set(name, l.value);
  }
}

Status CheckSampleLabels(const Labels& labels, const config::ScrapeLimits& limits,
                         NameValidation validation) {
  const std::string_view metric = labels.metric_name();
  if (metric.empty()) return InvalidArgument("missing metric name (__name__ label)");
  // One look at all of it, lengths included, settles nearly every set.
  const bool plain = validation == NameValidation::kUtf8 && IsAscii(labels.flat());
  const auto valid = [&](const Label& l) {
    if (plain) return !l.name.empty();
    return IsValidLabelValue(l.value) &&
           (l.name == kMetricNameLabel ? IsValidMetricName(l.value, validation)
                                       : IsValidLabelName(l.name, validation));
  };
  size_t count = 0;
  for (const Label& l : labels) {
    ++count;
    if (!valid(l)) {
      return InvalidArgument("invalid metric name or label names: {}", labels.ToMetricString());
    }
  }
  if (limits.labels > 0 && count > limits.labels) {
    return ResourceExhausted(
        "label_limit exceeded (metric: {:.50}, number of labels: {}, limit: {})", metric, count,
        limits.labels);
  }
  if (limits.label_name_length == 0 && limits.label_value_length == 0) return OkStatus();
  for (const Label& l : labels) {
    if (limits.label_name_length > 0 && l.name.size() > limits.label_name_length) {
      return ResourceExhausted(
          "label_name_length_limit exceeded (metric: {:.50}, label name: {:.50}, length: {}, "
          "limit: "
          "{})",
          metric, l.name, l.name.size(), limits.label_name_length);
    }
    if (limits.label_value_length > 0 && l.value.size() > limits.label_value_length) {
      return ResourceExhausted(
          "label_value_length_limit exceeded (metric: {:.50}, label name: {:.50}, value: {}, "
          "length: {}, limit: {})",
          metric, l.name, GoQuote(l.value.substr(0, 50)), l.value.size(),
          limits.label_value_length);
    }
  }
  return OkStatus();
}

bool IsLabelLimitError(const Status& status) {
  return status.code() == StatusCode::kResourceExhausted && MessageOf(status).starts_with("label_");
}

}  // namespace narthex::scrape
