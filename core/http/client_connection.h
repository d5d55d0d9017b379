#pragma once
// An open connection to a server or proxy, and the pool of idle ones of a client on one loop.
// Belongs to the thread of its loop.

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "core/base/string_map.h"
#include "core/http/client_loop.h"
#include "core/http/transport.h"

namespace narthex::http {

class ClientConnection : public std::enable_shared_from_this<ClientConnection> {
 public:
  ClientConnection(std::shared_ptr<ClientLoop> loop, UniqueFd fd)
      : loop_(std::move(loop)), transport(loop_->context, std::move(fd)) {}

  // The owner of the moment: an exchange, or the pool. Null callbacks ignore the event.
  std::function<void()> on_readable;
  std::function<void()> on_writable;
  void WaitReadable();
  void WaitWritable();
  void Close();

 private:
  const std::shared_ptr<ClientLoop> loop_;  // first: outlives the socket on its context

 public:
  Transport transport;
  bool reused = false;
  std::chrono::steady_clock::time_point idle_since;

 private:
  bool waiting_readable_ = false;
  bool waiting_writable_ = false;
};

class ConnectionPool : public std::enable_shared_from_this<ConnectionPool> {
 public:
  ConnectionPool(std::shared_ptr<ClientLoop> loop, size_t max_per_host,
                 std::chrono::milliseconds idle_timeout)
      : loop_(std::move(loop)),
        max_per_host_(max_per_host),
        idle_timeout_(idle_timeout),
        timer_(loop_->context) {}

  // The connection used last, or null. `key` says everything that must be equal to share one.
  std::shared_ptr<ClientConnection> Take(const std::string& key);
  void Put(const std::string& key, std::shared_ptr<ClientConnection> connection);
  void CloseAll();
  size_t idle_count() const { return count_; }

 private:
  void Drop(const std::string& key, const ClientConnection* connection);
  void ScheduleSweep();
  void Sweep();

  const std::shared_ptr<ClientLoop> loop_;
  const size_t max_per_host_;
  const std::chrono::milliseconds idle_timeout_;
  boost::asio::steady_timer timer_;
  StringMap<std::deque<std::shared_ptr<ClientConnection>>> idle_;
  size_t count_ = 0;
  bool sweeping_ = false;
  bool closed_ = false;
};

}  // namespace narthex::http
