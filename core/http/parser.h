#pragma once
// The parser of requests on Beast's incremental core, writing straight into our own values.
// Not thread-safe.

#include <boost/beast/http/basic_parser.hpp>
#include <string>

#include "core/http/body_buffer.h"
#include "core/http/types.h"

namespace narthex::http {

class RequestParser final : public boost::beast::http::basic_parser<true>, public BodyBuffer {
 public:
  using error_code = boost::beast::error_code;
  using string_view = boost::beast::string_view;

  // More fields than this are refused whatever their size.
  static constexpr size_t kMaxFields = 1000;

  std::string method;
  std::string target;
  int version = 11;
  Headers headers;
  bool too_many_fields = false;

 private:
  void on_request_impl(boost::beast::http::verb, string_view method_text, string_view target_text,
                       int http_version, error_code&) override;
  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_field_impl(boost::beast::http::field, string_view name, string_view value,
                     error_code& error) override;
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code& error) override;
  std::size_t on_body_impl(string_view data, error_code& error) override;
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view data, error_code& error) override {
    return on_body_impl(data, error);
  }
  void on_finish_impl(error_code&) override { FinishBody(); }

  size_t fields_ = 0;
};

}  // namespace narthex::http
