// Delimited protobuf to families.
#include <cmath>

#include "core/base/check.h"
#include "core/exposition/families.h"
#include "core/exposition/protobuf_decode.h"

namespace narthex {

StatusOr<std::vector<MetricFamily>> ParseProtobufFamilies(std::string_view body,
                                                          const FamilyLimits& limits) {
  std::vector<MetricFamily> families;
  size_t samples = 0;
  while (!body.empty()) {
    std::string_view message;
    NX_RETURN_IF_ERROR(NextDelimited(&body, &message));
    MetricFamily family;
    NX_RETURN_IF_ERROR(DecodeFamily(message, limits, &samples, &family));
    families.push_back(std::move(family));
  }
  return families;
}

}  // namespace narthex
