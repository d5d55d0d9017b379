#pragma once
// Label sets as remote write brings them: in any order, perhaps with faults.
//
// Thread safety: none; one object serves one request. It keeps its memory between series.

#include <string>
#include <string_view>
#include <vector>

#include "core/labels/labels.h"

namespace narthex::remote {

class IncomingLabels {
 public:
  enum class Verdict {
    kOk,
    kInvalid,    // no name, or something that is no valid name or not UTF-8
    kDuplicate,  // a name twice, whatever the values
  };

  void Clear() { labels_.clear(); }
  void Add(const Label& label) { labels_.push_back(label); }
  // Sorts and judges what was added.
  Verdict Finish();
  // After Finish gave kOk: without labels that have no value.
  Labels Build();
  // For logs, faults and all, cut at a sensible length.
  std::string Describe() const;

 private:
  std::vector<Label> labels_;  // views into the message
};

}  // namespace narthex::remote
