#include "core/histogram/resolution.h"

#include <algorithm>

namespace narthex {
namespace {

// Bucket i of the finer schema lies in bucket ((i - 1) >> shift) + 1 of the coarser one.
int64_t Coarser(int64_t index, unsigned shift) { return ((index - 1) >> shift) + 1; }

// `counts` are absolute.
template <typename T>
void ReduceSide(unsigned shift, std::vector<BucketSpan>* spans, std::vector<T>* counts) {
  std::vector<BucketSpan> out_spans;
  std::vector<T> out;
  size_t at = 0;
  int64_t index = 0, end = 0;  // end: behind the newest coarse bucket
  for (const BucketSpan& span : *spans) {
    index += span.offset;
    for (uint32_t k = 0; k < span.length && at < counts->size(); ++k, ++at, ++index) {
      const int64_t coarse = Coarser(index, shift);
      if (!out.empty() && coarse == end - 1) {
        out.back() += (*counts)[at];
        continue;
      }
      if (out_spans.empty() || coarse != end) {
        out_spans.push_back({static_cast<int32_t>(coarse - end), 0});
      }
      ++out_spans.back().length;
      out.push_back((*counts)[at]);
      end = coarse + 1;
    }
  }
  *spans = std::move(out_spans);
  *counts = std::move(out);
}

void ReduceSide(unsigned shift, std::vector<BucketSpan>* spans, std::vector<int64_t>* deltas) {
  std::vector<uint64_t> counts;
  uint64_t count = 0;
  for (const int64_t d : *deltas) counts.push_back(count += static_cast<uint64_t>(d));
  ReduceSide<uint64_t>(shift, spans, &counts);
  deltas->clear();
  uint64_t before = 0;
  for (const uint64_t c : counts) {
    deltas->push_back(static_cast<int64_t>(c - before));
    before = c;
  }
}

void ReduceSides(unsigned shift, IntHistogram* h) {
  ReduceSide(shift, &h->positive_spans, &h->positive_deltas);
  ReduceSide(shift, &h->negative_spans, &h->negative_deltas);
}
void ReduceSides(unsigned shift, FloatHistogram* h) {
  ReduceSide<double>(shift, &h->positive_spans, &h->positive_buckets);
  ReduceSide<double>(shift, &h->negative_spans, &h->negative_buckets);
}

size_t Buckets(const IntHistogram& h) {
  return h.positive_deltas.size() + h.negative_deltas.size();
}
size_t Buckets(const FloatHistogram& h) {
  return h.positive_buckets.size() + h.negative_buckets.size();
}

template <typename Histogram>
Status Reduce(int32_t schema, Histogram* h) {
  if (h->custom_buckets()) {
    return InvalidArgument("cannot reduce resolution when there are custom buckets");
  }
  if (schema >= h->schema) {
    return InvalidArgument("cannot reduce resolution from schema {} to {}", h->schema, schema);
  }
  // More than 62 bits leave one bucket on either side of 1.
  const auto shift = static_cast<unsigned>(std::min<int64_t>(int64_t{h->schema} - schema, 62));
  ReduceSides(shift, h);
  h->schema = schema;
  return OkStatus();
}

template <typename Histogram>
Status Limit(size_t limit, Histogram* h) {
  while (Buckets(*h) > limit) {
    if (h->schema <= kMinExponentialSchema) {
      return ResourceExhausted("histogram bucket limit exceeded");
    }
    NX_RETURN_IF_ERROR(Reduce(h->schema - 1, h));
  }
  return OkStatus();
}

}  // namespace

Status ReduceResolution(int32_t schema, IntHistogram* h) { return Reduce(schema, h); }
Status ReduceResolution(int32_t schema, FloatHistogram* h) { return Reduce(schema, h); }
Status LimitBuckets(size_t limit, IntHistogram* h) { return Limit(limit, h); }
Status LimitBuckets(size_t limit, FloatHistogram* h) { return Limit(limit, h); }

}  // namespace narthex
