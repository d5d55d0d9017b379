#include "kube_state_metrics/resources/resource.h"

#include <algorithm>

#include "kube_state_metrics/families/label_text.h"
#include "kube_state_metrics/resources/object.h"

namespace narthex::ksm {
namespace {

// label_* of the keys that are let through; nothing at all without a list for the resource.
Generator AllowedLabels(std::string_view prefix, std::string_view member, KeyPatterns patterns) {
  return [prefix, member, patterns = std::move(patterns)](const Json& object, SeriesSink& out) {
    if (patterns.empty()) return;
    const auto named = MapLabels(prefix, Allowed(patterns, StringMembers(Meta(object, member))));
    const std::vector<Label> labels(named.begin(), named.end());
    out.Add(labels, 1);
  };
}

}  // namespace

Family& FamilyList::Add(std::string_view suffix, std::string_view help, Stability stability,
                        Generator generate) {
  families_.push_back({.name = suffix.empty() ? prefix_ : fmt::format("{}_{}", prefix_, suffix),
                       .help = std::string(help),
                       .stability = stability,
                       .generate = std::move(generate)});
  return families_.back();
}

void FamilyList::Annotations(Stability stability) {
  Add("annotations", "Kubernetes annotations converted to Prometheus labels.", stability,
      AllowedLabels("annotation", "annotations", annotations_));
}

void FamilyList::Labels(Stability stability) {
  Add("labels", "Kubernetes labels converted to Prometheus labels.", stability,
      AllowedLabels("label", "labels", labels_));
}

void FamilyList::Created(Stability stability) {
  Add("created", "Unix creation timestamp", stability,
      [](const Json& object, SeriesSink& out) { AddTime(out, Meta(object, "creationTimestamp")); });
}

void FamilyList::DeletionTimestamp(Stability stability) {
  Add("deletion_timestamp", "Unix deletion timestamp", stability,
      [](const Json& object, SeriesSink& out) { AddTime(out, Meta(object, "deletionTimestamp")); });
}

void FamilyList::Generation() {
  Stable(
      "metadata_generation",
      "Sequence number representing a specific generation of the desired state.",
      [](const Json& object, SeriesSink& out) { out.Add(Meta(object, "generation").AsDouble()); });
}

void FamilyList::ResourceVersion(Stability stability) {
  Add("metadata_resource_version",
      "Resource version representing a specific version of the object.", stability,
      [](const Json& object, SeriesSink& out) { AddResourceVersion(out, object); });
}

void FamilyList::Owner(std::string_view help, Stability stability) {
  Add("owner", help, stability,
      [](const Json& object, SeriesSink& out) { AddOwners(out, object); });
}

const Resource* FindResource(std::string_view name) {
  const auto all = Resources();
  const auto found = std::ranges::find(all, name, &Resource::name);
  return found == all.end() ? nullptr : &*found;
}

std::shared_ptr<const FamilySet> MakeFamilySet(const Resource& resource, const AllowList& labels,
                                               const AllowList& annotations,
                                               const FamilyFilter& filter) {
  FamilyList list(resource.object, labels.KeysOf(resource.name), annotations.KeysOf(resource.name));
  resource.declare(list);
  std::vector<Family> families = std::move(list).Take();
  std::erase_if(families, [&](const Family& family) { return !filter.IsOn(family); });
  return std::make_shared<FamilySet>(resource.labels, std::move(families));
}

}  // namespace narthex::ksm
