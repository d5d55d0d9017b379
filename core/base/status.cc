#include "core/base/status.h"

#include <cerrno>

#include "core/base/errno_text.h"

namespace narthex {
namespace {

StatusCode CodeOfErrno(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR: return StatusCode::kNotFound;
    case EEXIST: return StatusCode::kAlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS: return StatusCode::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM: return StatusCode::kResourceExhausted;
    case ETIMEDOUT: return StatusCode::kDeadlineExceeded;
    case EINVAL: return StatusCode::kInvalidArgument;
    default: return StatusCode::kUnavailable;
  }
}

}  // namespace

Status Annotate(const Status& status, std::string_view prefix) {
  if (status.ok()) return status;
  return MakeStatus(status.code(), fmt::format("{}: {}", prefix, MessageOf(status)));
}

Status ErrnoStatus(int error, std::string_view what) {
  return MakeStatus(CodeOfErrno(error), fmt::format("{}: {}", what, ErrnoText(error)));
}

}  // namespace narthex
