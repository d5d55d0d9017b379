#pragma once
// HTTP/1 message parsers on Beast's incremental core, writing straight into our own values.
// Not thread-safe.

#include <boost/beast/http/basic_parser.hpp>
#include <cstring>
#include <span>
#include <string>

#include "core/http/client.h"
#include "core/http/client_stream.h"
#include "core/http/server.h"

namespace narthex::http {

// What both directions collect: header fields and a body of limited size.
template <bool is_request>
class MessageParser : public boost::beast::http::basic_parser<is_request> {
 public:
  using error_code = boost::beast::error_code;
  using string_view = boost::beast::string_view;

  // More fields than this are refused whatever their size.
  static constexpr size_t kMaxFields = 1000;

  Headers headers;
  std::string body;      // may come with memory to use again; what it is holds when finished
  size_t max_body = 0;   // of the decoded transfer; 0 = no limit
  ByteLease body_lease;  // holds the body's buffer
  bool body_too_large = false;
  bool too_many_fields = false;
  bool finished = false;

  // Up to `want` bytes behind what there is of the body, for a caller who receives them there;
  // empty when the budget refuses them.
  std::span<char> Room(size_t want) {
    if (used_ == body.size()) {
      error_code ignored;
      const size_t size = used_ + std::min(want, std::max(kFirstBuffer, used_));
      if (!Reserve(size, ignored)) return {};
      body.resize(size);
    }
    return {body.data() + used_, std::min(want, body.size() - used_)};
  }
  void Filled(size_t bytes) { used_ += bytes; }
  // The caller has received all of it.
  void FinishBody() {
    body.resize(used_);
    finished = true;
  }

 protected:
  void on_field_impl(boost::beast::http::field, string_view name, string_view value,
                     error_code& error) override {
    if (++fields_ > kMaxFields) {
      too_many_fields = true;
      error = boost::beast::http::error::header_limit;
      return;
    }
    headers.Add({name.data(), name.size()}, {value.data(), value.size()});
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code& error) override {
    // A peer's claim is not worth more than a first buffer.
    if (length) Reserve(std::min<uint64_t>(*length, kFirstBuffer), error);
  }
  std::size_t on_body_impl(string_view data, error_code& error) override {
    return Append(data, error);
  }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view data, error_code& error) override {
    return Append(data, error);
  }
  void on_finish_impl(error_code&) override { FinishBody(); }

 private:
  std::size_t Append(string_view data, error_code& error) {
    if (max_body > 0 && data.size() > max_body - used_) {
      body_too_large = true;
      error = boost::beast::http::error::body_limit;
      return 0;
    }
    if (data.size() > body_lease.bytes() - std::min(used_, body_lease.bytes()) &&
        !Reserve(std::max(2 * used_, used_ + data.size()), error)) {
      return 0;
    }
    if (data.size() <= body.size() - used_) {
      std::memcpy(body.data() + used_, data.data(), data.size());
    } else {
      body.resize(used_);
      body.append(data.data(), data.size());
    }
    used_ += data.size();
    return data.size();
  }
  bool Reserve(size_t bytes, error_code& error) {
    if (!body_lease.GrowTo(bytes)) {
      error = boost::beast::http::error::body_limit;
      return false;
    }
    body.reserve(bytes);
    return true;
  }

  static constexpr size_t kFirstBuffer = 1 << 20;
  size_t fields_ = 0;
  size_t used_ = 0;  // of the body
};

class RequestParser final : public MessageParser<true> {
 public:
  std::string method;
  std::string target;
  int version = 11;

 protected:
  void on_request_impl(boost::beast::http::verb, string_view method_text, string_view target_text,
                       int http_version, error_code&) override;
  void on_response_impl(int, string_view, int, error_code&) override {}
};

class ResponseParser final : public MessageParser<false> {
 public:
  int status = 0;
  int version = 11;
  BodySink* sink = nullptr;  // where the body goes when it accepts the head
  bool streaming = false;
  bool pause = false;    // the sink has asked for it
  bool stopped = false;  // so has it here

 protected:
  void on_request_impl(boost::beast::http::verb, string_view, string_view, int,
                       error_code&) override {}
  void on_response_impl(int code, string_view reason, int http_version, error_code&) override;
  void on_header_impl(error_code&) override;
  std::size_t on_body_impl(string_view data, error_code& error) override;
  std::size_t on_chunk_body_impl(std::uint64_t left, string_view data, error_code& error) override;

 private:
  std::size_t Forward(string_view data, error_code& error);
};

}  // namespace narthex::http
