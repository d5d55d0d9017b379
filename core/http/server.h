#pragma once
// The HTTP server of every component, on Boost.Asio (which no header outside core/http names).
//
// Threads: `io_threads` run sockets, TLS and parsing; complete requests go to a pool of
// `worker_threads`, where handlers run and may block. An idle connection owns no thread and a few
// kilobytes. A handler that streams blocks its worker while the peer is slow; SSE subscribers
// (ResponseWriter::Detach) do not hold a worker.
//
// Limits: head, body, both of all requests together, connections, requests in the queue; time-outs
// for reading a request, for idle keep-alive and for writing. Every limit ends in a clean status
// (400, 408, 413, 431, 503) or a closed connection, never in growth.

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/http/types.h"

namespace narthex::http {

struct Request {
  std::string method;  // as sent
  std::string target;  // as sent
  std::string path;    // decoded path, without query; "" when the target names none
  std::string raw_query;
  Params query;  // decoded query parameters
  Headers headers;
  std::string body;  // whole body, identity-coded (Content-Encoding is the handler's affair)
  std::string remote_address;  // "ip:port"
  bool tls = false;
  mutable std::vector<std::pair<std::string, std::string>> path_params;  // filled by the Router
  std::function<bool()> cancelled;  // true once the client is gone

  std::string_view PathParam(std::string_view name) const;
  // Query parameters, with those of an urlencoded body in front (Go's ParseForm order).
  StatusOr<Params> Form() const;
};

// The answer. Either Send once, or set status/headers and Write any number of times, or Detach.
// Valid during the handler call only (a detached stream lives on in its own object).
class EventStream;
class ResponseWriter {
 public:
  virtual ~ResponseWriter() = default;
  virtual Headers& headers() = 0;
  virtual void SetStatus(int code) = 0;
  // One whole body; compressed when the client asks and it is worth it.
  virtual void Send(std::string body) = 0;
  // Streams: chunked encoding, compressed when asked. Blocks while the peer is behind; false when
  // the client is gone or too slow.
  virtual bool Write(std::string_view chunk) = 0;
  // Turns the response into a long-lived stream (SSE) that any thread may write to.
  virtual std::shared_ptr<EventStream> Detach() = 0;
  // Breaks a streamed answer off, so that the client does not take it for complete.
  virtual void Abort() {}

  void Send(int code, std::string_view content_type, std::string body);
  // Go's http.Error: text/plain; charset=utf-8, nosniff, message and a newline.
  void Error(int code, std::string_view message);
  void Redirect(int code, std::string_view location);
};

class EventStream {
 public:
  virtual ~EventStream() = default;
  virtual bool Write(std::string_view chunk) = 0;  // false when the client is gone; never blocks
  virtual void Close() = 0;
};

using Handler = std::function<void(const Request&, ResponseWriter&)>;

// For methods that are not allowed: adds OPTIONS to Allow and answers it, and others with 405.
void AllowOptions(const Request& request, ResponseWriter& response);

// Routes by method and pattern. Patterns: "/api/v1/query", "/label/:name/values" (one segment),
// "/static/*filepath" (the rest). Literal segments win over parameters. GET routes do not answer
// HEAD unless registered. A known path with another method gives 405 with Allow; an unknown path
// gives 404, both as text/plain in Go's wording.
class Router {
 public:
  Router();
  ~Router();
  void Handle(std::string_view method, std::string pattern, Handler handler);
  void Handle(std::span<const std::string_view> methods, const std::string& pattern,
              const Handler& handler);
  // Any method.
  void HandleAny(std::string pattern, Handler handler);
  void SetNotFound(Handler handler);
  void SetMethodNotAllowed(Handler handler);  // Allow is set before the call
  // As the router of the server, alertmanager and pushgateway upstream has it: a path that is a
  // route but for its case or a slash at its end is redirected to it (301, other methods than GET
  // 307), and OPTIONS, unless it is a route, tells what a known path allows.
  // A handler for methods that are not allowed is to be set afterwards.
  void ForgiveSpelling();
  // Called around every matched request, for metrics: (pattern, request, call).
  using Middleware = std::function<void(std::string_view pattern, const Request&, ResponseWriter&,
                                        const Handler&)>;
  void Use(Middleware middleware);
  void Serve(const Request& request, ResponseWriter& response) const;
  // Serve as a Server's handler; the router must outlive it.
  Handler AsHandler() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct ServerOptions {
  std::vector<std::string> listen_addresses;  // "host:port", ":port", port 0 picks one
  std::string web_config_file;                // exporter-toolkit web.config.file; "" for none
  int io_threads = 1;
  int worker_threads = 4;
  // While all are busy further ones come, up to so many together, and go again when they idle.
  int max_worker_threads = 0;
  size_t max_connections = 512;       // over all listeners; further ones wait unaccepted
  size_t max_queued_requests = 4096;  // beyond: 503
  size_t max_header_bytes = 1 << 20;  // request line included, as Go has it
  size_t max_body_bytes = 64 << 20;
  // What bodies, and heads above 64 KiB, of all requests may hold together; beyond: 503.
  size_t max_request_memory = 256 << 20;
  std::chrono::milliseconds read_timeout{300'000};
  std::chrono::milliseconds idle_timeout{300'000};
  std::chrono::milliseconds write_timeout{120'000};
  std::string server_name;  // thread names and logs
};

// Reads a web.config.file and reports what is wrong with it (the start-up check).
Status CheckWebConfigFile(const std::string& path);

class Server {
 public:
  static StatusOr<std::unique_ptr<Server>> Create(ServerOptions options, Handler handler);
  virtual ~Server() = default;
  // Binds and starts. An address in use names the address.
  virtual Status Start() = 0;
  // The bound ports, in the order of listen_addresses.
  virtual std::vector<int> ports() const = 0;
  // Stops accepting, lets running requests finish up to the grace period, closes everything.
  virtual void Stop(std::chrono::milliseconds grace = std::chrono::seconds(5)) = 0;

  struct Stats {
    size_t open_connections = 0;
    uint64_t accepted_connections = 0;
    uint64_t closed_connections = 0;
    uint64_t requests = 0;
  };
  virtual Stats stats() const = 0;
};

}  // namespace narthex::http
