#pragma once
// A response writer that passes everything on and remembers, for metrics of requests, the status
// and the size of the body before compression. Not thread-safe.

#include <memory>
#include <string>
#include <string_view>

#include "core/http/server.h"

namespace narthex::http {

class CountingWriter final : public ResponseWriter {
 public:
  explicit CountingWriter(ResponseWriter& inner) : inner_(inner) {}

  Headers& headers() override { return inner_.headers(); }
  void SetStatus(int code) override {
    status_ = code;
    inner_.SetStatus(code);
  }
  using ResponseWriter::Send;
  void Send(std::string body) override {
    bytes_ += body.size();
    inner_.Send(std::move(body));
  }
  bool Write(std::string_view chunk) override {
    bytes_ += chunk.size();
    return inner_.Write(chunk);
  }
  std::shared_ptr<EventStream> Detach() override { return inner_.Detach(); }
  void Abort() override { inner_.Abort(); }

  int status() const { return status_; }
  size_t bytes() const { return bytes_; }

 private:
  ResponseWriter& inner_;
  int status_ = 200;
  size_t bytes_ = 0;
};

}  // namespace narthex::http
