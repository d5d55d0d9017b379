#pragma once
// A scrape: streams the families of a resource, each header once and below it the series of all
// objects, without ever holding more of the text than one chunk.
//
// Thread safety: functions only.

#include <functional>
#include <span>
#include <string_view>

#include "kube_state_metrics/families/family_set.h"
#include "kube_state_metrics/families/store.h"

namespace narthex::ksm {

// Takes text as it comes; false when nobody wants more.
using ChunkWriter = std::function<bool(std::string_view)>;

// Nothing at all while the stores are empty. False when the writer wanted no more.
bool WriteResource(const FamilySet& families, std::span<const Store* const> stores,
                   bool open_metrics, const ChunkWriter& write);

}  // namespace narthex::ksm
