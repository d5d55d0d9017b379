#include "core/http/bcrypt.h"

#include <crypt.h>

#include <memory>

#include "core/http/credentials.h"

namespace narthex::http {

Status CheckBcryptHash(const std::string& hash) {
  // "$2b$10$" and 53 characters of salt and hash.
  const bool prefix = hash.size() == 60 && hash[0] == '$' && hash[1] == '2' &&
                      (hash[2] == 'a' || hash[2] == 'b' || hash[2] == 'y') && hash[3] == '$' &&
                      hash[6] == '$';
  if (hash.size() < 59)
    return InvalidArgument("crypto/bcrypt: hashedSecret too short to be a bcrypted password");
  if (!prefix || hash[4] < '0' || hash[4] > '9' || hash[5] < '0' || hash[5] > '9') {
    return InvalidArgument("crypto/bcrypt: not a bcrypt hash of version 2a, 2b or 2y");
  }
  const int cost = (hash[4] - '0') * 10 + (hash[5] - '0');
  if (cost < 4 || cost > 31) {
    return InvalidArgument("crypto/bcrypt: cost {} is outside allowed range (4,31)", cost);
  }
  return OkStatus();
}

bool BcryptMatches(const std::string& password, const std::string& hash) {
  const auto data = std::make_unique<crypt_data>();
  // Not crypt_r: AddressSanitizer's stand-in for it lets the linker leave libcrypt out.
  const char* result = ::crypt_rn(password.c_str(), hash.c_str(), data.get(), sizeof(*data));
  // libcrypt would stop at the first NUL of a password.
  if (result == nullptr || password.find('\0') != std::string::npos) return false;
  const std::string_view made(result);
  if (made.size() != hash.size()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < made.size(); ++i) {
    difference |= static_cast<unsigned char>(made[i] ^ hash[i]);
  }
  return difference == 0;
}

}  // namespace narthex::http
