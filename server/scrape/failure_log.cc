#include "server/scrape/failure_log.h"

#include <fcntl.h>

#include "core/base/clock.h"
#include "core/json/writer.h"
#include "core/log/log.h"
#include "core/strings/duration.h"

namespace narthex::scrape {

StatusOr<std::shared_ptr<FailureLog>> FailureLog::Open(const std::string& path) {
  NX_ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  return std::shared_ptr<FailureLog>(new FailureLog(path, std::move(fd)));
}

void FailureLog::Log(const std::string& job, const std::string& url, std::string_view error) {
  std::string line;
  JsonWriter json(&line);
  json.BeginObject()
      .Member("time", FormatRfc3339Nanos(Clock::System().NowNanos()))
      .Member("level", "ERROR")
      .Member("msg", error)
      .Member("job_name", job)
      .Member("target", url)
      .EndObject();
  line += '\n';
  if (const Status status = WriteAll(fd_.get(), line, path_); !status.ok()) {
    static LogLimiter limiter(60'000);
    int64_t suppressed = 0;
    if (limiter.Allow(&suppressed)) {
      NX_LOG(Error, "Cannot write the scrape failure log", {"err", status});
    }
  }
}

}  // namespace narthex::scrape
