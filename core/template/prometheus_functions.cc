#include "core/template/prometheus_functions.h"

#include <algorithm>
#include <cmath>

#include "core/base/clock.h"
#include "core/strings/duration.h"
#include "core/strings/numbers.h"
#include "core/template/builtins.h"
#include "core/template/humanize.h"
#include "core/template/text_functions.h"
#include "core/template/time_value.h"

namespace narthex::tmpl {
namespace {

using Args = std::span<const Value>;

Value ToValue(const QuerySample& sample) {
  return Struct::Make("template.sample",
                      {{"Labels", Value(Map::OfStrings(sample.labels))}, {"Value", sample.value}});
}

// A field of a sample object.
StatusOr<Value> FieldOf(const Value& sample, std::string_view field) {
  Value out;
  if (sample.kind() == Value::Kind::kObject && sample.as_object().GetField(field, &out)) return out;
  return InvalidArgument("wrong type for value; expected *template.sample; got {}",
                         sample.TypeName());
}

StatusOr<std::string> LabelOf(const Value& sample, std::string_view name) {
  NX_ASSIGN_OR_RETURN(const Value labels, FieldOf(sample, "Labels"));
  const Map* map = labels.map();
  if (map == nullptr) return InvalidArgument("sample has no labels");
  auto found = map->items.find(name);
  return found == map->items.end() ? "" : ToText(found->second);
}

StatusOr<Value> First(Args a) {
  if (a[0].list()->empty()) return InvalidArgument("first() called on vector with no elements");
  return a[0].list()->front();
}

StatusOr<Value> SortByLabel(Args a) {
  std::vector<std::pair<std::string, Value>> keyed;
  for (const Value& sample : *a[1].list()) {
    NX_ASSIGN_OR_RETURN(std::string key, LabelOf(sample, a[0].as_string()));
    keyed.emplace_back(std::move(key), sample);
  }
  std::stable_sort(keyed.begin(), keyed.end(),
                   [](const auto& x, const auto& y) { return x.first < y.first; });
  List sorted;
  for (auto& [key, sample] : keyed) sorted.push_back(std::move(sample));
  return Value(std::move(sorted));
}

void AddSampleFunctions(FunctionMap* functions) {
  (*functions)["first"] = {"l", First};
  (*functions)["sortByLabel"] = {"sl", SortByLabel};
  (*functions)["value"] = {"a", [](Args a) { return FieldOf(a[0], "Value"); }};
  auto label = [](const Value& sample, std::string_view name) -> StatusOr<Value> {
    NX_ASSIGN_OR_RETURN(std::string value, LabelOf(sample, name));
    return Value(std::move(value));
  };
  (*functions)["label"] = {"sa", [label](Args a) { return label(a[1], a[0].as_string()); }};
  (*functions)["strvalue"] = {"a", [label](Args a) { return label(a[0], "__value__"); }};
}

Function OnNumber(std::string (*convert)(double)) {
  return {"a", [convert](Args a) -> StatusOr<Value> {
            NX_ASSIGN_OR_RETURN(const double v, ToFloat(a[0]));
            return Value(convert(v));
          }};
}

StatusOr<int64_t> Nanoseconds(double seconds, std::string_view what) {
  const double nanos = seconds * 1e9;
  if (std::isnan(nanos) || nanos > 9.223372036854775e18 || nanos < -9.223372036854775e18) {
    return InvalidArgument("{} cannot be represented as {} since it overflows int64",
                           FormatFloat(seconds), what);
  }
  return static_cast<int64_t>(nanos);
}

StatusOr<Value> ToTime(Args a) {
  NX_ASSIGN_OR_RETURN(const double v, ToFloat(a[0]));
  NX_ASSIGN_OR_RETURN(const int64_t nanos, Nanoseconds(v, "a nanoseconds timestamp"));
  return MakeTime(nanos);
}

StatusOr<Value> HumanizeTimestamp(Args a) {
  NX_ASSIGN_OR_RETURN(const double v, ToFloat(a[0]));
  if (!std::isfinite(v)) return Value(Printf("%.4g", a.subspan(0, 1)));
  NX_ASSIGN_OR_RETURN(const Value time, ToTime(a));
  return Value(ToText(time));
}

StatusOr<Value> ToDuration(Args a) {
  NX_ASSIGN_OR_RETURN(const double v, ToFloat(a[0]));
  NX_ASSIGN_OR_RETURN(const int64_t nanos, Nanoseconds(v, "a nanoseconds timestamp"));
  return MakeDuration(nanos);
}

void AddNumberFunctions(FunctionMap* functions, const std::function<int64_t()>& now) {
  (*functions)["humanize"] = OnNumber(Humanize);
  (*functions)["humanize1024"] = OnNumber(Humanize1024);
  (*functions)["humanizeDuration"] = OnNumber(HumanizeDuration);
  (*functions)["humanizePercentage"] = OnNumber(HumanizePercentage);
  (*functions)["humanizeTimestamp"] = {"a", HumanizeTimestamp};
  (*functions)["toTime"] = {"a", ToTime};
  (*functions)["toDuration"] = {"a", ToDuration};
  (*functions)["now"] = {"", [now](Args) -> StatusOr<Value> {
                           const int64_t nanos = now ? now() : Clock::System().NowNanos();
                           return Value(static_cast<double>(nanos / 1'000'000) / 1000.0);
                         }};
  (*functions)["parseDuration"] = {"s", [](Args a) -> StatusOr<Value> {
                                     NX_ASSIGN_OR_RETURN(const int64_t ms,
                                                         ParsePromDuration(a[0].as_string()));
                                     return Value(static_cast<double>(ms) / 1000.0);
                                   }};
}

// net.SplitHostPort; false when the text has no port or is malformed.
bool SplitHostPort(std::string_view text, std::string_view* host, std::string_view* port) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  *host = text.substr(0, colon);
  *port = text.substr(colon + 1);
  if (host->starts_with('[')) {
    if (!host->ends_with(']')) return false;
    *host = host->substr(1, host->size() - 2);
    return host->find_first_of("[]") == std::string_view::npos;
  }
  return host->find_first_of(":[]") == std::string_view::npos;
}

bool IsIpAddress(std::string_view host) {
  if (host.find(':') != std::string_view::npos) {
    return host.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
  }
  int dots = 0, digits = 0, value = 0;
  for (char c : host) {
    if (c == '.') {
      if (digits == 0) return false;
      ++dots;
      digits = value = 0;
    } else if (c >= '0' && c <= '9' && ++digits <= 3) {
      value = value * 10 + (c - '0');
      if (value > 255) return false;
    } else {
      return false;
    }
  }
  return dots == 3 && digits > 0;
}

std::string StripPort(std::string_view text) {
  std::string_view host, port;
  return std::string(SplitHostPort(text, &host, &port) ? host : text);
}

std::string StripDomain(std::string_view text) {
  std::string_view host, port;
  if (!SplitHostPort(text, &host, &port)) {
    host = text;
    port = {};
  }
  if (IsIpAddress(host)) return std::string(text);
  host = host.substr(0, host.find('.'));
  return port.empty() ? std::string(host) : fmt::format("{}:{}", host, port);
}

Function Link(std::string_view tab) {
  return {"s", [tab](Args a) -> StatusOr<Value> {
            return Value(
                fmt::format("/graph?g0.expr={}&g0.tab={}", UrlQueryEscape(a[0].as_string()), tab));
          }};
}

StatusOr<Value> NumberedArguments(Args a) {
  Map map;
  for (size_t i = 0; i < a.size(); ++i) map.items[fmt::format("arg{}", i)] = a[i];
  return Value(std::move(map));
}

void AddTextFunctions(FunctionMap* functions) {
  (*functions)["title"] = OnText(Title);
  (*functions)["toUpper"] = OnText(ToUpper);
  (*functions)["toLower"] = OnText(ToLower);
  (*functions)["stripPort"] = OnText(StripPort);
  (*functions)["stripDomain"] = OnText(StripDomain);
  (*functions)["urlQueryEscape"] = OnText(UrlQueryEscape);
  (*functions)["match"] = {"ss", Match};
  (*functions)["reReplaceAll"] = {"sss", ReReplaceAll};
  (*functions)["graphLink"] = Link("0");
  (*functions)["tableLink"] = Link("1");
  (*functions)["args"] = {"a*", NumberedArguments};
  (*functions)["safeHtml"] = {"s", [](Args a) -> StatusOr<Value> { return a[0]; }};
}

}  // namespace

FunctionMap PrometheusFunctions(const PrometheusContext& context) {
  FunctionMap functions;
  AddSampleFunctions(&functions);
  AddNumberFunctions(&functions, context.now_nanos);
  AddTextFunctions(&functions);
  functions["query"] = {"s", [query = context.query](Args a) -> StatusOr<Value> {
                          if (!query) return InvalidArgument("query is not available here");
                          NX_ASSIGN_OR_RETURN(std::vector<QuerySample> samples,
                                              query(a[0].as_string()));
                          List list;
                          for (const QuerySample& sample : samples) list.push_back(ToValue(sample));
                          return Value(std::move(list));
                        }};
  auto constant = [](const std::string& text) -> Function {
    return {"", [text](Args) -> StatusOr<Value> { return Value(text); }};
  };
  functions["externalURL"] = constant(context.external_url);
  functions["pathPrefix"] = constant(context.path_prefix);
  return functions;
}

Value RuleTemplateData(const std::vector<std::pair<std::string, std::string>>& labels,
                       const std::vector<std::pair<std::string, std::string>>& external_labels,
                       std::string_view external_url, const Value& value) {
  return Struct::Make("struct", {{"Labels", Value(Map::OfStrings(labels))},
                                 {"ExternalLabels", Value(Map::OfStrings(external_labels))},
                                 {"ExternalURL", Value(external_url)},
                                 {"Value", value}});
}

}  // namespace narthex::tmpl
