// status/*: configuration, flags, what runs here, the storage's figures.
#include <map>

#include "core/flags/flags.h"
#include "core/strings/numbers.h"
#include "server/api/impl.h"

namespace narthex::api {
namespace {

constexpr int64_t kMaxTsdbLimit = 10'000;

void WriteEntries(JsonWriter& json, std::string_view key,
                  const std::vector<TsdbStats::Entry>& entries) {
  json.Key(key).BeginArray();
  for (const auto& [name, value] : entries) {
    json.BeginObject().Member("name", name).Key("value").Uint(value).EndObject();
  }
  json.EndArray();
}

}  // namespace

Outcome Api::Impl::StatusConfig(const Call&) {
  if (!sources.config_yaml) return Unavailable("the configuration is not available");
  return Answer{[yaml = sources.config_yaml()](DataWriter& out) {
                  out.json().BeginObject().Member("yaml", yaml).EndObject();
                },
                {},
                {}};
}

Outcome Api::Impl::StatusFlags(const Call&) {
  if (!sources.flags) return Unavailable("the flags are not available");
  const auto flags = sources.flags();
  return Answer{
      [sorted = std::map<std::string, std::string>(flags.begin(), flags.end())](DataWriter& out) {
        out.json().BeginObject();
        for (const auto& [name, value] : sorted) out.json().Member(name, value);
        out.json().EndObject();
      },
      {},
      {}};
}

Outcome Api::Impl::StatusRuntimeInfo(const Call&) {
  if (!sources.runtime_info) return Unavailable("the runtime information is not available");
  return Answer{[info = sources.runtime_info(), now = options.clock->NowNanos()](DataWriter& out) {
                  JsonWriter& json = out.json();
                  json.BeginObject().Member("startTime", FormatTime(info.start_time_nanos));
                  json.Member("CWD", info.cwd).Member("hostname", info.hostname);
                  json.Member("serverTime", FormatTime(now));
                  json.Key("reloadConfigSuccess").Bool(info.reload_config_success);
                  json.Member("lastConfigTime", FormatTime(info.last_config_nanos));
                  json.Key("corruptionCount").Int(info.corruption_count);
                  // Threads stand in for goroutines.
                  json.Key("goroutineCount").Int(info.threads);
                  json.Key("GOMAXPROCS").Int(info.cpus);
                  json.Key("GOMEMLIMIT").Int(info.memory_limit_bytes);
                  json.Member("GOGC", info.gogc).Member("GODEBUG", info.godebug);
                  json.Member("storageRetention", info.storage_retention).EndObject();
                },
                {},
                {}};
}

Outcome Api::Impl::StatusBuildInfo(const Call&) {
  return Answer{[](DataWriter& out) {
                  const BuildInfo& info = GetBuildInfo("prometheus");
                  JsonWriter& json = out.json();
                  json.BeginObject().Member("version", info.version);
                  json.Member("revision", info.revision).Member("branch", info.branch);
                  json.Member("buildUser", info.build_user).Member("buildDate", info.build_date);
                  json.Member("goVersion", info.compiler).EndObject();
                },
                {},
                {}};
}

Outcome Api::Impl::StatusTsdb(const Call& call) {
  if (!sources.tsdb_stats) return Unavailable("TSDB not ready");
  int64_t limit = 10;
  if (const auto text = call.form.Get("limit"); !text.empty()) {
    limit = ParseInt(text).value_or(0);
    if (limit < 1) return BadData("limit must be a positive number");
    if (limit > kMaxTsdbLimit) return BadData("limit must not exceed 10000");
  }
  return Answer{[stats = sources.tsdb_stats(static_cast<size_t>(limit))](DataWriter& out) {
                  JsonWriter& json = out.json();
                  json.BeginObject().Key("headStats").BeginObject();
                  json.Key("numSeries").Uint(stats.series);
                  json.Key("numLabelPairs").Uint(stats.label_pairs);
                  json.Key("chunkCount").Uint(stats.chunks);
                  json.Key("minTime").Int(stats.min_time);
                  json.Key("maxTime").Int(stats.max_time).EndObject();
                  WriteEntries(json, "seriesCountByMetricName", stats.series_by_metric_name);
                  WriteEntries(json, "labelValueCountByLabelName", stats.values_by_label_name);
                  WriteEntries(json, "memoryInBytesByLabelName", stats.bytes_by_label_name);
                  WriteEntries(json, "seriesCountByLabelValuePair", stats.series_by_label_pair);
                  json.EndObject();
                },
                {},
                {}};
}

Outcome Api::Impl::ListFeatures(const Call&) {
  if (!sources.features) return Unavailable("features are not available");
  return Answer{[features = sources.features()](DataWriter& out) {
                  JsonWriter& json = out.json();
                  const bool escape = json.EscapeHtml(false);  // "<" is a name
                  json.BeginObject();
                  for (const auto& [category, names] : features) {
                    json.Key(category).BeginObject();
                    for (const auto& [name, on] : names) json.Key(name).Bool(on);
                    json.EndObject();
                  }
                  json.EndObject();
                  json.EscapeHtml(escape);
                },
                {},
                {}};
}

Outcome Api::Impl::StatusWalReplay(const Call&) {
  if (!sources.wal_replay) return Unavailable("TSDB not ready");
  return Answer{[replay = sources.wal_replay()](DataWriter& out) {
                  out.json().BeginObject().Key("min").Int(replay.min).Key("max").Int(replay.max);
                  out.json().Key("current").Int(replay.current).EndObject();
                },
                {},
                {}};
}

Outcome Api::Impl::ListNotifications(const Call&) {
  return Answer{[active = notifications.active()](DataWriter& out) {
                  out.json().BeginArray();
                  for (const Notification& one : active) {
                    out.json().Raw(FormatNotification(one));
                  }
                  out.json().EndArray();
                },
                {},
                {}};
}

// Server-sent events: what is active now, then every change.
void Api::Impl::LiveNotifications(const http::Request& request, http::ResponseWriter& response) {
  cors.SetHeaders(request, &response.headers());
  response.headers().Set("Content-Type", "text/event-stream");
  response.headers().Set("Cache-Control", "no-cache");
  response.headers().Set("Connection", "keep-alive");
  if (!notifications.Reserve()) {
    response.SetStatus(204);
    return response.Send("");
  }
  notifications.Subscribe(response.Detach());
}

}  // namespace narthex::api
