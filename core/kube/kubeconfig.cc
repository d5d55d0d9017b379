// kubeconfig files: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/

#include "core/base/file.h"
#include "core/config/node.h"
#include "core/http/credentials.h"
#include "core/kube/config.h"
#include "core/strings/quote.h"

namespace narthex::kube {
namespace {

using config::Node;

constexpr size_t kMaxBytes = 16 << 20;

const Node* Member(const Node* node, std::string_view name) {
  if (node == nullptr || !node->is_mapping()) return nullptr;
  for (const auto& [key, value] : node->members) {
    if (key->value == name) return value->is_null() ? nullptr : value.get();
  }
  return nullptr;
}

std::string Text(const Node* node, std::string_view name) {
  const Node* value = Member(node, name);
  return value != nullptr && value->is_scalar() ? value->value : std::string();
}

bool IsTrue(const Node* node, std::string_view name) { return Text(node, name) == "true"; }

// Of a list of {name: …, <kind>: {…}}.
const Node* Named(const Node& document, std::string_view list, std::string_view kind,
                  const std::string& name) {
  const Node* items = Member(&document, list);
  if (items == nullptr || !items->is_sequence()) return nullptr;
  for (const auto& item : items->items) {
    if (Text(item.get(), "name") == name) return Member(item.get(), kind);
  }
  return nullptr;
}

std::string Resolved(const std::string& directory, std::string file) {
  if (file.empty() || file[0] == '/' || directory.empty()) return file;
  return directory + "/" + file;
}

// "<name>-data" wins over the file of "<name>", as in client-go.
Status ReadPem(const Node* node, std::string_view name, const std::string& directory,
               std::string* inlined, std::string* file) {
  const std::string data = Text(node, fmt::format("{}-data", name));
  if (data.empty()) {
    *file = Resolved(directory, Text(node, name));
    return OkStatus();
  }
  auto decoded = http::Base64Decode(data);
  if (!decoded) return InvalidArgument("{}-data is not valid base64", name);
  *inlined = *std::move(decoded);
  return OkStatus();
}

Status ReadCluster(const Node& cluster, const std::string& directory, ApiConfig* out) {
  out->server = Text(&cluster, "server");
  if (out->server.empty()) return InvalidArgument("the cluster has no server");
  while (out->server.ends_with('/')) out->server.pop_back();
  http::TlsConfig& tls = out->http.tls;
  NX_RETURN_IF_ERROR(ReadPem(&cluster, "certificate-authority", directory, &tls.ca, &tls.ca_file));
  tls.insecure_skip_verify = IsTrue(&cluster, "insecure-skip-tls-verify");
  tls.server_name = Text(&cluster, "tls-server-name");
  out->http.proxy_url = Text(&cluster, "proxy-url");
  return OkStatus();
}

void AddHeader(const std::string& name, std::vector<std::string> values, http::ClientConfig* http) {
  if (!values.empty()) http->http_headers.push_back({name, std::move(values), {}, {}});
}

void ReadImpersonation(const Node& user, http::ClientConfig* http) {
  const std::string as = Text(&user, "as");
  if (!as.empty()) AddHeader("Impersonate-User", {as}, http);
  const std::string uid = Text(&user, "as-uid");
  if (!uid.empty()) AddHeader("Impersonate-Uid", {uid}, http);
  std::vector<std::string> groups;
  if (const Node* list = Member(&user, "as-groups"); list != nullptr && list->is_sequence()) {
    for (const auto& item : list->items) groups.push_back(item->value);
  }
  AddHeader("Impersonate-Group", std::move(groups), http);
}

Status ReadUser(const Node& user, const std::string& directory, ApiConfig* out) {
  for (const char* refused : {"exec", "auth-provider", "as-user-extra"}) {
    if (Member(&user, refused) != nullptr) {
      return Unimplemented(
          "the user's {} is known to Kubernetes, but not implemented here; use a token, a token "
          "file or client certificates",
          GoQuote(refused));
    }
  }
  http::TlsConfig& tls = out->http.tls;
  NX_RETURN_IF_ERROR(ReadPem(&user, "client-certificate", directory, &tls.cert, &tls.cert_file));
  NX_RETURN_IF_ERROR(ReadPem(&user, "client-key", directory, &tls.key, &tls.key_file));
  const std::string token_file = Resolved(directory, Text(&user, "tokenFile"));
  const std::string token = Text(&user, "token");
  const std::string username = Text(&user, "username");
  if (!token_file.empty() || !token.empty()) {
    out->http.authorization = http::ClientConfig::Authorization{
        .credentials = token_file.empty() ? token : "", .credentials_file = token_file};
  } else if (!username.empty()) {
    out->http.basic_auth.emplace();
    out->http.basic_auth->username = username;
    out->http.basic_auth->password = Text(&user, "password");
  }
  ReadImpersonation(user, &out->http);
  return OkStatus();
}

}  // namespace

StatusOr<ApiConfig> ParseKubeconfig(std::string_view text, const std::string& directory,
                                    std::string_view context_name) {
  NX_ASSIGN_OR_RETURN(const config::NodePtr document,
                      config::ReadDocument(text, {.max_bytes = kMaxBytes}));
  const std::string name =
      context_name.empty() ? Text(document.get(), "current-context") : std::string(context_name);
  if (name.empty()) return InvalidArgument("no current-context is set");
  const Node* context = Named(*document, "contexts", "context", name);
  if (context == nullptr) return InvalidArgument("context {} does not exist", GoQuote(name));
  const std::string cluster_name = Text(context, "cluster");
  const Node* cluster = Named(*document, "clusters", "cluster", cluster_name);
  if (cluster == nullptr) {
    return InvalidArgument("cluster {} does not exist", GoQuote(cluster_name));
  }
  ApiConfig out;
  NX_RETURN_IF_ERROR(ReadCluster(*cluster, directory, &out));
  const std::string user_name = Text(context, "user");
  const Node* user = Named(*document, "users", "user", user_name);
  if (user == nullptr && !user_name.empty()) {
    return InvalidArgument("user {} does not exist", GoQuote(user_name));
  }
  if (user != nullptr) NX_RETURN_IF_ERROR(ReadUser(*user, directory, &out));
  out.own_namespace = Text(context, "namespace");
  NX_RETURN_IF_ERROR(http::ValidateClientConfig(out.http));
  return out;
}

StatusOr<ApiConfig> LoadKubeconfig(const std::string& path, std::string_view context) {
  NX_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxBytes));
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash);
  auto config = ParseKubeconfig(text, directory, context);
  if (!config.ok()) return Annotate(config.status(), path);
  return config;
}

}  // namespace narthex::kube
