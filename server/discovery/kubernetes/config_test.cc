// kubernetes_sd_configs: what is refused, in which words, and how the rest is printed.

#include "server/discovery/kubernetes/config.h"

#include "tests/catch.h"

namespace narthex::discovery::kubernetes {
namespace {

std::string ErrorOf(std::string_view yaml) {
  Config config;
  return std::string(MessageOf(config::Decode(yaml, &config)));
}

TEST_CASE("what is refused") {
  struct Row {
    const char* yaml;
    const char* error;
  };
  const Row kRows[] = {
      {"{}", "role missing (one of: pod, service, endpoints, endpointslice, node, ingress)"},
      {"role: pods", "unknown Kubernetes SD role \"pods\""},
      {"{role: pod, api_server: 'http://a', kubeconfig_file: k}",
       "cannot use 'kubeconfig_file' and 'api_server' simultaneously"},
      {"{role: pod, kubeconfig_file: k, basic_auth: {username: u}}",
       "cannot use a custom HTTP client configuration together with 'kubeconfig_file'"},
      {"{role: pod, bearer_token: t}",
       "to use custom HTTP client configuration please provide the 'api_server' URL explicitly"},
      {"{role: pod, api_server: 'http://a', namespaces: {own_namespace: true}}",
       "cannot use 'api_server' and 'namespaces.own_namespace' simultaneously"},
      {"{role: pod, kubeconfig_file: k, namespaces: {own_namespace: true}}",
       "cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously"},
      {"{role: pod, selectors: [{role: pod}, {role: pod}]}", "duplicated selector role: pod"},
      {"{role: pod, selectors: [{role: service}]}", "pod role supports only pod, node selectors"},
      {"{role: endpoints, selectors: [{role: node}]}",
       "endpoints role supports only pod, service, endpoints selectors"},
      {"{role: endpointslice, selectors: [{role: endpoints}]}",
       "endpointslice role supports only pod, service, endpointslice selectors"},
      {"{role: node, selectors: [{role: pod}]}", "node role supports only node selectors"},
      {"{role: pod, selectors: [{role: nope}]}", "unknown Kubernetes SD role \"nope\""},
      {"{role: pod, selectors: [{role: pod, field: 'a'}]}",
       "invalid selector: 'a'; can't understand 'a'"},
      {"{role: pod, selectors: [{role: pod, label: 'a in b'}]}",
       "unable to parse requirement: invalid label selector 'a in b'"},
      {"{role: service, attach_metadata: {cronjob: true}}",
       "attach_metadata: deployment, job and cronjob are implemented for the role pod alone"},
      {"{role: pod, api_server: 'http://a', bearer_token: t, bearer_token_file: f}",
       "at most one of bearer_token & bearer_token_file must be configured"},
      {"{role: pod, polling: 1}",
       "yaml: unmarshal errors:\n  line 1: field polling not found in type kubernetes.plain"},
      {"{role: pod, namespaces: {nam: [x]}}",
       "yaml: unmarshal errors:\n  line 1: field nam not found in type kubernetes.plain"},
  };
  for (const Row& row : kRows) {
    INFO(row.yaml);
    CHECK(ErrorOf(row.yaml) == row.error);
  }
}

TEST_CASE("what is fine") {
  for (const char* yaml :
       {"role: pod", "role: node", "{role: ingress, api_server: 'https://a:6443/k8s'}",
        "{role: pod, namespaces: {own_namespace: true, names: [x]}}",
        "{role: pod, kubeconfig_file: k}",
        "{role: pod, selectors: [{role: pod, label: 'a=b,!c,d in (e,f),g', field: 'x=y,z!=w'},"
        " {role: node}]}",
        "{role: endpoints, selectors: [{role: pod}, {role: service}, {role: endpoints}]}",
        "{role: pod, attach_metadata: {node: true, namespace: true, deployment: true, job: true,"
        " cronjob: true}}",
        "{role: pod, api_server: 'http://a', tls_config: {insecure_skip_verify: true}}"}) {
    INFO(yaml);
    CHECK(ErrorOf(yaml) == "");
  }
}

TEST_CASE("label selectors") {
  for (const char* good : {"", "a", "!a", "a=b", "a==b", "a != b", "a in (b)", "a notin (b, c),d",
                           "x.y/z-1=w_2", "a=", "a>1", "! a"}) {
    INFO(good);
    CHECK(CheckLabelSelector(good).ok());
  }
  for (const char* bad :
       {",", "a,", "=b", "a b", "a in", "a in (", "a in (b", "a=b c", "a&b", "!", "a>", "(a)"}) {
    INFO(bad);
    CHECK_FALSE(CheckLabelSelector(bad).ok());
  }
}

TEST_CASE("it prints as upstream does, and file names count from the configuration's folder") {
  Config config;
  REQUIRE(config::Decode("role: pod", &config).ok());
  CHECK(config::Marshal(config) ==
        "role: pod\nkubeconfig_file: \"\"\nfollow_redirects: true\nenable_http2: true\n");
  REQUIRE(config::Decode("{role: pod, api_server: 'http://u:p@a', namespaces: {names: [x]},"
                         " attach_metadata: {node: true},"
                         " authorization: {credentials: secret}}",
                         &config)
              .ok());
  CHECK(config::Marshal(config) ==
        "api_server: http://u:xxxxx@a\nrole: pod\nkubeconfig_file: \"\"\n"
        "authorization:\n  type: Bearer\n  credentials: <secret>\n"
        "follow_redirects: true\nenable_http2: true\n"
        "namespaces:\n  own_namespace: false\n  names:\n  - x\n"
        "attach_metadata:\n  node: true\n  namespace: false\n");
  Config with_file;
  with_file.kubeconfig_file = "kube/config";
  ResolvePaths(with_file, "/etc/prometheus");
  CHECK(with_file.kubeconfig_file == "/etc/prometheus/kube/config");
}

}  // namespace
}  // namespace narthex::discovery::kubernetes
