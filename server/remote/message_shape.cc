#include "server/remote/message_shape.h"

#include "core/exposition/pb_reader.h"

namespace narthex::remote {
namespace {

const FieldShape* Find(const MessageShape& shape, uint32_t number) {
  for (const FieldShape& field : shape.fields) {
    if (field.number == number) return &field;
  }
  return nullptr;
}

Status WireError(const PbReader& r, const MessageShape& shape, const FieldShape* field) {
  using Failure = PbReader::Failure;
  switch (r.failure()) {
    case Failure::kOverflow: return InvalidArgument("proto: integer overflow");
    case Failure::kNegativeLength:
      return InvalidArgument("proto: negative length found during unmarshaling");
    case Failure::kWireType:
      return InvalidArgument("proto: wrong wireType = {} for field {}", r.wire_type(),
                             field == nullptr ? "" : field->name);
    case Failure::kIllegalTag:
      return InvalidArgument("proto: {}: illegal tag {} (wire type {})", shape.name,
                             static_cast<int32_t>(r.field()), r.wire_type());
    case Failure::kIllegalWireType:
      return InvalidArgument("proto: illegal wireType {}", r.wire_type());
    case Failure::kEndGroup:
      return InvalidArgument("proto: {}: wiretype end group for non-group", shape.name);
    case Failure::kNone:
    case Failure::kTruncated: break;
  }
  return InvalidArgument("unexpected EOF");
}

}  // namespace

Status CheckMessage(std::string_view message, const MessageShape& shape) {
  const FieldShape* field = nullptr;
  PbReader r(message);
  while (r.Next()) {
    field = Find(shape, r.field());
    if (field == nullptr) continue;
    switch (field->kind) {
      using Kind = FieldShape::Kind;
      case Kind::kVarint: r.Uint64(); break;
      case Kind::kDouble: r.Double(); break;
      case Kind::kBytes: r.Bytes(); break;
      case Kind::kMessage: {
        const std::string_view inner = r.Bytes();
        if (r.ok()) NX_RETURN_IF_ERROR(CheckMessage(inner, *field->message));
        break;
      }
      case Kind::kSignedVarints: r.EachSint64([](int64_t) {}); break;
      case Kind::kVarints: r.EachUint64([](uint64_t) {}); break;
      case Kind::kDoubles: r.EachDouble([](double) {}); break;
    }
  }
  return r.ok() ? OkStatus() : WireError(r, shape, field);
}

}  // namespace narthex::remote
