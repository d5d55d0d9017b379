#include "core/http/body_buffer.h"

#include <algorithm>
#include <cstring>

namespace narthex::http {
namespace {
constexpr size_t kFirstBuffer = 1 << 20;
}

std::span<char> BodyBuffer::Room(uint64_t want) {
  if (used_ == body.size()) {
    const size_t size = used_ + std::min<uint64_t>(want, std::max(kFirstBuffer, used_));
    if (!Reserve(size)) return {};
    body.resize(size);
  }
  return {body.data() + used_, std::min<uint64_t>(want, body.size() - used_)};
}

bool BodyBuffer::AppendBody(std::string_view data) {
  if (max_body > 0 && data.size() > max_body - std::min(used_, max_body)) {
    body_too_large = true;
    return false;
  }
  if (data.size() > body_lease.bytes() - std::min(used_, body_lease.bytes()) &&
      !Reserve(std::max(2 * used_, used_ + data.size()))) {
    return false;
  }
  if (data.size() <= body.size() - used_) {
    std::memcpy(body.data() + used_, data.data(), data.size());
  } else {
    body.resize(used_);
    body.append(data);
  }
  used_ += data.size();
  return true;
}

bool BodyBuffer::ReserveBody(uint64_t claimed) {
  return Reserve(std::min<uint64_t>(claimed, kFirstBuffer));
}

void BodyBuffer::FinishBody() {
  body.resize(used_);
  finished = true;
}

bool BodyBuffer::Reserve(size_t bytes) {
  if (!body_lease.GrowTo(bytes)) return false;
  body.reserve(bytes);
  return true;
}

}  // namespace narthex::http
