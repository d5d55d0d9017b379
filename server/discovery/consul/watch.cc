#include "server/discovery/consul/watch.h"

#include <algorithm>
#include <charconv>

#include "core/base/clock.h"
#include "core/log/log.h"
#include "server/discovery/json_answer.h"

namespace narthex::discovery::consul {
namespace {

constexpr std::string_view kWait = "120000ms";
// The server adds up to a sixteenth to the wait.
constexpr std::chrono::milliseconds kTimeout{135'000};

}  // namespace

Watch::Watch(ConsulProvider* owner, std::string path, http::Params query, std::string call,
             std::string name, Events events)
    : owner_(owner),
      path_(std::move(path)),
      query_(std::move(query)),
      call_(std::move(call)),
      name_(std::move(name)),
      events_(std::move(events)),
      next_(owner->context_.loop),
      due_ms_(Loop::NowMs()) {}

// A query waits for two minutes at the server, and holds a connection.
Watch::~Watch() {
  if (query_under_way_ != nullptr) query_under_way_->Cancel();
}

void Watch::Begin() {
  http::Params query = query_;
  if (index_ != 0) query.Add("index", fmt::format("{}", index_));
  query.Add("wait", std::string(kWait));
  http::ClientRequest request = owner_->Request(path_, query);
  request.timeout = kTimeout;
  begun_nanos_ = Clock::System().MonotonicNanos();
  query_under_way_ = owner_->fetcher_->Get(
      std::move(request), lifetime_.Guard([this](StatusOr<http::ClientResponse> response) {
        OnAnswer(std::move(response));
      }));
}

bool Watch::Advance(std::string_view text) {
  uint64_t index = 0;
  std::from_chars(text.data(), text.data() + text.size(), index);
  const bool is_new = index == 0 || index != index_;
  // A smaller index: the server began anew.
  index_ = index < index_ ? 0 : index;
  return is_new;
}

void Watch::Fail(const Status& status) {
  owner_->failures_.Inc();
  NX_LOG(Error, call_ == "services" ? "Error refreshing service list" : "Error refreshing service",
         {"component", "discovery manager"}, {"discovery", "consul"},
         {"config", owner_->context_.config}, {"service", name_}, {"err", status});
}

void Watch::OnAnswer(StatusOr<http::ClientResponse> response) {
  const int64_t took = Clock::System().MonotonicNanos() - begun_nanos_;
  const std::string endpoint = call_ == "services" ? "catalog" : "health";
  owner_->durations_.With({endpoint, call_}).Observe(static_cast<double>(took) / 1e9);
  const int64_t now = Loop::NowMs();
  const StatusOr<JsonValue> answer = ReadJsonAnswer(response);
  if (answer.ok()) {
    due_ms_ = std::max(due_ms_ + owner_->config_.refresh_interval_ms, now);
  } else {
    due_ms_ = now + owner_->retry_ms_;
    Fail(answer.status());
  }
  next_.Set(due_ms_ - now, [this] { Begin(); });
  if (answer.ok() && Advance(response->headers.Get("X-Consul-Index"))) events_.changed(*answer);
  const auto answered = events_.answered;
  answered();
}

}  // namespace narthex::discovery::consul
