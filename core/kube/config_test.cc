// In-cluster configuration and kubeconfig files.

#include "core/kube/config.h"

#include <cstdlib>

#include "tests/temp_dir.h"

namespace narthex::kube {
namespace {

std::string ErrorOf(const StatusOr<ApiConfig>& config) {
  return std::string(MessageOf(config.status()));
}

TEST_CASE("a pod's service account says where and who") {
  TempDir scratch;
  scratch.Write("token", "secret\n");
  scratch.Write("namespace", "monitoring\n");
  auto config = InClusterConfig({.directory = scratch.path(), .host = "10.0.0.1", .port = "443"});
  REQUIRE(config.ok());
  CHECK(config->server == "https://10.0.0.1:443");
  CHECK(config->own_namespace == "monitoring");
  REQUIRE(config->http.authorization);
  CHECK(config->http.authorization->credentials_file == scratch.path() + "/token");
  CHECK(config->http.tls.ca_file == scratch.path() + "/ca.crt");
  config = InClusterConfig({.directory = scratch.path(), .host = "fd00::1", .port = "6443"});
  CHECK(config->server == "https://[fd00::1]:6443");
}

TEST_CASE("outside of a pod there is no in-cluster configuration") {
  ::unsetenv("KUBERNETES_SERVICE_HOST");
  CHECK(ErrorOf(InClusterConfig()) ==
        "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and "
        "KUBERNETES_SERVICE_PORT must be defined");
  CHECK_FALSE(InClusterConfig({.directory = "/nowhere", .host = "h", .port = "1"}).ok());
}

constexpr char kKubeconfig[] = R"(
apiVersion: v1
kind: Config
preferences: {}
current-context: main
clusters:
- name: one
  cluster:
    server: https://one.example:6443/
    certificate-authority: ca.pem
    tls-server-name: inner
- name: two
  cluster: {server: "http://two.example:8080", insecure-skip-tls-verify: true, proxy-url: "http://p:1"}
contexts:
- name: main
  context: {cluster: one, user: certs, namespace: default}
- {name: token, context: {cluster: two, user: token}}
- {name: file, context: {cluster: two, user: file}}
- {name: basic, context: {cluster: two, user: basic}}
- {name: nobody, context: {cluster: two, user: ""}}
- {name: exec, context: {cluster: two, user: exec}}
- {name: plugin, context: {cluster: two, user: plugin}}
- {name: broken, context: {cluster: two, user: broken}}
- {name: lost, context: {cluster: nowhere, user: token}}
- {name: stranger, context: {cluster: two, user: stranger}}
users:
- name: certs
  user: {client-certificate: /abs/cert.pem, client-key-data: a2V5}
- {name: token, user: {token: secret, as: jane, as-groups: [a, b]}}
- {name: file, user: {token: unused, tokenFile: tokens/t}}
- {name: basic, user: {username: u, password: p}}
- {name: exec, user: {exec: {command: aws}}}
- {name: plugin, user: {auth-provider: {name: gcp}}}
- {name: broken, user: {client-certificate-data: "not base64!"}}
)";

TEST_CASE("kubeconfig: clusters, users and their contexts") {
  const auto load = [](const char* context) { return ParseKubeconfig(kKubeconfig, "/d", context); };
  auto main = load("");
  REQUIRE(main.ok());
  CHECK(main->server == "https://one.example:6443");
  CHECK(main->own_namespace == "default");
  CHECK(main->http.tls.ca_file == "/d/ca.pem");
  CHECK(main->http.tls.server_name == "inner");
  CHECK(main->http.tls.cert_file == "/abs/cert.pem");
  CHECK(main->http.tls.key == "key");
  CHECK_FALSE(main->http.authorization);
  auto token = load("token");
  REQUIRE(token.ok());
  CHECK(token->http.authorization->credentials == "secret");
  CHECK(token->http.tls.insecure_skip_verify);
  CHECK(token->http.proxy_url == "http://p:1");
  REQUIRE(token->http.http_headers.size() == 2);
  CHECK(token->http.http_headers[0].name == "Impersonate-User");
  CHECK(token->http.http_headers[1].values == std::vector<std::string>{"a", "b"});
  auto file = load("file");
  REQUIRE(file.ok());
  CHECK(file->http.authorization->credentials_file == "/d/tokens/t");
  CHECK(file->http.authorization->credentials.empty());
  CHECK(load("basic")->http.basic_auth->password == "p");
  CHECK(load("nobody").ok());
}

TEST_CASE("kubeconfig: what is missing or cannot be done is named") {
  const auto error = [](const char* context) {
    return ErrorOf(ParseKubeconfig(kKubeconfig, "/d", context));
  };
  CHECK(error("absent") == "context \"absent\" does not exist");
  CHECK(error("lost") == "cluster \"nowhere\" does not exist");
  CHECK(error("stranger") == "user \"stranger\" does not exist");
  CHECK(error("broken") == "client-certificate-data is not valid base64");
  CHECK_THAT(error("exec"),
             Catch::Contains("\"exec\" is known to Kubernetes, but not implemented"));
  CHECK_THAT(error("plugin"), Catch::Contains("\"auth-provider\" is known"));
  CHECK(ErrorOf(ParseKubeconfig("{}", "")) == "no current-context is set");
  CHECK(ErrorOf(ParseKubeconfig("[1", "")).starts_with("yaml"));
  CHECK(ErrorOf(ParseKubeconfig("current-context: [x]\ncontexts: 7", "")) ==
        "no current-context is set");
  TempDir scratch;
  const std::string file = scratch.Write("config", kKubeconfig);
  CHECK(LoadKubeconfig(file)->http.tls.ca_file == scratch.path() + "/ca.pem");
  CHECK_THAT(ErrorOf(LoadKubeconfig(file, "absent")), Catch::Contains(file + ": context"));
  CHECK_FALSE(LoadKubeconfig(scratch.path() + "/none").ok());
}

}  // namespace
}  // namespace narthex::kube
