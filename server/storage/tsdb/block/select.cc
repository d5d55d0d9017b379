#include "server/storage/tsdb/block/select.h"

#include <algorithm>

#include "server/storage/tsdb/block/series_union.h"

namespace narthex::tsdb {
namespace {

using Refs = std::vector<uint32_t>;

// Does an expression say which values it means, without the dictionary?
bool NamesItsValues(const Matcher& m) {
  return m.is_regex() ? !m.set_matches().empty() : !m.value().empty();
}

class Selection {
 public:
  explicit Selection(const IndexReader& index) : index_(index) {}

  StatusOr<Refs> Run(std::span<const Matcher> matchers) {
    NX_RETURN_IF_ERROR(IntersectEqual(matchers));
    // The others: those with a list of values before those that walk the dictionary.
    for (const bool walks : {false, true}) {
      for (const Matcher& m : matchers) {
        if (IsPlainEqual(m) || NamesItsValues(m) == walks) continue;
        NX_RETURN_IF_ERROR(Apply(m));
        if (started_ && refs_.empty()) return Refs();
      }
    }
    NX_RETURN_IF_ERROR(StartWithAll());
    return std::move(refs_);
  }

 private:
  static bool IsPlainEqual(const Matcher& m) {
    return m.type() == MatchType::kEqual && !m.value().empty();
  }

  Status IntersectEqual(std::span<const Matcher> matchers) {
    std::vector<PostingsList> lists;
    for (const Matcher& m : matchers) {
      if (!IsPlainEqual(m)) continue;
      NX_ASSIGN_OR_RETURN(const PostingsList list, index_.Postings(m.name(), m.value()));
      lists.push_back(list);
    }
    if (lists.empty()) return OkStatus();
    std::sort(lists.begin(), lists.end(),
              [](const PostingsList& a, const PostingsList& b) { return a.size() < b.size(); });
    SeriesUnion first(index_.series_limit());
    first.Add(lists[0]);
    Start(first.Take());
    for (size_t i = 1; i < lists.size(); ++i) Keep(lists[i]);
    return OkStatus();
  }

  void Start(Refs refs) {
    started_ = true;
    refs_ = std::move(refs);
  }

  Status StartWithAll() {
    if (started_) return OkStatus();
    NX_ASSIGN_OR_RETURN(const PostingsList all, index_.AllPostings());
    SeriesUnion refs(index_.series_limit());
    refs.Add(all);
    Start(refs.Take());
    return OkStatus();
  }

  void Keep(const PostingsList& list) {
    uint32_t at = 0;
    std::erase_if(refs_, [&](uint32_t ref) {
      at = list.Seek(at, ref);
      return at == list.size() || list[at] != ref;
    });
  }

  // Keeps or drops what is in `refs`.
  void Filter(const Refs& refs, bool keep) {
    auto at = refs.begin();
    std::erase_if(refs_, [&](uint32_t ref) {
      at = std::lower_bound(at, refs.end(), ref);
      const bool found = at != refs.end() && *at == ref;
      return found != keep;
    });
  }

  Status Apply(const Matcher& m) {
    const bool narrows = !m.MatchesEmpty();
    if (!narrows) NX_RETURN_IF_ERROR(StartWithAll());
    if (started_ && refs_.size() < ValuesToLookAt(m)) return CheckCandidates(m);
    // A narrowing matcher needs what it accepts, a subtracting one what it refuses.
    SeriesUnion found(index_.series_limit());
    NX_RETURN_IF_ERROR(NamesItsValues(m) && ListsWhatIsNeeded(m) ? AddListed(m, &found)
                                                                 : AddWalked(m, narrows, &found));
    if (!started_) {
      Start(found.Take());
    } else {
      Filter(found.Take(), narrows);
    }
    return OkStatus();
  }

  // = and =~ list accepted values, != and !~ refused ones.
  static bool ListsWhatIsNeeded(const Matcher& m) {
    const bool positive = m.type() == MatchType::kEqual || m.type() == MatchType::kRegex;
    return positive == !m.MatchesEmpty();
  }

  size_t ValuesToLookAt(const Matcher& m) const {
    if (NamesItsValues(m) && ListsWhatIsNeeded(m)) return m.is_regex() ? m.set_matches().size() : 1;
    return index_.LabelValueCount(m.name());
  }

  Status CheckCandidates(const Matcher& m) {
    Status status;
    std::erase_if(refs_, [&](uint32_t ref) {
      if (!status.ok()) return true;
      const StatusOr<std::string_view> value = index_.ValueOf(ref, m.name());
      if (!value.ok()) status = value.status();
      return !value.ok() || !m.Matches(*value);
    });
    return status;
  }

  Status AddListed(const Matcher& m, SeriesUnion* out) {
    const auto add = [&](const std::string& value) -> Status {
      NX_ASSIGN_OR_RETURN(const PostingsList list, index_.Postings(m.name(), value));
      out->Add(list);
      return OkStatus();
    };
    if (!m.is_regex()) return add(m.value());
    for (const std::string& value : m.set_matches()) {
      if (!value.empty()) NX_RETURN_IF_ERROR(add(value));
    }
    return OkStatus();
  }

  // Walks the values of the label for those that are accepted, or refused.
  Status AddWalked(const Matcher& m, bool accepted, SeriesUnion* out) {
    const std::string_view prefix =
        m.type() == MatchType::kRegex && accepted ? m.prefix() : std::string_view();
    Status status;
    NX_RETURN_IF_ERROR(
        index_.ForEachValueFrom(m.name(), prefix, [&](std::string_view value, uint64_t postings) {
          if (!value.starts_with(prefix)) return false;
          if (m.Matches(value) != accepted) return true;
          const StatusOr<PostingsList> list = index_.PostingsAt(postings);
          status = list.status();
          if (list.ok()) out->Add(*list);
          return list.ok();
        }));
    return status;
  }

  const IndexReader& index_;
  bool started_ = false;  // false: all series
  Refs refs_;
};

}  // namespace

StatusOr<std::vector<uint32_t>> SelectSeries(const IndexReader& index,
                                             std::span<const Matcher> matchers) {
  return Selection(index).Run(matchers);
}

}  // namespace narthex::tsdb
