#pragma once
// The TLS side of gRPC servers and channels: paths of PEM files, read when the end is created.

#include <string>

namespace narthex {

struct RpcTls {
  std::string cert_file, key_file;  // our own certificate
  std::string ca_file;              // who signs the peer's; at a server it demands one (mTLS)
  std::string server_name;          // a channel's: checked in place of the dialled host
  bool enabled() const { return !cert_file.empty() || !ca_file.empty(); }
};

}  // namespace narthex
