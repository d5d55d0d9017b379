#include "alertmanager/cmd/amtool/print.h"

#include <algorithm>

#include "alertmanager/cmd/amtool/table.h"
#include "alertmanager/matchers/matcher.h"
#include "alertmanager/types/alert.h"
#include "core/json/writer.h"
#include "core/template/time_value.h"

namespace narthex::am {
namespace {

using Kind = Style::Kind;

Time TimeOf(const JsonValue& value) { return ParseTime(value.AsString()).value_or(Time{}); }

std::string FormatDate(const JsonValue& value, const Style& style) {
  const Time time = TimeOf(value);
  if (!time.is_set()) return value.AsString();  // too early to be counted in nanoseconds
  return tmpl::FormatGoTimeAt(time.nanos, style.date_format, time.offset_seconds);
}

std::vector<JsonValue> SortedByTime(const JsonValue& list, std::string_view field) {
  std::vector<JsonValue> items = list.items();
  std::stable_sort(items.begin(), items.end(), [&](const JsonValue& a, const JsonValue& b) {
    return TimeOf(a[field]).nanos < TimeOf(b[field]).nanos;
  });
  return items;
}

// name="value", by name.
std::string PairsText(const JsonValue& object) {
  std::vector<std::string> pairs;
  for (const auto& [name, value] : object.members()) {
    pairs.push_back(fmt::format("{}=\"{}\"", name, value.AsString()));
  }
  std::sort(pairs.begin(), pairs.end());
  return fmt::format("{}", fmt::join(pairs, " "));
}

std::string MatchersText(const JsonValue& matchers, std::string_view separator) {
  std::vector<std::string> texts;
  for (const JsonValue& matcher : matchers.items()) {
    const bool regex = matcher["isRegex"].AsBool();
    const bool equal = matcher["isEqual"].is_null() || matcher["isEqual"].AsBool();
    const MatchType type = regex ? (equal ? MatchType::kRegex : MatchType::kNotRegex)
                                 : (equal ? MatchType::kEqual : MatchType::kNotEqual);
    texts.push_back(Matcher::TextOf(type, matcher["name"].AsString(), matcher["value"].AsString()));
  }
  return fmt::format("{}", fmt::join(texts, separator));
}

std::string JsonText(const JsonValue& value) {
  std::string out;
  JsonWriter(&out).Value(value);
  return out + "\n";
}

}  // namespace

Style::Style(const Settings& settings)
    : kind(*settings.output == "json"       ? Kind::kJson
           : *settings.output == "extended" ? Kind::kExtended
                                            : Kind::kSimple),
      date_format(*settings.date_format) {}

std::string FormatAlerts(const JsonValue& alerts, const Style& style) {
  if (style.kind == Kind::kJson) return JsonText(alerts);
  const bool extended = style.kind == Kind::kExtended;
  std::string out = extended ? "Labels\tAnnotations\tStarts At\tEnds At\tGenerator URL\tState\t\n"
                             : "Alertname\tStarts At\tSummary\tState\t\n";
  for (const JsonValue& alert : SortedByTime(alerts, "startsAt")) {
    const std::string starts = FormatDate(alert["startsAt"], style);
    const std::string& state = alert["status"]["state"].AsString();
    out += extended ? fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t\n", PairsText(alert["labels"]),
                                  PairsText(alert["annotations"]), starts,
                                  FormatDate(alert["endsAt"], style),
                                  alert["generatorURL"].AsString(), state)
                    : fmt::format("{}\t{}\t{}\t{}\t\n", alert["labels"]["alertname"].AsString(),
                                  starts, alert["annotations"]["summary"].AsString(), state);
  }
  return AlignColumns(out);
}

std::string FormatSilences(const JsonValue& silences, const Style& style) {
  if (style.kind == Kind::kJson) return JsonText(silences);
  const bool extended = style.kind == Kind::kExtended;
  std::string out = extended
                        ? "ID\tMatchers\tStarts At\tEnds At\tUpdated At\tCreated By\tComment\t\n"
                        : "ID\tMatchers\tEnds At\tCreated By\tComment\t\n";
  for (const JsonValue& silence : SortedByTime(silences, "endsAt")) {
    const std::string ends = FormatDate(silence["endsAt"], style);
    const std::string& by = silence["createdBy"].AsString();
    const std::string& comment = silence["comment"].AsString();
    out += extended ? fmt::format("{}\t{{{}}}\t{}\t{}\t{}\t{}\t{}\t\n", silence["id"].AsString(),
                                  MatchersText(silence["matchers"], ","),
                                  FormatDate(silence["startsAt"], style), ends,
                                  FormatDate(silence["updatedAt"], style), by, comment)
                    : fmt::format("{}\t{}\t{}\t{}\t{}\t\n", silence["id"].AsString(),
                                  MatchersText(silence["matchers"], " "), ends, by, comment);
  }
  return AlignColumns(out);
}

std::string FormatConfig(const JsonValue& status, const Style& style) {
  if (style.kind == Kind::kJson) return JsonText(status);
  std::string out = status["config"]["original"].AsString() + "\n";
  if (style.kind == Kind::kSimple) return out;
  for (const char* field :
       {"buildUser", "goVersion", "revision", "version", "branch", "buildDate"}) {
    out += fmt::format("{} {}\n", field, status["versionInfo"][field].AsString());
  }
  return out + fmt::format("uptime {}\n", status["uptime"].AsString());
}

std::string FormatCluster(const JsonValue& status, const Style& style) {
  const JsonValue& cluster = status["cluster"];
  if (style.kind == Kind::kJson) return JsonText(cluster);
  std::string out = fmt::format("Cluster Status:\t{}\nNode Name:\t{}\n",
                                cluster["status"].AsString(), cluster["name"].AsString());
  if (style.kind == Kind::kExtended) {
    std::vector<JsonValue> peers = cluster["peers"].items();
    std::stable_sort(peers.begin(), peers.end(), [](const JsonValue& a, const JsonValue& b) {
      return a["name"].AsString() < b["name"].AsString();
    });
    out += "\nAddress\tName\n";
    for (const JsonValue& peer : peers) {
      out += fmt::format("{}\t{}\t\n", peer["address"].AsString(), peer["name"].AsString());
    }
  }
  return AlignColumns(out);
}

}  // namespace narthex::am
