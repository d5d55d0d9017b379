// Watches, from the version of the last list, bookmark or event.

#include "core/http/types.h"
#include "core/kube/reflector_state.h"

namespace narthex::kube {

using std::chrono::seconds;
using std::chrono::steady_clock;

void Reflector::State::StartWatch() {
  OpenWatch(fmt::format("resourceVersion={}", http::QueryEscape(version_)));
}

void Reflector::State::OpenWatch(std::string_view parameters) {
  const auto spread = static_cast<uint64_t>((options_.max_watch - options_.min_watch).count());
  const seconds length = options_.min_watch + seconds(Random(spread + 1));
  events_ = 0;
  must_list_ = false;
  overloaded_ = false;
  watch_start_ = steady_clock::now();
  line_splitter_ = std::make_unique<LineSplitter>(
      options_.max_object_bytes + 1024, [this](std::string_view line) { return OnEvent(line); });
  const std::string path =
      fmt::format("{}?watch=true&allowWatchBookmarks=true&{}&timeoutSeconds={}{}", path_,
                  parameters, length.count(), options_.resource.SelectorQuery());
  Send(path, length + options_.watch_grace, &State::FeedWatch, &State::OnWatchEnd);
}

bool Reflector::State::OnEvent(std::string_view line) {
  auto event = parser_.Parse(line);
  if (!event.ok()) {
    input_status_ = Annotate(event.status(), "an event of the watch");
    return false;
  }
  ++events_;
  const std::string& type = (*event)["type"].AsString();
  const JsonValue& object = (*event)["object"];
  if (type == "ERROR") {
    OnErrorEvent(object);
    return false;
  }
  if (initial_ && type == "BOOKMARK") {
    OnInitialBookmark(object["metadata"]);
  } else {
    OnWatchedObject(type, object);
  }
  return !stopped_ && !must_list_ && input_status_.ok();
}

void Reflector::State::OnWatchedObject(std::string_view type, const JsonValue& object) {
  const std::string& version = object["metadata"]["resourceVersion"].AsString();
  if (type == "ADDED" || type == "MODIFIED") {
    const std::string key = KeyOf(object);
    if (!key.empty() && seen_.size() >= options_.max_objects && !seen_.contains(key)) {
      must_list_ = true;  // which says what is wrong
      if (initial_) input_status_ = TooMany();
      return;
    }
    if (!key.empty() && initial_) ++listed_;
    if (!key.empty()) Deliver(key, object);
  } else if (type == "DELETED") {
    const std::string key = KeyOf(object);
    if (seen_.erase(key) > 0) handler_->OnDelete(key);
  }
  // Bookmarks say nothing but the version; of a type we do not know the version is as good.
  if (!version.empty()) version_ = version;
}

void Reflector::State::OnErrorEvent(const JsonValue& status) {
  const std::string& message = status["message"].AsString();
  input_status_ = Unavailable("{}", message.empty() ? "the watch failed" : message);
  overloaded_ = status["code"].AsInt() == 429;
}

void Reflector::State::OnWatchEnd(Answer answer) {
  line_splitter_.reset();
  Status status = answer.status();
  if (status.ok() && answer->status / 100 != 2) status = ErrorOfAnswer(*answer);
  if (initial_) return FailStream(std::move(status), answer);
  if (!input_status_.ok() && !overloaded_) must_list_ = true;  // what it said is lost
  handler_->OnWatchEnd(status);
  if (!stopped_) GoOnAfterWatch(status, answer);
}

// A watch that lived, or told something, is followed by the next one at once: nothing is amiss when
// a server or a proxy ends it. One that did not waits, and so does a list.
void Reflector::State::GoOnAfterWatch(const Status& status, const Answer& answer) {
  constexpr seconds kLived{1};
  const bool refused = answer.ok() && answer->status / 100 != 2;
  const bool healthy =
      !refused && !must_list_ && (events_ > 0 || steady_clock::now() - watch_start_ >= kLived);
  if (healthy) failures_ = 0;
  if (healthy && status.code() != StatusCode::kUnavailable) return StartWatch();
  if (refused) {
    const int code = answer->status;
    must_list_ = code != 429 && code < 500;
  }
  const Milliseconds delay = std::max(Backoff(), refused ? RetryAfter(*answer) : Milliseconds());
  After(delay, must_list_ ? &State::StartList : &State::StartWatch);
}

}  // namespace narthex::kube
