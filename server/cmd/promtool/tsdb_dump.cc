#include "server/cmd/promtool/tsdb_dump.h"

#include <memory>

#include "core/base/file.h"
#include "core/json/writer.h"
#include "core/labels/names.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "server/cmd/promtool/database.h"
#include "server/cmd/promtool/head_sandbox.h"
#include "server/cmd/promtool/output.h"
#include "server/promql/parser/parser.h"
#include "server/storage/tsdb/chunkenc/chunk_iterator.h"
#include "server/storage/tsdb/compact/merge_set.h"

namespace narthex::promtool {
namespace {

using tsdb::ChunkIterator;
using tsdb::ChunkSeriesSet;
using tsdb::SampleKind;

// One line a sample, beginning with `series`.
class SampleLines {
 public:
  SampleLines(DumpFormat format, Output* out) : format_(format), out_(out) {}

  void Series(const Labels& labels) {
    series_.clear();
    switch (format_) {
      case DumpFormat::kPrometheus: series_ = labels.ToString(); break;
      case DumpFormat::kOpenMetrics: AppendOpenMetrics(labels); break;
      case DumpFormat::kSeriesJson: PrintJson(labels); break;
    }
  }
  bool wants_samples() const { return format_ != DumpFormat::kSeriesJson; }

  void Sample(const ChunkIterator& it) {
    if (format_ == DumpFormat::kOpenMetrics && !IsOpenMetrics(it)) return;
    std::string& text = out_->text();
    text.append(series_).push_back(' ');
    AppendValue(it, &text);
    text.push_back(' ');
    if (format_ == DumpFormat::kOpenMetrics) {
      text += FormatFloatF(static_cast<double>(it.time()) / 1000, 3);
    } else {
      fmt::format_to(std::back_inserter(text), "{}", it.time());
    }
    text.push_back('\n');
    out_->FlushWhenLarge();
  }

  void End() {
    if (format_ == DumpFormat::kOpenMetrics) out_->Write("# EOF\n");
  }

 private:
  // Histograms and stale markers have no form in the text format.
  static bool IsOpenMetrics(const ChunkIterator& it) {
    return it.kind() == SampleKind::kFloat && it.bits() != storage::kStaleNaNBits;
  }

  void AppendValue(const ChunkIterator& it, std::string* text) {
    if (it.kind() == SampleKind::kFloat) return AppendExpositionFloat(text, it.value());
    if (it.kind() == SampleKind::kHistogram) {
      it.Get(&histogram_);
      text->append(ToString(histogram_));
    } else {
      it.Get(&float_histogram_);
      text->append(ToString(float_histogram_));
    }
  }

  void AppendOpenMetrics(const Labels& labels) {
    series_ += labels.metric_name();
    char before = '{';
    for (const Label& label : labels) {
      if (label.name == kMetricNameLabel) continue;
      series_.push_back(std::exchange(before, ','));
      series_.append(label.name).push_back('=');
      AppendGoQuoted(&series_, label.value);
    }
    series_.append(before == '{' ? "{}" : "}");
  }

  void PrintJson(const Labels& labels) {
    JsonWriter json(&out_->text());
    json.BeginObject();
    for (const Label& label : labels) json.Member(label.name, label.value);
    json.EndObject();
    out_->Write("\n");
  }

  const DumpFormat format_;
  Output* const out_;
  std::string series_;
  IntHistogram histogram_;
  FloatHistogram float_histogram_;
};

Status DumpSet(ChunkSeriesSet* set, const DumpOptions& options, Output* out) {
  SampleLines lines(options.format, out);
  while (set->Next()) {
    lines.Series(set->labels());
    if (!lines.wants_samples()) continue;
    for (const tsdb::ChunkView& chunk : set->chunks()) {
      const auto it = tsdb::NewChunkIterator(chunk);
      while (it->Next() != SampleKind::kNone) {
        if (it->time() >= options.mint && it->time() <= options.maxt) lines.Sample(*it);
      }
      NX_RETURN_IF_ERROR(it->status());
    }
  }
  NX_RETURN_IF_ERROR(set->status());
  lines.End();
  return OkStatus();
}

StatusOr<std::vector<std::vector<Matcher>>> ParseSelectors(const std::vector<std::string>& texts) {
  std::vector<std::vector<Matcher>> selectors;
  for (const std::string& text : texts) {
    NX_ASSIGN_OR_RETURN(selectors.emplace_back(), promql::ParseAnySelector(text));
  }
  return selectors;
}

Status DumpDatabase(const DumpOptions& options) {
  NX_ASSIGN_OR_RETURN(const auto selectors, ParseSelectors(options.matchers));
  NX_ASSIGN_OR_RETURN(std::vector<BlockPtr> blocks, OpenBlocks(options.dir));
  const std::string& root = options.sandbox_root.empty() ? options.dir : options.sandbox_root;
  // Also when there is nothing to put into it.
  if (!FileExists(root)) {
    return NotFound("setting up sandbox dir: stat {}: no such file or directory", root);
  }
  NX_ASSIGN_OR_RETURN(const std::unique_ptr<HeadSandbox> head,
                      HeadSandbox::Open(options.dir, root));
  blocks.insert(blocks.end(), head->blocks().begin(), head->blocks().end());
  std::vector<std::unique_ptr<ChunkSeriesSet>> sets;
  for (const std::vector<Matcher>& matchers : selectors) {
    if (matchers.empty()) continue;  // {} selects nothing, as upstream's storage has it
    for (const BlockPtr& block : blocks) {
      if (!block->OverlapsClosedRange(options.mint, options.maxt)) continue;
      sets.push_back(block->NewChunkSeriesSet(options.mint, options.maxt, matchers));
    }
  }
  Output out;
  return DumpSet(tsdb::MergeSeriesSets(std::move(sets)).get(), options, &out);
}

}  // namespace

int Dump(const DumpOptions& options) { return ExitCode(DumpDatabase(options)); }

}  // namespace narthex::promtool
