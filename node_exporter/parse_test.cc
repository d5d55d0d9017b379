#include "node_exporter/parse.h"

#include "tests/catch.h"

namespace narthex::node {
namespace {

TEST_CASE("metric names are sanitized as one regular expression would") {
  const std::pair<const char*, const char*> cases[] = {
      {"Active(anon)", "Active_anon_"},
      {"a__b", "a__b"},
      {"a_(_b", "a_b"},
      {"a--b", "a_b"},
      {"(_(b", "__b"},
      {"", ""},
      {"ünï", "_n_"},
      {"x_", "x_"},
  };
  for (const auto& [in, out] : cases) CHECK(SanitizeMetricName(in) == out);
}

TEST_CASE("CPU lists") {
  CHECK(*ParseCpuList("0-2,7\n") == std::vector<int>{0, 1, 2, 7});
  CHECK(ParseCpuList("")->empty());
  CHECK_FALSE(ParseCpuList("1-").ok());
  CHECK_FALSE(ParseCpuList("0-999999999").ok());
}

}  // namespace
}  // namespace narthex::node
