#pragma once
// POST /api/v1/write: remote write 1.0, as upstream answers it.
//
//   204  everything is stored, visible to the next query and on its way to the disk
//   400  damaged body; a sample out of order, out of bounds, too old, a duplicate with another
//        value; an invalid histogram. Nothing of the request is stored. Or series beyond the limit
//        of the head: the rest is stored.
//   415  another media type, message or compression
//   501  the storage cannot hold what was sent;  503  it takes no writes now: nothing stored
//
// Series with invalid labels are left out and counted, exemplars that cannot be stored are left
// out and logged, metadata is read and let go: none of that fails a request.
//
// Thread safety: Serve may run concurrently.

#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/http/server.h"
#include "core/metrics/registry.h"
#include "server/storage/interface.h"

namespace narthex::remote {

// Samples this much ahead of the clock are out of bounds.
inline constexpr int64_t kMaxAheadMs = int64_t{10} * 60 * 1000;

class WriteHandler {
 public:
  // Both outlive the handler. clock: nullptr is the system's.
  WriteHandler(storage::Appendable* storage, Registry* registry, const Clock* clock = nullptr);

  void Serve(const http::Request& request, http::ResponseWriter& response);

  // What goes wrong with a request: a status code and the text of the body. 204: nothing.
  struct Result {
    int code = 204;
    std::string message;
  };
  // Stores a decoded message.
  Result Store(std::string_view message);

 private:
  Result Handle(const http::Request& request);

  storage::Appendable* const storage_;
  const Clock* const clock_;
  Counter& invalid_labels_;
  Counter& dropped_exemplars_;
};

}  // namespace narthex::remote
