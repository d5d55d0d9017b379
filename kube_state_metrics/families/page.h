#pragma once
// A scrape: streams the families of a resource, each header once and below it the series of all
// objects, without ever holding more of the text than one chunk.
//
// Thread safety: functions only.

#include <functional>
#include <span>
#include <string_view>

#include "core/base/string_map.h"
#include "kube_state_metrics/families/family_set.h"
#include "kube_state_metrics/families/store.h"

namespace narthex::ksm {

// Takes text as it comes; false when nobody wants more.
using ChunkWriter = std::function<bool(std::string_view)>;

// Nothing at all while the stores are empty. False when the writer wanted no more. Headers of the
// names in `shown`, which may be null, are left out, those written are added: custom resources may
// share names of families.
bool WriteResource(const FamilySet& families, std::span<const Store* const> stores,
                   bool open_metrics, const ChunkWriter& write, StringSet* shown = nullptr);

}  // namespace narthex::ksm
