#include "server/cmd/promtool/backfill_openmetrics.h"

#include <map>

#include "core/base/file.h"
#include "server/cmd/promtool/database.h"
#include "server/cmd/promtool/openmetrics_input.h"
#include "server/cmd/promtool/output.h"
#include "server/cmd/promtool/sample_block.h"
#include "server/cmd/promtool/tsdb_list.h"

namespace narthex::promtool {
namespace {

constexpr int64_t kMinBlockMs = int64_t{2} * 3600 * 1000;
constexpr int kBlockRanges = 10;
constexpr uint64_t kSamplesPerPass = 64'000'000;

int64_t FloorDiv(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

class Backfill {
 public:
  Backfill(const BackfillOptions& options, const OpenMetricsInput& input)
      : options_(options),
        input_(input),
        block_ms_(CompatibleBlockDuration(options.max_block_ms)) {}

  Status Run() {
    const Status counted = Count();
    if (!counted.ok()) return Annotate(counted, "getting min and max timestamp");
    NX_RETURN_IF_ERROR(Annotate(CreateDirectories(options_.output_dir), "create output dir"));
    for (auto first = samples_.begin(); first != samples_.end();) {
      uint64_t samples = 0;
      auto end = first;
      while (end != samples_.end() && (end == first || samples < kSamplesPerPass)) {
        samples += end++->second;
      }
      const int64_t last = std::prev(end)->first;
      NX_RETURN_IF_ERROR(Annotate(Collect(first->first, last), "block creation"));
      NX_RETURN_IF_ERROR(WriteBlocks());
      first = end;
    }
    if (dropped_ > 0) {
      std::fprintf(
          stderr, "%s\n",
          fmt::format("{} samples were out of order and are not imported", dropped_).c_str());
    }
    return OkStatus();
  }

 private:
  Status Count() {
    bool without_time = false;
    const Status status = input_.ForEachSample([&](TextReader& sample) {
      without_time = !sample.timestamp_ms();
      if (without_time) return InvalidArgument("expected timestamp for series got none");
      ++samples_[FloorDiv(*sample.timestamp_ms(), block_ms_)];
      return OkStatus();
    });
    return status.ok() || without_time ? status : Annotate(status, "next");
  }

  // The samples of the windows first … last.
  Status Collect(int64_t first, int64_t last) {
    return input_.ForEachSample([&](TextReader& sample) -> Status {
      const int64_t t = *sample.timestamp_ms();
      const int64_t window = FloorDiv(t, block_ms_);
      if (window < first || window > last) return OkStatus();
      NX_ASSIGN_OR_RETURN(const uint32_t series, NumberOf(sample));
      return blocks_.try_emplace(window, &numbers_).first->second.Add(series, t, sample.value());
    });
  }

  // Text that was seen before needs no parsing. The type decides how le and quantile are written.
  StatusOr<uint32_t> NumberOf(TextReader& sample) {
    key_.assign(sample.series());
    key_.push_back(static_cast<char>(sample.type()));
    const auto known = by_text_.find(key_);
    if (known != by_text_.end()) return known->second;
    NX_ASSIGN_OR_RETURN(Labels labels, sample.DecodeLabels());
    if (!options_.labels.empty()) {
      LabelsBuilder builder(labels);
      for (const auto& [name, value] : options_.labels) builder.Set(name, value);
      labels = builder.Build();
    }
    const uint32_t number = numbers_.Of(labels);
    by_text_.emplace(key_, number);
    return number;
  }

  Status WriteBlocks() {
    for (auto& [window, block] : blocks_) {
      dropped_ += block.dropped();
      NX_ASSIGN_OR_RETURN(const tsdb::BlockMeta meta, block.Write(options_.output_dir));
      if (options_.quiet || meta.stats.samples == 0) continue;
      NX_ASSIGN_OR_RETURN(const BlockPtr written,
                          tsdb::Block::Open(JoinPath(options_.output_dir, meta.ulid.ToString())));
      Output().Write(BlockTable({&written, 1}, !header_shown_, options_.human_readable));
      header_shown_ = true;
    }
    blocks_.clear();
    return OkStatus();
  }

  const BackfillOptions& options_;
  const OpenMetricsInput& input_;
  const int64_t block_ms_;
  std::map<int64_t, uint64_t> samples_;  // by window
  SeriesNumbers numbers_;
  absl::flat_hash_map<std::string, uint32_t> by_text_;
  std::map<int64_t, SampleBlock> blocks_;  // of this pass
  std::string key_;
  uint64_t dropped_ = 0;
  bool header_shown_ = false;
};

}  // namespace

int64_t CompatibleBlockDuration(int64_t max_block_ms) {
  int64_t duration = kMinBlockMs;
  for (int i = 1; i < kBlockRanges && duration * 3 <= max_block_ms; ++i) duration *= 3;
  return duration;
}

int BackfillOpenMetrics(const BackfillOptions& options) {
  const auto input = OpenMetricsInput::Open(options.input);
  if (!input.ok()) return Fail(input.status());
  return ExitCode(Backfill(options, *input).Run());
}

}  // namespace narthex::promtool
