#include "bench/ingest/crowd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "core/base/clock.h"
#include "tests/support/process.h"

namespace narthex::bench {
namespace {

constexpr size_t kRecentBodies = 6;

sockaddr_in Address(uint32_t host, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(host);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

int Listen(UniqueFd* fd, int backlog) {
  fd->Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address = Address(INADDR_ANY, 0);
  socklen_t length = sizeof address;
  const int one = 1;  // inherited by what is accepted
  ::setsockopt(fd->get(), SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
  if (::bind(fd->get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::listen(fd->get(), backlog) != 0) {
    return 0;
  }
  ::getsockname(fd->get(), reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

// 127.<second>.x.y, without the zeros at the ends of a net.
uint32_t Host(int second, int target) {
  return (127u << 24) | (static_cast<uint32_t>(second) << 16) |
         (static_cast<uint32_t>(target / 250 + 1) << 8) | static_cast<uint32_t>(target % 250 + 1);
}

std::string Text(uint32_t host, int port) {
  return fmt::format("{}.{}.{}.{}:{}", host >> 24, host >> 16 & 255, host >> 8 & 255, host & 255,
                     port);
}

// As recv; *arrived: when the system had it, which may be long before this process ran.
ssize_t Receive(int fd, std::span<char> room, int64_t* arrived) {
  iovec vector{room.data(), room.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(timespec))];
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t n = ::recvmsg(fd, &message, 0);
  *arrived = Clock::System().NowNanos();
  const cmsghdr* const header = n > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header != nullptr && header->cmsg_type == SCM_TIMESTAMPNS) {
    timespec time{};
    std::memcpy(&time, CMSG_DATA(header), sizeof time);
    *arrived = int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  }
  return n;
}

uint64_t Mix(uint64_t z) {  // splitmix64
  z += 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

Crowd::Crowd(int clients, int series, int64_t interval_ms)
    : series_(static_cast<size_t>(series)),
      interval_ns_(interval_ms * 1'000'000),
      listeners_(static_cast<size_t>(clients) + 1),
      ports_(listeners_.size()),
      arrivals_(static_cast<size_t>(clients)) {
  for (size_t i = 0; i < series_; ++i) {
    lines_.push_back(
        fmt::format("application_requests_total_{}{{handler=\"/api/v1/resource/"
                    "{}\",method=\"{}\",code=\"{}\"}} ",
                    i % 20, i / 10, i % 2 == 0 ? "GET" : "POST", 200 + i % 10));
    bodies_.values.push_back(Mix(i) % 100'000);
  }
}

Crowd::~Crowd() {
  stop_ = true;
  thread_.Join();
}

Status Crowd::Start() {
  epoll_.Reset(::epoll_create1(EPOLL_CLOEXEC));
  for (size_t i = 0; i < listeners_.size(); ++i) {
    ports_[i] = Listen(&listeners_[i], 20'000);
    if (ports_[i] == 0) return Unavailable("cannot listen");
    epoll_event event{.events = EPOLLIN, .data = {.fd = listeners_[i].get()}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listeners_[i].get(), &event);
  }
  black_hole_port_ = Listen(&black_hole_, 0);
  for (UniqueFd& peer : black_hole_peers_) {
    peer.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_in address = Address(INADDR_LOOPBACK, black_hole_port_);
    (void)::connect(peer.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  refused_port_ = testing::FreePort();
  Reset();
  thread_ = NamedThread("crowd", [this] { Run(); });
  return OkStatus();
}

std::string Crowd::address(int client, int target) const {
  return Text(Host(1, target), ports_[static_cast<size_t>(client)]);
}
std::string Crowd::hung_address(int target) const { return Text(Host(2, target), ports_.back()); }
std::string Crowd::refused_address(int target) const {
  return Text(Host(3, target), refused_port_);
}
std::string Crowd::black_hole_address(int target) const {
  return Text(Host(4, target), black_hole_port_);
}

void Crowd::Run() {
  std::vector<epoll_event> events(512);
  while (!stop_) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), 512, 100);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      const auto listener = std::find_if(listeners_.begin(), listeners_.end(),
                                         [&](const UniqueFd& l) { return l.get() == fd; });
      if (listener != listeners_.end()) {
        const auto index = listener - listeners_.begin();
        Accept(fd, index + 1 == std::ssize(listeners_) ? -1 : static_cast<int>(index));
        continue;
      }
      const auto found = connections_.find(fd);
      if (found == connections_.end()) continue;
      if ((events[static_cast<size_t>(i)].events & EPOLLIN) != 0) {
        OnInput(found->second);
      } else {
        Send(found->second);
      }
      if (!found->second.fd.valid()) connections_.erase(found);
    }
  }
}

void Crowd::Accept(int listener, int client) {
  for (;;) {
    UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd.valid()) return;
    sockaddr_in address{};
    socklen_t length = sizeof address;
    ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length);
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd.get()}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event);
    Connection& connection = connections_[fd.get()];
    connection = Connection();
    connection.client = client;
    connection.target = ntohl(address.sin_addr.s_addr);
    connection.fd = std::move(fd);
  }
}

void Crowd::OnInput(Connection& connection) {
  char buffer[4096];
  int64_t arrived = 0;
  const ssize_t n = Receive(connection.fd.get(), buffer, &arrived);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) return connection.fd.Reset();
  connection.seen += static_cast<size_t>(n);
  const bool whole =
      n >= 4 && std::string_view(buffer, static_cast<size_t>(n)).ends_with("\r\n\r\n");
  if (!whole || connection.client < 0) {
    if (connection.seen > 64 << 10) connection.fd.Reset();
    return;
  }
  connection.seen = 0;
  {
    MutexLock lock(mutex_);
    arrivals_[static_cast<size_t>(connection.client)][connection.target].push_back(arrived);
  }
  const uint64_t key = static_cast<uint64_t>(connection.client) << 32 | connection.target;
  connection.answer = Answer(scrapes_[key]++);
  connection.sent = 0;
  Send(connection);
}

void Crowd::Send(Connection& connection) {
  if (connection.answer == nullptr) return;
  const std::string& answer = *connection.answer;
  while (connection.sent < answer.size()) {
    const ssize_t n = ::send(connection.fd.get(), answer.data() + connection.sent,
                             answer.size() - connection.sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) return WaitForRoom(connection, true);
    if (n <= 0) return connection.fd.Reset();
    connection.sent += static_cast<size_t>(n);
  }
  connection.answer.reset();
  WaitForRoom(connection, false);
}

void Crowd::WaitForRoom(Connection& connection, bool stuck) {
  if (std::exchange(connection.stuck, stuck) == stuck) return;
  epoll_event event{.events = stuck ? EPOLLIN | EPOLLOUT : EPOLLIN,
                    .data = {.fd = connection.fd.get()}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event);
}

std::shared_ptr<const std::string> Crowd::Answer(int scrape) {
  while (bodies_.first + std::ssize(bodies_.recent) <= scrape) Render();
  const int index = std::max(0, scrape - bodies_.first);  // who is far behind gets what there is
  return bodies_.recent[static_cast<size_t>(index)];
}

void Crowd::Render() {
  const uint64_t scrape = static_cast<uint64_t>(bodies_.first) + bodies_.recent.size();
  std::string body;
  for (size_t i = 0; i < series_; ++i) {
    const uint64_t dice = Mix(scrape * series_ + i);
    if (dice % 10 < 3) bodies_.values[i] += (dice >> 32) % 50;
    if (i % 10 == 0 && i / 10 < 20) {
      body += fmt::format("# TYPE application_requests_total_{} counter\n", i / 10);
    }
    body += fmt::format("{}{}\n", lines_[i], bodies_.values[i]);
  }
  bodies_.recent.push_back(std::make_shared<const std::string>(
      fmt::format("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8; "
                  "escaping=underscores\r\nDate: Mon, 23 Nov 2026 00:00:00 GMT\r\n"
                  "Content-Length: {}\r\n\r\n{}",
                  body.size(), body)));
  if (bodies_.recent.size() <= kRecentBodies) return;
  bodies_.recent.pop_front();
  ++bodies_.first;
}

void Crowd::Reset() {
  MutexLock lock(mutex_);
  for (auto& targets : arrivals_) targets.clear();
  since_ = Clock::System().NowNanos();
}

Crowd::Lateness Crowd::lateness(int client) const {
  MutexLock lock(mutex_);
  Lateness out;
  std::vector<double> late;
  const auto expected = static_cast<size_t>((Clock::System().NowNanos() - since_) / interval_ns_);
  for (const auto& [target, times] : arrivals_[static_cast<size_t>(client)]) {
    std::vector<int64_t> places;
    for (const int64_t t : times) {
      const int64_t shifted = (t - times[0]) % interval_ns_;  // around the first one's slot
      places.push_back(shifted > interval_ns_ / 2 ? shifted - interval_ns_ : shifted);
    }
    const int64_t slot = *std::min_element(places.begin(), places.end());
    for (const int64_t place : places) late.push_back(static_cast<double>(place - slot) / 1e6);
    out.missed += expected > times.size() ? expected - times.size() : 0;
    ++out.targets;
  }
  if (late.empty()) return out;
  std::sort(late.begin(), late.end());
  out.scrapes = late.size();
  out.p50_ms = late[late.size() / 2];
  out.p99_ms = late[late.size() * 99 / 100];
  out.max_ms = late.back();
  return out;
}

}  // namespace narthex::bench
