#pragma once
// Metric families to bytes, in each of the exposition formats, byte for byte as the Go client
// library prints them: families and samples in the order given, shortest floats, HELP and label
// values escaped, names escaped by scheme. Families without samples are left out. An empty HELP is
// taken as none (no line).
//
// Text and OpenMetrics show the classic part of a histogram only; the native one travels by
// protobuf.
//
// Thread safety: functions only; safe from any thread.

#include <span>
#include <string>
#include <string_view>

#include "core/exposition/format.h"
#include "core/metrics/registry.h"

namespace narthex {

// Appends one family.
void AppendFamily(const MetricFamily& family, const OutputFormat& format, std::string* out);
// What follows the last family: "# EOF\n" for OpenMetrics, nothing otherwise.
void AppendTrailer(const OutputFormat& format, std::string* out);
// All families and the trailer.
std::string WriteFamilies(std::span<const MetricFamily> families, const OutputFormat& format);

// "1.0", "0.5", "+Inf", "1e+06": a float that always shows that it is one. Also the form in which
// le and quantile are stored.
void AppendOpenMetricsFloat(std::string* out, double v);

}  // namespace narthex
