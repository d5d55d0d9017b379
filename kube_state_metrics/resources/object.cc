#include "kube_state_metrics/resources/object.h"

#include <fmt/format.h>

#include <cmath>

#include "core/strings/duration.h"
#include "core/strings/numbers.h"
#include "kube_state_metrics/families/label_text.h"

namespace narthex::ksm {
namespace {

constexpr std::string_view kStatuses[] = {"true", "false", "unknown"};

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// A DNS subdomain: labels of small letters, digits and hyphens, joined by dots.
bool IsSubdomain(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  char before = '.';
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!letter && c != '-' && c != '.') return false;
    if (c == '-' && before == '.') return false;
    if (c == '.' && (before == '.' || before == '-')) return false;
    before = c;
  }
  return before != '.' && before != '-';
}

// The name part of a qualified name.
bool IsLocalName(std::string_view text) {
  if (text.empty() || text.size() > 63) return false;
  if (!IsAlphanumeric(text.front()) || !IsAlphanumeric(text.back())) return false;
  for (const char c : text) {
    if (!IsAlphanumeric(c) && c != '-' && c != '_' && c != '.') return false;
  }
  return true;
}

// Resources of vendors ("nvidia.com/gpu") whose name would do as one of a quota.
bool IsExtendedResource(std::string_view name) {
  const size_t slash = name.find('/');
  if (slash == std::string_view::npos || name.find("kubernetes.io/") != std::string_view::npos ||
      name.starts_with("requests.")) {
    return false;
  }
  const std::string prefix = fmt::format("requests.{}", name.substr(0, slash));
  return IsSubdomain(prefix) && IsLocalName(name.substr(slash + 1));
}

}  // namespace

std::string Shown(const Json& value) {
  switch (value.type()) {
    case Json::Type::kString: return value.AsString();
    case Json::Type::kNumber: return fmt::format("{}", value.AsInt());
    case Json::Type::kBool: return std::string(TrueOrFalse(value.AsBool()));
    default: return {};
  }
}

std::optional<double> UnixTime(const Json& time) {
  if (Text(time).empty()) return std::nullopt;
  const auto nanos = ParseRfc3339(Text(time));
  if (!nanos.ok()) return std::nullopt;
  return std::floor(static_cast<double>(*nanos / 1'000'000) / 1000);
}

std::optional<Quantity> QuantityOf(const Json& value) {
  if (value.is_string()) return ParseQuantity(Text(value));
  if (value.is_number()) return ParseQuantity(FormatFloatF(value.AsDouble(), -1));
  return std::nullopt;
}

std::optional<double> ScaledValue(const Json& int_or_percent, int64_t total, bool round_up) {
  if (int_or_percent.is_number()) return static_cast<double>(int_or_percent.AsInt());
  std::string_view text = Text(int_or_percent);
  if (!text.ends_with('%')) return std::nullopt;
  text.remove_suffix(1);
  const auto percent = ParseInt(text);
  if (!percent) return std::nullopt;
  const double exact = static_cast<double>(*percent) * static_cast<double>(total) / 100;
  return round_up ? std::ceil(exact) : std::floor(exact);
}

std::vector<std::pair<std::string, std::string>> StringMembers(const Json& map) {
  std::vector<std::pair<std::string, std::string>> out;
  out.reserve(map.members().size());
  for (const auto& [key, value] : map.members()) out.emplace_back(key, Text(value));
  return out;
}

const Json& ControllerOf(const Json& object) {
  static const Json none;
  for (const Json& owner : Meta(object, "ownerReferences").items()) {
    if (owner["controller"].AsBool()) return owner;
  }
  return none;
}

void AddTime(SeriesSink& out, const Json& time) {
  if (const auto seconds = UnixTime(time)) out.Add(*seconds);
}

void AddIfPresent(SeriesSink& out, const Json& value) {
  if (value.is_number()) out.Add(value.AsDouble());
  if (value.type() == Json::Type::kBool) AddBool(out, value.AsBool());
}

void AddResourceVersion(SeriesSink& out, const Json& object) {
  if (const auto version = ParseFloat(Text(Meta(object, "resourceVersion")))) out.Add(*version);
}

void AddConditionStatus(SeriesSink& out, std::string_view status, std::string_view label,
                        std::initializer_list<Label> labels) {
  std::vector<Label> all(labels);
  all.emplace_back(label, "");
  for (const std::string_view candidate : kStatuses) {
    all.back().second = candidate;
    const bool is_it = (candidate == "true" && status == "True") ||
                       (candidate == "false" && status == "False") ||
                       (candidate == "unknown" && status == "Unknown");
    out.Add(all, is_it ? 1 : 0);
  }
}

void AddConditions(SeriesSink& out, const Json& object) {
  for (const Json& condition : object["status"]["conditions"].items()) {
    AddConditionStatus(out, Text(condition["status"]), "status",
                       {{"condition", Text(condition["type"])}});
  }
}

void AddOwners(SeriesSink& out, const Json& object) {
  const auto& owners = Meta(object, "ownerReferences").items();
  if (owners.empty()) {
    out.Add({{"owner_kind", ""}, {"owner_name", ""}, {"owner_is_controller", ""}}, 1);
  }
  for (const Json& owner : owners) {
    out.Add({{"owner_kind", Text(owner["kind"])},
             {"owner_name", Text(owner["name"])},
             {"owner_is_controller", TrueOrFalse(owner["controller"].AsBool())}},
            1);
  }
}

void AddPhases(SeriesSink& out, std::string_view label, std::string_view current,
               std::initializer_list<std::string_view> values) {
  for (const std::string_view value : values) {
    out.Add({{label, value}}, value == current ? 1 : 0);
  }
}

void AddMapLabels(SeriesSink& out, std::string_view prefix, const Json& map) {
  std::map<std::string, std::string, std::less<>> sorted;
  for (const auto& [key, value] : map.members()) sorted[key] = Text(value);
  const auto named = MapLabels(prefix, sorted);
  const std::vector<Label> labels(named.begin(), named.end());
  out.Add(labels, 1);
}

std::string_view UnitName(Unit unit) {
  switch (unit) {
    case Unit::kCore: return "core";
    case Unit::kByte: return "byte";
    case Unit::kInteger: break;
  }
  return "integer";
}

std::optional<Unit> UnitOf(std::string_view resource) {
  if (resource == "cpu") return Unit::kCore;
  if (resource == "memory" || resource == "storage" || resource == "ephemeral-storage" ||
      resource.starts_with("hugepages-") || resource.starts_with("attachable-volumes-")) {
    return Unit::kByte;
  }
  if (IsExtendedResource(resource)) return Unit::kInteger;
  return std::nullopt;
}

std::string ResourceLabel(std::string_view resource) { return SanitizeLabelName(resource); }

}  // namespace narthex::ksm
