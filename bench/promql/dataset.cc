#include "bench/promql/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <random>
#include <thread>

#include "core/compress/snappy.h"
#include "tests/support/http.h"

namespace narthex::bench {
namespace {

void PutVarint(uint64_t value, std::string* out) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}

void PutMessage(int field, const std::string& body, std::string* out) {
  PutVarint(static_cast<uint64_t>(field << 3 | 2), out);
  PutVarint(body.size(), out);
  *out += body;
}

void PutSample(double value, int64_t timestamp, std::string* out) {
  std::string body(1, '\x09');
  const auto bits = std::bit_cast<uint64_t>(value);
  body.append(reinterpret_cast<const char*>(&bits), sizeof bits);
  body.push_back('\x10');
  PutVarint(static_cast<uint64_t>(timestamp), &body);
  PutMessage(2, body, out);
}

struct Series {
  enum class Kind { kCounter, kBucket, kGauge, kInfo } kind;
  std::string labels;  // encoded
  double value;
  int pace;
};

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string EncodeLabels(Pairs pairs) {
  std::sort(pairs.begin(), pairs.end());
  std::string out;
  for (const auto& [name, value] : pairs) {
    std::string body;
    PutMessage(1, name, &body);
    PutMessage(2, value, &body);
    PutMessage(1, body, &out);
  }
  return out;
}

class Instance {
 public:
  explicit Instance(int64_t number) : random_(static_cast<uint64_t>(number)), offset_(number * 37) {
    const Pairs target{{"cluster", "c1"},
                       {"instance", fmt::format("10.0.{}.{}:8080", number / 250, number % 250)},
                       {"job", fmt::format("service-{}", number % 8)},
                       {"namespace", fmt::format("team-{}", number % 5)},
                       {"pod", fmt::format("service-{}-{:08x}", number % 8, number * 2654435761)}};
    const auto add = [&](Series::Kind kind, Pairs own) {
      own.insert(own.end(), target.begin(), target.end());
      series_.push_back({kind, EncodeLabels(own), static_cast<double>(random_() % 1000),
                         static_cast<int>(random_() % 20) + 1});
    };
    for (int path = 0; path < 15; ++path) {
      for (const char* code : {"200", "404", "500", "503"}) {
        add(Series::Kind::kCounter, {{"__name__", "bench_requests_total"},
                                     {"method", path % 2 == 0 ? "GET" : "POST"},
                                     {"path", fmt::format("/api/v1/path{}", path)},
                                     {"code", code}});
      }
    }
    for (int handler = 0; handler < 3; ++handler) {
      for (const char* le :
           {"0.005", "0.01", "0.05", "0.1", "0.25", "0.5", "1", "5", "10", "+Inf"}) {
        add(Series::Kind::kBucket, {{"__name__", "bench_latency_seconds_bucket"},
                                    {"handler", fmt::format("h{}", handler)},
                                    {"le", le}});
      }
    }
    for (int kind = 0; kind < 9; ++kind) {
      add(Series::Kind::kGauge, {{"__name__", "bench_load"}, {"kind", fmt::format("k{}", kind)}});
    }
    add(Series::Kind::kInfo,
        {{"__name__", "bench_info"}, {"version", fmt::format("v1.{}", number % 7)}});
  }

  // Appends the samples of [from, to) of every series.
  void Append(int64_t from, int64_t to, int64_t interval, std::string* out) {
    std::vector<std::string> bodies;
    bodies.reserve(series_.size());
    for (const Series& s : series_) bodies.push_back(s.labels);
    for (int64_t t = from + offset_ % interval; t < to; t += interval) {
      const int64_t at = t + (random_() % 8 == 0 ? static_cast<int64_t>(random_() % 4) : 0);
      double cumulative = 0;
      for (size_t i = 0; i < series_.size(); ++i) {
        Series& s = series_[i];
        Step(&s, &cumulative, i);
        PutSample(s.value, at, &bodies[i]);
      }
    }
    for (const std::string& body : bodies) PutMessage(1, body, out);
  }

 private:
  void Step(Series* s, double* cumulative, size_t i) {
    switch (s->kind) {
      case Series::Kind::kCounter:
        // A third of all counters hardly ever moves.
        if (s->pace > 7 || random_() % 16 == 0) s->value += static_cast<double>(random_() % 20);
        return;
      case Series::Kind::kBucket:
        if (i % 10 == 0) *cumulative = 0;
        *cumulative += static_cast<double>(random_() % 5);
        s->value += *cumulative;
        return;
      case Series::Kind::kGauge:
        s->value =
            std::round((s->value + static_cast<double>(random_() % 200) / 100 - 1) * 100) / 100;
        return;
      case Series::Kind::kInfo: s->value = 1; return;
    }
  }

  std::minstd_rand random_;
  int64_t offset_;
  std::vector<Series> series_;
};

bool Send(testing::HttpSession* session, const std::string& body) {
  for (int attempt = 0; attempt < 20; ++attempt) {
    const auto answer = session->Post("/api/v1/write", body, "application/x-protobuf", "snappy");
    if (answer.status / 100 == 2) return true;
    if (attempt == 19 || answer.status / 100 == 4) {
      fmt::print(stderr, "remote write: {} {}\n", answer.status, answer.body.substr(0, 300));
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  return false;
}

}  // namespace

bool LoadDataset(const DatasetOptions& options, const std::vector<std::string>& urls) {
  constexpr int64_t kInstancesPerRequest = 20;
  constexpr int64_t kSamplesPerRequest = 20;  // of a series
  std::vector<Instance> instances;
  instances.reserve(static_cast<size_t>(options.series / kSeriesPerInstance));
  for (int64_t i = 0; i < options.series / kSeriesPerInstance; ++i) instances.emplace_back(i);
  std::vector<std::unique_ptr<testing::HttpSession>> sessions;
  sessions.reserve(urls.size());
  for (const std::string& url : urls) {
    sessions.push_back(std::make_unique<testing::HttpSession>(url, std::chrono::seconds(300)));
  }
  const int64_t window = options.interval_ms * kSamplesPerRequest;
  for (int64_t from = options.end_ms - options.range_ms; from < options.end_ms; from += window) {
    const int64_t to = std::min(from + window, options.end_ms);
    for (size_t first = 0; first < instances.size(); first += kInstancesPerRequest) {
      std::string body;
      for (size_t i = first; i < std::min(first + kInstancesPerRequest, instances.size()); ++i) {
        instances[i].Append(from, to, options.interval_ms, &body);
      }
      body = SnappyCompress(body);
      std::vector<std::thread> threads;
      threads.reserve(sessions.size());
      std::vector<char> sent(sessions.size(), 0);
      for (size_t s = 0; s < sessions.size(); ++s) {
        threads.emplace_back([&, s] { sent[s] = Send(sessions[s].get(), body); });
      }
      for (std::thread& thread : threads) thread.join();
      if (std::find(sent.begin(), sent.end(), 0) != sent.end()) return false;
    }
  }
  return true;
}

}  // namespace narthex::bench
