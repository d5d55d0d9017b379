#include "pushgateway/api.h"

#include "pushgateway/testing.h"

namespace narthex::pushgateway {
namespace {

TEST_CASE("the query API") {
  Gateway gateway({.flags = {{"log.level", "info"}}});
  Call(gateway, "PUT", "/metrics/job/a",
       "# HELP s S.\n# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 2\ns_count 3\n"
       "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 2\nh_count 2\n"
       "# TYPE g gauge\ng 1.5e9\n");
  const auto response = Call(gateway, "GET", "/api/v1/metrics");
  CHECK(response.status == 200);
  const std::string labels = "\"labels\":{\"instance\":\"\",\"job\":\"a\"}";
  for (const std::string& part :
       {std::string("{\"status\":\"success\",\"data\":[{\"labels\":{\"job\":\"a\"},\"last_push_"
                    "successful\":true,\"g\":{\"time_stamp\":\""),
        "\"type\":\"GAUGE\",\"metrics\":[{" + labels + ",\"value\":\"1.5e+09\"}]}",
        "\"type\":\"SUMMARY\",\"help\":\"S.\",\"metrics\":[{" + labels +
            ",\"count\":\"3\",\"sum\":\"2\",\"quantiles\":{\"0.5\":\"1\"}}]",
        "\"metrics\":[{" + labels +
            ",\"count\":\"2\",\"sum\":\"2\",\"buckets\":{\"1\":\"1\",\"+Inf\":\"2\"}}]",
        std::string("\"push_failure_time_seconds\":{")}) {
    CAPTURE(part);
    CHECK(Contains(response.body, part));
  }
  const auto status = Call(gateway, "GET", "/api/v1/status").body;
  CHECK(Contains(status, "\"flags\":{\"log.level\":\"info\"}"));
  CHECK(Contains(status, "\"build_information\":{\"branch\":"));
  CHECK(Contains(status, "\"start_time\":\"2"));
}

TEST_CASE("native buckets in the query API") {
  auto native = std::make_shared<NativeHistogram>(NativeHistogram{.schema = 0,
                                                                  .zero_threshold = 0.25,
                                                                  .zero_count = 1,
                                                                  .positive_spans = {{0, 2}},
                                                                  .negative_spans = {{1, 1}},
                                                                  .positive_deltas = {1, -1},
                                                                  .negative_deltas = {4}});
  MetricFamily family{.name = "n", .type = MetricType::kHistogram};
  family.samples.push_back({.sample_count = 6, .native = native});
  auto group = std::make_shared<Group>(Group{.labels = {{"job", "a"}}});
  group->families["n"] = StoredFamily(1, family);
  CHECK(Contains(MetricsJson({group}),
                 "\"buckets\":[[1,\"-2\",\"-1\",\"4\"],[3,\"-0.25\",\"0.25\",\"1\"],[0,\"0.5\","
                 "\"1\",\"1\"]]"));
}

}  // namespace
}  // namespace narthex::pushgateway
