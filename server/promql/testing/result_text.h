#pragma once
// Query results as text, one series a line, for tests and tools.

#include <string>

#include "server/promql/engine/result.h"

namespace narthex::promql {

// Scalars "3", strings quoted, vectors `up{job="a"} 1`, matrices `up{job="a"} 1@0 2@60`, times in
// seconds. Vectors keep their order.
std::string ResultToText(const QueryResult& result);

}  // namespace narthex::promql
