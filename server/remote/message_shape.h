#pragma once
// The shapes of protobuf messages, and the check that a message has one, which answers damage with
// the error texts of Go's generated readers. Generated classes would say less and hold it all.
//
// Thread safety: functions only.

#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/status.h"

namespace narthex::remote {

struct MessageShape;
struct FieldShape {
  enum class Kind : uint8_t {
    kVarint,
    kDouble,
    kBytes,
    kMessage,
    kSignedVarints,
    kVarints,
    kDoubles
  };

  uint32_t number;
  Kind kind;
  const char* name;
  const MessageShape* message = nullptr;
};
struct MessageShape {
  const char* name;
  std::span<const FieldShape> fields;
};

// Walks the whole message, all levels; as deep as the shape.
Status CheckMessage(std::string_view message, const MessageShape& shape);

}  // namespace narthex::remote
