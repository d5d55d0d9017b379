// Lists as watches that begin with what is there: the server sends each object as an addition, then
// a bookmark that says that these were all, and goes on with what happens.

#include "core/kube/reflector_state.h"

namespace narthex::kube {

void Reflector::State::StartStream() {
  initial_ = true;
  std::string parameters = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
  if (options_.list_from_cache) parameters += "&resourceVersion=0";
  OpenWatch(parameters);
}

void Reflector::State::OnInitialBookmark(const JsonValue& metadata) {
  if (metadata["annotations"]["k8s.io/initial-events-end"].AsString() != "true") {
    streams_ = false;
    input_status_ = Unavailable("the server does not say where the list ends");
    return;
  }
  initial_ = false;
  version_ = metadata["resourceVersion"].AsString();
  TellList();
}

// A server without such streams says that the request is invalid, and one may be allowed to list
// and not to watch: then the list is made the plain way. What hits both is waited out.
void Reflector::State::FailStream(Status status, const Answer& answer) {
  initial_ = false;
  if (status.ok()) status = DataLoss("the list is cut off");
  if (!answer.ok()) return FailList(status, {});
  const int code = answer->status;
  if (code / 100 != 4 || code == 429) return FailList(status, RetryAfter(*answer));
  if (code == 400 || code == 422) streams_ = false;
  listed_ = 0;
  RequestPage();
}

}  // namespace narthex::kube
