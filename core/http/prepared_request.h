#pragma once
// A request with all that need not be worked out anew each time it is sent: the split URL, the
// proxy, the key of its connections, the head up to what credentials add. Immutable; for the client
// that made it.

#include <memory>
#include <string>

#include "core/http/client.h"
#include "core/http/types.h"

namespace narthex::http {

struct IdleConnections;

struct PreparedRequest {
  ClientRequest request;
  Status status;  // why it cannot be sent
  Url url;
  std::string url_text;
  const Url* proxy = nullptr;
  std::string key;   // says everything that must be equal to share a connection
  std::string head;  // request line and fields
  size_t loop_index = 0;
  // Of the client's pool, when it was asked for. Belongs to the thread of the loop.
  mutable std::shared_ptr<IdleConnections> idle;
};

}  // namespace narthex::http
