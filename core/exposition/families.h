#pragma once
// Bodies as whole metric families: what a push or a text file carries. Unlike the scrape parser
// this one groups lines into families and assembles summaries and histograms.
//
// Errors are InvalidArgument in the words of the reference's parser, with the line:
//   text format parsing error in line 1: unexpected end of input stream
//
// Thread safety: functions only; safe from any thread.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/labels/names.h"
#include "core/metrics/registry.h"

namespace narthex {

struct FamilyLimits {
  size_t max_token_bytes = 1 << 20;  // one name, label value or HELP text
  size_t max_labels = 1024;          // of one sample
  size_t max_samples = 10'000'000;   // lines, quantiles and buckets included
};

// Text 0.0.4 and 1.0.0. Every line, the last one too, must end with LF. Families come in order of
// first mention, those without samples left out. Labels keep the order of the text.
// Names outside `validation` are errors.
StatusOr<std::vector<MetricFamily>> ParseTextFamilies(
    std::string_view body, NameValidation validation = NameValidation::kUtf8,
    const FamilyLimits& limits = {});

// Length-delimited protobuf, native histograms, exemplars and created timestamps included.
StatusOr<std::vector<MetricFamily>> ParseProtobufFamilies(std::string_view body,
                                                          const FamilyLimits& limits = {});

}  // namespace narthex
