// Answers of Consul's health endpoint, from bytes to labels.
#include <cstdint>

#include "server/discovery/consul/consul.h"
#include "server/discovery/json_answer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace narthex;
  http::ClientResponse response;
  response.status = 200;
  response.body.assign(reinterpret_cast<const char*>(data), size);
  const auto answer = discovery::ReadJsonAnswer(std::move(response));
  if (!answer.ok()) return 0;
  const auto targets = discovery::consul::ReadService(*answer, {});
  if (!targets.ok()) return 0;
  for (const Labels& labels : *targets) {
    if (labels.Get("__address__").empty()) __builtin_trap();
  }
  static_cast<void>(discovery::consul::Wanted({}, "x", *answer));
  return 0;
}
