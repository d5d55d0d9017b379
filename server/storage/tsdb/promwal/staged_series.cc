#include "server/storage/tsdb/promwal/staged_series.h"

#include <algorithm>

namespace narthex::tsdb::promwal {

void StagedSeries::Extras::AddTo(ChunkListEncoder* out, const ExtraSample& extra) const {
  switch (extra.kind) {
    case SampleKind::kHistogram: return out->Add(extra.t, integers[extra.value]);
    case SampleKind::kFloatHistogram: return out->Add(extra.t, floats[extra.value]);
    case SampleKind::kFloat:
    case SampleKind::kNone: return out->Add(extra.t, extra.value);
  }
}

StatusOr<std::vector<EncodedChunk>> StagedSeries::Take(
    const std::vector<std::pair<int64_t, int64_t>>* deleted) {
  std::vector<EncodedChunk> chunks = in_order_.Take();
  if (extras_ == nullptr && deleted == nullptr) return chunks;
  std::vector<ExtraSample>& samples = extras().samples;
  std::stable_sort(samples.begin(), samples.end(),
                   [](const ExtraSample& a, const ExtraSample& b) { return a.t < b.t; });
  const auto is_deleted = [deleted](int64_t t) {
    return deleted != nullptr && std::any_of(deleted->begin(), deleted->end(), [t](const auto& i) {
             return i.first <= t && t <= i.second;
           });
  };
  ChunkListEncoder out(floats_);
  int64_t written = INT64_MIN;
  bool any = false;
  const auto fresh = [&](int64_t t) {
    if ((any && t <= written) || is_deleted(t)) return false;
    written = t;
    return any = true;
  };
  auto extra = samples.begin();
  const auto add_extras_before = [&](int64_t end) {
    for (; extra != samples.end() && extra->t < end; ++extra) {
      if (fresh(extra->t)) extras_->AddTo(&out, *extra);
    }
  };
  for (const EncodedChunk& chunk : chunks) {
    const auto it = NewChunkIterator(chunk.view());
    while (it->Next() != SampleKind::kNone) {
      add_extras_before(it->time());
      if (fresh(it->time())) out.Add(*it);
    }
    NX_RETURN_IF_ERROR(it->status());
  }
  add_extras_before(INT64_MAX);
  return out.Take();
}

}  // namespace narthex::tsdb::promwal
