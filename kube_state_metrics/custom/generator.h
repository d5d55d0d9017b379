#pragma once
// Families of custom resources, from their configuration.
//
// Thread safety: functions only; the generators made are stateless.

#include <memory>
#include <vector>

#include "kube_state_metrics/custom/config.h"
#include "kube_state_metrics/families/family_set.h"
#include "kube_state_metrics/families/filter.h"

namespace narthex::ksm::custom {

// The families of a resource for one kind it stands for (version and kind without "*"). Those the
// filter refuses are left out. Values that cannot be read are logged at `verbosity` and above the
// resource's errorLogV.
std::shared_ptr<const FamilySet> MakeCustomFamilies(const ResourceConfig& resource,
                                                    const GroupVersionKind& kind,
                                                    const FamilyFilter& filter, int64_t verbosity);

}  // namespace narthex::ksm::custom
