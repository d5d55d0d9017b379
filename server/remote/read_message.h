#pragma once
// The remote read request, prometheus.ReadRequest (proto/remote.proto), read in place: of a message
// of millions of queries only one is looked at at a time.
//
// Thread safety: functions only.

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/status.h"
#include "core/labels/labels.h"
#include "core/labels/matcher.h"
#include "server/storage/interface.h"

namespace narthex::remote {

// Walks the whole message. The error has the text that Go's generated reader gives.
Status CheckReadRequest(std::string_view message);

// ---- Below, messages have passed CheckReadRequest. ----

enum class ReadResponseType { kSamples, kChunks };
// The first of the accepted types that there is; samples when none is asked for.
StatusOr<ReadResponseType> NegotiateResponseType(std::string_view message);

struct ReadQuery {
  TimestampMs start = 0, end = 0;
  storage::SelectHints hints;  // whose range is that of the query when it has none of its own
  std::vector<Matcher> matchers;
};

// A matcher that asks for the very value of an external label asks here for series without a label
// of that name: they get it on their way out.
StatusOr<ReadQuery> ReadOneQuery(std::string_view query, const Labels& external);

// Calls f with each query in turn, until it returns false.
void ForEachQuery(std::string_view message, const std::function<bool(std::string_view query)>& f);

}  // namespace narthex::remote
