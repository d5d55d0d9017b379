#pragma once
// What a scrape does with series and metadata that its parser does not know yet; a part of
// series.cc.
//
// Thread safety: none; lives for one scrape.

#include <string>
#include <string_view>

#include "core/base/string_map.h"
#include "server/scrape/series.h"
#include "server/scrape/target.h"

namespace narthex::scrape {

// Labels of new series held back during one scrape. A body of the default limit (256 MiB) cannot
// force more than this.
inline constexpr size_t kMaxHeldBytes = size_t{512} << 20;

// Turns what the parser does not know into slots.
class TargetSeries::Sink final : public ScrapeSink {
 public:
  Sink(TargetSeries* series, const AppendInput& input, Scratch* scratch)
      : series_(series), input_(input), scratch_(scratch) {}

  StatusOr<uint32_t> OnSeries(const Labels& labels) override {
    StatusOr<uint32_t> slot = Take(labels);
    empty_.clear();
    return slot;
  }

  // Under honor_labels they keep labels of the target away: the Pushgateway's instance="".
  void OnEmptyLabels(std::span<const std::string_view> names) override {
    if (input_.config->honor_labels) empty_.assign(names.begin(), names.end());
  }

  uint32_t OnMetadata(std::span<const MetadataLine> lines) override {
    series_->metadata_changed_ = true;
    for (const MetadataLine& line : lines) {
      if (!series_->converting_ || line.kind != MetadataLine::Kind::kType) continue;
      new_types_.insert_or_assign(std::string(line.family), std::string(line.text));
    }
    return series_->metadata_->Add(lines);
  }

  size_t held() const { return held_; }
  // Series that were not held because of sample_limit.
  size_t over_limit() const { return over_limit_; }

 private:
  StatusOr<uint32_t> Take(const Labels& labels) {
    if (!series_->converting_) return Place(labels);
    const ClassicSeries classic = Classify(labels);
    if (classic.part == ClassicPart::kNone || TypeOf(classic.base) != "histogram") {
      return PlaceOther(labels);
    }
    scratch_->builder.Reset(labels);
    scratch_->builder.Del("le");
    scratch_->builder.Set(kMetricNameLabel, classic.base);
    const Labels base = scratch_->builder.Build();
    uint32_t index = 0;
    if (series_->ConvertedOf(base, &index).natives > 0) return Place(labels);
    if (!series_->converted_[index].placed) {
      NX_ASSIGN_OR_RETURN(const uint32_t slot, Place(base));
      series_->converted_[index].slot = slot;
      series_->converted_[index].placed = true;
    }
    uint32_t slot = kDropSlot;
    if (input_.always_classic) {
      NX_ASSIGN_OR_RETURN(slot, Place(labels));
    }
    if (slot == kDropSlot) slot = series_->BareSlot();
    series_->SetPart(slot, {index, classic.part, classic.bound});
    return slot;
  }

  // A series that is no part of a classic histogram.
  StatusOr<uint32_t> PlaceOther(const Labels& labels) {
    NX_ASSIGN_OR_RETURN(const uint32_t slot, Place(labels));
    const bool native = input_.grammar == ScrapeGrammar::kProtobuf && input_.native_histograms &&
                        slot != kDropSlot && TypeOf(labels.metric_name()) == "histogram";
    if (native) {
      uint32_t index = 0;
      series_->ConvertedOf(labels, &index);
      series_->SetPart(slot, {index, ClassicPart::kNone, 0});
    }
    return slot;
  }

  // The type of a family: as this body says, or one before said.
  std::string_view TypeOf(std::string_view family) {
    if (const auto found = new_types_.find(family); found != new_types_.end()) {
      return found->second;
    }
    if (!types_known_) {
      for (MetricMetadata& m : series_->metadata_->List("")) {
        types_.emplace(std::move(m.metric), std::move(m.type));
      }
      types_known_ = true;
    }
    const auto found = types_.find(family);
    return found == types_.end() ? std::string_view() : std::string_view(found->second);
  }

  StatusOr<uint32_t> Place(const Labels& labels) {
    std::optional<Labels> own = OwnLabels(labels);
    if (!own || own->empty()) return kDropSlot;
    NX_RETURN_IF_ERROR(
        CheckSampleLabels(*own, input_.config->limits, input_.config->name_validation));
    const uint64_t limit = input_.config->limits.samples;
    if (limit > 0 && held_ >= limit) {
      ++over_limit_;  // parsing goes on only to count
      return kDropSlot;
    }
    bytes_ += own->flat().size() + sizeof(Held);
    if (bytes_ > kMaxHeldBytes) {
      return OutOfRange("the scrape brings more than {} MiB of labels of new series",
                        kMaxHeldBytes >> 20);
    }
    ++held_;
    return series_->Hold(*std::move(own));
  }

  // With those of the target and relabelled; nullopt when that drops the series.
  std::optional<Labels> OwnLabels(const Labels& exposed) {
    std::optional<Labels> merged;
    if (empty_.empty()) merged = Labels::MergeDisjoint(exposed, *input_.target_labels);
    if (merged && input_.metric_rules->empty()) return merged;
    LabelsBuilder& builder = scratch_->builder;
    if (merged) {
      builder.Reset(*merged);
    } else {
      scratch_->exposed.assign(exposed.begin(), exposed.end());
      for (const std::string_view name : empty_) scratch_->exposed.push_back({name, ""});
      MergeTargetLabels(scratch_->exposed, *input_.target_labels, input_.config->honor_labels,
                        &builder);
    }
    if (!Relabel(*input_.metric_rules, &builder)) return std::nullopt;
    return builder.Build();
  }

  TargetSeries* const series_;
  const AppendInput& input_;
  Scratch* const scratch_;
  size_t held_ = 0;
  size_t bytes_ = 0;
  size_t over_limit_ = 0;
  std::vector<std::string_view> empty_;  // labels without value of the series being placed
  StringMap<std::string> types_, new_types_;
  bool types_known_ = false;
};

}  // namespace narthex::scrape
