#pragma once
// Families that show one member of the object as it is; most families of the workloads are of this
// kind.

#include <string_view>

#include "kube_state_metrics/resources/object.h"

namespace narthex::ksm {

// A member of status, spec or metadata, which counts as zero when it is missing.
inline Generator Number(std::string_view part, std::string_view member) {
  return [part, member](const Json& object, SeriesSink& out) {
    out.Add(object[part][member].AsDouble());
  };
}

// The same, absent when it is missing.
inline Generator OptionalNumber(std::string_view part, std::string_view member) {
  return [part, member](const Json& object, SeriesSink& out) {
    AddIfPresent(out, object[part][member]);
  };
}

inline Generator Flag(std::string_view part, std::string_view member) {
  return [part, member](const Json& object, SeriesSink& out) {
    AddBool(out, object[part][member].AsBool());
  };
}

inline Generator Time(std::string_view part, std::string_view member) {
  return
      [part, member](const Json& object, SeriesSink& out) { AddTime(out, object[part][member]); };
}

// {label} = the text of a member.
inline Generator TextLabel(std::string_view label, std::string_view part, std::string_view member) {
  return [label, part, member](const Json& object, SeriesSink& out) {
    out.Add({{label, Text(object[part][member])}}, 1);
  };
}

inline Generator One() {
  return [](const Json&, SeriesSink& out) { out.Add(1); };
}

}  // namespace narthex::ksm
