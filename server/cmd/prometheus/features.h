#pragma once
// What /api/v1/features tells of this build and its command line.

#include "server/api/api.h"
#include "server/cmd/prometheus/flags.h"

namespace narthex::prometheus {

// Checked flags.
api::Features DescribeFeatures(const Flags& flags);

}  // namespace narthex::prometheus
