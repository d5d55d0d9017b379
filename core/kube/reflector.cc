#include "core/kube/reflector.h"

#include <algorithm>

#include "core/kube/reflector_state.h"
#include "core/strings/numbers.h"

namespace narthex::kube {

Reflector::Reflector(std::shared_ptr<Api> api, Worker* worker, Options options,
                     ObjectHandler* handler)
    : worker_(worker),
      state_(std::make_shared<State>(std::move(api), worker, std::move(options), handler)) {
  worker_->Post([state = state_] { state->Start(); });
}

Reflector::~Reflector() {
  worker_->Run([state = state_] { state->Stop(); });
}

Reflector::State::State(std::shared_ptr<Api> api, Worker* worker, Options options,
                        ObjectHandler* handler)
    : api_(std::move(api)),
      worker_(worker),
      options_(std::move(options)),
      handler_(handler),
      path_(options_.resource.Path()),
      random_(std::random_device()()),
      parser_({.max_bytes = options_.max_object_bytes},
              {.parent = "metadata", .name = "managedFields"}),
      streams_(options_.stream_lists && options_.object_limit == 0) {}

void Reflector::State::Stop() {
  stopped_ = true;
  if (timer_ != 0) worker_->Cancel(timer_);
  DropRequest();
}

void Reflector::State::DropRequest() {
  if (request_ == nullptr) return;
  request_->feed->Detach();
  request_->stream->Cancel();
  request_.reset();
}

bool Reflector::State::Current(const std::weak_ptr<Request>& request) const {
  return !stopped_ && request_ != nullptr && request.lock() == request_;
}

void Reflector::State::Send(const std::string& path, Milliseconds idle, Input input, End end) {
  const auto request = std::make_shared<Request>();
  const auto self = shared_from_this();
  const std::weak_ptr<Request> weak = request;
  request->feed = std::make_shared<Feed>(
      worker_,
      [self, weak, input] {
        if (self->Current(weak)) self->OnInput(input);
      },
      [self, weak, end](Answer answer) {
        if (self->Current(weak)) self->OnEnd(std::move(answer), end);
      });
  request->stream = std::make_shared<http::BodyStream>(request->feed, idle);
  request_ = request;
  input_status_ = OkStatus();
  api_->Stream(path, request->stream,
               [feed = request->feed](Answer answer) { feed->OnEnd(std::move(answer)); });
}

void Reflector::State::OnInput(Input input) {
  const auto request = request_;
  const bool waits = request->feed->Take(&request->chunk);
  if (waits) request->stream->Resume();
  if (!input_status_.ok() || request->chunk.empty()) return;
  const Status status = (this->*input)(request->chunk);
  if (input_status_.ok()) input_status_ = status;
  if (!input_status_.ok()) request->stream->Cancel();  // the end comes all the same
}

void Reflector::State::OnEnd(Answer answer, End end) {
  request_.reset();
  if (!input_status_.ok()) answer = input_status_;
  (this->*end)(std::move(answer));
}

// Tells the handler of an object that it does not know in this version.
void Reflector::State::Deliver(const std::string& key, const JsonValue& object) {
  const std::string& version = object["metadata"]["resourceVersion"].AsString();
  const uint64_t hash = std::hash<std::string>{}(version);
  const auto [it, added] = seen_.try_emplace(key, Seen{hash, list_});
  const bool same = !added && it->second.version_hash == hash && !version.empty();
  it->second = {hash, list_};
  if (!same) handler_->OnObject(key, object, added ? Change::kAdded : Change::kModified);
}

void Reflector::State::After(Milliseconds delay, void (State::*next)()) {
  if (stopped_) return;
  timer_ = worker_->After(delay, [self = shared_from_this(), next] {
    self->timer_ = 0;
    if (!self->stopped_) (self.get()->*next)();
  });
}

uint64_t Reflector::State::Random(uint64_t below) { return below == 0 ? 0 : random_() % below; }

std::chrono::milliseconds Reflector::State::Backoff() {
  const int doublings = std::min(failures_++, 20);
  const int64_t base =
      std::min<int64_t>(options_.max_backoff.count(), options_.min_backoff.count() << doublings);
  return Milliseconds(base + static_cast<int64_t>(Random(static_cast<uint64_t>(base) + 1)));
}

std::chrono::milliseconds RetryAfter(const http::ClientResponse& response) {
  constexpr int64_t kMostSeconds = 300;
  const auto seconds = ParseInt(response.headers.Get("Retry-After"));
  if (!seconds || *seconds < 0) return {};
  return std::chrono::seconds(std::min(*seconds, kMostSeconds));
}

}  // namespace narthex::kube
