#pragma once
// A blocking HTTP client for tests that is not ours (cpp-httplib).

#include <string>

namespace narthex::testing {

struct HttpResult {
  int status = 0;  // 0 when there was no answer
  std::string body;
  std::string content_type;
  std::string location;
};

HttpResult HttpGet(const std::string& url);
HttpResult HttpSend(const std::string& method, const std::string& url, const std::string& body = "",
                    const std::string& content_type = "");
std::string UrlEscape(const std::string& text);

}  // namespace narthex::testing
