#include "server/cmd/prometheus/query_log.h"

#include <fcntl.h>

#include <map>

#include "core/base/clock.h"
#include "core/json/writer.h"
#include "core/log/log.h"
#include "core/strings/duration.h"
#include "server/api/query_stats.h"

namespace narthex::prometheus {
namespace {

// ("httpRequest.path", "/x") becomes {"httpRequest":{"path":"/x"}}.
void WriteOrigin(JsonWriter& json, const std::vector<std::pair<std::string, std::string>>& origin) {
  std::map<std::string, std::map<std::string, std::string>> groups;
  for (const auto& [key, value] : origin) {
    const size_t dot = key.find('.');
    if (dot != std::string::npos) groups[key.substr(0, dot)][key.substr(dot + 1)] = value;
  }
  for (const auto& [group, members] : groups) {
    json.Key(group).BeginObject();
    for (const auto& [key, value] : members) json.Member(key, value);
    json.EndObject();
  }
}

}  // namespace

std::string FormatQueryLogEntry(const promql::QueryLogEntry& entry, int64_t now_nanos) {
  std::string line;
  JsonWriter json(&line);
  json.BeginObject();
  json.Member("time", FormatRfc3339Nanos(now_nanos));
  json.Member("level", "INFO");
  json.Member("msg", "promql query logged");
  json.Key("params").BeginObject();
  json.Member("query", entry.query);
  json.Member("start", FormatRfc3339Millis(entry.start));
  json.Member("end", FormatRfc3339Millis(entry.end));
  json.Key("step").Int(entry.step_ms / 1000);
  json.EndObject();
  if (!entry.status.ok()) json.Member("error", MessageOf(entry.status));
  json.Key("stats");
  api::WriteStats(json, entry.stats);
  WriteOrigin(json, entry.origin);
  json.EndObject();
  return line;
}

StatusOr<std::shared_ptr<QueryLog>> QueryLog::Open(const std::string& path) {
  NX_ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  return std::shared_ptr<QueryLog>(new QueryLog(path, std::move(fd)));
}

void QueryLog::Write(const promql::QueryLogEntry& entry) const {
  const std::string line = FormatQueryLogEntry(entry, Clock::System().NowNanos()) + "\n";
  if (const Status status = WriteAll(fd_.get(), line, path_); !status.ok()) {
    static LogLimiter limiter(60'000);
    int64_t suppressed = 0;
    if (limiter.Allow(&suppressed)) NX_LOG(Error, "Cannot write the query log", {"err", status});
  }
}

}  // namespace narthex::prometheus
