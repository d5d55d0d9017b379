#pragma once
// Signatures and keyed digests. Thread-safe.

#include <string>
#include <string_view>

#include "core/base/status.h"

namespace narthex::tls {

enum class RsaDigest { kSha256, kSha384, kSha512 };

// RSASSA-PKCS1-v1_5 with a private key in PEM (PKCS #1 or #8); errors are those of Go's JWT
// library.
StatusOr<std::string> SignRsa(std::string_view key_pem, RsaDigest digest, std::string_view data);

}  // namespace narthex::tls
