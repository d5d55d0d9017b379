#pragma once
// Errors as values: absl::Status behind a façade that speaks std::string_view.
//
// Debian builds Abseil with an absl::string_view of its own that converts to and from nothing, so
// the constructors and the accessor below are the only place where the two meet.

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace narthex {

using Status = absl::Status;
using StatusCode = absl::StatusCode;
template <typename T>
using StatusOr = absl::StatusOr<T>;

inline Status OkStatus() { return absl::OkStatus(); }

inline Status MakeStatus(StatusCode code, std::string_view message) {
  return Status(code, absl::string_view(message.data(), message.size()));
}

inline std::string_view MessageOf(const Status& status) {
  return {status.message().data(), status.message().size()};
}

// Error constructors: InvalidArgument("line {}: expected {}", line, what).
#define NX_STATUS_CONSTRUCTOR(Name, Code)                                      \
  template <typename... Args>                                                  \
  [[nodiscard]] Status Name(fmt::format_string<Args...> format, Args&&... a) { \
    return MakeStatus(Code, fmt::format(format, std::forward<Args>(a)...));    \
  }
NX_STATUS_CONSTRUCTOR(InvalidArgument, StatusCode::kInvalidArgument)
NX_STATUS_CONSTRUCTOR(NotFound, StatusCode::kNotFound)
NX_STATUS_CONSTRUCTOR(AlreadyExists, StatusCode::kAlreadyExists)
NX_STATUS_CONSTRUCTOR(PermissionDenied, StatusCode::kPermissionDenied)
NX_STATUS_CONSTRUCTOR(FailedPrecondition, StatusCode::kFailedPrecondition)
NX_STATUS_CONSTRUCTOR(OutOfRange, StatusCode::kOutOfRange)
NX_STATUS_CONSTRUCTOR(Unimplemented, StatusCode::kUnimplemented)
NX_STATUS_CONSTRUCTOR(Internal, StatusCode::kInternal)
NX_STATUS_CONSTRUCTOR(Unavailable, StatusCode::kUnavailable)
NX_STATUS_CONSTRUCTOR(DataLoss, StatusCode::kDataLoss)
NX_STATUS_CONSTRUCTOR(DeadlineExceeded, StatusCode::kDeadlineExceeded)
NX_STATUS_CONSTRUCTOR(Cancelled, StatusCode::kCancelled)
NX_STATUS_CONSTRUCTOR(ResourceExhausted, StatusCode::kResourceExhausted)
NX_STATUS_CONSTRUCTOR(Aborted, StatusCode::kAborted)
#undef NX_STATUS_CONSTRUCTOR

// Same code, message "prefix: message". OK stays OK.
[[nodiscard]] Status Annotate(const Status& status, std::string_view prefix);

// The status of a failed system call: "what: No such file or directory", with the fitting code.
[[nodiscard]] Status ErrnoStatus(int error, std::string_view what);

}  // namespace narthex

#define NX_CONCAT_INNER(a, b) a##b
#define NX_CONCAT(a, b) NX_CONCAT_INNER(a, b)

#define NX_RETURN_IF_ERROR(expression)           \
  do {                                           \
    ::narthex::Status nx_status_ = (expression); \
    if (!nx_status_.ok()) return nx_status_;     \
  } while (false)

#define NX_ASSIGN_OR_RETURN(declaration, expression) \
  NX_ASSIGN_OR_RETURN_IMPL(NX_CONCAT(nx_result_, __LINE__), declaration, expression)
#define NX_ASSIGN_OR_RETURN_IMPL(result, declaration, expression) \
  auto result = (expression);                                     \
  if (!result.ok()) return std::move(result).status();            \
  declaration = *std::move(result)
