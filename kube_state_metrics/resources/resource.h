#pragma once
// The resources kube-state-metrics knows, and how their families are declared.
//
// A resource's file declares its families in the order of the output:
//
//   void DeclareNamespaces(FamilyList& f) {
//     f.Created(Stability::kStable);
//     f.Stable("status_phase", "kubernetes namespace status phase.", AddPhase);
//     …
//   }
//
// Thread safety: the table is constant; a FamilyList belongs to one thread.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/status.h"
#include "kube_state_metrics/families/allow_list.h"
#include "kube_state_metrics/families/family_set.h"
#include "kube_state_metrics/families/filter.h"

namespace narthex::ksm {

class FamilyList {
 public:
  FamilyList(std::string_view object, KeyPatterns labels, KeyPatterns annotations)
      : prefix_("kube_" + std::string(object)),
        labels_(std::move(labels)),
        annotations_(std::move(annotations)) {}

  // kube_<object>_<suffix>, or kube_<object> for an empty suffix.
  Family& Add(std::string_view suffix, std::string_view help, Stability stability,
              Generator generate);
  Family& Stable(std::string_view suffix, std::string_view help, Generator generate) {
    return Add(suffix, help, Stability::kStable, std::move(generate));
  }
  Family& Alpha(std::string_view suffix, std::string_view help, Generator generate) {
    return Add(suffix, help, Stability::kAlpha, std::move(generate));
  }
  // The families most resources have.
  void Annotations(Stability stability = Stability::kAlpha);
  void Labels(Stability stability);
  void Created(Stability stability);
  void DeletionTimestamp(Stability stability = Stability::kAlpha);
  void Generation();
  void ResourceVersion(Stability stability = Stability::kAlpha);
  void Owner(std::string_view help, Stability stability);

  std::vector<Family> Take() && { return std::move(families_); }

 private:
  const std::string prefix_;
  const KeyPatterns labels_, annotations_;
  std::vector<Family> families_;
};

struct Resource {
  std::string_view name;    // in flags and paths: "pods"
  std::string_view object;  // in names of families: "pod"
  std::string_view group;   // "" for the core group
  std::string_view version;
  std::string_view go_type;  // "*v1.Pod": label of the self metrics
  bool namespaced = true;    // may be listed namespace by namespace
  bool by_default = true;
  void (*declare)(FamilyList&) = nullptr;
  OwnedLabels (*labels)(const Json&) = nullptr;  // what every series carries
};

// All of them, by name.
std::span<const Resource> Resources();
const Resource* FindResource(std::string_view name);

// The families of a resource that are on.
std::shared_ptr<const FamilySet> MakeFamilySet(const Resource& resource, const AllowList& labels,
                                               const AllowList& annotations,
                                               const FamilyFilter& filter);

}  // namespace narthex::ksm
