#pragma once
// One accepted connection: a state machine on the thread of its loop.
//
//   [handshake] -> idle -> reading -> [authorizing] -> handling -> (answer drained) -> idle ... any
//   -> lingering -> closed
//
// While a handler runs on a worker the connection keeps reading, so that it notices the peer's
// going away; what arrives is the next request of a pipeline and is kept, up to a limit. The
// parser and the input buffer exist only while a request is being read.
//
// What the socket takes at once does not wake the loop: the worker sends it by itself and, at the
// end of an answer, leaves a note, which the loop finds when the next request comes, or at its next
// tick.
//
// Thread safety: Post*, SendNow and flow() may be used from any thread; everything else belongs
// to the loop.

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <unordered_set>

#include "core/http/flow.h"
#include "core/http/gate.h"
#include "core/http/request_parser.h"
#include "core/http/server.h"
#include "core/http/transport.h"
#include "core/http/worker_pool.h"

namespace narthex::http {

class Connection;

// What an I/O thread owns. Only its thread touches it, except for posting to `context`.
struct Loop {
  explicit Loop() : context(1), tick(context), scratch(new char[kScratchBytes]) {}
  static constexpr size_t kScratchBytes = 64 << 10;

  boost::asio::io_context context;
  boost::asio::steady_timer tick;
  std::unique_ptr<char[]> scratch;
  std::unordered_set<std::shared_ptr<Connection>> connections;
  bool stopping = false;
};

// What all connections of a server share.
struct ServerShared {
  ServerOptions options;
  Handler handler;
  std::unique_ptr<WorkerPool> workers;
  std::unique_ptr<Gate> gate;
  std::shared_ptr<ByteBudget> request_memory;  // of bodies, and of large heads
  bool tls = false;                            // decided at the start, as upstream does
  std::function<void()> on_slot_free;          // set when accepting may have to resume
  std::atomic<size_t> open{0};
  std::atomic<uint64_t> accepted{0};
  std::atomic<uint64_t> closed{0};
  std::atomic<uint64_t> requests{0};
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  Connection(std::shared_ptr<Loop> loop, ServerShared& shared, UniqueFd fd);
  ~Connection();

  void Start();
  // Called about every tick: enforces the deadline of the current state.
  void CheckDeadline(TimePoint now);
  // Stops after the answer under way; an idle connection closes now.
  void StopGracefully();
  void Close();

  // Queues output. `finish` ends the answer; `keep_alive` is the answer's own view.
  void PostOutput(std::string head, std::string body);
  void PostFinish(bool keep_alive);
  // Has the calling thread send what it can without waiting; returns how much that was. `end`: the
  // answer ends with it and the connection stays open; if all was sent, there is nothing to post.
  size_t SendNow(std::string_view head, std::string_view body, bool end);
  void PostDetach();
  void PostClose();
  const std::shared_ptr<Flow>& flow() const { return flow_; }

 private:
  enum class State {
    kHandshake,
    kIdle,
    kReading,
    kAuthorizing,
    kHandling,
    kDetached,
    kLingering,
    kClosed
  };

  void StartHandshake();
  void Handshake();
  void WaitForInput();
  void OnReadable();
  bool ReadOnce();  // false when there is nothing more to do now
  void OnInput(std::string_view data);
  void OnPeerEof();
  void Parse();
  void AfterParsing();
  bool OnHeader();
  bool CheckGate();  // false when the request has been rejected or must wait
  void OnVerdict(Gate::Verdict verdict);
  void RejectAtGate(Gate::Verdict verdict);
  bool Admit();
  void Dispatch();
  void Refuse(const RequestFault& fault);
  void AnswerEmpty(int status);
  void Reject(int status, std::string_view reason, std::string_view extra_header = {});
  void AnswerInstead(std::string answer);
  void QueueOutput(std::string data);
  void Flush();
  void OnAnswerDrained();
  void LookForNote(bool announce);
  void Linger();
  void SetDeadline(std::chrono::milliseconds after);

  const std::shared_ptr<Loop> loop_;  // first: outlives the socket on its context
  ServerShared& shared_;
  Transport transport_;
  std::shared_ptr<Flow> flow_;
  std::unique_ptr<RequestParser> parser_;
  std::shared_ptr<const WebConfig> web_config_;  // of the request under way
  std::string input_;
  std::string remote_;
  std::deque<std::string> output_;
  size_t output_offset_ = 0;
  size_t written_since_deadline_ = 0;
  size_t lingered_ = 0;
  TimePoint deadline_ = TimePoint::max();
  TimePoint write_deadline_ = TimePoint::max();
  State state_ = State::kIdle;
  bool waiting_readable_ = false;
  bool waiting_writable_ = false;
  bool peer_eof_ = false;
  bool header_seen_ = false;
  bool answer_done_ = false;
  bool keep_alive_ = true;
  bool linger_ = false;  // unread input may remain: drain before closing
  bool stopping_ = false;
};

}  // namespace narthex::http
