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

void ResponseParser::on_header_impl(error_code&) {
  streaming = sink != nullptr && status / 100 == 2 && sink->OnHead(status, headers);
}

std::size_t ResponseParser::on_body_impl(string_view data, error_code& error) {
  return streaming ? Forward(data, error) : MessageParser::on_body_impl(data, error);
}

std::size_t ResponseParser::on_chunk_body_impl(std::uint64_t left, string_view data,
                                               error_code& error) {
  return streaming ? Forward(data, error) : MessageParser::on_chunk_body_impl(left, data, error);
}

std::size_t ResponseParser::Forward(string_view data, error_code& error) {
  switch (sink->OnBody({data.data(), data.size()})) {
    case BodySink::Verdict::kMore:
      return data.size();
    case BodySink::Verdict::kPause:
      pause = true;
      return data.size();
    case BodySink::Verdict::kStop:
      break;
  }
  stopped = true;
  error = boost::beast::http::error::body_limit;
  return 0;
}

}  // namespace narthex::http
