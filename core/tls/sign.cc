#include "core/tls/sign.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "core/tls/context.h"

namespace narthex::tls {
namespace {

using DigestPtr = std::unique_ptr<EVP_MD_CTX, Free<&EVP_MD_CTX_free>>;

const EVP_MD* MethodOf(RsaDigest digest) {
  switch (digest) {
    case RsaDigest::kSha256: return EVP_sha256();
    case RsaDigest::kSha384: return EVP_sha384();
    case RsaDigest::kSha512: break;
  }
  return EVP_sha512();
}

// Nobody is at the terminal to ask.
int NoPassphrase(char*, int, int, void*) { return -1; }

}  // namespace

StatusOr<std::string> SignRsa(std::string_view key_pem, RsaDigest digest, std::string_view data) {
  ERR_clear_error();
  const BioPtr text(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
  const KeyPtr key(PEM_read_bio_PrivateKey(text.get(), nullptr, &NoPassphrase, nullptr));
  ERR_clear_error();
  if (key == nullptr) {
    return InvalidArgument("invalid key: Key must be a PEM encoded PKCS1 or PKCS8 key");
  }
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) {
    return InvalidArgument("key is not a valid RSA private key");
  }
  const DigestPtr context(EVP_MD_CTX_new());
  const auto* bytes = reinterpret_cast<const unsigned char*>(data.data());
  size_t size = 0;
  std::string signature;
  if (context == nullptr ||
      EVP_DigestSignInit(context.get(), nullptr, MethodOf(digest), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes, data.size()) != 1) {
    return Internal("OpenSSL: {}", TakeOpenSslError());
  }
  signature.resize(size);
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     bytes, data.size()) != 1) {
    return Internal("OpenSSL: {}", TakeOpenSslError());
  }
  signature.resize(size);
  return signature;
}

}  // namespace narthex::tls
