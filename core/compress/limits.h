#pragma once
// What the decoders of this folder share.

#include <cstddef>

#include "core/base/status.h"

namespace narthex {

inline Status TooLarge(size_t limit) {
  return ResourceExhausted("decompressed data exceeds the limit of {} bytes", limit);
}

}  // namespace narthex
