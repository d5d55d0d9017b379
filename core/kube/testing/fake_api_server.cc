#include "core/kube/testing/fake_api_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "core/kube/testing/json_text.h"

namespace narthex::kube {

StatusOr<std::unique_ptr<FakeApiServer>> FakeApiServer::Start(Options options) {
  std::unique_ptr<FakeApiServer> server(new FakeApiServer(std::move(options)));
  NX_RETURN_IF_ERROR(server->Listen());
  server->acceptor_ = std::thread([raw = server.get()] { raw->Accept(); });
  return server;
}

Status FakeApiServer::Listen() {
  if (!options_.certificate_pem.empty()) {
    tls::ServerSettings settings;
    settings.certificate_pem = options_.certificate_pem;
    settings.key_pem = options_.key_pem;
    NX_ASSIGN_OR_RETURN(tls_, tls::Context::ForServer(settings));
  }
  listener_.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(options_.port));
  if (::inet_pton(AF_INET, options_.address.c_str(), &address.sin_addr) != 1) {
    return InvalidArgument("not an IPv4 address: {}", options_.address);
  }
  socklen_t size = sizeof address;
  if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener_.get(), 512) != 0) {
    return ErrnoStatus(errno, fmt::format("listen {}:{}", options_.address, options_.port));
  }
  ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  return OkStatus();
}

std::string FakeApiServer::url() const {
  return fmt::format("{}://{}:{}", tls_ == nullptr ? "http" : "https", options_.address, port_);
}

FakeApiServer::~FakeApiServer() {
  stopping_ = true;
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  store_.Wake();
  std::list<Connection> connections;
  {
    MutexLock lock(mutex_);
    for (Connection& connection : connections_) connection.peer->Cut();
    connections.swap(connections_);
  }
  for (Connection& connection : connections) connection.thread.join();
}

void FakeApiServer::Accept() {
  for (;;) {
    UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd.valid()) return;
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    MutexLock lock(mutex_);
    std::list<Connection> finished;
    for (auto it = connections_.begin(); it != connections_.end();) {
      const auto current = it++;
      if (current->done) finished.splice(finished.end(), connections_, current);
    }
    Connection& connection = connections_.emplace_back();
    connection.peer = std::make_unique<Peer>(std::move(fd));
    connection.thread = std::thread([this, &connection] { Serve(&connection); });
    lock.Unlock();
    for (Connection& old : finished) old.thread.join();
  }
}

void FakeApiServer::Serve(Connection* connection) {
  Peer& peer = *connection->peer;
  PeerRequest request;
  if (tls_ == nullptr || peer.StartTls(tls_)) {
    while (!stopping_ && peer.ReadRequest(&request) && Answer(connection, request)) {
    }
  }
  peer.Cut();
  connection->done = true;
}

void FakeApiServer::Put(const std::string& collection, std::string_view json) {
  auto object = ParseJson(json);
  if (object.ok()) store_.Put(collection, *object);
}

void FakeApiServer::Delete(const std::string& collection, const std::string& key) {
  store_.Delete(collection, key);
}

Status FakeApiServer::Load(const std::string& directory) { return LoadObjects(directory, &store_); }

void FakeApiServer::SetText(const std::string& path, std::string body) {
  MutexLock lock(mutex_);
  texts_[path] = std::move(body);
}

void FakeApiServer::AddUser(const std::string& token, const std::string& user, bool allowed) {
  MutexLock lock(mutex_);
  users_[token] = user;
  if (allowed) allowed_.push_back(user);
}

void FakeApiServer::FailNext(int times, int status, std::string part, int retry_after_seconds) {
  MutexLock lock(mutex_);
  faults_.push_back({times, status, retry_after_seconds, std::move(part)});
}

void FakeApiServer::Forbid(const std::string& collection) {
  MutexLock lock(mutex_);
  forbidden_.push_back(collection);
}

void FakeApiServer::SetDelay(std::chrono::milliseconds before_each_answer) {
  delay_ms_ = before_each_answer.count();
}

void FakeApiServer::CutWatches() {
  MutexLock lock(mutex_);
  for (Connection& connection : connections_) {
    if (connection.watching) connection.peer->Cut();
  }
}

void FakeApiServer::EndWatches() {
  ++ended_watches_;
  store_.Wake();
}

void FakeApiServer::Inject(const std::string& collection, const std::string& text) {
  {
    MutexLock lock(mutex_);
    injected_.emplace_back(collection, text);
  }
  store_.Wake();
}

void FakeApiServer::Remember(const std::string& line) {
  constexpr size_t kMost = 100'000;
  MutexLock lock(mutex_);
  if (requests_.size() < kMost) requests_.push_back(line);
}

size_t FakeApiServer::CountRequests(std::string_view part) {
  MutexLock lock(mutex_);
  size_t count = 0;
  for (const std::string& line : requests_) count += line.find(part) != std::string::npos;
  return count;
}

}  // namespace narthex::kube
