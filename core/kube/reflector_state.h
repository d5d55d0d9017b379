#pragma once
// The state machine of a Reflector. On the worker's thread only, but for its making.

#include <absl/container/flat_hash_map.h>

#include <memory>
#include <random>
#include <string>

#include "core/base/string_map.h"
#include "core/json/object_parser.h"
#include "core/kube/feed.h"
#include "core/kube/reflector.h"
#include "core/kube/splitter.h"

namespace narthex::kube {

class Reflector::State : public std::enable_shared_from_this<Reflector::State> {
 public:
  State(std::shared_ptr<Api> api, Worker* worker, Options options, ObjectHandler* handler);

  void Start() { StartList(); }
  void Stop();

 private:
  using Answer = StatusOr<http::ClientResponse>;
  using Milliseconds = std::chrono::milliseconds;

  struct Seen {
    uint64_t version_hash;
    uint32_t list;  // the last list that held it
  };

  // One request under way.
  struct Request {
    std::shared_ptr<Feed> feed;
    std::shared_ptr<http::BodyStream> stream;
    std::string chunk;
  };
  using Input = Status (State::*)(std::string_view);
  using End = void (State::*)(Answer);
  void Send(const std::string& path, Milliseconds idle, Input input, End end);
  void OnInput(Input input);
  void OnEnd(Answer answer, End end);
  void DropRequest();
  bool Current(const std::weak_ptr<Request>& request) const;

  // List; in reflector_list.cc.
  void StartList();
  void RequestPage();
  Status FeedList(std::string_view piece) { return list_splitter_->Feed(piece); }
  bool OnListed(std::string_view text);
  void OnPageEnd(Answer answer);
  Status ReadEnvelope();
  void FinishList();
  void DeleteUnseen();
  void TellList();
  Status TooMany() const;
  void FailList(const Status& status, Milliseconds at_least);

  // List and watch in one; in reflector_stream.cc.
  void StartStream();
  void OnInitialBookmark(const JsonValue& metadata);
  void FailStream(Status status, const Answer& answer);

  // Watch; in reflector_watch.cc.
  void StartWatch();
  void OpenWatch(std::string_view parameters);
  Status FeedWatch(std::string_view piece) { return line_splitter_->Feed(piece); }
  bool OnEvent(std::string_view line);
  void OnWatchedObject(std::string_view type, const JsonValue& object);
  void OnErrorEvent(const JsonValue& status);
  void OnWatchEnd(Answer answer);
  void GoOnAfterWatch(const Status& status, const Answer& answer);

  void Deliver(const std::string& key, const JsonValue& object);
  void After(Milliseconds delay, void (State::*next)());
  Milliseconds Backoff();
  uint64_t Random(uint64_t below);

  const std::shared_ptr<Api> api_;
  Worker* const worker_;
  const Options options_;
  ObjectHandler* const handler_;
  const std::string path_;
  std::mt19937_64 random_;
  JsonObjectParser parser_;

  bool stopped_ = false;
  Worker::TimerId timer_ = 0;
  int failures_ = 0;  // in a row
  std::shared_ptr<Request> request_;
  Status input_status_;  // why the input of the request is of no use

  StringMap<Seen> seen_;
  std::string version_;  // to watch from
  uint32_t list_ = 0;    // number of the current or last list

  std::unique_ptr<ListSplitter> list_splitter_;
  std::string continue_;
  size_t listed_ = 0;
  bool paged_ = true;  // false after a continue token has expired

  bool streams_;          // lists come as streams
  bool initial_ = false;  // a stream has not told all there is yet
  std::unique_ptr<LineSplitter> line_splitter_;
  size_t events_ = 0;  // of the current watch
  bool must_list_ = false;
  bool overloaded_ = false;  // the server said so in the watch
  std::chrono::steady_clock::time_point watch_start_;
};

// What the server asks for with Retry-After, at most some minutes; 0 without.
std::chrono::milliseconds RetryAfter(const http::ClientResponse& response);

}  // namespace narthex::kube
