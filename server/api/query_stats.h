#pragma once
// The statistics of a query as JSON: "stats" of its answer, and of its line in the query log.

#include "core/json/writer.h"
#include "server/promql/engine/result.h"

namespace narthex::api {

void WriteStats(JsonWriter& json, const promql::QueryStats& stats);

}  // namespace narthex::api
