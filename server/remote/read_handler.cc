#include "server/remote/read_handler.h"

#include "core/log/log.h"
#include "server/remote/chunks_answer.h"
#include "server/remote/message_body.h"
#include "server/remote/read_message.h"
#include "server/remote/samples_answer.h"

namespace narthex::remote {
namespace {

constexpr std::string_view kSamplesType = "application/x-protobuf";
constexpr std::string_view kChunksType =
    "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
constexpr size_t kWriteBytes = 64 << 10;

int StatusCodeOf(const Status& status) {
  switch (status.code()) {
    case StatusCode::kOutOfRange: return 400;
    case StatusCode::kResourceExhausted:
    case StatusCode::kCancelled: return 503;
    default: return 500;
  }
}

}  // namespace

// One request.
class ReadHandler::Call {
 public:
  Call(ReadHandler* handler, const http::Request& request, http::ResponseWriter& response)
      : handler_(*handler), request_(request), response_(response) {
    if (handler->options_.external_labels) external_ = handler->options_.external_labels();
  }

  void Run() {
    std::string message;
    const std::string_view body = request_.body;
    Status status = DecodeBody(body.substr(0, kMaxDecodedBytes), &message);
    if (status.ok()) status = CheckReadRequest(message);
    StatusOr<ReadResponseType> type = ReadResponseType::kSamples;
    if (status.ok()) {
      type = NegotiateResponseType(message);
      status = type.status();
    }
    if (!status.ok()) return response_.Error(400, MessageOf(status));
    *type == ReadResponseType::kChunks ? SendChunks(message) : SendSamples(message);
  }

  bool Stopped() const {
    return handler_.gate_.stopped() || (request_.cancelled && request_.cancelled());
  }

 private:
  // Calls `add` with what each query selects and its number.
  template <typename Add>
  Status ForEachSelection(std::string_view message, Add add) {
    Status status;
    int64_t index = 0;
    ForEachQuery(message, [&](std::string_view text) {
      const StatusOr<ReadQuery> query = ReadOneQuery(text, external_);
      status = query.status();
      if (!status.ok()) return false;
      const StatusOr<ReadSelection> selection = ReadSelection::Make(*handler_.storage_, *query);
      status = selection.ok() ? add(*selection, index++) : selection.status();
      return status.ok();
    });
    return status;
  }

  void Fail(const Status& status) {
    response_.headers().Remove("Content-Encoding");
    response_.Error(StatusCodeOf(status), MessageOf(status));
  }

  void SendSamples(std::string_view message) {
    ByteLease lease;
    if (handler_.memory_ != nullptr) lease = ByteLease(handler_.memory_);
    const int64_t limit = std::max<int64_t>(handler_.options_.sample_limit, 0);
    SamplesAnswer answer(static_cast<size_t>(limit), std::move(lease),
                         [this] { return Stopped(); });
    const Status status = ForEachSelection(message, [&](const ReadSelection& selection, int64_t) {
      return answer.Add(selection, external_);
    });
    if (!status.ok()) return Fail(status);
    std::string body = answer.Finish();
    if (body.empty()) return Fail(OutOfRange("the answer is longer than a snappy block may be"));
    response_.headers().Set("Content-Type", std::string(kSamplesType));
    response_.headers().Set("Content-Encoding", "snappy");
    if (body.size() <= kWriteBytes) return response_.Send(std::move(body));
    // Piece by piece, so that what waits to be sent counts against the memory limit.
    for (std::string_view rest = body; !rest.empty();) {
      if (!response_.Write(rest.substr(0, kWriteBytes))) return;
      rest.remove_prefix(std::min(rest.size(), kWriteBytes));
    }
  }

  void SendChunks(std::string_view message) {
    response_.headers().Set("Content-Type", std::string(kChunksType));
    response_.headers().Set("Content-Encoding", "identity");  // chunks are compressed already
    ChunksAnswer answer(
        handler_.options_.max_frame_bytes,
        [this](std::string_view frames) { return response_.Write(frames); },
        [this] { return Stopped(); });
    Status status = ForEachSelection(message, [&](const ReadSelection& selection, int64_t index) {
      return answer.Add(selection, index, external_);
    });
    if (status.ok()) status = answer.Flush();
    if (status.ok() && !answer.started()) return response_.Send("");
    if (status.ok()) return;
    if (!answer.started()) return Fail(status);
    NX_LOG(Warn, "A streamed remote read was broken off", {"err", status});
    response_.Abort();
  }

  ReadHandler& handler_;
  const http::Request& request_;
  http::ResponseWriter& response_;
  Labels external_;
};

ReadHandler::ReadHandler(ReadOptions options, const storage::Queryable* storage, Registry* registry)
    : options_(std::move(options)),
      storage_(storage),
      memory_(options_.memory_limit == 0
                  ? nullptr
                  : std::make_shared<ByteBudget>(options_.memory_limit, "remote read")),
      gate_(options_.concurrent_limit),
      queries_(registry->AddGauge("prometheus_remote_read_handler_queries",
                                  "The current number of remote read queries that are either in "
                                  "execution or queued on the handler.")) {}

void ReadHandler::Serve(const http::Request& request, http::ResponseWriter& response) {
  queries_.Add(1);
  Call call(this, request, response);
  if (gate_.Enter([&call] { return call.Stopped(); })) {
    call.Run();
    gate_.Leave();
  } else {
    response.Error(503, "Service Unavailable");
  }
  queries_.Add(-1);
}

}  // namespace narthex::remote
