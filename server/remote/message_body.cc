#include "server/remote/message_body.h"

#include "core/base/bytes.h"
#include "core/compress/snappy.h"

namespace narthex::remote {

Status DecodeBody(std::string_view body, std::string* out) {
  const uint64_t length = ByteReader(body).Uvarint();
  if (length > kMaxDecodedBytes && length <= UINT32_MAX) {
    return InvalidArgument("snappy: decoded length {} exceeds limit {}", length, kMaxDecodedBytes);
  }
  return SnappyDecompress(body, kMaxDecodedBytes, out);
}

}  // namespace narthex::remote
