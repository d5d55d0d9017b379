#include "server/scrape/series.h"

#include "server/scrape/series_rig.h"
#include "server/scrape/target.h"
#include "tests/catch.h"

namespace narthex::scrape {
namespace {

struct Rig : SeriesRig {
  Rig() { target = Labels{{"instance", "i"}, {"job", "j"}}; }
  Status Scrape(std::string_view body, TimestampMs t,
                ScrapeGrammar grammar = ScrapeGrammar::kText) {
    input.grammar = grammar;
    return SeriesRig::Scrape(body, t);
  }
  std::string Text(const std::string& name) {
    return storage.Text(name + "{instance=\"i\", job=\"j\"}");
  }
  void AddRule(RelabelConfig rule) { rules.push_back(*RelabelRule::Compile(std::move(rule))); }
};

TEST_CASE("series follow what the target shows") {
  Rig r;
  REQUIRE(r.Scrape("a 1\nb 2\n", 1000).ok());
  CHECK(r.counts.scraped == 2);
  CHECK(r.counts.after_relabel == 2);
  CHECK(r.counts.added == 2);
  REQUIRE(r.Scrape("a 3\nb 4\n", 2000).ok());
  CHECK(r.counts.added == 0);
  REQUIRE(r.Scrape("b 5\nc 6\n", 3000).ok());
  CHECK(r.counts.added == 1);
  REQUIRE(r.Scrape("a 7\nb 8\nc 9\n", 4000).ok());
  CHECK(r.counts.added == 1);
  CHECK(r.Text("a") == "1@1000 3@2000 stale@3000 7@4000");
  CHECK(r.Text("b") == "2@1000 4@2000 5@3000 8@4000");
  CHECK(r.Text("c") == "6@3000 9@4000");
  REQUIRE(r.Scrape("", 5000).ok());
  CHECK(r.Text("b") == "2@1000 4@2000 5@3000 8@4000 stale@5000");
  REQUIRE(r.Scrape("", 6000).ok());
  CHECK(r.Text("b") == "2@1000 4@2000 5@3000 8@4000 stale@5000");
}

TEST_CASE("a scrape that fails ends every series once and stores nothing of its body") {
  Rig r;
  REQUIRE(r.Scrape("a 1\nb 2\n", 1000).ok());
  CHECK_FALSE(r.Scrape("a 2\nnew 1\nb {{{\n", 2000).ok());
  CHECK_FALSE(r.Scrape("a 2\nnewer 1\nb {{{\n", 3000).ok());
  CHECK(r.Text("a") == "1@1000 stale@2000");
  CHECK(r.storage.series_count() == 2);
  REQUIRE(r.Scrape("a 4\nb 5\n", 4000).ok());
  CHECK(r.Text("a") == "1@1000 stale@2000 4@4000");
  CHECK(r.Text("b") == "2@1000 stale@2000 5@4000");
}

TEST_CASE("metadata goes to the storage when it or the series are new, and only when asked for") {
  Rig r;
  const std::string text =
      "# HELP c_total Help.\n# TYPE c_total counter\nc_total 1\n# TYPE own gauge\nown 5 900\n";
  const std::string c = "c_total{instance=\"i\", job=\"j\"}";
  const std::string own = "own{instance=\"i\", job=\"j\"}";
  REQUIRE(r.Scrape(text, 1000).ok());
  CHECK(r.storage.metadata_updates() == 0);
  r.input.store_metadata = true;
  REQUIRE(r.Scrape(text, 2000).ok());
  CHECK(r.storage.Metadata(c) == "counter|Help.|");  // of the scrape before
  CHECK(r.storage.Metadata(own) == "gauge||");
  CHECK(r.storage.metadata_updates() == 1);
  REQUIRE(r.Scrape(text, 3000).ok());
  CHECK(r.storage.metadata_updates() == 1);
  REQUIRE(r.Scrape("# HELP c_total Other.\n# TYPE c_total counter\nc_total 1\n", 4000).ok());
  CHECK(r.storage.Metadata(c) == "counter|Other.|");
  CHECK(r.storage.metadata_updates() == 2);
  REQUIRE(r.Scrape("# HELP c_total Other.\n# TYPE c_total counter\nc_total 1\nc_total{x=\"y\"} 1\n",
                   5000)
              .ok());
  CHECK(r.storage.Metadata("c_total{instance=\"i\", job=\"j\", x=\"y\"}") == "counter|Other.|");
  CHECK(r.storage.metadata_updates() == 3);
}

TEST_CASE("type and unit are labels like others to rules, limits and honor_labels") {
  Rig r;
  r.input.type_and_unit_labels = true;
  r.config.honor_labels = true;
  r.AddRule({.source_labels = {"__type__"}, .regex = "gauge", .action = RelabelAction::kDrop});
  constexpr std::string_view kBody =
      "# TYPE a counter\na{__type__=\"\",__unit__=\"\",job=\"\"} 1\n# TYPE b gauge\nb 1\n";
  REQUIRE(r.Scrape(kBody, 1000).ok());
  CHECK(r.counts.scraped == 2);
  CHECK(r.counts.after_relabel == 1);
  CHECK(r.storage.Text("a{__type__=\"counter\", instance=\"i\"}") == "1@1000");
  r.config.limits.labels = 2;
  CHECK(MessageOf(r.Scrape("# TYPE c counter\nc 1\n", 2000)).find("label_limit") !=
        std::string::npos);
}

TEST_CASE("the same series twice in one body") {
  Rig r;
  REQUIRE(r.Scrape("a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 1\n", 1000).ok());
  CHECK(r.counts.duplicate == 0);
  REQUIRE(r.Scrape("a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 2\n", 2000).ok());
  CHECK(r.counts.duplicate == 1);
  CHECK(r.counts.after_relabel == 2);
  const std::string series = "a{instance=\"i\", job=\"j\", x=\"1\", y=\"2\"}";
  CHECK(r.storage.Text(series) == "1@1000 1@2000");
  // One of the two spellings goes: the series lives on in the other.
  REQUIRE(r.Scrape("a{y=\"2\",x=\"1\"} 3\n", 3000).ok());
  REQUIRE(r.Scrape("a{x=\"1\",y=\"2\"} 4\n", 4000).ok());
  CHECK(r.storage.Text(series) == "1@1000 1@2000 3@3000 4@4000");
  // The very same line again is one too many, whatever its value.
  REQUIRE(r.Scrape("z 1\nz 1\nz 2\n", 5000).ok());
  CHECK(r.counts.duplicate == 2);
  REQUIRE(r.Scrape("z 1\nz 1\n", 6000).ok());
  CHECK(r.counts.duplicate == 1);
  CHECK(r.storage.Text("z{instance=\"i\", job=\"j\"}") == "1@5000 1@6000");
}

TEST_CASE("metric relabelling drops, renames and merges, once per line") {
  Rig r;
  r.AddRule({.source_labels = {"__name__"}, .regex = "drop_.*", .action = RelabelAction::kDrop});
  r.AddRule({.source_labels = {"__name__"},
             .regex = "old_(.*)",
             .target_label = "__name__",
             .replacement = "new_$1"});
  REQUIRE(r.Scrape("drop_a 1\nold_b 2\nc 3\n", 1000).ok());
  CHECK(r.counts.scraped == 3);
  CHECK(r.counts.after_relabel == 2);
  REQUIRE(r.Scrape("drop_a 1\nold_b 4\nc 5\n", 2000).ok());
  CHECK(r.counts.after_relabel == 2);
  CHECK(r.Text("new_b") == "2@1000 4@2000");
  CHECK(r.storage.series_count() == 2);
}

TEST_CASE("new relabelling: series that come out the same go on, the others end") {
  Rig r;
  REQUIRE(r.Scrape("a 1\nb 2\n", 1000).ok());
  r.AddRule({.source_labels = {"__name__"},
             .regex = "b",
             .target_label = "__name__",
             .replacement = "c"});
  r.series.Invalidate();
  REQUIRE(r.Scrape("a 3\nb 4\n", 2000).ok());
  CHECK(r.Text("a") == "1@1000 3@2000");
  CHECK(r.Text("b") == "2@1000 stale@2000");
  CHECK(r.Text("c") == "4@2000");
}

TEST_CASE("label clashes") {
  struct Case {
    bool honor;
    std::string line, want;
  };
  const Case cases[] = {
      {false, "a{instance=\"x\"} 1\n", "a{exported_instance=\"x\", instance=\"i\", job=\"j\"}"},
      {true, "a{instance=\"x\"} 1\n", "a{instance=\"x\", job=\"j\"}"},
      // An empty label under honor_labels keeps the target's away.
      {true, "a{instance=\"\"} 1\n", "a{job=\"j\"}"},
      {true, "a{instance=\"\",job=\"x\"} 1\n", "a{job=\"x\"}"},
      {true, "a{x=\"y\",instance=\"\", job=\"\",} 1\n", "a{x=\"y\"}"},
      {true, "{\"a\",\"instance\"=\"\"} 1\n", "a{job=\"j\"}"},
      {false, "a{instance=\"\"} 1\n", "a{instance=\"i\", job=\"j\"}"},
      {false, "a{exported_job=\"y\",job=\"x\"} 1\n",
       "a{exported_exported_job=\"x\", exported_job=\"y\", instance=\"i\", job=\"j\"}"},
  };
  for (const Case& c : cases) {
    INFO(c.line);
    Rig r;
    r.config.honor_labels = c.honor;
    REQUIRE(r.Scrape(c.line, 1000).ok());
    CHECK(r.storage.Text(c.want) == "1@1000");
  }
  // It does so for its own series only.
  Rig both;
  both.config.honor_labels = true;
  REQUIRE(both.Scrape("a{instance=\"\"} 1\nb 2\n", 1000).ok());
  CHECK(both.storage.Text("a{job=\"j\"}") == "1@1000");
  CHECK(both.Text("b") == "2@1000");
  LabelsBuilder builder;
  MergeTargetLabels(std::vector<Label>{{"__name__", "a"}, {"instance", ""}},
                    Labels{{"instance", "i"}, {"job", "j"}}, true, &builder);
  CHECK(builder.Build().ToMetricString() == "a{job=\"j\"}");
}

TEST_CASE("limits fail the whole scrape in upstream's words") {
  struct Case {
    config::ScrapeLimits limits;
    std::string body, error;
  };
  const Case cases[] = {
      {{.samples = 2}, "a 1\nb 1\nc 1\n", "sample limit exceeded"},
      {{.labels = 3},
       "a{x=\"1\"} 1\n",
       "label_limit exceeded (metric: a, number of labels: 4, limit: 3)"},
      {{.label_name_length = 9},
       "a{long_label_name=\"1\"} 1\n",
       "label_name_length_limit exceeded (metric: a, label name: long_label_name, length: 15, "
       "limit: 9)"},
      {{.label_value_length = 3},
       "a{x=\"1234\"} 1\n",
       "label_value_length_limit exceeded (metric: a, label name: x, value: \"1234\", length: 4, "
       "limit: 3)"},
  };
  for (const Case& c : cases) {
    INFO(c.error);
    Rig r;
    REQUIRE(r.Scrape("a 1\nb 1\n", 1000).ok());
    r.config.limits = c.limits;
    const Status status = r.Scrape(c.body, 2000);
    CHECK(MessageOf(status) == c.error);
    CHECK(r.Text("a") == "1@1000 stale@2000");
    CHECK(r.storage.series_count() == 2);
    CHECK(IsLabelLimitError(status) == c.error.starts_with("label_"));
    // The one that ends the scrape counts as scraped.
    CHECK(r.counts.scraped == (c.limits.samples > 0 ? 3 : 1));
    r.config.limits = {};
    REQUIRE(r.Scrape("a 5\nb 1\n", 3000).ok());
    CHECK(r.Text("a") == "1@1000 stale@2000 5@3000");
  }
  // The count goes on past the limit, and known series count as well.
  Rig r;
  r.config.limits.samples = 2;
  CHECK_FALSE(r.Scrape("a 1\nb 1\nc 1\nd 1\n", 1000).ok());
  CHECK(r.counts.scraped == 4);
  CHECK(r.counts.after_relabel == 4);
  CHECK(r.storage.series_count() == 0);
  REQUIRE(r.Scrape("a 1\nb 1\n", 2000).ok());
  CHECK_FALSE(r.Scrape("a 1\nb 1\nc 1\n", 3000).ok());
}

TEST_CASE("timestamps of their own") {
  Rig r;
  REQUIRE(r.Scrape("a 1 500\nb 2\n", 1000).ok());
  CHECK(r.counts.added == 2);
  REQUIRE(r.Scrape("a 2 600\nb 3\n", 2000).ok());
  CHECK(r.Text("a") == "1@500 2@600");
  REQUIRE(r.Scrape("b 4\n", 3000).ok());  // no stale marker for a
  CHECK(r.Text("a") == "1@500 2@600");
  // From a timestamp to none and back: the series without one ends.
  REQUIRE(r.Scrape("a 3\nb 5\n", 4000).ok());
  REQUIRE(r.Scrape("a 4 4500\nb 5\n", 5000).ok());
  CHECK(r.Text("a") == "1@500 2@600 3@4000 4@4500 stale@5000");
  CHECK(r.Text("b") == "2@1000 3@2000 4@3000 5@4000 5@5000");
  // Too far ahead, and out of order.
  REQUIRE(r.Scrape("a 9 9999999\nb 6\n", 6000).ok());
  CHECK(r.counts.out_of_bounds == 1);
  REQUIRE(r.Scrape("a 9 10\nb 6\n", 7000).ok());
  CHECK(r.counts.out_of_order == 1);

  Rig ignore;
  ignore.config.honor_timestamps = false;
  REQUIRE(ignore.Scrape("a 1 500\n", 1000).ok());
  CHECK(ignore.Text("a") == "1@1000");

  Rig track;
  track.config.track_timestamps_staleness = true;
  REQUIRE(track.Scrape("a 1 500\nb 1 500\n", 1000).ok());
  REQUIRE(track.Scrape("b 1 600\n", 2000).ok());
  CHECK(track.Text("a") == "1@500 stale@2000");
  CHECK_FALSE(track.Scrape("{", 3000).ok());
  CHECK(track.Text("b") == "1@500 1@600 stale@3000");
}

TEST_CASE("a full head refuses new series and takes them when there is room") {
  Rig r;
  r.storage.SetMaxSeries(1);
  REQUIRE(r.Scrape("a 1\nb 2\n", 1000).ok());
  CHECK(r.counts.refused == 1);
  CHECK(r.Text("a") == "1@1000");
  r.storage.SetMaxSeries(10);
  REQUIRE(r.Scrape("a 2\nb 3\n", 2000).ok());
  CHECK(r.counts.refused == 0);
  CHECK(r.Text("b") == "3@2000");
}

TEST_CASE("OpenMetrics: le is normalised, # EOF is demanded, metadata is kept") {
  Rig r;
  const std::string body =
      "# HELP h Some help.\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\n"
      "h_sum 3\nh_count 2\n# EOF\n";
  REQUIRE(r.Scrape(body, 1000, ScrapeGrammar::kOpenMetrics).ok());
  CHECK(r.storage.Text("h_bucket{instance=\"i\", job=\"j\", le=\"1.0\"}") == "1@1000");
  const auto list = r.metadata.List("");
  REQUIRE(list.size() == 1);
  CHECK(list[0] == MetricMetadata{"h", "histogram", "Some help.", ""});
  CHECK(r.metadata.List("other").empty());
  CHECK_FALSE(r.Scrape(body.substr(0, body.size() - 6), 2000, ScrapeGrammar::kOpenMetrics).ok());
  REQUIRE(r.Scrape("# HELP h Other.\n# TYPE h histogram\nh_sum 3\n# EOF\n", 3000,
                   ScrapeGrammar::kOpenMetrics)
              .ok());
  REQUIRE(r.metadata.List("h").size() == 1);
  CHECK(r.metadata.List("h")[0].help == "Other.");
}

TEST_CASE("exemplars go with their series") {
  Rig r;
  const auto of = [&](const std::string& name) {
    return r.storage.Exemplars(name + "{instance=\"i\", job=\"j\"}");
  };
  REQUIRE(r.Scrape("# TYPE a counter\n"
                   "a_total 1 # {trace_id=\"x\"} 0.5 1.5\n"
                   "# TYPE b counter\n"
                   "b_total 2 # {} 7\n"
                   "# TYPE c counter\n"
                   "c_total 3 0.9 # {trace_id=\"z\"} 9 0.8\n"
                   "# TYPE d counter\n"
                   "d_total 3 # {} 9 -1\n"
                   "# EOF\n",
                   1000, ScrapeGrammar::kOpenMetrics)
              .ok());
  CHECK(of("a_total") == R"(0.5@1500{trace_id="x"})");
  CHECK(of("b_total") == "7@1000{}");
  CHECK(of("c_total") == R"(9@800{trace_id="z"})");  // its series has timestamps of its own
  CHECK(of("d_total").empty());
  CHECK(r.counts.exemplars_out_of_order == 1);
  REQUIRE(r.Scrape("# TYPE b counter\nb_total 3 # {} 8\n# EOF\n", 2000, ScrapeGrammar::kOpenMetrics)
              .ok());
  CHECK(of("b_total") == "7@1000{} 8@2000{}");
  // What relabelling drops, and a scrape that fails, leave none.
  r.AddRule({.source_labels = {"__name__"}, .regex = "b.*", .action = RelabelAction::kDrop});
  r.series.Invalidate();
  REQUIRE(r.Scrape("# TYPE b counter\nb_total 3 # {} 9\n# EOF\n", 3000, ScrapeGrammar::kOpenMetrics)
              .ok());
  CHECK_FALSE(
      r.Scrape("# TYPE e counter\ne_total 3 # {} 9\n", 4000, ScrapeGrammar::kOpenMetrics).ok());
  CHECK(of("b_total") == "7@1000{} 8@2000{}");
  CHECK(of("e_total").empty());
}

TEST_CASE("a release forgets without stale markers and starts anew") {
  Rig r;
  REQUIRE(r.Scrape("a 1\n", 1000).ok());
  CHECK_FALSE(r.Scrape("{", 2000).ok());
  r.series.Release();
  CHECK(r.storage.open_groups() == 0);
  CHECK(r.series.member_count() == 0);
  REQUIRE(r.Scrape("a 3\n", 3000).ok());
  CHECK(r.Text("a") == "1@1000 stale@2000 3@3000");
}

TEST_CASE("names that are not allowed end the scrape") {
  Rig r;
  r.config.name_validation = NameValidation::kLegacy;
  CHECK(std::string(MessageOf(r.Scrape("{\"a.b\"} 1\n", 1000)))
            .starts_with("invalid metric name or label names: "));
  CHECK(MessageOf(r.Scrape("{x=\"1\"} 1\n", 1000)) != "");
  r.config.name_validation = NameValidation::kUtf8;
  REQUIRE(r.Scrape("{\"a.b\"} 1\n", 2000).ok());
  r.AddRule({.regex = "__name__", .action = RelabelAction::kLabelDrop});
  r.series.Invalidate();
  CHECK(MessageOf(r.Scrape("a 1\n", 3000)) == "missing metric name (__name__ label)");
}

}  // namespace
}  // namespace narthex::scrape
