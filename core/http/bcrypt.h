#pragma once
// bcrypt by libcrypt. Thread-safe; a check takes the time the hash asks for (about 50 ms).

#include <string>

#include "core/base/status.h"

namespace narthex::http {

Status CheckBcryptHash(const std::string& hash);
bool BcryptMatches(const std::string& password, const std::string& hash);

}  // namespace narthex::http
