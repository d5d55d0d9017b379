#pragma once
// How promtool test rules shows what it found beside its plain text: differences of alerts in
// colours, and results as JUnit XML.

#include <map>
#include <string>
#include <vector>

#include "core/base/clock.h"

namespace narthex::promtool {

struct TestAlert {
  // What is wanted may be empty, and what is annotated too.
  std::map<std::string, std::string> labels, annotations;
  friend auto operator<=>(const TestAlert& a, const TestAlert& b) = default;
};

// {a="b", c=""}
std::string LabelsText(const std::map<std::string, std::string>& labels);

// What is wanted and not there in red, what is there and not wanted in green, what is otherwise in
// yellow.
std::string ColoredDiff(std::vector<TestAlert> want, std::vector<TestAlert> got);

struct TestCase {
  std::string name;
  std::vector<std::string> faults;
};
struct TestSuite {
  std::string name;  // of the file
  TimestampMs started = 0;
  std::vector<TestCase> cases;
  std::string error;  // why there are no cases
};
std::string ToJUnit(const std::vector<TestSuite>& suites);

}  // namespace narthex::promtool
