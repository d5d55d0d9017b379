#include "pushgateway/push_body.h"

#include "core/compress/gzip.h"
#include "core/compress/snappy.h"
#include "core/exposition/families.h"
#include "core/exposition/media_type.h"
#include "core/strings/quote.h"

namespace narthex::pushgateway {
namespace {

bool IsProtobuf(std::string_view content_type) {
  const auto ranges = ParseAccept(content_type);  // the same grammar: a type and its parameters
  return ranges.size() == 1 && ranges[0].type == "application/vnd.google.protobuf" &&
         ranges[0].Param("encoding") == "delimited" &&
         ranges[0].Param("proto") == "io.prometheus.client.MetricFamily";
}

}  // namespace

StatusOr<std::vector<MetricFamily>> DecodePush(const http::Request& request,
                                               const PushBodyOptions& options) {
  const std::string_view coding = request.headers.Get("Content-Encoding");
  std::string decoded;
  std::string_view body = request.body;
  if (coding == "gzip") {
    NX_RETURN_IF_ERROR(GzipDecompress(body, options.max_decoded_bytes, &decoded));
    body = decoded;
  } else if (coding == "snappy") {
    NX_RETURN_IF_ERROR(SnappyFramedDecompress(body, options.max_decoded_bytes, &decoded));
    body = decoded;
  }
  if (IsProtobuf(request.headers.Get("Content-Type"))) return ParseProtobufFamilies(body);
  return ParseTextFamilies(body,
                           options.utf8_names ? NameValidation::kUtf8 : NameValidation::kLegacy);
}

}  // namespace narthex::pushgateway
