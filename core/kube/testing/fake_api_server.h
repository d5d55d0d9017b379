#pragma once
// A Kubernetes API server for tests: lists in pages, watches with bookmarks, single objects,
// discovery, token and access reviews, over HTTP or TLS, with a bearer token, and with all that
// goes wrong with real ones on demand. One thread a connection: for tests, not for load.
//
// Objects are whatever JSON one puts in; resource versions and uids are given out here. Items of
// lists of built-in groups come without kind and apiVersion, as the real ones do.
//
// Thread safety: all methods.

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/base/mutex.h"
#include "core/base/status.h"
#include "core/kube/testing/object_store.h"
#include "core/kube/testing/peer.h"

namespace narthex::kube {

class FakeApiServer {
 public:
  struct Options {
    std::string address = "127.0.0.1";
    int port = 0;
    std::string token;                     // asked for when not empty
    std::string certificate_pem, key_pem;  // TLS when not empty
    std::chrono::milliseconds bookmarks{1000};
  };

  static StatusOr<std::unique_ptr<FakeApiServer>> Start(Options options);
  ~FakeApiServer();

  int port() const { return port_; }
  std::string url() const;

  // `collection` is the path without a namespace: "/api/v1/pods", "/apis/apps/v1/deployments".
  // The object's JSON is trusted.
  void Put(const std::string& collection, std::string_view json);
  void Delete(const std::string& collection, const std::string& key);  // "namespace/name"
  // Every object of the *.json files of a folder; see LoadObjects.
  Status Load(const std::string& directory);
  ObjectStore& objects() { return store_; }
  // A fixed answer at a path: text a scrape finds there. A '*' stands for one path segment.
  void SetText(const std::string& path, std::string body);
  // Who the holder of a token is, for token reviews; and who may do anything, for access reviews.
  void AddUser(const std::string& token, const std::string& user, bool allowed);

  // ---- faults ----
  // The next `times` requests whose path and query contain `part` are answered so.
  void FailNext(int times, int status, std::string part = "", int retry_after_seconds = -1);
  void Forbid(const std::string& collection);  // 403 from now on
  void SetDelay(std::chrono::milliseconds before_each_answer);
  void CutWatches();                                // breaks their connections off
  void EndWatches();                                // ends them as after timeoutSeconds
  void ForgetHistory() { store_.ForgetHistory(); }  // watches from older versions: 410
  void ExpireContinueTokens(bool on) { expire_continue_ = on; }
  void SetBookmarks(bool on) { bookmarks_on_ = on; }
  // Watches that ask for initial events are watches like others: an old server, or a proxy's idea.
  void IgnoreInitialEvents() { initial_events_ = false; }
  // Raw text into every running watch of the collection.
  void Inject(const std::string& collection, const std::string& text);

  // ---- what happened ----
  size_t open_watches() const { return open_watches_; }
  // Requests so far whose "METHOD path?query" contains the text.
  size_t CountRequests(std::string_view part) EXCLUDES(mutex_);

 private:
  struct Connection {
    std::unique_ptr<Peer> peer;
    std::thread thread;
    std::atomic<bool> done{false};
    std::atomic<bool> watching{false};
  };
  struct Fault {
    int times, status, retry_after;
    std::string part;
  };

  explicit FakeApiServer(Options options) : options_(std::move(options)) {}
  Status Listen();
  void Accept();
  void Serve(Connection* connection);
  bool Answer(Connection* connection, const PeerRequest& request);
  bool AnswerFault(Peer& peer, const std::string& line, bool* answered) EXCLUDES(mutex_);
  bool AnswerFixed(Peer& peer, const PeerRequest& request, bool* answered) EXCLUDES(mutex_);
  bool AnswerDiscovery(Peer& peer, const std::string& path, bool* answered);
  bool AnswerReview(Peer& peer, const PeerRequest& request) EXCLUDES(mutex_);
  bool AnswerObjects(Connection* connection, const PeerRequest& request);
  bool List(Peer& peer, const Query& query, const http::Params& params);
  bool Watch(Connection* connection, const Query& query, const http::Params& params);
  bool SendEvents(Peer& peer, const Query& query, const std::vector<ObjectStore::Event>& events);
  static bool SendStatus(Peer& peer, int code, std::string_view reason, std::string_view message,
                         std::string_view extra_fields = "");
  void Remember(const std::string& line) EXCLUDES(mutex_);

  const Options options_;
  int port_ = 0;
  UniqueFd listener_;
  std::shared_ptr<const tls::Context> tls_;
  std::thread acceptor_;
  ObjectStore store_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> expire_continue_{false};
  std::atomic<bool> bookmarks_on_{true};
  std::atomic<bool> initial_events_{true};
  std::atomic<int64_t> delay_ms_{0};
  std::atomic<size_t> open_watches_{0};
  std::atomic<uint64_t> ended_watches_{0};  // raised to end those that began before

  Mutex mutex_;
  std::list<Connection> connections_ GUARDED_BY(mutex_);
  std::vector<Fault> faults_ GUARDED_BY(mutex_);
  std::vector<std::string> requests_ GUARDED_BY(mutex_);
  std::vector<std::string> forbidden_ GUARDED_BY(mutex_);
  std::map<std::string, std::string> texts_ GUARDED_BY(mutex_);
  std::map<std::string, std::string> users_ GUARDED_BY(mutex_);  // by token
  std::vector<std::string> allowed_ GUARDED_BY(mutex_);
  std::vector<std::pair<std::string, std::string>> injected_ GUARDED_BY(mutex_);
};

// Puts every object of the *.json files of a folder: objects, lists of kind List, or arrays. Of
// what collection one is follows from apiVersion and kind.
Status LoadObjects(const std::string& directory, ObjectStore* store);
// "/apis/apps/v1/deployments" of apiVersion "apps/v1" and kind "Deployment".
std::string CollectionOf(const JsonValue& object);

// A pod as one finds them, of `bytes` at least, for crowds: "pod-<i>" in one of 50 namespaces,
// running on one of 100 nodes, with a port and managedFields.
std::string MakeCrowdPod(size_t i, size_t bytes = 2000);

}  // namespace narthex::kube
