#pragma once
// One target scraped again and again into a fake storage, for tests of what becomes of bodies.

#include <string>
#include <string_view>

#include "server/scrape/fake_storage.h"
#include "server/scrape/series.h"

namespace narthex::scrape {

struct SeriesRig {
  FakeStorage storage;
  TextPool texts;
  MetadataCache metadata{&texts};
  TargetSeries series{&storage, &metadata, 1};
  Scratch scratch;
  config::ScrapeConfig config;
  RelabelRules rules;
  Labels target;
  AppendCounts counts;  // of the last scrape
  AppendInput input;    // what does not change from one scrape to the next

  // As a scrape loop does it: what fails ends every series.
  Status Scrape(std::string_view body, TimestampMs t) {
    counts = AppendCounts();
    input.body = body;
    input.config = &config;
    input.metric_rules = &rules;
    input.target_labels = &target;
    input.timestamp = input.now = t;
    const Status status = series.Append(input, &scratch, &counts);
    if (!status.ok()) series.MarkStale(t, config.track_timestamps_staleness, &scratch);
    return status;
  }
};

}  // namespace narthex::scrape
