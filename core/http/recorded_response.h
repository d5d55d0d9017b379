#pragma once
// Keeps what a handler answers, for tests of handlers and for TimeLimit.

#include <memory>
#include <string>
#include <string_view>

#include "core/http/server.h"

namespace narthex::http {

class RecordedResponse final : public ResponseWriter {
 public:
  Headers& headers() override { return headers_; }
  void SetStatus(int code) override { status = code; }
  void Send(std::string text) override { body += text; }
  bool Write(std::string_view chunk) override { return body.append(chunk), true; }
  std::shared_ptr<EventStream> Detach() override { return nullptr; }
  void Abort() override { aborted = true; }

  int status = 200;
  std::string body;
  bool aborted = false;

 private:
  Headers headers_;
};

}  // namespace narthex::http
