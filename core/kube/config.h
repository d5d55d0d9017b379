#pragma once
// Where an API server is and how one proves to it who one is: from the service account of a pod,
// or from a kubeconfig file.
//
// Thread safety: plain values and pure functions.

#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/http/client.h"

namespace narthex::kube {

struct ApiConfig {
  std::string server;         // "https://10.0.0.1:443", perhaps with a path; no slash at the end
  http::ClientConfig http;    // token files and certificates are read again when they change
  std::string own_namespace;  // of this pod, or of the kubeconfig's context; "" when not known
  friend bool operator==(const ApiConfig&, const ApiConfig&) = default;
};

// What a pod is given. The defaults are the environment and the mounted service account.
struct InClusterFiles {
  std::string directory = "/var/run/secrets/kubernetes.io/serviceaccount";
  std::string host, port;  // "": KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT
};

// FailedPrecondition outside of a pod. The token file is named, not read: it is rotated.
StatusOr<ApiConfig> InClusterConfig(const InClusterFiles& files = {});

// The named context, or the current one. Relative file names count from the kubeconfig's folder.
// What we cannot act on (exec plugins, auth providers) is refused by name.
StatusOr<ApiConfig> LoadKubeconfig(const std::string& path, std::string_view context = "");
// The same from text, for files in `directory`: the boundary that takes untrusted bytes.
StatusOr<ApiConfig> ParseKubeconfig(std::string_view text, const std::string& directory,
                                    std::string_view context = "");

}  // namespace narthex::kube
