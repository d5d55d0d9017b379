// Families about containers and init containers of pods; both have the same shape.

#include <algorithm>

#include "kube_state_metrics/resources/object.h"
#include "kube_state_metrics/resources/pod.h"

namespace narthex::ksm {
namespace {

// Which list of the pod's spec and status is meant.
struct Kind {
  std::string_view spec, status;
  std::string prefix, words, article;
};

const Kind& Containers() {
  static const Kind kind{"containers", "containerStatuses", "container", "container", "a"};
  return kind;
}

const Kind& InitContainers() {
  static const Kind kind{"initContainers", "initContainerStatuses", "init_container",
                         "init container", "an"};
  return kind;
}

// Calls add(status, out) for every container that has a status.
template <typename Function>
Generator EachStatus(const Kind& kind, Function add) {
  return [&kind, add](const Json& pod, SeriesSink& out) {
    for (const Json& status : pod["status"][kind.status].items()) add(status, out);
  };
}

Generator InfoOf(const Kind& kind, bool restart_policy) {
  return [&kind, restart_policy](const Json& pod, SeriesSink& out) {
    const auto& statuses = pod["status"][kind.status].items();
    for (const Json& container : pod["spec"][kind.spec].items()) {
      for (const Json& status : statuses) {
        if (Text(status["name"]) != Text(container["name"])) continue;
        std::vector<Label> labels{{"container", Text(status["name"])},
                                  {"image_spec", Text(container["image"])},
                                  {"image", Text(status["image"])},
                                  {"image_id", Text(status["imageID"])},
                                  {"container_id", Text(status["containerID"])}};
        if (restart_policy) labels.emplace_back("restart_policy", Text(container["restartPolicy"]));
        out.Add(labels, 1);
      }
    }
  };
}

Generator ResourcesOf(const Kind& kind, std::string_view member) {
  return [&kind, member](const Json& pod, SeriesSink& out) {
    const std::string& node = Text(pod["spec"]["nodeName"]);
    for (const Json& container : pod["spec"][kind.spec].items()) {
      for (const auto& [resource, amount] : container["resources"][member].members()) {
        const auto unit = UnitOf(resource);
        const auto quantity = QuantityOf(amount);
        if (!unit || !quantity) continue;
        out.Add({{"container", Text(container["name"])},
                 {"node", node},
                 {"resource", ResourceLabel(resource)},
                 {"unit", UnitName(*unit)}},
                *unit == Unit::kCore ? quantity->Fraction() : quantity->value);
      }
    }
  };
}

Label ContainerLabel(const Json& status) { return {"container", Text(status["name"])}; }

Generator StateFlag(const Kind& kind, std::string_view state) {
  return EachStatus(kind, [state](const Json& status, SeriesSink& out) {
    out.Add({ContainerLabel(status)}, status["state"][state].is_object() ? 1 : 0);
  });
}

Generator ReasonOf(const Kind& kind, std::string_view where, std::string_view state) {
  return EachStatus(kind, [where, state](const Json& status, SeriesSink& out) {
    const Json& found = status[where][state];
    if (!found.is_object()) return;
    out.Add({ContainerLabel(status), {"reason", Text(found["reason"])}}, 1);
  });
}

void AddStateStarted(const Json& status, SeriesSink& out) {
  const Json& state =
      status["state"].Has("running") ? status["state"]["running"] : status["state"]["terminated"];
  if (const auto seconds = UnixTime(state["startedAt"])) {
    out.Add({ContainerLabel(status)}, *seconds);
  }
}

void AddLastExitCode(const Json& status, SeriesSink& out) {
  const Json& last = status["lastState"]["terminated"];
  if (last.is_object()) out.Add({ContainerLabel(status)}, last["exitCode"].AsDouble());
}

void AddLastFinish(const Json& status, SeriesSink& out) {
  const auto seconds = UnixTime(status["lastState"]["terminated"]["finishedAt"]);
  if (seconds) out.Add({ContainerLabel(status)}, *seconds);
}

void AddCompletionTime(const Json& pod, SeriesSink& out) {
  double latest = 0;
  for (const Json& status : pod["status"]["containerStatuses"].items()) {
    const auto seconds = UnixTime(status["state"]["terminated"]["finishedAt"]);
    latest = std::max(latest, seconds.value_or(0));
  }
  if (latest > 0) out.Add(latest);
}

class Declaration {
 public:
  Declaration(FamilyList& f, const Kind& kind) : f_(f), kind_(kind) {}

  void Info(bool restart_policy) {
    Add("info", Stability::kStable,
        fmt::format("Information about {} {} in a pod.", kind_.article, kind_.words),
        InfoOf(kind_, restart_policy));
  }
  void Resources(Stability stability, bool recommend) {
    for (const std::string_view what : {"limits", "requests"}) {
      const std::string_view singular = what == "limits" ? "limit" : "request";
      std::string help = fmt::format("The number of requested {} resource by {} {}.", singular,
                                     kind_.article, kind_.words);
      if (recommend) {
        help += fmt::format(
            " It is recommended to use the kube_pod_resource_{} metric exposed by kube-scheduler "
            "instead, as it is more precise.",
            what);
      }
      Add(fmt::format("resource_{}", what), stability, help, ResourcesOf(kind_, what));
    }
  }
  void StateStarted(Stability stability) {
    Add("state_started", stability,
        fmt::format("Start time in unix timestamp for a pod {}.", kind_.words),
        EachStatus(kind_, AddStateStarted));
  }
  void LastReason() {
    Add("status_last_terminated_reason", Stability::kAlpha,
        fmt::format("Describes the last reason the {} was in terminated state.", kind_.words),
        ReasonOf(kind_, "lastState", "terminated"));
  }
  void LastExit() {
    Add("status_last_terminated_exitcode", Stability::kAlpha,
        fmt::format("Describes the exit code for the last {} in terminated state.", kind_.words),
        EachStatus(kind_, AddLastExitCode));
    Add("status_last_terminated_timestamp", Stability::kAlpha,
        fmt::format("Last terminated time for a pod {} in unix timestamp.", kind_.words),
        EachStatus(kind_, AddLastFinish));
  }
  void ReadyAndRestarts() {
    Add("status_ready", Stability::kStable,
        fmt::format("Describes whether the {}s readiness check succeeded.", kind_.words),
        EachStatus(kind_, [](const Json& status, SeriesSink& out) {
          out.Add({ContainerLabel(status)}, status["ready"].AsBool() ? 1 : 0);
        }));
    Add("status_restarts_total", Stability::kStable,
        kind_.prefix == "container" ? "The number of container restarts per container."
                                    : "The number of restarts for the init container.",
        EachStatus(kind_,
                   [](const Json& status, SeriesSink& out) {
                     out.Add({ContainerLabel(status)}, status["restartCount"].AsDouble());
                   }))
        .type = FamilyType::kCounter;
  }
  void States() {
    for (const std::string_view state : {"running", "terminated", "waiting"}) {
      Add(fmt::format("status_{}", state), Stability::kStable,
          fmt::format("Describes whether the {} is currently in {} state.", kind_.words, state),
          StateFlag(kind_, state));
      if (state == "running") continue;
      const bool stable = state == "waiting" && kind_.prefix == "container";
      Add(fmt::format("status_{}_reason", state), stable ? Stability::kStable : Stability::kAlpha,
          fmt::format("Describes the reason the {} is currently in {} state.", kind_.words, state),
          ReasonOf(kind_, "state", state));
    }
  }

 private:
  Family& Add(const std::string& suffix, Stability stability, const std::string& help,
              Generator generate) {
    return f_.Add(fmt::format("{}_{}", kind_.prefix, suffix), help, stability, std::move(generate));
  }

  FamilyList& f_;
  const Kind& kind_;
};

}  // namespace

void DeclareContainers(FamilyList& f) {
  f.Stable("completion_time", "Completion time in unix timestamp for a pod.", AddCompletionTime);
  Declaration containers(f, Containers());
  containers.Info(false);
  containers.Resources(Stability::kStable, true);
  containers.StateStarted(Stability::kStable);
  containers.LastReason();
  containers.LastExit();
  containers.ReadyAndRestarts();
  containers.States();
}

void DeclareInitContainers(FamilyList& f) {
  Declaration containers(f, InitContainers());
  containers.Info(true);
  containers.Resources(Stability::kAlpha, false);
  containers.LastReason();
  containers.ReadyAndRestarts();
  containers.States();
  containers.StateStarted(Stability::kAlpha);
  containers.LastExit();
}

}  // namespace narthex::ksm
