#pragma once
// Resolves matchers against the index of a block. A series is selected when every matcher accepts
// the value of its label, an absent label counting as "". Hence matchers that refuse "" narrow, by
// the postings of the values they accept; the others subtract the postings of what they refuse.
//
// The cheap ones go first. Once there are fewer candidates than the label has values, a matcher
// looks at the candidates instead of at the dictionary.

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/status.h"
#include "core/labels/matcher.h"
#include "server/storage/tsdb/index/index_reader.h"

namespace narthex::tsdb {

// Numbers of the series, ascending, which is the order of their labels. All of them when there are
// no matchers.
StatusOr<std::vector<uint32_t>> SelectSeries(const IndexReader& index,
                                             std::span<const Matcher> matchers);

}  // namespace narthex::tsdb
