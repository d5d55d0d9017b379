#include <chrono>
#include <filesystem>

#include "node_exporter/testing.h"
#include "tests/temp_dir.h"

namespace narthex::node {
namespace {

TEST_CASE("textfile") {
  TempDir dir;
  std::filesystem::copy("testdata/textfile", dir.path(), std::filesystem::copy_options::recursive);
  std::filesystem::last_write_time(dir.path() + "/good/a.prom",
                                   std::filesystem::file_time_type(std::chrono::seconds(0)));
  const auto collect = [&](const std::string& directory) {
    return Collect("textfile", {"--collector.textfile.directory=" + dir.path() + directory});
  };
  const std::string good = collect("/good");
  for (const char* expected :
       {"events_total{bar=\"\",foo=\"1\"} 10\n", "events_total{bar=\"2\",foo=\"\"} 20\n",
        "# TYPE events_total counter\n", "# TYPE no_help untyped\n", "shared{f=\"b\"} 2\n",
        "dur_seconds_bucket{le=\"+Inf\"} 7\n", "rpc_seconds{quantile=\"0.5\"} 0.1\n",
        "node_textfile_scrape_error 0\n",
        "node_scrape_collector_success{collector=\"textfile\"} 1\n"}) {
    CAPTURE(expected);
    CHECK(Contains(good, expected));
  }
  CHECK(
      Contains(good, fmt::format("# HELP no_help Metric read from {}/good/a.prom\n", dir.path())));
  CHECK(Contains(good, fmt::format("# HELP shared Metric read from {0}/good/a.prom, "
                                   "{0}/good/b.prom\n",
                                   dir.path())));
  CHECK(Contains(
      good, fmt::format("node_textfile_mtime_seconds{{file=\"{}/good/b.prom\"}}", dir.path())));
  CHECK_FALSE(Contains(good, "notes.txt"));

  const std::string bad = collect("/bad");
  CHECK(Contains(bad, "\nok 1\n"));
  CHECK_FALSE(Contains(bad, "stamped"));
  CHECK_FALSE(Contains(bad, "broken"));
  CHECK(Contains(bad, "twice{n=\"1\"} 1\n"));
  CHECK_FALSE(Contains(bad, "n=\"2\""));
  CHECK(Contains(bad, "node_textfile_scrape_error 1\n"));
  CHECK(Contains(bad, "node_scrape_collector_success{collector=\"textfile\"} 1\n"));
  CHECK_FALSE(Contains(bad, "3_broken.prom"));  // no mtime for what was not read

  CHECK(Contains(collect("/none"), "node_textfile_scrape_error 1\n"));
  const std::string globbed = collect("/g*d");
  CHECK(Contains(globbed, "node_textfile_scrape_error 0\n"));
  CHECK(Contains(globbed, "no_help 1\n"));
  CHECK(Contains(Collect("textfile"), "node_textfile_scrape_error 0\n"));
}

}  // namespace
}  // namespace narthex::node
