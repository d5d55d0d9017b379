#include "core/http/parser.h"

namespace narthex::http {

namespace beast_http = boost::beast::http;

void RequestParser::on_request_impl(beast_http::verb, string_view method_text,
                                    string_view target_text, int http_version, error_code&) {
  method.assign(method_text.data(), method_text.size());
  target.assign(target_text.data(), target_text.size());
  version = http_version;
}

void RequestParser::on_field_impl(beast_http::field, string_view name, string_view value,
                                  error_code& error) {
  if (++fields_ > kMaxFields) {
    too_many_fields = true;
    error = beast_http::error::header_limit;
    return;
  }
  headers.Add({name.data(), name.size()}, {value.data(), value.size()});
}

void RequestParser::on_body_init_impl(const boost::optional<std::uint64_t>& length,
                                      error_code& error) {
  if (length && !ReserveBody(*length)) error = beast_http::error::body_limit;
}

std::size_t RequestParser::on_body_impl(string_view data, error_code& error) {
  if (AppendBody({data.data(), data.size()})) return data.size();
  error = beast_http::error::body_limit;
  return 0;
}

}  // namespace narthex::http
