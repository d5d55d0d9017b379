#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {

void DeclareVolumeAttachments(FamilyList& f) {
  f.Labels(Stability::kAlpha);
  f.Alpha("info", "Information about volumeattachment.", [](const Json& object, SeriesSink& out) {
    out.Add({{"attacher", Text(object["spec"]["attacher"])},
             {"node", Text(object["spec"]["nodeName"])}},
            1);
  });
  f.Created(Stability::kAlpha);
  f.Alpha("spec_source_persistentvolume", "PersistentVolume source reference.",
          [](const Json& object, SeriesSink& out) {
            const Json& name = object["spec"]["source"]["persistentVolumeName"];
            if (name.is_string()) out.Add({{"volumename", Text(name)}}, 1);
          });
  f.Alpha("status_attached", "Information about volumeattachment.", Flag("status", "attached"));
  f.Alpha("status_attachment_metadata", "volumeattachment metadata.",
          [](const Json& object, SeriesSink& out) {
            AddMapLabels(out, "metadata", object["status"]["attachmentMetadata"]);
          });
}

}  // namespace narthex::ksm
