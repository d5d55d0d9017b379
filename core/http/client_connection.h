#pragma once
// An open connection to a server or proxy, and the pool of idle ones of a client on one loop.
// Belongs to the thread of its loop.

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "core/base/string_map.h"
#include "core/http/client_loop.h"
#include "core/http/dial_metrics.h"
#include "core/http/transport.h"

namespace narthex::http {

class ClientConnection;

// Of one peer, oldest first. Whoever asks that peer again and again keeps hold of it.
struct IdleConnections {
  std::vector<std::shared_ptr<ClientConnection>> list;
};

// Who is told what happens to a connection: an exchange, or the pool.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  virtual void OnReadable(ClientConnection* connection) = 0;
  virtual void OnWritable(ClientConnection* connection) = 0;
};

class ClientConnection : public std::enable_shared_from_this<ClientConnection> {
 public:
  ClientConnection(std::shared_ptr<ClientLoop> loop, UniqueFd fd,
                   std::shared_ptr<IdleConnections> home)
      : loop_(std::move(loop)), home(std::move(home)), transport(loop_->context, std::move(fd)) {}

  // Of the moment; without one events are ignored.
  std::weak_ptr<ConnectionOwner> owner;
  void WaitReadable();
  void WaitWritable();
  void Close();

 private:
  const std::shared_ptr<ClientLoop> loop_;  // first: outlives the socket on its context

 public:
  const std::shared_ptr<IdleConnections> home;  // where it goes when nobody uses it
  Transport transport;
  // What its TLS was set up with, and is not to outlive; null without.
  std::shared_ptr<const tls::Context> tls_context;
  std::shared_ptr<DialCounters> counters;  // may be null
  bool reused = false;
  std::chrono::steady_clock::time_point idle_since;

 private:
  bool waiting_readable_ = false;
  bool waiting_writable_ = false;
};

class ConnectionPool final : public ConnectionOwner,
                             public std::enable_shared_from_this<ConnectionPool> {
 public:
  ConnectionPool(std::shared_ptr<ClientLoop> loop, size_t max_per_host,
                 std::chrono::milliseconds idle_timeout)
      : loop_(std::move(loop)),
        max_per_host_(max_per_host),
        idle_timeout_(idle_timeout),
        timer_(loop_->context) {}

  // `key` says everything that must be equal to share a connection.
  std::shared_ptr<IdleConnections> ListOf(const std::string& key);
  // The connection used last, or null.
  std::shared_ptr<ClientConnection> Take(const std::shared_ptr<IdleConnections>& home);
  void Put(std::shared_ptr<ClientConnection> connection);
  void CloseAll();
  size_t idle_count() const { return count_; }

  // An idle peer has nothing to say: readable means closed, or out of step.
  void OnReadable(ClientConnection* connection) override;
  void OnWritable(ClientConnection*) override {}

 private:
  void ScheduleSweep();
  void Sweep();

  const std::shared_ptr<ClientLoop> loop_;
  const size_t max_per_host_;
  const std::chrono::milliseconds idle_timeout_;
  boost::asio::steady_timer timer_;
  // Empty ones that nobody keeps hold of stay until the next sweep.
  StringMap<std::shared_ptr<IdleConnections>> idle_;
  size_t count_ = 0;
  bool sweeping_ = false;
  bool closed_ = false;
};

}  // namespace narthex::http
