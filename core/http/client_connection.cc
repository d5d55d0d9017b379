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
    const auto owner = self->owner.lock();
    if (!error && owner != nullptr) owner->OnReadable(self.get());
  });
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
  transport.Close();
}

std::shared_ptr<ClientConnection> ConnectionPool::Take(const std::string& key) {
  const auto found = idle_.find(key);
  if (found == idle_.end() || found->second.empty()) return nullptr;
  auto connection = std::move(found->second.back());
  found->second.pop_back();
  --count_;
  connection->reused = true;
  return connection;
}

void ConnectionPool::Put(std::shared_ptr<ClientConnection> connection) {
  if (closed_ || max_per_host_ == 0) return connection->Close();
  Idle& list = idle_[connection->key];
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
  const auto found = idle_.find(connection->key);
  if (found == idle_.end()) return;
  Idle& list = found->second;
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
    Idle& list = entry->second;
    const auto old = [&](const auto& connection) { return connection->idle_since <= oldest; };
    const auto kept = std::find_if_not(list.begin(), list.end(), old);
    std::for_each(list.begin(), kept, [](const auto& connection) { connection->Close(); });
    count_ -= static_cast<size_t>(kept - list.begin());
    list.erase(list.begin(), kept);
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
