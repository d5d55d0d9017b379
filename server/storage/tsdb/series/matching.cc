#include "server/storage/tsdb/series/matching.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <vector>

namespace narthex::tsdb {
namespace {

// Above this many dictionary values for each candidate, walking the candidates is cheaper.
constexpr size_t kWalkFactor = 4;
// So few candidates are asked one by one whether a pair has them.
constexpr size_t kFewCandidates = 512;
// Dictionaries with fewer values are not worth remembering.
constexpr size_t kCacheFrom = 64;

bool IsLookup(const Matcher& m) {
  if (m.MatchesEmpty()) return false;
  return m.type() == MatchType::kEqual ||
         (m.type() == MatchType::kRegex && !m.set_matches().empty());
}

// The union of the postings of the values one matcher is about.
class PostingsOf {
 public:
  PostingsOf(const SeriesIndex& index, const Matcher& m)
      : matcher_(m),
        cache_(index.matcher_cache()),
        name_id_(index.FindName(m.name())),
        name_(name_id_ == kNoId ? nullptr : &index.name(name_id_)) {}

  bool known() const { return name_ != nullptr; }
  uint32_t name_id() const { return name_id_; }
  size_t dictionary_size() const { return name_ == nullptr ? 0 : name_->values.size(); }

  // Of the one value of a kEqual; nullptr when no series has it.
  const Postings* One() const {
    const uint32_t v = name_ == nullptr ? kNoId : name_->values.Find(matcher_.value());
    return v == kNoId || name_->info[v].postings.size() == 0 ? nullptr : &name_->info[v].postings;
  }

  // Of the set_matches().
  IdSet Some() const {
    if (name_ == nullptr) return {};
    IdSetBuilder builder;
    for (const std::string& value : matcher_.set_matches()) Collect(value, &builder);
    return builder.Build();
  }

  // Values for which Matches() == accepted.
  IdSet Scan(bool accepted) const {
    if (name_ == nullptr) return {};
    IdSetBuilder builder;
    std::shared_ptr<const MatcherCache::Verdicts> cached;
    if (matcher_.is_regex() && name_->values.size() >= kCacheFrom) {
      cached = cache_.Get(name_id_, name_->generation, matcher_, name_->values);
    }
    const bool wanted = accepted == (matcher_.type() != MatchType::kNotRegex);
    for (uint32_t v = 0; v < name_->info.size(); ++v) {
      const Postings& postings = name_->info[v].postings;
      if (postings.size() == 0) continue;
      if (cached != nullptr ? (*cached)[v] == wanted
                            : matcher_.Matches(name_->values.Get(v)) == accepted) {
        AddTo(postings, &builder);
      }
    }
    return builder.Build();
  }

 private:
  static void AddTo(const Postings& postings, IdSetBuilder* builder) {
    if (const IdSet* set = postings.set()) return builder->Add(*set);
    postings.ForEach([builder](uint32_t id) { builder->Add(id); });
  }
  void Collect(std::string_view value, IdSetBuilder* builder) const {
    const uint32_t v = name_->values.Find(value);
    if (v != kNoId) AddTo(name_->info[v].postings, builder);
  }

  const Matcher& matcher_;
  MatcherCache& cache_;
  const uint32_t name_id_;
  const SeriesIndex::LabelName* const name_;
};

// Keeps the candidates whose own label the matcher accepts; asks once per distinct value.
IdSet FilterRows(const SeriesIndex& index, const IdSet& candidates, const Matcher& m,
                 uint32_t name_id) {
  absl::flat_hash_map<uint32_t, bool> verdicts;
  verdicts[kNoId] = m.MatchesEmpty();
  std::vector<uint32_t> kept;
  candidates.ForEach([&](uint32_t slot) {
    const uint32_t value = index.ValueIdOf(slot, name_id);
    const auto [it, added] = verdicts.try_emplace(value, false);
    if (added) it->second = m.Matches(index.name(name_id).values.Get(value));
    if (it->second) kept.push_back(slot);
  });
  return IdSet::FromSorted(kept);
}

// Those of few candidates that are in all postings.
IdSet InAll(const IdSet& candidates, std::span<const Postings* const> all) {
  std::vector<uint32_t> kept;
  candidates.ForEach([&](uint32_t slot) {
    const auto has = [slot](const Postings* postings) { return postings->Contains(slot); };
    if (std::all_of(all.begin(), all.end(), has)) kept.push_back(slot);
  });
  return IdSet::FromSorted(kept);
}

// The ids that are in all postings, of which there are some, the smallest first.
IdSet Intersect(std::span<const Postings* const> all) {
  IdSet result = all[0]->ToSet();
  for (size_t i = 1; i < all.size() && !result.empty(); ++i) {
    if (result.size() <= kFewCandidates) return InAll(result, all.subspan(i));
    const IdSet* set = all[i]->set();
    result = set != nullptr ? IdSet::And(result, *set) : IdSet::And(result, all[i]->ToSet());
  }
  return result;
}

IdSet Apply(const SeriesIndex& index, IdSet candidates, const Matcher& m) {
  const PostingsOf postings(index, m);
  if (!postings.known()) return m.MatchesEmpty() ? std::move(candidates) : IdSet();
  if (candidates.size() * kWalkFactor < postings.dictionary_size()) {
    return FilterRows(index, candidates, m, postings.name_id());
  }
  if (m.MatchesEmpty()) return IdSet::AndNot(candidates, postings.Scan(false));
  return IdSet::And(candidates, postings.Scan(true));
}

}  // namespace

IdSet SelectSeries(const SeriesIndex& index, std::span<const Matcher> matchers) {
  std::vector<const Matcher*> rest;
  std::vector<const Postings*> pairs;
  std::vector<IdSet> unions;
  for (const Matcher& m : matchers) {
    if (!IsLookup(m)) {
      rest.push_back(&m);
    } else if (m.type() == MatchType::kEqual) {
      pairs.push_back(PostingsOf(index, m).One());
      if (pairs.back() == nullptr) return {};
    } else {
      unions.push_back(PostingsOf(index, m).Some());
      if (unions.back().empty()) return {};
    }
  }
  std::sort(pairs.begin(), pairs.end(),
            [](const Postings* a, const Postings* b) { return a->size() < b->size(); });
  std::sort(unions.begin(), unions.end(),
            [](const IdSet& a, const IdSet& b) { return a.size() < b.size(); });
  IdSet result;
  if (!pairs.empty()) {
    result = Intersect(pairs);
  } else if (!unions.empty()) {
    result = std::move(unions[0]);
  } else {
    result = index.all();
  }
  for (size_t i = pairs.empty() ? 1 : 0; i < unions.size() && !result.empty(); ++i) {
    result = IdSet::And(result, unions[i]);
  }
  for (const Matcher* m : rest) {
    if (result.empty()) break;
    result = Apply(index, std::move(result), *m);
  }
  return result;
}

}  // namespace narthex::tsdb
