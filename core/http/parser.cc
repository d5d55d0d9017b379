#include "core/http/parser.h"

namespace narthex::http {

void RequestParser::on_request_impl(boost::beast::http::verb, string_view method_text,
                                    string_view target_text, int http_version, error_code&) {
  method.assign(method_text.data(), method_text.size());
  target.assign(target_text.data(), target_text.size());
  version = http_version;
}

void ResponseParser::on_response_impl(int code, string_view, int http_version, error_code&) {
  status = code;
  version = http_version;
}

}  // namespace narthex::http
