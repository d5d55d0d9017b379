#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {
namespace {

std::string Joined(const Json& list) {
  std::string out;
  for (const Json& item : list.items()) {
    if (!out.empty()) out += ',';
    out += Text(item);
  }
  return out;
}

void AddVolumeInfo(const Json& object, SeriesSink& out) {
  const Json& spec = object["spec"];
  const Json& fc = spec["fc"];
  const Json& iscsi = spec["iscsi"];
  const Json& csi = spec["csi"];
  const std::string lun = iscsi.is_object() ? fmt::format("{}", iscsi["lun"].AsInt()) : "";
  out.Add({{"storageclass", Text(spec["storageClassName"])},
           {"gce_persistent_disk_name", Text(spec["gcePersistentDisk"]["pdName"])},
           {"ebs_volume_id", Text(spec["awsElasticBlockStore"]["volumeID"])},
           {"azure_disk_name", Text(spec["azureDisk"]["diskName"])},
           {"fc_wwids", Joined(fc["wwids"])},
           {"fc_lun", Shown(fc["lun"])},
           {"fc_target_wwns", Joined(fc["targetWWNs"])},
           {"iscsi_target_portal", Text(iscsi["targetPortal"])},
           {"iscsi_iqn", Text(iscsi["iqn"])},
           {"iscsi_lun", lun},
           {"iscsi_initiator_name", Text(iscsi["initiatorName"])},
           {"nfs_server", Text(spec["nfs"]["server"])},
           {"nfs_path", Text(spec["nfs"]["path"])},
           {"csi_driver", Text(csi["driver"])},
           {"csi_volume_handle", Text(csi["volumeHandle"])},
           {"local_path", Text(spec["local"]["path"])},
           {"local_fs", Text(spec["local"]["fsType"])},
           {"host_path", Text(spec["hostPath"]["path"])},
           {"host_path_type", Text(spec["hostPath"]["type"])},
           {"reclaim_policy", Text(spec["persistentVolumeReclaimPolicy"])}},
          1);
}

}  // namespace

void DeclarePersistentVolumes(FamilyList& f) {
  f.Stable("claim_ref", "Information about the Persistent Volume Claim Reference.",
           [](const Json& object, SeriesSink& out) {
             const Json& claim = object["spec"]["claimRef"];
             if (!claim.is_object()) return;
             out.Add({{"name", Text(claim["name"])}, {"claim_namespace", Text(claim["namespace"])}},
                     1);
           });
  f.Annotations();
  f.Labels(Stability::kStable);
  f.Stable(
      "status_phase",
      "The phase indicates if a volume is available, bound to a claim, or released by a claim.",
      [](const Json& object, SeriesSink& out) {
        const std::string& phase = Text(object["status"]["phase"]);
        if (phase.empty()) return;
        AddPhases(out, "phase", phase, {"Pending", "Available", "Bound", "Released", "Failed"});
      });
  f.Stable("info", "Information about persistentvolume.", AddVolumeInfo);
  f.Stable("capacity_bytes", "Persistentvolume capacity in bytes.",
           [](const Json& object, SeriesSink& out) {
             const auto size = QuantityOf(object["spec"]["capacity"]["storage"]);
             out.Add(size ? size->value : 0);
           });
  f.Created(Stability::kAlpha);
  f.DeletionTimestamp();
  f.Alpha("csi_attributes", "CSI attributes of the Persistent Volume.",
          [](const Json& object, SeriesSink& out) {
            const Json& csi = object["spec"]["csi"];
            if (!csi.is_object()) return;
            out.Add({{"csi_mounter", Text(csi["volumeAttributes"]["mounter"])},
                     {"csi_map_options", Text(csi["volumeAttributes"]["mapOptions"])}},
                    1);
          })
      .opt_in = true;
  f.Alpha("volume_mode", "Volume Mode information for the PersistentVolume.",
          [](const Json& object, SeriesSink& out) {
            const Json& mode = object["spec"]["volumeMode"];
            out.Add({{"volumemode", Text(mode)}}, 1);
          });
  f.Alpha("access_mode", "Access mode information for the PersistentVolume.",
          [](const Json& object, SeriesSink& out) {
            for (const Json& mode : object["spec"]["accessModes"].items()) {
              out.Add({{"access_mode", Text(mode)}}, 1);
            }
          });
}

}  // namespace narthex::ksm
