#pragma once
// scrape_failure_log_file: one JSON line for every failed scrape. Files are shared by the jobs that
// name the same path and opened anew on every reload, so that they can be rotated.
//
// Thread safety: all methods.

#include <memory>
#include <string>

#include "core/base/file.h"
#include "core/base/status.h"

namespace narthex::scrape {

class FailureLog {
 public:
  static StatusOr<std::shared_ptr<FailureLog>> Open(const std::string& path);
  void Log(const std::string& job, const std::string& url, std::string_view error);

 private:
  FailureLog(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  const std::string path_;
  const UniqueFd fd_;
};

}  // namespace narthex::scrape
