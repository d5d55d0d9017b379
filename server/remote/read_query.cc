#include "server/remote/read_query.h"

#include "server/remote/pb_writer.h"

namespace narthex::remote {
namespace {

size_t FieldSize(std::string_view text) {
  return text.empty() ? 0 : 1 + VarintSize(text.size()) + text.size();
}
size_t SizeOf(const Label& label) { return FieldSize(label.name) + FieldSize(label.value); }

void PutLabel(const Label& label, std::string* out) {
  PutLength(1, SizeOf(label), out);
  if (!label.name.empty()) PutBytesField(1, label.name, out);
  if (!label.value.empty()) PutBytesField(2, label.value, out);
}

// Both are sorted by name; of equal names that of the series stays.
template <typename F>
void ForEachLabel(const Labels& series, const Labels& external, F f) {
  auto more = external.begin();
  for (const Label& label : series) {
    for (; !(more == external.end()) && more->name <= label.name; ++more) {
      if (more->name != label.name) f(*more);
    }
    f(label);
  }
  for (; !(more == external.end()); ++more) f(*more);
}

}  // namespace

StatusOr<ReadSelection> ReadSelection::Make(const storage::Queryable& storage,
                                            const ReadQuery& query) {
  ReadSelection out;
  out.mint_ = query.hints.start;
  out.maxt_ = query.hints.end;
  out.labels_only_ = query.hints.function == "series";
  if (query.matchers.empty() || out.mint_ > out.maxt_ || query.start > query.end) return out;
  NX_ASSIGN_OR_RETURN(out.querier_, storage.NewQuerier(out.mint_, out.maxt_));
  storage::SelectHints hints = query.hints;
  hints.sort = true;
  NX_ASSIGN_OR_RETURN(out.list_, out.querier_->Select(hints, query.matchers));
  return out;
}

void PutLabels(const Labels& series, const Labels& external, std::string* out) {
  ForEachLabel(series, external, [out](const Label& label) { PutLabel(label, out); });
}

size_t LabelBytes(const Labels& series, const Labels& external) {
  size_t bytes = 0;
  ForEachLabel(series, external, [&bytes](const Label& label) { bytes += SizeOf(label); });
  return bytes;
}

}  // namespace narthex::remote
