#include "server/cmd/promtool/tsdb_analyze.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/file.h"
#include "core/strings/duration.h"
#include "server/cmd/promtool/chunk_analysis.h"
#include "server/cmd/promtool/database.h"
#include "server/cmd/promtool/output.h"
#include "server/promql/parser/parser.h"
#include "server/storage/tsdb/block/select.h"

namespace narthex::promtool {
namespace {

using Entries = std::vector<std::pair<std::string, uint64_t>>;

class Analysis {
 public:
  Analysis(const AnalyzeOptions& options, BlockPtr block, std::vector<Matcher> matchers)
      : options_(options),
        block_(std::move(block)),
        meta_(block_->meta()),
        matchers_(std::move(matchers)) {}

  Status Run() {
    NX_ASSIGN_OR_RETURN(series_, tsdb::SelectSeries(block_->index(), matchers_));
    NX_RETURN_IF_ERROR(PrintHeader());
    NX_RETURN_IF_ERROR(CountPairs());
    NX_RETURN_IF_ERROR(PrintLabels());
    if (!options_.extended) return OkStatus();
    return PrintChunkAnalysis(*block_, series_, &out_);
  }

 private:
  struct Pair {
    uint64_t series = 0;
    double uncovered = 0;  // time of the block in which its series had no samples, added up
  };

  Status PrintHeader() {
    out_.Print("Block ID: {}\n", meta_.ulid.ToString());
    out_.Print("Duration: {}\n", FormatGoDuration((meta_.max_time - meta_.min_time) * 1'000'000));
    out_.Print("Total Series: {}\n", meta_.stats.series);
    if (!matchers_.empty()) out_.Print("Matcher: {}\n", options_.matcher);
    querier_ = block_->NewQuerier(INT64_MIN, INT64_MAX);
    NX_ASSIGN_OR_RETURN(names_, querier_->LabelNames(matchers_, 0, nullptr));
    out_.Print("Label names: {}\n", names_.size());
    if (!matchers_.empty()) out_.Print("Matched series: {}\n", series_.size());
    return OkStatus();
  }

  Status CountPairs() {
    absl::flat_hash_map<std::pair<uint32_t, uint32_t>, Pair> pairs;
    absl::flat_hash_map<uint32_t, double> names;
    tsdb::IndexReader::Series entry;
    uint64_t entries = 0;
    const auto duration = static_cast<double>(meta_.max_time - meta_.min_time);
    for (const uint32_t ref : series_) {
      NX_RETURN_IF_ERROR(block_->index().ReadSeries(ref, &entry));
      if (entry.chunks.empty()) continue;
      const double uncovered =
          duration - static_cast<double>(entry.chunks.back().maxt - entry.chunks.front().mint);
      for (const auto& label : entry.labels) {
        Pair& pair = pairs[label];
        ++pair.series;
        pair.uncovered += uncovered;
        names[label.first] += uncovered;
        ++entries;
      }
    }
    out_.Print("Postings (unique label pairs): {}\n", pairs.size());
    out_.Print("Postings entries (total label pairs): {}\n", entries);
    return PrintPairs(pairs, names, duration);
  }

  template <typename Pairs, typename Names>
  Status PrintPairs(const Pairs& pairs, const Names& names, double duration) {
    Entries churning, common, churning_names;
    for (const auto& [symbols, pair] : pairs) {
      NX_ASSIGN_OR_RETURN(const std::string_view name, block_->index().Symbol(symbols.first));
      NX_ASSIGN_OR_RETURN(const std::string_view value, block_->index().Symbol(symbols.second));
      const std::string text = fmt::format("{}={}", name, value);
      churning.emplace_back(text, static_cast<uint64_t>(pair.uncovered / duration));
      common.emplace_back(text, pair.series);
    }
    for (const auto& [symbol, uncovered] : names) {
      NX_ASSIGN_OR_RETURN(const std::string_view name, block_->index().Symbol(symbol));
      churning_names.emplace_back(name, static_cast<uint64_t>(uncovered / duration));
    }
    PrintList("Label pairs most involved in churning", std::move(churning));
    PrintList("Label names most involved in churning", std::move(churning_names));
    PrintList("Most common label pairs", std::move(common));
    return OkStatus();
  }

  Status PrintLabels() {
    Entries lengths, counts, metrics;
    for (const std::string& name : names_) {
      NX_ASSIGN_OR_RETURN(const std::vector<std::string> values,
                          querier_->LabelValues(name, matchers_, 0, nullptr));
      uint64_t length = 0;
      for (const std::string& value : values) length += value.size();
      lengths.emplace_back(name, length);
      counts.emplace_back(name, values.size());
      if (name != kMetricNameLabel) continue;
      for (const std::string& metric : values) {
        NX_ASSIGN_OR_RETURN(const uint64_t series, SeriesOf(metric));
        metrics.emplace_back(metric, series);
      }
    }
    PrintList("Label names with highest cumulative label value length", std::move(lengths));
    PrintList("Highest cardinality labels", std::move(counts));
    PrintList("Highest cardinality metric names", std::move(metrics));
    return OkStatus();
  }

  StatusOr<uint64_t> SeriesOf(const std::string& metric) const {
    if (matchers_.empty()) {
      NX_ASSIGN_OR_RETURN(const tsdb::PostingsList list,
                          block_->index().Postings(kMetricNameLabel, metric));
      return list.size();
    }
    std::vector<Matcher> all = matchers_;
    all.push_back(Matcher::Equal(std::string(kMetricNameLabel), metric));
    NX_ASSIGN_OR_RETURN(const std::vector<uint32_t> series,
                        tsdb::SelectSeries(block_->index(), all));
    return series.size();
  }

  void PrintList(std::string_view title, Entries entries) {
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
      return std::tie(b.second, a.first) < std::tie(a.second, b.first);
    });
    if (entries.size() > static_cast<size_t>(std::max<int64_t>(options_.limit, 0))) {
      entries.resize(static_cast<size_t>(std::max<int64_t>(options_.limit, 0)));
    }
    out_.Print("\n{}:\n", title);
    for (const auto& [text, n] : entries) out_.Print("{} {}\n", n, text);
  }

  const AnalyzeOptions& options_;
  const BlockPtr block_;
  const tsdb::BlockMeta meta_;
  const std::vector<Matcher> matchers_;
  std::unique_ptr<storage::Querier> querier_;
  std::vector<uint32_t> series_;
  std::vector<std::string> names_;
  Output out_;
};

Status Analyze(const AnalyzeOptions& options) {
  std::vector<Matcher> matchers;
  if (!options.matcher.empty()) {
    NX_ASSIGN_OR_RETURN(matchers, promql::ParseAnySelector(options.matcher));
  }
  std::string id = options.block_id;
  if (id.empty()) {
    NX_ASSIGN_OR_RETURN(id, LastBlockId(options.dir));
  }
  NX_RETURN_IF_ERROR(CheckDatabaseDir(options.dir));
  const std::string path = JoinPath(options.dir, id);
  if (!tsdb::Ulid::Parse(id) || !FileExists(path)) return NotFound("invalid block ID {}", id);
  NX_ASSIGN_OR_RETURN(BlockPtr block, tsdb::Block::Open(path));
  return Analysis(options, std::move(block), std::move(matchers)).Run();
}

}  // namespace

int AnalyzeBlock(const AnalyzeOptions& options) { return ExitCode(Analyze(options)); }

}  // namespace narthex::promtool
