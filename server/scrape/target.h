#pragma once
// From what discovery found to what is scraped: relabelling, the labels of a target's series, its
// URL, its slot in the interval, and the label rules of its samples.
//
// Thread safety: free functions over values; Target is immutable.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/labels/labels.h"
#include "core/labels/relabel.h"
#include "server/config/config.h"
#include "server/discovery/target_group.h"

namespace narthex::scrape {

struct Target {
  Labels discovered;  // before relabelling, with the defaults of the job
  Labels labels;      // those its series carry: after relabelling, without the __ ones
  std::string url;
  std::string unix_socket;
  int64_t interval_ms = 0;
  int64_t timeout_ms = 0;
  bool native_histograms = false;  // stored
  bool always_classic = false;   // the classic part of what becomes a native one is stored as well
  bool convert_classic = false;  // classic histograms become native ones with custom buckets

  // Same URL, socket and series: one loop. (Upstream also tells targets apart by labels nobody sees
  // and then stores every sample twice.)
  uint64_t identity() const;
  // Upstream's hash of a target, from which its place in the interval comes.
  uint64_t schedule_hash = 0;
};

// The labels of a discovered target before relabelling.
Labels DiscoveredLabels(const config::ScrapeConfig& config, const Labels& target,
                        const Labels& group);

// nullopt: dropped by relabelling. An error: the target is refused. *all (may be null): its labels
// after relabelling, __address__ and friends included.
StatusOr<std::optional<Target>> MakeTarget(const config::ScrapeConfig& config,
                                           std::span<const RelabelRule> rules, Labels discovered,
                                           Labels* all = nullptr);

// Targets are due in bunches: a process that wakes for each of them alone finds its caches cold
// every time, which costs it half as much again. How far apart the bunches are for one more target
// beside `targets`: so that few come together. A target keeps what it was given, so that its place
// in the interval stays; widths are multiples of each other, so that bunches fall together.
int64_t BunchNanos(int64_t interval_ms, size_t targets);

// The next moment after `now` at which a target with this hash is due. No bunch is wider than a
// twentieth of the interval.
int64_t NextScrapeNanos(int64_t now_nanos, int64_t interval_ms, uint64_t hash, uint64_t seed,
                        int64_t bunch_nanos);

// Merges the labels of a sample with those of its target: honor_labels, or exported_ for clashes.
// `exposed` may hold empty values, which under honor_labels keep the target's label away.
void MergeTargetLabels(std::span<const Label> exposed, const Labels& target, bool honor,
                       LabelsBuilder* out);

// Why the labels of a sample are refused, in upstream's words; OK when they are not.
Status CheckSampleLabels(const Labels& labels, const config::ScrapeLimits& limits,
                         NameValidation validation);
// True when the refusal above was a limit.
bool IsLabelLimitError(const Status& status);

}  // namespace narthex::scrape
