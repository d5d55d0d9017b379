// series, labels and label values.
#include <algorithm>
#include <iterator>

#include "core/labels/names.h"
#include "core/strings/quote.h"
#include "server/api/impl.h"
#include "server/api/params.h"

namespace narthex::api {
namespace {

using MatcherSet = std::vector<Matcher>;

Outcome Strings(std::vector<std::string> strings, bool truncated) {
  Answer answer;
  if (truncated) answer.warnings.emplace_back(kTruncated);
  answer.data = [strings = std::move(strings)](DataWriter& out) {
    out.json().BeginArray();
    for (const std::string& text : strings) {
      out.json().String(text);
      if (!out.Breathe()) return;
    }
    out.json().EndArray();
  };
  return answer;
}

struct Window {
  TimestampMs start, end;
};
StatusOr<Window> ReadWindow(const Call& call) {
  NX_ASSIGN_OR_RETURN(const TimestampMs start, TimeParam(call.form, "start", kMinTime));
  NX_ASSIGN_OR_RETURN(const TimestampMs end, TimeParam(call.form, "end", kMaxTime));
  return Window{start, end};
}

using Lookup = std::function<StatusOr<std::vector<std::string>>(
    const storage::Querier&, std::span<const Matcher>, size_t limit, bool* truncated)>;
// Names or values of the selectors of a call as one sorted list.
Outcome UnionOf(const Call& call, const storage::Queryable& storage, const Lookup& lookup) {
  const auto limit = LimitParam(call.form);
  if (!limit.ok()) return BadData(limit.status());
  const auto window = ReadWindow(call);
  if (!window.ok()) return BadData(window.status());
  auto sets = MatcherSets(call.form.GetAll("match[]"));
  if (!sets.ok()) return BadData(sets.status());
  if (sets->empty()) sets->emplace_back();
  const auto querier = storage.NewQuerier(window->start, window->end);
  if (!querier.ok()) return QueryFailure(querier.status());

  std::vector<std::string> all;
  bool truncated = false;
  for (const MatcherSet& set : *sets) {
    auto found = lookup(**querier, set, *limit, &truncated);
    if (!found.ok()) return QueryFailure(found.status());
    std::vector<std::string> merged;
    std::set_union(std::make_move_iterator(all.begin()), std::make_move_iterator(all.end()),
                   std::make_move_iterator(found->begin()), std::make_move_iterator(found->end()),
                   std::back_inserter(merged));
    all = std::move(merged);
  }
  if (*limit > 0 && all.size() > *limit) {
    all.resize(*limit);
    truncated = true;
  }
  return Strings(std::move(all), truncated);
}

}  // namespace

Outcome Api::Impl::Series(const Call& call) {
  const auto texts = call.form.GetAll("match[]");
  if (texts.empty()) return BadData("no match[] parameter provided");
  const auto limit = LimitParam(call.form);
  if (!limit.ok()) return BadData(limit.status());
  const auto window = ReadWindow(call);
  if (!window.ok()) return BadData(window.status());
  const auto sets = MatcherSets(texts);
  if (!sets.ok()) return BadParameter("match[]", sets.status());
  const auto querier = storage.load()->NewQuerier(window->start, window->end);
  if (!querier.ok()) return QueryFailure(querier.status());

  storage::SelectHints hints;
  hints.start = window->start;
  hints.end = window->end;
  hints.function = "series";
  hints.sort = true;
  hints.limit = *limit > 0 ? *limit + 1 : 0;  // one more tells that there are more
  std::vector<Labels> found;
  for (const MatcherSet& set : *sets) {
    auto series = (*querier)->Select(hints, set);
    if (!series.ok()) return QueryFailure(series.status());
    for (size_t i = 0; i < (*series)->size(); ++i) found.push_back((*series)->labels(i));
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  Answer answer;
  if (*limit > 0 && found.size() > *limit) {
    found.resize(*limit);
    answer.warnings.emplace_back(kTruncated);
  }
  answer.data = [found = std::move(found)](DataWriter& out) {
    out.json().BeginArray();
    for (const Labels& labels : found) {
      WriteLabels(out.json(), labels);
      if (!out.Breathe()) return;
    }
    out.json().EndArray();
  };
  return answer;
}

Outcome Api::Impl::LabelNames(const Call& call) {
  return UnionOf(call, *storage.load(),
                 [](const storage::Querier& querier, auto matchers, size_t limit, bool* truncated) {
                   return querier.LabelNames(matchers, limit, truncated);
                 });
}

Outcome Api::Impl::LabelValues(const Call& call) {
  std::string name(call.request.PathParam("name"));
  if (name.starts_with("U__")) name = UnescapeName(name, NameEscaping::kValues);
  if (!IsValidLabelName(name, NameValidation::kUtf8)) {
    return BadData("invalid label name: " + GoQuote(name));
  }
  return UnionOf(
      call, *storage.load(),
      [&](const storage::Querier& querier, auto matchers, size_t limit, bool* truncated) {
        return querier.LabelValues(name, matchers, limit, truncated);
      });
}

}  // namespace narthex::api
