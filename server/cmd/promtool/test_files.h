#pragma once
// Files that tests of promtool hand to it, and looks at what it prints.

#include <string>

#include "core/base/file.h"
#include "tests/catch.h"
#include "tests/support/process.h"

namespace narthex::promtool {

using testing::Binary;
using testing::RunResult;
using testing::RunToEnd;

// Files in a directory of their own.
class Files {
 public:
  explicit Files(const std::string& name) : dir_(testing::ScratchDir("promtool_" + name)) {}
  std::string Write(const std::string& name, const std::string& text) const {
    REQUIRE(WriteFileAtomically(dir_ + "/" + name, text).ok());
    return dir_ + "/" + name;
  }

 private:
  const std::string dir_;
};

inline bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Two rules, a recording and an alerting one.
inline constexpr char kTwoRules[] = R"(groups:
  - name: g
    rules:
      - record: job:x:sum
        expr: sum by (job) (x)
      - alert: High
        expr: job:x:sum > 50
        for: 2m
        labels: {severity: page}
        annotations:
          summary: "{{ $labels.job }} at {{ $value }}"
          ext: "{{ $externalLabels.cluster }} {{ $externalURL }}"
)";

}  // namespace narthex::promtool
