#pragma once
// A blocking HTTP client for tests that is not ours (cpp-httplib).

#include <chrono>
#include <memory>
#include <string>

namespace narthex::testing {

struct HttpResult {
  int status = 0;  // 0 when there was no answer
  std::string body;
  std::string content_type;
  std::string location;
};

// One connection that is kept between requests. Not thread-safe.
class HttpSession {
 public:
  // `base`: http://host:port
  explicit HttpSession(const std::string& base, std::chrono::seconds timeout);
  ~HttpSession();
  HttpResult Get(const std::string& target);
  HttpResult Post(const std::string& target, const std::string& body,
                  const std::string& content_type, const std::string& content_encoding = "");

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

HttpResult HttpGet(const std::string& url);
HttpResult HttpSend(const std::string& method, const std::string& url, const std::string& body = "",
                    const std::string& content_type = "");
std::string UrlEscape(const std::string& text);

}  // namespace narthex::testing
