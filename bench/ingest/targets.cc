#include "bench/ingest/targets.h"

#include <fmt/format.h>

#include <cmath>

namespace narthex::bench {
namespace {

uint64_t Next(uint64_t& state) {  // splitmix64
  uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

std::string Prefix(int target, int series) {
  return fmt::format(
      "http_server_requests_total_{}{{cluster=\"production-eu-1\",namespace=\"payments-{}\","
      "pod=\"api-{}-7d9f8b6c5-x{}\",container=\"application\",zone=\"eu-west-1{}\","
      "version=\"2026.11.{}\",handler=\"/api/v1/resource/{}\",method=\"{}\",code=\"{}\"}} ",
      series % 20, target % 10, target, target, static_cast<char>('a' + target % 3), target % 5,
      series / 10, series % 2 == 0 ? "GET" : "POST", 200 + series % 10);
}

}  // namespace

Targets::Targets(int targets, int series_per_target, bool gzip) : gzip_(gzip) {
  for (int t = 0; t < targets; ++t) {
    auto target = std::make_unique<Target>();
    MutexLock lock(target->mutex);
    target->random = static_cast<uint64_t>(t) * 7919 + 1;
    for (int s = 0; s < series_per_target; ++s) {
      target->prefixes.push_back(Prefix(t, s));
      target->values.push_back(static_cast<double>(Next(target->random) % 100'000));
    }
    targets_.push_back(std::move(target));
  }
}

std::string Targets::Body(Target& target) {
  MutexLock lock(target.mutex);
  std::string body;
  body.reserve(target.prefixes.size() * 256);
  for (size_t i = 0; i < target.prefixes.size(); ++i) {
    const uint64_t dice = Next(target.random);
    if (dice % 10 < 3) {
      if (i % 3 == 0) {
        target.values[i] = std::round(static_cast<double>(dice >> 40) / 16.0) / 1000;
      } else {
        target.values[i] += static_cast<double>((dice >> 32) % 50);
      }
    }
    body += target.prefixes[i];
    fmt::format_to(std::back_inserter(body), "{}\n", target.values[i]);
  }
  return body;
}

Status Targets::Start() {
  http::ServerOptions options;
  options.listen_addresses = {"127.0.0.1:0"};
  options.worker_threads = 1;
  options.max_connections = 20'000;
  options.server_name = "targets";
  auto handler = [this](const http::Request& request, http::ResponseWriter& response) {
    const size_t slash = request.path.rfind('/');
    const size_t index = std::stoul("0" + request.path.substr(slash + 1));
    if (index >= targets_.size()) return response.Error(404, "no such target");
    if (!gzip_) response.headers().Set("Content-Encoding", "identity");
    response.Send(200, "text/plain; version=0.0.4", Body(*targets_[index]));
  };
  NX_ASSIGN_OR_RETURN(server_, http::Server::Create(options, handler));
  return server_->Start();
}

}  // namespace narthex::bench
