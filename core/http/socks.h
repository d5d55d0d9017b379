#pragma once
// The client's side of SOCKS 5 (RFC 1928; passwords: RFC 1929), without the I/O: it says what to
// send and takes what the proxy answers. Names are the proxy's to look up.
// Belongs to one thread.

#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/http/types.h"

namespace narthex::http {

class SocksHandshake {
 public:
  // A user of the proxy's URL is who logs in.
  SocksHandshake(const Url& proxy, std::string host, std::string port);

  // What is sent first.
  std::string Greeting() const;
  // True once the way is open; appends what is to be sent before. Errors are Go's ("unknown error
  // connection refused"). Never holds more than one answer, of 262 bytes at most.
  StatusOr<bool> Put(std::string_view input, std::string* output);

 private:
  enum class Step { kMethod, kPassword, kReply, kOpen };

  StatusOr<bool> Advance(std::string* output);  // false: more input is wanted
  Status OnMethod(std::string* output);
  Status Ask(std::string* output);
  StatusOr<size_t> ReplySize() const;  // 0: not known yet

  const std::string user_, password_, host_, port_;
  const bool has_user_;
  Step step_ = Step::kMethod;
  std::string input_;
};

}  // namespace narthex::http
