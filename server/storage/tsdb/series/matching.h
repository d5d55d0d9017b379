#pragma once
// Resolves matchers against the index. A series is selected when every matcher accepts the value of
// its label, an absent label counting as "". Hence
//
//   matchers that refuse ""  narrow:   ∩ of the union of the postings of accepted values
//   matchers that accept ""  subtract: − the union of the postings of refused values
//
// The cheap ones go first (equality, literal alternatives); once few candidates are left, the rest
// look at the rows of those instead of at the dictionary.

#include <span>

#include "core/labels/matcher.h"
#include "server/storage/tsdb/series/series_index.h"

namespace narthex::tsdb {

// Requires the index's lock, shared.
IdSet SelectSeries(const SeriesIndex& index, std::span<const Matcher> matchers);

}  // namespace narthex::tsdb
