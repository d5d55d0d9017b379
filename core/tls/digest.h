#pragma once
// Cryptographic digests and randomness. Thread-safe.

#include <string>
#include <string_view>

namespace narthex::tls {

std::string Sha256(std::string_view data);  // 32 bytes
std::string RandomBytes(size_t count);      // aborts where the system has no randomness

}  // namespace narthex::tls
