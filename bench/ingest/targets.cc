#include "bench/ingest/targets.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdio>

namespace narthex::bench {
namespace {

uint64_t Next(uint64_t& state) {  // splitmix64
  uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

std::string Prefix(size_t target, size_t series, uint32_t generation) {
  const std::string suffix = generation == 0 ? "" : fmt::format("-{}", generation);
  return fmt::format(
      "http_server_requests_total_{}{{cluster=\"production-eu-1\",namespace=\"payments-{}\","
      "pod=\"api-{}-7d9f8b6c5-x{}{}\",container=\"application\",zone=\"eu-west-1{}\","
      "version=\"2026.11.{}\",handler=\"/api/v1/resource/{}\",method=\"{}\",code=\"{}\"}} ",
      series % 20, target % 10, target, target, suffix, static_cast<char>('a' + target % 3),
      target % 5, series / 10, series % 2 == 0 ? "GET" : "POST", 200 + series % 10);
}

}  // namespace

Targets::Targets(int clients, int targets, int series_per_target, bool gzip) : gzip_(gzip) {
  const auto series = static_cast<size_t>(series_per_target);
  for (size_t t = 0; t < static_cast<size_t>(targets); ++t) {
    std::vector<std::string>& prefixes = prefixes_.emplace_back();
    for (size_t s = 0; s < series; ++s) prefixes.push_back(Prefix(t, s, 0));
  }
  for (int c = 0; c < clients; ++c) {
    Client& client = *clients_.emplace_back(std::make_unique<Client>());
    for (size_t t = 0; t < prefixes_.size(); ++t) {
      Target& target = *client.targets.emplace_back(std::make_unique<Target>());
      MutexLock lock(target.mutex);
      target.random = t * 7919 + 1;
      target.generations.resize(series);
      for (size_t s = 0; s < series; ++s) {
        target.values.push_back(static_cast<double>(Next(target.random) % 100'000));
      }
    }
  }
}

void Targets::Churn(Client& client, Target& target) {
  const size_t count = target.values.size() * static_cast<size_t>(churn_percent_.load()) / 100;
  for (size_t i = 0; i < count; ++i) {
    ++target.generations[target.next_churned];
    target.next_churned = (target.next_churned + 1) % target.generations.size();
  }
  client.churned += static_cast<int64_t>(count);
}

std::string Targets::Body(Client& client, size_t index) {
  Target& target = *client.targets[index];
  const std::vector<std::string>& prefixes = prefixes_[index];
  MutexLock lock(target.mutex);
  Churn(client, target);
  std::string body;
  body.reserve(prefixes.size() * 256);
  for (size_t i = 0; i < prefixes.size(); ++i) {
    const uint64_t dice = Next(target.random);
    if (dice % 10 < 3) {
      if (i % 3 == 0) {
        target.values[i] = std::round(static_cast<double>(dice >> 40) / 16.0) / 1000;
      } else {
        target.values[i] += static_cast<double>((dice >> 32) % 50);
      }
    }
    const uint32_t generation = target.generations[i];
    body += generation == 0 ? prefixes[i] : Prefix(index, i, generation);
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
    size_t client = 0, index = 0;
    if (std::sscanf(request.path.c_str(), "/%zu/%zu", &client, &index) != 2 ||
        client >= clients_.size() || index >= prefixes_.size()) {
      return response.Error(404, "no such target");
    }
    if (!gzip_) response.headers().Set("Content-Encoding", "identity");
    response.Send(200, "text/plain; version=0.0.4", Body(*clients_[client], index));
  };
  NX_ASSIGN_OR_RETURN(server_, http::Server::Create(options, handler));
  return server_->Start();
}

}  // namespace narthex::bench
