#pragma once
// One request of the client from dialing to the end of the last redirect. A state machine on the
// thread of its loop; it lives in the loop's `active` set until its callback has run.
//
//   [token] -> pooled or dialed -> [CONNECT] -> [TLS] -> sent -> head -> body -> [redirect] -> done

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "core/http/client_connection.h"
#include "core/http/client_impl.h"
#include "core/http/dial.h"
#include "core/http/parser.h"

namespace narthex::http {

class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(std::shared_ptr<ClientImpl> client, size_t loop_index, ClientRequest request, Url url,
           Client::Callback callback);

  void Start();
  void Fail(Status status);  // without a word about the request

 private:
  enum class Phase { kConnecting, kTunnel, kHandshake, kExchanging, kDone };

  void BeginHop();
  void Authorize();
  void AwaitToken();
  void Connect();
  void OnDialed(StatusOr<UniqueFd> fd);
  void StartTunnel();
  void StartTls();
  void Handshake();
  void SendRequest();
  std::string RenderHead();
  void Adopt(std::shared_ptr<ClientConnection> connection);

  void OnReadable();
  void OnWritable();
  void WakeWhenWhole();
  std::unique_ptr<ResponseParser> NewParser() const;
  void OnInput(std::string_view data);
  void OnPeerEof();
  void OnTransportError(int error);
  void OnParseError(const boost::beast::error_code& error);
  void OnTunnelAnswer();
  void OnResponse();
  bool FollowRedirect();

  void FailHop(const Status& cause);  // in the wording of Go's url.Error
  void LoseConnection(const Status& cause);
  bool CanRetry() const;
  void ReleaseConnection(bool reusable);
  void Deliver(StatusOr<ClientResponse> result);
  std::chrono::milliseconds TimeLeft() const;

  const std::shared_ptr<ClientImpl> client_;
  const std::shared_ptr<ClientLoop> loop_;
  const size_t loop_index_;
  ClientRequest request_;
  Url url_;
  Client::Callback callback_;
  boost::asio::steady_timer timer_;
  std::chrono::steady_clock::time_point deadline_;

  std::shared_ptr<Dial> dial_;
  std::shared_ptr<ClientConnection> connection_;
  const Url* proxy_ = nullptr;
  std::string key_;
  std::string authorization_;
  std::string output_;
  size_t output_offset_ = 0;
  std::string input_;
  std::unique_ptr<ResponseParser> parser_;
  Phase phase_ = Phase::kConnecting;
  int redirects_ = 0;
  bool credentials_allowed_ = true;
  bool retried_ = false;
  bool received_ = false;  // any byte of the answer
};

}  // namespace narthex::http
