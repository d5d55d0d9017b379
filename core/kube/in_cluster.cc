#include <cstdlib>

#include "core/base/file.h"
#include "core/kube/config.h"

namespace narthex::kube {
namespace {

constexpr size_t kMaxNamespaceBytes = 4096;

std::string OrEnvironment(const std::string& value, const char* name) {
  if (!value.empty()) return value;
  const char* found = std::getenv(name);
  return found == nullptr ? std::string() : std::string(found);
}

std::string Trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.pop_back();
  }
  return text;
}

}  // namespace

StatusOr<ApiConfig> InClusterConfig(const InClusterFiles& files) {
  const std::string host = OrEnvironment(files.host, "KUBERNETES_SERVICE_HOST");
  const std::string port = OrEnvironment(files.port, "KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty()) {
    return FailedPrecondition(
        "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and "
        "KUBERNETES_SERVICE_PORT must be defined");
  }
  const std::string token_file = files.directory + "/token";
  NX_RETURN_IF_ERROR(ReadFile(token_file, 1 << 20).status());  // says now what would fail later
  ApiConfig config;
  const bool is_v6 = host.find(':') != std::string::npos;
  config.server =
      fmt::format(fmt::runtime(is_v6 ? "https://[{}]:{}" : "https://{}:{}"), host, port);
  config.http.authorization = http::ClientConfig::Authorization{.credentials_file = token_file};
  config.http.tls.ca_file = files.directory + "/ca.crt";
  if (auto own = ReadFile(files.directory + "/namespace", kMaxNamespaceBytes); own.ok()) {
    config.own_namespace = Trimmed(*std::move(own));
  }
  return config;
}

}  // namespace narthex::kube
