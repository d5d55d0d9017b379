#pragma once
// Turns what collectors delivered into families that an exposition may show: merged by name,
// sorted, without duplicates and contradictions. Error texts are those of upstream's client
// library.

#include <string>
#include <vector>

#include "core/metrics/registry.h"

namespace narthex {

// Families without samples vanish. Of contradicting families (type, help) the first wins.
Registry::Gathered MergeFamilies(std::vector<MetricFamily> families);

// Errors as one text: a single one as it is, several as a list under their number.
std::string JoinErrors(const std::vector<std::string>& errors);

// A sample as the error texts show it: label:{name:"a" value:"b"} gauge:{value:1}.
std::string DescribeSample(MetricType type, const MetricSample& sample);

}  // namespace narthex
