#pragma once
// Coarser histograms: neighbouring buckets of an exponential schema become one of a lower schema.

#include <cstddef>
#include <cstdint>

#include "core/histogram/histogram.h"

namespace narthex {

// The same observations under a lower exponential schema. InvalidArgument for custom buckets and
// when `schema` is not lower. Hints stay.
Status ReduceResolution(int32_t schema, IntHistogram* histogram);
Status ReduceResolution(int32_t schema, FloatHistogram* histogram);

// Lowers the schema until there are at most `limit` buckets. ResourceExhausted when the lowest one
// still has more, or the buckets are custom ones; the histogram may have changed then.
Status LimitBuckets(size_t limit, IntHistogram* histogram);
Status LimitBuckets(size_t limit, FloatHistogram* histogram);

}  // namespace narthex
