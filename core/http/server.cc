#include "core/http/server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <future>

#include "core/base/thread.h"
#include "core/http/connection.h"
#include "core/http/listener.h"
#include "core/http/web_config.h"
#include "core/log/log.h"

namespace narthex::http {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// After EMFILE and the like: the condition needs time, not another try.
constexpr milliseconds kAcceptPause{100};

struct Acceptor {
  Acceptor(asio::io_context& context, UniqueFd fd)
      : descriptor(context, fd.release()), retry(context) {}
  asio::posix::stream_descriptor descriptor;
  asio::steady_timer retry;
  bool waiting = false;
};

class ServerImpl final : public Server {
 public:
  ServerImpl(ServerOptions options, Handler handler) {
    shared_.options = std::move(options);
    shared_.handler = std::move(handler);
    shared_.on_slot_free = [this] {
      if (accept_paused_.exchange(false)) {
        asio::post(loops_[0]->context, [this] { ResumeAccepting(); });
      }
    };
  }
  ~ServerImpl() override { Stop(milliseconds(0)); }

  Status Start() override;
  std::vector<int> ports() const override { return ports_; }
  void Stop(milliseconds grace) override;
  Stats stats() const override;

 private:
  using WorkGuard = asio::executor_work_guard<asio::io_context::executor_type>;

  std::string ThreadName(std::string_view suffix) const {
    const std::string& name = shared_.options.server_name;
    return fmt::format("{}-{}", name.empty() ? "http" : name, suffix);
  }
  void ResumeAccepting();
  void WaitForAccept(Acceptor& acceptor);
  void AcceptSome(Acceptor& acceptor);
  void Adopt(UniqueFd fd);
  void ScheduleTick(Loop& loop);
  milliseconds TickInterval() const;
  void OnEveryLoop(const std::function<void(Loop&)>& action);
  void CloseAll(Loop& loop, bool gracefully);

  ServerShared shared_;
  std::vector<std::shared_ptr<Loop>> loops_;
  std::vector<WorkGuard> guards_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;  // on loop 0
  std::vector<NamedThread> threads_;
  std::vector<int> ports_;
  std::atomic<bool> accept_paused_{false};
  bool accepting_ = false;  // loop 0
  size_t next_loop_ = 0;    // loop 0
  bool running_ = false;
};

Status ServerImpl::Start() {
  shared_.request_memory =
      std::make_shared<ByteBudget>(shared_.options.max_request_memory, "requests");
  shared_.gate = std::make_unique<Gate>(shared_.options.web_config_file, ThreadName("auth"));
  if (shared_.gate->file() != nullptr) {
    NX_ASSIGN_OR_RETURN(const auto config, shared_.gate->file()->Current());
    shared_.tls = config->has_tls;
  }
  for (int i = 0; i < std::max(1, shared_.options.io_threads); ++i) {
    loops_.push_back(std::make_shared<Loop>());
  }
  for (const std::string& address : shared_.options.listen_addresses) {
    auto fd = Listen(address);
    if (!fd.ok()) {
      acceptors_.clear();
      loops_.clear();
      return std::move(fd).status();
    }
    ports_.push_back(BoundPort(fd->get()));
    acceptors_.push_back(std::make_unique<Acceptor>(loops_[0]->context, *std::move(fd)));
  }
  shared_.workers = std::make_unique<WorkerPool>(
      shared_.options.server_name.empty() ? "http" : shared_.options.server_name,
      std::max(1, shared_.options.worker_threads), shared_.options.max_worker_threads,
      shared_.options.max_queued_requests);
  running_ = true;
  for (const auto& loop : loops_) {
    guards_.emplace_back(loop->context.get_executor());
    asio::post(loop->context, [this, &loop = *loop] { ScheduleTick(loop); });
    threads_.emplace_back(ThreadName(fmt::format("io{}", threads_.size())),
                          [&loop = *loop] { loop.context.run(); });
  }
  asio::post(loops_[0]->context, [this] {
    accepting_ = true;
    ResumeAccepting();
  });
  return OkStatus();
}

void ServerImpl::ResumeAccepting() {
  if (!accepting_) return;
  for (const auto& acceptor : acceptors_) WaitForAccept(*acceptor);
}

void ServerImpl::WaitForAccept(Acceptor& acceptor) {
  if (acceptor.waiting || !accepting_) return;
  acceptor.waiting = true;
  acceptor.descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                 [this, &acceptor](const boost::system::error_code& error) {
                                   if (error) return;
                                   acceptor.waiting = false;
                                   if (accepting_) AcceptSome(acceptor);
                                 });
}

void ServerImpl::AcceptSome(Acceptor& acceptor) {
  for (int i = 0; i < 64; ++i) {
    if (shared_.open.load() >= shared_.options.max_connections) {
      accept_paused_ = true;
      // A connection may have closed between the two lines.
      if (shared_.open.load() >= shared_.options.max_connections) return;
      accept_paused_ = false;
    }
    UniqueFd fd(::accept4(acceptor.descriptor.native_handle(), nullptr, nullptr,
                          SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.valid()) {
      Adopt(std::move(fd));
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) break;
    if (errno == EINTR || errno == ECONNABORTED) continue;
    NX_LOG(Warn, "Accepting a connection failed", {"err", ErrnoText(errno)});
    acceptor.waiting = true;
    acceptor.retry.expires_after(kAcceptPause);
    acceptor.retry.async_wait([this, &acceptor](const boost::system::error_code& error) {
      if (error) return;
      acceptor.waiting = false;
      WaitForAccept(acceptor);
    });
    return;
  }
  WaitForAccept(acceptor);
}

void ServerImpl::Adopt(UniqueFd fd) {
  const int one = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
  shared_.open.fetch_add(1);
  shared_.accepted.fetch_add(1);
  const std::shared_ptr<Loop> loop = loops_[next_loop_++ % loops_.size()];
  auto connection = std::make_shared<Connection>(loop, shared_, std::move(fd));
  asio::post(loop->context, [loop = loop.get(), connection] {
    loop->connections.insert(connection);
    if (loop->stopping) return connection->Close();
    connection->Start();
  });
}

milliseconds ServerImpl::TickInterval() const {
  milliseconds shortest{4000};
  for (const milliseconds timeout : {shared_.options.read_timeout, shared_.options.idle_timeout,
                                     shared_.options.write_timeout}) {
    if (timeout.count() > 0) shortest = std::min(shortest, timeout);
  }
  return std::max(milliseconds(20), shortest / 4);
}

void ServerImpl::ScheduleTick(Loop& loop) {
  loop.tick.expires_after(TickInterval());
  loop.tick.async_wait([this, &loop](const boost::system::error_code& error) {
    if (error || loop.stopping) return;
    const auto now = steady_clock::now();
    std::vector<std::shared_ptr<Connection>> all(loop.connections.begin(), loop.connections.end());
    for (const auto& connection : all) connection->CheckDeadline(now);
    ScheduleTick(loop);
  });
}

void ServerImpl::OnEveryLoop(const std::function<void(Loop&)>& action) {
  std::vector<std::future<void>> done;
  for (const auto& loop : loops_) {
    auto task = std::make_shared<std::packaged_task<void()>>([&, &loop = *loop] { action(loop); });
    done.push_back(task->get_future());
    asio::post(loop->context, [task] { (*task)(); });
  }
  for (auto& future : done) future.wait();
}

void ServerImpl::CloseAll(Loop& loop, bool gracefully) {
  std::vector<std::shared_ptr<Connection>> all(loop.connections.begin(), loop.connections.end());
  for (const auto& connection : all) {
    if (gracefully) {
      connection->StopGracefully();
    } else {
      connection->Close();
    }
  }
}

void ServerImpl::Stop(milliseconds grace) {
  if (!running_) return;
  running_ = false;
  OnEveryLoop([this](Loop& loop) {
    if (&loop == loops_[0].get()) {
      accepting_ = false;
      acceptors_.clear();
    }
    loop.stopping = true;
    CloseAll(loop, true);
  });
  const auto end = steady_clock::now() + grace;
  while (shared_.open.load() > 0 && steady_clock::now() < end) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  OnEveryLoop([this](Loop& loop) { CloseAll(loop, false); });
  shared_.gate->Stop();
  shared_.workers->Stop();
  OnEveryLoop([this](Loop& loop) {
    CloseAll(loop, false);
    loop.tick.cancel();
  });
  guards_.clear();
  for (const auto& loop : loops_) loop->context.stop();
  threads_.clear();
  // What was posted last holds connections, and they hold their loop.
  for (const auto& loop : loops_) {
    loop->context.restart();
    loop->context.poll();
  }
}

Server::Stats ServerImpl::stats() const {
  Stats stats;
  stats.open_connections = shared_.open;
  stats.accepted_connections = shared_.accepted;
  stats.closed_connections = shared_.closed;
  stats.requests = shared_.requests;
  return stats;
}

}  // namespace

StatusOr<std::unique_ptr<Server>> Server::Create(ServerOptions options, Handler handler) {
  if (options.listen_addresses.empty()) return InvalidArgument("no listen address given");
  NX_RETURN_IF_ERROR(CheckWebConfigFile(options.web_config_file));
  return std::unique_ptr<Server>(new ServerImpl(std::move(options), std::move(handler)));
}

Status CheckWebConfigFile(const std::string& path) {
  if (path.empty()) return OkStatus();
  WebConfigFile file(path);
  return file.Current().status();
}

}  // namespace narthex::http
