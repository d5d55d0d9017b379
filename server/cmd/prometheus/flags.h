#pragma once
// The command line of the server: every flag Prometheus 3 has. A flag that cannot act here is
// either harmless (kept for the scripts that pass it, listed in docs/compat.md) or refused by name
// when it asks for something.
//
// Not thread-safe; read-only after Parse.

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/flags/flags.h"

namespace narthex::prometheus {

// What one query and all of them together may hold by default, where there is so much memory.
struct QueryMemoryLimits {
  int64_t query, total;
};
QueryMemoryLimits DefaultQueryMemory(int64_t memory);

struct Flags {
  Flags();

  FlagSet set;
  LogFlags log{};

  std::string* config_file;
  bool* auto_reload;
  int64_t* auto_reload_interval_ms;
  std::vector<std::string>* listen_addresses;
  double* memlimit_ratio;
  std::string* web_config_file;
  int64_t* read_timeout_ms;
  int64_t* max_connections;
  int64_t* max_notification_subscribers;
  std::string* external_url;
  std::string* route_prefix;
  bool* enable_lifecycle;
  bool* enable_admin_api;
  bool* enable_remote_write;
  std::vector<std::string>* remote_write_messages;
  std::string* page_title;
  std::string* cors_origin;

  int64_t* read_sample_limit;
  int64_t* read_concurrent_limit;
  int64_t* read_max_frame_bytes;
  std::string* storage_path;
  int64_t* retention_time_ms;  // 0: not given
  int64_t* retention_bytes;
  std::string* delay_compact_file;
  int64_t* min_block_ms;
  int64_t* max_block_ms;  // 0: not given
  int64_t* block_segment_bytes;
  bool* overlapping_compaction;
  int64_t* head_series_limit;
  double* memory_budget_ratio;
  int64_t* block_reload_ms;
  int64_t* compaction_delay_percent;
  bool* no_lockfile;
  bool* export_wal;
  int64_t* wal_segment_bytes;
  bool* wal_compression;
  std::string* wal_compression_type;
  int64_t* write_queue_size;
  int64_t* samples_per_chunk;

  int64_t* outage_tolerance_ms;
  int64_t* for_grace_period_ms;
  int64_t* resend_delay_ms;
  int64_t* max_concurrent_evals;
  int64_t* notification_queue_capacity;
  int64_t* notification_batch_size;
  bool* drain_notifications;

  int64_t* lookback_delta_ms;
  int64_t* query_timeout_ms;
  int64_t* query_concurrency;
  int64_t* query_max_samples;
  // Bytes; 0: no limit. What was asked for, or a share of the memory there is.
  int64_t* query_memory_limit;
  int64_t* query_total_memory_limit;

  bool* adjust_timestamps;
  int64_t* timestamp_tolerance_ms;
  int64_t* discovery_reload_interval_ms;
  int64_t* body_memory_limit;
  std::vector<std::string>* feature_lists;

  // After parsing: the --enable-feature names; unknown ones are warned about.
  std::set<std::string> features;

  // What is asked for and not implemented, or what contradicts itself: message and exit code. OK
  // when the server can start. Fills in `features`.
  Status Check(int* exit_code);

 private:
  void AddWebFlags();
  void AddStorageFlags();
  void AddAgentFlags();
  void AddRuleAndQueryFlags();
  void AddScrapeFlags();
  Status CheckRefused() const;
  Status CheckFeatures();
  void Refuse(std::string name);
  std::vector<std::string> refused_;  // name of every flag that must keep its default
  std::vector<std::pair<std::string, std::string>> defaults_;
  std::vector<std::string> agent_only_;
};

// The external URL without its trailing slash, from the flag and the first listen address. Like
// upstream's it may be a path alone.
StatusOr<std::string> ResolveExternalUrl(const std::string& flag, const std::string& listen);

}  // namespace narthex::prometheus
