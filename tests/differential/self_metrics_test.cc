// The metrics a server shows of its storage, its targets, how it found them and its connections,
// beside Prometheus' own: the same names, the same types. What differs is listed with its reason.
// The peer is the installed one; NARTHEX_PEER_BIN names a folder with another prometheus.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/catch.h"
#include "tests/support/http.h"
#include "tests/support/process.h"

namespace narthex::testing {
namespace {

using namespace std::chrono_literals;
using Types = std::map<std::string, std::string>;

// Upstream's that are not here.
const std::map<std::string, std::string> kNotHere = {
    {"prometheus_remote_storage_string_interner_", "there is no string interner"},
    {"prometheus_api_remote_write_without_metadata_", "counts messages of remote write 2.0"},
    {"prometheus_api_remote_read_queries", "how remote_read_handler_queries was called up to 2.50"},
    {"prometheus_sd_azure_", "the mechanism is not here"},
    {"prometheus_sd_linode_", "the mechanism is not here"},
    {"prometheus_target_scrape_pool_symboltable_items", "pools have no tables of symbols"},
};
// Ours that upstream has not, or not in every release.
const std::map<std::string, std::string> kOurs = {
    {"prometheus_tsdb_blocks_damaged", "a damaged block does not stop the server here"},
    {"prometheus_tsdb_ingestion_stopped", "a full disk does not stop the server here"},
    {"prometheus_tsdb_head_series_over_", "limits of the head are ours"},
    {"prometheus_tsdb_retention_limit_percentage", "3.11 and later"},
    {"prometheus_tsdb_wal_record_", "3.0 and later"},
    {"prometheus_tsdb_out_of_order_wbl_record_", "3.0 and later"},
    {"prometheus_tsdb_out_of_order_wbl_storage_size_bytes", "2.43 and later"},
    {"prometheus_tsdb_wal_storage_size_bytes", "2.43 and later"},
    {"prometheus_tsdb_head_chunks_storage_size_bytes", "2.43 and later"},
    {"prometheus_tsdb_mmap_chunks_total", "2.44 and later"},
    {"prometheus_tsdb_retention_limit_seconds", "2.50 and later"},
    {"prometheus_api_remote_write_", "3.0 and later; dropped exemplars are counted here only"},
    {"prometheus_remote_read_handler_queries", "2.51 and later"},
    {"prometheus_remote_storage_histograms_in_total", "2.40 and later"},
    {"prometheus_sd_consul_", "Debian builds Prometheus without it"},
    {"prometheus_sd_nomad_", "Debian builds Prometheus without it"},
    {"prometheus_sd_kubernetes_", "Debian builds Prometheus 2 without it"},
    {"prometheus_sd_last_update_timestamp_seconds", "3.6 and later"},
    {"prometheus_sd_updates_delayed_total", "not in every release"},
    {"prometheus_target_scrape_pool_target_limit", "2.49 and later"},
    {"prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total", "2.45 and later"},
    {"prometheus_target_scrapes_exceeded_body_memory_total", "the limit is ours"},
    {"prometheus_target_scrapes_native_histograms_ignored_total", "upstream does not say"},
    {"prometheus_target_scrapes_sample_refused_total", "limits of the head are ours"},
};

bool Explained(const std::map<std::string, std::string>& list, const std::string& name) {
  for (const auto& [prefix, reason] : list) {
    if (name.starts_with(prefix)) return true;
  }
  return false;
}

bool IsCompared(std::string_view name) {
  for (const std::string_view prefix :
       {"prometheus_tsdb_", "prometheus_remote_", "prometheus_api_remote_", "prometheus_target_",
        "prometheus_sd_", "net_conntrack_"}) {
    if (name.starts_with(prefix)) return true;
  }
  return false;
}

Types ComparedFamilies(const std::string& exposition) {
  Types types;
  std::istringstream lines(exposition);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("# TYPE ")) continue;
    std::istringstream words(line.substr(7));
    std::string name, type;
    words >> name >> type;
    if (IsCompared(name)) types[name] = type;
  }
  return types;
}

// What a server exposes once it has scraped itself.
Types Expose(const std::string& binary, const std::string& name) {
  const std::string dir = ScratchDir("self_metrics_" + name);
  const std::string address = "127.0.0.1:" + std::to_string(FreePort());
  std::ofstream(dir + "/prometheus.yml") << "global: {scrape_interval: 1s}\n"
                                            "storage: {tsdb: {out_of_order_time_window: 30m}}\n"
                                            "scrape_configs:\n"
                                            "- job_name: self\n"
                                            "  static_configs: [{targets: ['" +
                                                address + "']}]\n";
  ChildProcess server({binary, "--config.file=" + dir + "/prometheus.yml",
                       "--storage.tsdb.path=" + dir + "/data", "--web.listen-address=" + address,
                       "--enable-feature=exemplar-storage", "--web.enable-remote-write-receiver"},
                      dir + "/log");
  std::string body;
  const bool ready = Eventually(60s, [&] {
    // A counter by kind shows itself when it counts.
    body = HttpGet("http://" + address + "/metrics").body;
    return body.find("prometheus_target_interval_length_seconds_count") != std::string::npos &&
           body.find("prometheus_tsdb_head_samples_appended_total{type=\"float\"} ") !=
               std::string::npos &&
           body.find("prometheus_tsdb_head_samples_appended_total{type=\"float\"} 0\n") ==
               std::string::npos;
  });
  INFO(server.output());
  REQUIRE(ready);
  return ComparedFamilies(body);
}

TEST_CASE("a server shows the metrics that dashboards know") {
  const char* folder = std::getenv("NARTHEX_PEER_BIN");
  const Types theirs =
      Expose(std::string(folder != nullptr ? folder : "/usr/bin") + "/prometheus", "peer");
  const Types ours = Expose(Binary("prometheus"), "ours");
  REQUIRE(theirs.size() > 90);
  for (const auto& [name, type] : theirs) {
    INFO(name);
    const auto found = ours.find(name);
    if (found == ours.end()) {
      CHECK(Explained(kNotHere, name));
    } else {
      CHECK(found->second == type);
      CHECK_FALSE(Explained(kNotHere, name));
    }
  }
  for (const auto& [name, type] : ours) {
    INFO(name);
    CHECK((theirs.contains(name) || Explained(kOurs, name)));
  }
}

}  // namespace
}  // namespace narthex::testing
