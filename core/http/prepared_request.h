#pragma once
// A request with all that need not be worked out anew each time it is sent: the split URL, the
// proxy, the head up to what credentials add. Immutable; for the client that made it. Who scrapes
// has one for each target, so nothing stands in it twice.

#include <memory>
#include <string>

#include "core/http/client.h"
#include "core/http/types.h"

namespace narthex::http {

struct IdleConnections;

struct PreparedRequest {
  ClientRequest request;  // its headers are in `head`; url as the answer tells it
  Status status;          // why it cannot be sent
  Url url;
  const Url* proxy = nullptr;
  std::string head;  // request line and fields
  bool brings_authorization = false;
  size_t loop_index = 0;
  // Of the client's pool, when it was asked for. Belongs to the thread of the loop.
  mutable std::shared_ptr<IdleConnections> idle;
};

void AppendField(std::string* out, std::string_view name, std::string_view value);
// The request line and the fields that are the same each time.
std::string RequestHead(const PreparedRequest& prepared, const std::string& user_agent);
// The fields back out of that.
Headers FieldsOf(std::string_view head);
// Says everything that must be equal to share a connection.
std::string ConnectionKey(const PreparedRequest& prepared);

// "Get" of "GET": the operation in Go's url.Error.
std::string OperationName(std::string_view method);

}  // namespace narthex::http
