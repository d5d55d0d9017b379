#include "core/http/client_connection.h"

#include <algorithm>

namespace narthex::http {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

void ClientConnection::WaitReadable() {
  if (waiting_readable_ || !transport.open()) return;
  waiting_readable_ = true;
  auto ready = [self = shared_from_this()](const boost::system::error_code& error) {
    self->waiting_readable_ = false;
    const auto owner = self->owner.lock();
    if (!error && owner != nullptr) owner->OnReadable(self.get());
  };
  if (transport.tls() != nullptr && transport.tls()->has_pending_input()) {
    return boost::asio::post(loop_->context, [ready = std::move(ready)]() mutable { ready({}); });
  }
  transport.WaitReadable(std::move(ready));
}

void ClientConnection::WaitWritable() {
  if (waiting_writable_ || !transport.open()) return;
  waiting_writable_ = true;
  transport.WaitWritable([self = shared_from_this()](const boost::system::error_code& error) {
    self->waiting_writable_ = false;
    const auto owner = self->owner.lock();
    if (!error && owner != nullptr) owner->OnWritable(self.get());
  });
}

void ClientConnection::Close() {
  owner.reset();
  if (counters != nullptr && transport.open()) counters->closed.Inc();
  transport.Close();
}

std::shared_ptr<IdleConnections> ConnectionPool::ListOf(const std::string& key) {
  std::shared_ptr<IdleConnections>& list = idle_[key];
  if (list == nullptr) list = std::make_shared<IdleConnections>();
  return list;
}

std::shared_ptr<ClientConnection> ConnectionPool::Take(
    const std::shared_ptr<IdleConnections>& home) {
  if (home->list.empty()) return nullptr;
  auto connection = std::move(home->list.back());
  home->list.pop_back();
  --count_;
  connection->reused = true;
  return connection;
}

void ConnectionPool::Put(std::shared_ptr<ClientConnection> connection) {
  if (closed_ || max_per_host_ == 0) return connection->Close();
  auto& list = connection->home->list;
  if (list.size() >= max_per_host_) {
    list.front()->Close();
    list.erase(list.begin());
    --count_;
  }
  connection->idle_since = steady_clock::now();
  connection->owner = weak_from_this();
  connection->WaitReadable();
  list.push_back(std::move(connection));
  ++count_;
  ScheduleSweep();
}

void ConnectionPool::OnReadable(ClientConnection* connection) {
  // Readable for nothing, or for what TLS keeps to itself, such as a session ticket: only data that
  // nobody asked for, or the end, makes it useless.
  char byte;
  const IoState state = connection->transport.Read(&byte, 1).state;
  if (state == IoState::kWantRead) return connection->WaitReadable();
  auto& list = connection->home->list;
  const auto it = std::find_if(list.begin(), list.end(),
                               [&](const auto& item) { return item.get() == connection; });
  if (it == list.end()) return;
  const auto closing = std::move(*it);
  list.erase(it);
  --count_;
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
    auto& list = entry->second->list;
    const auto old = [&](const auto& connection) { return connection->idle_since <= oldest; };
    const auto kept = std::find_if_not(list.begin(), list.end(), old);
    std::for_each(list.begin(), kept, [](const auto& connection) { connection->Close(); });
    count_ -= static_cast<size_t>(kept - list.begin());
    list.erase(list.begin(), kept);
    const auto current = entry++;
    if (list.empty() && current->second.use_count() == 1) idle_.erase(current);
  }
}

void ConnectionPool::CloseAll() {
  closed_ = true;
  timer_.cancel();
  for (auto& [key, home] : idle_) {
    for (const auto& connection : home->list) connection->Close();
    home->list.clear();
  }
  idle_.clear();
  count_ = 0;
}

}  // namespace narthex::http
