#pragma once
// The body of a push to metric families: content coding, then text or protobuf.
//
// Thread safety: pure functions.

#include <vector>

#include "core/base/status.h"
#include "core/http/server.h"
#include "core/metrics/registry.h"

namespace narthex::pushgateway {

struct PushBodyOptions {
  bool utf8_names = false;
  size_t max_decoded_bytes = 512 << 20;
};

// gzip and snappy (framed) are decoded, other codings are ignored. Protobuf only when the
// Content-Type names the delimited MetricFamily; everything else is text. InvalidArgument in
// upstream's words; ResourceExhausted over the limit.
StatusOr<std::vector<MetricFamily>> DecodePush(const http::Request& request,
                                               const PushBodyOptions& options);

}  // namespace narthex::pushgateway
