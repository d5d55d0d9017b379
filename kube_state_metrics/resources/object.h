#pragma once
// Reading objects of the Kubernetes API, and the shapes of series that many resources share.
//
// Everything here takes any JSON: what is missing or of another type reads as Go's zero value.
//
// Thread safety: pure functions.

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "kube_state_metrics/families/family.h"
#include "kube_state_metrics/resources/quantity.h"

namespace narthex::ksm {

inline const std::string& Text(const Json& value) { return value.AsString(); }
inline const Json& Meta(const Json& object, std::string_view key) {
  return object["metadata"][key];
}
inline const std::string& Name(const Json& object) { return Text(Meta(object, "name")); }
inline const std::string& Namespace(const Json& object) { return Text(Meta(object, "namespace")); }
// Integers and booleans as label values; "" for null.
std::string Shown(const Json& value);
inline std::string_view TrueOrFalse(bool value) { return value ? "true" : "false"; }

// An RFC 3339 time in whole seconds since the epoch; nullopt for null and what is none.
std::optional<double> UnixTime(const Json& time);
// A quantity, which the API gives as a string or as a number.
std::optional<Quantity> QuantityOf(const Json& value);
// An integer, or a percentage of `total` rounded up or down; nullopt for what is neither.
std::optional<double> ScaledValue(const Json& int_or_percent, int64_t total, bool round_up);
// String members of an object.
std::vector<std::pair<std::string, std::string>> StringMembers(const Json& map);

// The owner that controls the object; Null when there is none.
const Json& ControllerOf(const Json& object);

// ---- series ----

void AddTime(SeriesSink& out, const Json& time);        // none for a missing time
void AddIfPresent(SeriesSink& out, const Json& value);  // a number or bool behind a pointer
inline void AddBool(SeriesSink& out, bool value) { out.Add(value ? 1 : 0); }
void AddResourceVersion(SeriesSink& out, const Json& object);
// One series for each of true, false, unknown: labels…, then `label`=status.
void AddConditionStatus(SeriesSink& out, std::string_view status, std::string_view label,
                        std::initializer_list<Label> labels = {});
// Three series for every condition of status.conditions: {condition, status}.
void AddConditions(SeriesSink& out, const Json& object);
// {owner_kind, owner_name, owner_is_controller}; one with empty labels when there is no owner.
void AddOwners(SeriesSink& out, const Json& object);
// One series for each of the values: 1 for the one that is current.
void AddPhases(SeriesSink& out, std::string_view label, std::string_view current,
               std::initializer_list<std::string_view> values);
// The key of a map and its labels, all in one series of value 1: nodeselector_*, metadata_*.
void AddMapLabels(SeriesSink& out, std::string_view prefix, const Json& map);

// What unit a resource is shown in; nullopt for names that are not shown at all.
enum class Unit { kCore, kByte, kInteger };
std::string_view UnitName(Unit unit);
std::optional<Unit> UnitOf(std::string_view resource);
// Name of a resource as a label value: hugepages-2Mi -> hugepages_2Mi.
std::string ResourceLabel(std::string_view resource);

}  // namespace narthex::ksm
