#pragma once
// OpenSSL handles of core/tls. Internal to the folder.

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>

#include "core/tls/tls.h"

namespace narthex::tls {

template <auto free_function>
struct Free {
  template <typename T>
  void operator()(T* pointer) const {
    free_function(pointer);
  }
};

using SslPtr = std::unique_ptr<SSL, Free<&SSL_free>>;
using SslContextPtr = std::unique_ptr<SSL_CTX, Free<&SSL_CTX_free>>;
using X509Ptr = std::unique_ptr<X509, Free<&X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Free<&EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, Free<&BIO_free>>;

struct Context::Impl {
  SslContextPtr context;
  std::vector<std::string> allowed_sans;
  bool server = false;
};

// The oldest error of this thread's queue, and an empty queue.
std::string TakeOpenSslError();

}  // namespace narthex::tls
