#include "core/http/client_connection.h"

#include <algorithm>

namespace narthex::http {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

void ClientConnection::WaitReadable() {
  if (waiting_readable_ || !transport.open()) return;
  waiting_readable_ = true;
  transport.WaitReadable([self = shared_from_this()](const boost::system::error_code& error) {
    self->waiting_readable_ = false;
    if (error || self->on_readable == nullptr) return;
    const auto callback = self->on_readable;  // may be replaced while it runs
    callback();
  });
}

void ClientConnection::WaitWritable() {
  if (waiting_writable_ || !transport.open()) return;
  waiting_writable_ = true;
  transport.WaitWritable([self = shared_from_this()](const boost::system::error_code& error) {
    self->waiting_writable_ = false;
    if (error || self->on_writable == nullptr) return;
    const auto callback = self->on_writable;
    callback();
  });
}

void ClientConnection::Close() {
  on_readable = nullptr;
  on_writable = nullptr;
  transport.Close();
}

std::shared_ptr<ClientConnection> ConnectionPool::Take(const std::string& key) {
  const auto found = idle_.find(key);
  if (found == idle_.end()) return nullptr;
  auto connection = std::move(found->second.back());
  found->second.pop_back();
  if (found->second.empty()) idle_.erase(found);
  --count_;
  connection->on_readable = nullptr;
  connection->reused = true;
  return connection;
}

void ConnectionPool::Put(const std::string& key, std::shared_ptr<ClientConnection> connection) {
  if (closed_ || max_per_host_ == 0) return connection->Close();
  auto& list = idle_[key];
  if (list.size() >= max_per_host_) {
    list.front()->Close();
    list.pop_front();
    --count_;
  }
  connection->idle_since = steady_clock::now();
  connection->on_writable = nullptr;
  // An idle peer has nothing to say: readable means closed, or out of step.
  connection->on_readable = [weak = weak_from_this(), key, raw = connection.get()] {
    if (const auto self = weak.lock()) self->Drop(key, raw);
  };
  connection->WaitReadable();
  list.push_back(std::move(connection));
  ++count_;
  ScheduleSweep();
}

void ConnectionPool::Drop(const std::string& key, const ClientConnection* connection) {
  const auto found = idle_.find(key);
  if (found == idle_.end()) return;
  auto& list = found->second;
  const auto it = std::find_if(list.begin(), list.end(),
                               [&](const auto& item) { return item.get() == connection; });
  if (it == list.end()) return;
  const auto closing = std::move(*it);
  list.erase(it);
  --count_;
  if (list.empty()) idle_.erase(found);
  closing->Close();
}

void ConnectionPool::ScheduleSweep() {
  if (sweeping_ || count_ == 0 || idle_timeout_.count() == 0) return;
  sweeping_ = true;
  timer_.expires_after(std::max(milliseconds(10), idle_timeout_ / 2));
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (error || self == nullptr) return;
    self->sweeping_ = false;
    self->Sweep();
    self->ScheduleSweep();
  });
}

void ConnectionPool::Sweep() {
  const auto oldest = steady_clock::now() - idle_timeout_;
  for (auto entry = idle_.begin(); entry != idle_.end();) {
    auto& list = entry->second;
    while (!list.empty() && list.front()->idle_since <= oldest) {
      list.front()->Close();
      list.pop_front();
      --count_;
    }
    const auto current = entry++;
    if (list.empty()) idle_.erase(current);
  }
}

void ConnectionPool::CloseAll() {
  closed_ = true;
  timer_.cancel();
  for (auto& [key, list] : idle_) {
    for (const auto& connection : list) connection->Close();
  }
  idle_.clear();
  count_ = 0;
}

}  // namespace narthex::http
