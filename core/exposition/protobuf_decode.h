#pragma once
// io.prometheus.client messages off the wire. Shared by the family parser and the scrape parser.
//
// Errors are InvalidArgument: "unexpected EOF" for a truncated body, "proto: cannot parse invalid
// wire-format data" for a damaged message, ResourceExhausted over the limits.

#include <string_view>

#include "core/base/status.h"
#include "core/exposition/families.h"
#include "core/metrics/registry.h"

namespace narthex {

// Cuts the first length-delimited message off *body.
Status NextDelimited(std::string_view* body, std::string_view* message);

// Adds to *samples what counts towards FamilyLimits::max_samples.
Status DecodeFamily(std::string_view message, const FamilyLimits& limits, size_t* samples,
                    MetricFamily* family);

// The head of a family and its metrics still encoded, in order.
struct FamilyView {
  std::string_view name, help, unit;
  MetricType type = MetricType::kCounter;  // the default of the wire format
  std::vector<std::string_view> metrics;
};
Status DecodeFamilyView(std::string_view message, FamilyView* view);
// *has_value: there is a value of that type.
Status DecodeMetric(std::string_view message, MetricType type, const FamilyLimits& limits,
                    MetricSample* sample, bool* has_value);

Status WireError();

}  // namespace narthex
