// Lists, page by page.

#include "core/http/types.h"
#include "core/kube/reflector_state.h"

namespace narthex::kube {

void Reflector::State::StartList() {
  ++list_;
  listed_ = 0;
  continue_.clear();
  must_list_ = false;
  if (streams_) {
    StartStream();
  } else {
    RequestPage();
  }
}

void Reflector::State::RequestPage() {
  const size_t limit =
      options_.object_limit > 0 ? options_.object_limit : (paged_ ? options_.page_limit : 0);
  std::string query;
  if (limit > 0) query += fmt::format("&limit={}", limit);
  if (!continue_.empty()) query += "&continue=" + http::QueryEscape(continue_);
  // A continued list has a version already.
  if (options_.list_from_cache && continue_.empty()) query += "&resourceVersion=0";
  query += options_.resource.SelectorQuery();
  list_splitter_ = std::make_unique<ListSplitter>(
      options_.max_object_bytes, [this](std::string_view text) { return OnListed(text); });
  if (!query.empty()) query[0] = '?';
  constexpr std::chrono::seconds kSilence{60};
  Send(path_ + query, kSilence, &State::FeedList, &State::OnPageEnd);
}

Status Reflector::State::TooMany() const {
  return OutOfRange("the list holds more than {} objects", options_.max_objects);
}

bool Reflector::State::OnListed(std::string_view text) {
  auto object = parser_.Parse(text);
  if (!object.ok()) {
    input_status_ = Annotate(object.status(), "an object of the list");
    return false;
  }
  const std::string key = KeyOf(*object);
  if (key.empty()) return true;  // nothing to keep it under
  if (++listed_ > options_.max_objects) {
    input_status_ = TooMany();
    return false;
  }
  Deliver(key, *object);
  return !stopped_;
}

Status Reflector::State::ReadEnvelope() {
  if (!list_splitter_->complete()) return DataLoss("the list is cut off");
  auto envelope = ParseJson(list_splitter_->envelope());
  if (!envelope.ok()) return Annotate(envelope.status(), "the list");
  const JsonValue& metadata = (*envelope)["metadata"];
  if (!metadata.is_object()) return DataLoss("the answer is not a list");
  version_ = metadata["resourceVersion"].AsString();
  continue_ = metadata["continue"].AsString();
  return OkStatus();
}

void Reflector::State::OnPageEnd(Answer answer) {
  if (!answer.ok()) return FailList(answer.status(), {});
  if (answer->status / 100 != 2) {
    if (answer->status == 410 && !continue_.empty()) paged_ = false;  // slower than tokens expire
    return FailList(ErrorOfAnswer(*answer), RetryAfter(*answer));
  }
  const Status status = ReadEnvelope();
  if (!status.ok()) return FailList(status, {});
  const bool limited = options_.object_limit > 0;
  if (!continue_.empty() && !limited) return RequestPage();
  FinishList();
}

void Reflector::State::DeleteUnseen() {
  for (auto it = seen_.begin(); it != seen_.end();) {
    const auto current = it++;
    if (current->second.list == list_) continue;
    const std::string key = current->first;
    seen_.erase(current);
    handler_->OnDelete(key);
    if (stopped_) return;
  }
}

void Reflector::State::FinishList() {
  list_splitter_.reset();
  paged_ = true;
  TellList();
  if (!stopped_) StartWatch();
}

// All that there is has been told.
void Reflector::State::TellList() {
  DeleteUnseen();
  if (stopped_) return;
  handler_->OnListEnd(OkStatus(), listed_);
  if (stopped_) return;
  handler_->OnSynced();
}

void Reflector::State::FailList(const Status& status, Milliseconds at_least) {
  list_splitter_.reset();
  const Milliseconds delay = std::max(Backoff(), at_least);
  handler_->OnListEnd(status, listed_);
  After(delay, &State::StartList);
}

}  // namespace narthex::kube
