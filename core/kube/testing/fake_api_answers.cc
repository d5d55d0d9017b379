// What the fake API server answers.

#include <algorithm>
#include <set>

#include "core/json/writer.h"
#include "core/kube/testing/fake_api_server.h"
#include "core/kube/testing/json_text.h"
#include "core/strings/numbers.h"

namespace narthex::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr char kJson[] = "application/json";

// Where an object path leads: its collection, namespace and name.
struct Place {
  std::string collection, ns, name;
};

std::vector<std::string> Segments(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    path.remove_prefix(1);
    const size_t end = path.find('/');
    out.emplace_back(path.substr(0, end));
    path = end == std::string_view::npos ? std::string_view() : path.substr(end);
  }
  return out;
}

// "/api/v1/namespaces/x/pods/y", "/apis/apps/v1/deployments", "/api/v1/namespaces"
bool ParsePlace(const std::string& path, Place* place) {
  const auto parts = Segments(path);
  const size_t prefix = parts.empty() || parts[0] != "apis" ? 2 : 3;
  if (parts.size() <= prefix || (parts[0] != "api" && parts[0] != "apis")) return false;
  std::string base;
  for (size_t i = 0; i < prefix; ++i) base += "/" + parts[i];
  size_t at = prefix;
  if (parts[at] == "namespaces" && parts.size() > at + 2) {
    place->ns = parts[at + 1];
    at += 2;
  }
  place->collection = base + "/" + parts[at];
  if (parts.size() > at + 1) place->name = parts[at + 1];
  return parts.size() <= at + 2;
}

bool IsBuiltIn(const std::string& collection) {
  if (collection.starts_with("/api/")) return true;
  const std::string group = Segments(collection)[1];
  return group.find('.') == std::string::npos || group.ends_with(".k8s.io");
}

// "apps/v1" of "/apis/apps/v1/deployments"
std::string VersionOf(const std::string& collection) {
  const auto parts = Segments(collection);
  return parts[0] == "api" ? parts[1] : parts[1] + "/" + parts[2];
}

bool PathMatches(const std::string& pattern, const std::string& path) {
  const auto wanted = Segments(pattern), parts = Segments(path);
  return wanted.size() == parts.size() &&
         std::equal(wanted.begin(), wanted.end(), parts.begin(),
                    [](const auto& a, const auto& b) { return a == "*" || a == b; });
}

// `annotations` is JSON: "{}" but for the one that ends the initial events.
std::string BookmarkOf(const std::string& collection, const std::string& kind, uint64_t version,
                       std::string_view annotations = "{}") {
  return fmt::format(R"({{"type":"BOOKMARK","object":{{"kind":"{}","apiVersion":"{}",)"
                     R"("metadata":{{"resourceVersion":"{}","annotations":{}}}}}}})"
                     "\n",
                     kind, VersionOf(collection), version, annotations);
}

constexpr char kExpired[] =
    R"({"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},)"
    R"("status":"Failure","message":"too old resource version","reason":"Expired","code":410}})"
    "\n";

}  // namespace

bool FakeApiServer::SendStatus(Peer& peer, int code, std::string_view reason,
                               std::string_view message, std::string_view extra_fields) {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject().Member("kind", "Status").Member("apiVersion", "v1");
  json.Key("metadata").BeginObject().EndObject().Member("status", "Failure");
  json.Member("message", message).Member("reason", reason).Key("code").Int(code).EndObject();
  return peer.Send(code, kJson, body, extra_fields);
}

bool FakeApiServer::Answer(Connection* connection, const PeerRequest& request) {
  Peer& peer = *connection->peer;
  std::string line = request.method + " " + request.path;
  if (!request.query.empty()) line += "?" + request.query.Encode();
  Remember(line);
  for (int64_t left = delay_ms_; left > 0 && !stopping_; left -= 10) {
    std::this_thread::sleep_for(milliseconds(std::min<int64_t>(left, 10)));
  }
  if (!options_.token.empty() && request.authorization != "Bearer " + options_.token) {
    return SendStatus(peer, 401, "Unauthorized", "Unauthorized");
  }
  bool answered = false;
  bool keep = AnswerFault(peer, line, &answered);
  if (!answered) keep = AnswerFixed(peer, request, &answered);
  if (!answered && request.method == "POST") return AnswerReview(peer, request);
  if (!answered) keep = AnswerDiscovery(peer, request.path, &answered);
  return answered ? keep : AnswerObjects(connection, request);
}

bool FakeApiServer::AnswerFault(Peer& peer, const std::string& line, bool* answered) {
  MutexLock lock(mutex_);
  for (auto fault = faults_.begin(); fault != faults_.end(); ++fault) {
    if (line.find(fault->part) == std::string::npos) continue;
    *answered = true;
    const Fault now = *fault;  // NOLINT(performance-unnecessary-copy-initialization): erased below
    if (--fault->times <= 0) faults_.erase(fault);
    lock.Unlock();
    const std::string retry =
        now.retry_after < 0 ? std::string() : fmt::format("Retry-After: {}\r\n", now.retry_after);
    return SendStatus(peer, now.status, "Fault", "scripted fault", retry);
  }
  return true;
}

bool FakeApiServer::AnswerFixed(Peer& peer, const PeerRequest& request, bool* answered) {
  std::string body;
  {
    MutexLock lock(mutex_);
    for (const auto& [pattern, text] : texts_) {
      if (!PathMatches(pattern, request.path)) continue;
      body = text;
      *answered = true;
    }
  }
  if (*answered) return peer.Send(200, "text/plain; version=0.0.4", body);
  *answered = true;
  if (request.path == "/livez" || request.path == "/readyz" || request.path == "/healthz") {
    return peer.Send(200, "text/plain", "ok");
  }
  if (request.path == "/version") {
    return peer.Send(
        200, kJson,
        R"({"major":"1","minor":"34","gitVersion":"v1.34.0","platform":"linux/amd64"})");
  }
  *answered = false;
  return true;
}

bool FakeApiServer::AnswerReview(Peer& peer, const PeerRequest& request) {
  const auto review = ParseJson(request.body);
  if (!review.ok()) return SendStatus(peer, 400, "BadRequest", "not JSON");
  const JsonValue& spec = (*review)["spec"];
  std::string body;
  JsonWriter json(&body);
  json.BeginObject().Member("apiVersion", (*review)["apiVersion"].AsString());
  json.Member("kind", (*review)["kind"].AsString()).Key("status").BeginObject();
  MutexLock lock(mutex_);
  if (request.path.ends_with("/tokenreviews")) {
    const auto user = users_.find(spec["token"].AsString());
    json.Key("authenticated").Bool(user != users_.end());
    if (user != users_.end()) {
      json.Key("user").BeginObject().Member("username", user->second).EndObject();
    }
  } else if (request.path.ends_with("/subjectaccessreviews")) {
    const bool allowed =
        std::find(allowed_.begin(), allowed_.end(), spec["user"].AsString()) != allowed_.end();
    json.Key("allowed").Bool(allowed);
  } else {
    lock.Unlock();
    return SendStatus(peer, 404, "NotFound", "the server could not find the requested resource");
  }
  lock.Unlock();
  json.EndObject().EndObject();
  return peer.Send(201, kJson, body);
}

bool FakeApiServer::AnswerDiscovery(Peer& peer, const std::string& path, bool* answered) {
  *answered = true;
  const auto declared = store_.declared();
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  if (path == "/api") {
    json.Member("kind", "APIVersions").Key("versions").BeginArray().String("v1").EndArray();
    return peer.Send(200, kJson, (json.EndObject(), body));
  }
  if (path == "/apis") {
    std::map<std::string, std::set<std::string>> groups;
    for (const auto& [collection, what] : declared) {
      const auto parts = Segments(collection);
      if (parts[0] == "apis") groups[parts[1]].insert(parts[2]);
    }
    json.Member("kind", "APIGroupList").Key("groups").BeginArray();
    for (const auto& [group, versions] : groups) {
      json.BeginObject().Member("name", group).Key("versions").BeginArray();
      for (const std::string& version : versions) {
        json.BeginObject().Member("groupVersion", group + "/" + version);
        json.Member("version", version).EndObject();
      }
      json.EndArray().EndObject();
    }
    return peer.Send(200, kJson, (json.EndArray().EndObject(), body));
  }
  const auto parts = Segments(path);
  const bool is_group =
      (parts.size() == 2 && parts[0] == "api") || (parts.size() == 3 && parts[0] == "apis");
  *answered = is_group;
  if (!is_group) return true;
  json.Member("kind", "APIResourceList").Key("resources").BeginArray();
  for (const auto& [collection, what] : declared) {
    if (!collection.starts_with(path + "/")) continue;
    json.BeginObject().Member("name", collection.substr(path.size() + 1));
    json.Member("kind", what.kind).Key("namespaced").Bool(what.namespaced);
    json.Key("verbs").BeginArray().String("get").String("list").String("watch").EndArray();
    json.EndObject();
  }
  return peer.Send(200, kJson, (json.EndArray().EndObject(), body));
}

bool FakeApiServer::AnswerObjects(Connection* connection, const PeerRequest& request) {
  Peer& peer = *connection->peer;
  Place place;
  if (request.method != "GET" || !ParsePlace(request.path, &place)) {
    return SendStatus(peer, 404, "NotFound", "the server could not find the requested resource");
  }
  {
    MutexLock lock(mutex_);
    if (std::find(forbidden_.begin(), forbidden_.end(), place.collection) != forbidden_.end()) {
      lock.Unlock();
      return SendStatus(peer, 403, "Forbidden", place.collection + " is forbidden");
    }
  }
  if (!place.name.empty()) {
    const std::string key = place.ns.empty() ? place.name : place.ns + "/" + place.name;
    const std::string object = store_.Get(place.collection, key);
    if (object.empty()) return SendStatus(peer, 404, "NotFound", place.name + " not found");
    return peer.Send(200, kJson, object);
  }
  const Query query{place.collection, place.ns, std::string(request.query.Get("labelSelector")),
                    std::string(request.query.Get("fieldSelector"))};
  const auto watch = request.query.Get("watch");
  if (watch == "true" || watch == "1") return Watch(connection, query, request.query);
  return List(peer, query, request.query);
}

bool FakeApiServer::List(Peer& peer, const Query& query, const http::Params& params) {
  constexpr size_t kChunk = 10'000;
  const std::string behind(params.Get("continue"));
  if (!behind.empty() && expire_continue_) {
    return SendStatus(peer, 410, "Expired", "The provided continue parameter is too old");
  }
  const ObjectStore::Page page =
      store_.List(query, ParseUint(params.Get("limit")).value_or(0), behind);
  const auto declared = store_.declared();
  const auto kind = declared.find(query.collection);
  const bool strip = IsBuiltIn(query.collection);
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  json.Member("kind", (kind == declared.end() ? std::string() : kind->second.kind) + "List");
  json.Member("apiVersion", VersionOf(query.collection)).Key("metadata").BeginObject();
  json.Member("resourceVersion", fmt::format("{}", page.version));
  if (!page.next.empty()) {
    json.Member("continue", page.next).Key("remainingItemCount").Uint(page.remaining);
  }
  json.EndObject().Key("items").BeginArray();
  for (const std::string& item : page.items) {
    json.Raw(strip ? ToText(Without(*ParseJson(item), {"kind", "apiVersion"})) : item);
  }
  json.EndArray().EndObject();
  if (!peer.BeginChunked()) return false;
  for (size_t at = 0; at < body.size(); at += kChunk) {
    if (!peer.SendChunk(std::string_view(body).substr(at, kChunk))) return false;
  }
  return peer.EndChunked();
}

bool FakeApiServer::SendEvents(Peer& peer, const Query& query,
                               const std::vector<ObjectStore::Event>& events) {
  for (const ObjectStore::Event& event : events) {
    const bool before = query.MatchesText(event.before), after = query.MatchesText(event.after);
    if (!before && !after) continue;
    const char* type = !before ? "ADDED" : after ? "MODIFIED" : "DELETED";
    std::string object = event.after;
    // Of a deleted object the last state comes, with the version of its end.
    if (!after) object = ToText(WithVersion(*ParseJson(event.before), event.version, ""));
    if (!peer.SendChunk(fmt::format("{{\"type\":\"{}\",\"object\":{}}}\n", type, object))) {
      return false;
    }
  }
  return true;
}

bool FakeApiServer::Watch(Connection* connection, const Query& query, const http::Params& params) {
  constexpr milliseconds kTurn{100};
  Peer& peer = *connection->peer;
  uint64_t version = ParseUint(params.Get("resourceVersion")).value_or(0);
  if (version == 0) version = store_.version();
  const auto end = steady_clock::now() +
                   std::chrono::seconds(ParseUint(params.Get("timeoutSeconds")).value_or(600));
  auto next_bookmark = steady_clock::now() + options_.bookmarks;
  const uint64_t epoch = ended_watches_;
  const auto declared = store_.declared();
  const auto kind = declared.find(query.collection);
  size_t injected = 0;
  {
    MutexLock lock(mutex_);
    injected = injected_.size();
  }
  if (!peer.BeginChunked()) return false;
  connection->watching = true;
  ++open_watches_;
  const std::string name = kind == declared.end() ? std::string() : kind->second.kind;
  bool fine = true;
  if (initial_events_ && params.Get("sendInitialEvents") == "true") {
    const ObjectStore::Page page = store_.List(query, 0, "");
    for (const std::string& item : page.items) {
      fine = fine && peer.SendChunk(fmt::format("{{\"type\":\"ADDED\",\"object\":{}}}\n", item));
    }
    version = page.version;
    fine = fine && peer.SendChunk(BookmarkOf(query.collection, name, version,
                                             R"({"k8s.io/initial-events-end":"true"})"));
  }
  while (fine && !stopping_ && epoch == ended_watches_ && steady_clock::now() < end) {
    std::vector<ObjectStore::Event> events;
    if (!store_.Watch(query, version, kTurn, &events, &version)) {
      fine = peer.SendChunk(kExpired);
      break;
    }
    fine = SendEvents(peer, query, events) && !peer.IsGone();
    MutexLock lock(mutex_);
    const std::vector raw(injected_.begin() + static_cast<ptrdiff_t>(injected), injected_.end());
    injected = injected_.size();
    lock.Unlock();
    for (const auto& [collection, text] : raw) {
      if (collection == query.collection) fine = fine && peer.SendChunk(text);
    }
    if (!bookmarks_on_ || steady_clock::now() < next_bookmark) continue;
    next_bookmark = steady_clock::now() + options_.bookmarks;
    fine = fine && peer.SendChunk(BookmarkOf(query.collection, name, version));
  }
  connection->watching = false;
  --open_watches_;
  return fine && peer.EndChunked();
}

}  // namespace narthex::kube
