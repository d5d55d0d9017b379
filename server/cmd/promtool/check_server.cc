#include "server/cmd/promtool/check_server.h"

#include <cstdio>

#include "core/http/server.h"
#include "server/cmd/promtool/api_client.h"
#include "server/cmd/promtool/check_rules.h"
#include "server/cmd/promtool/output.h"

namespace narthex::promtool {

int CheckServer(const std::string& url, const std::string& http_config_file,
                const std::string& page) {
  auto client = ApiClient::Create(url, http_config_file);
  if (!client.ok()) return Fail(client.status());
  const auto answer = (*client)->GetPage("/-/" + page);
  if (!answer.ok()) return Fail(answer.status());
  if (answer->status / 100 != 2) {
    return Fail(Unavailable("check failed: URL={}, status={}", url, answer->status));
  }
  std::fprintf(stderr, "  SUCCESS:  %s\n", answer->body.c_str());
  return kOk;
}

int CheckWebConfig(const std::vector<std::string>& files) {
  if (!AllExist(files)) return kFailed;
  int exit_code = kOk;
  for (const std::string& file : files) {
    const Status status = http::CheckWebConfigFile(file);
    if (status.ok()) {
      std::fprintf(stderr, "%s SUCCESS\n", file.c_str());
      continue;
    }
    std::fprintf(stderr, "%s FAILED: %s\n", file.c_str(), std::string(MessageOf(status)).c_str());
    exit_code = kFailed;
  }
  return exit_code;
}

}  // namespace narthex::promtool
