#!/usr/bin/env python3
"""Writes what follows from charts/prometheus/values.yaml: its schema and the table of its README.

usage: tools/chart_docs.py [--check]      (--check only says whether both are up to date)

The schema's types are those of the defaults; the tables below say where more is allowed. Blocks of
the chart's own are closed, so that a misspelt key is an error that names it; what is handed to
Kubernetes or Prometheus as it is (resources, affinity, extraArgs, scrape jobs …) is open.
"""
import difflib
import json
import pathlib
import sys

import yaml

CHART = pathlib.Path(__file__).resolve().parent.parent / "charts" / "prometheus"
BEGIN, END = "<!-- values: begin -->", "<!-- values: end -->"

# Maps whose keys are the user's, though the chart gives some.
OPEN = {
    "alertmanagerFiles", "serverFiles", "server.global", "podSecurityContext",
    "containerSecurityContext", "updateStrategy", "readinessProbe", "livenessProbe", "startupProbe",
    "annotations", "labels", "scrapeConfigs", "ruleFiles", "configmapReload.image",
    "configmapReload.prometheus", "configmapReload.alertmanager",
}
STRING = {"type": ["string", "null"]}
TEXT_OR_NUMBER = {"type": ["string", "number", "null"]}
# Numbers may be written as text, as the API server never saw the difference in 8.9.2.
NUMBER = {"type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]+$"}
NUMBER_OR_NULL = dict(NUMBER, type=["integer", "string", "null"])
PORT = dict(NUMBER, minimum=1, maximum=65535)
NODE_PORT = {"type": ["integer", "null", "string"], "pattern": "^[0-9]*$"}
FLAGS = {"type": ["object", "null"],
         "additionalProperties": {"type": ["string", "number", "boolean", "array", "null"]}}
NAMED = {"type": "object", "required": ["name", "mountPath"],
         "properties": {"name": {"type": "string"}, "mountPath": {"type": "string", "pattern": "^/"},
                        "subPath": {"type": "string"}, "readOnly": {"type": "boolean"}}}


def mounts(source):
    item = dict(NAMED, required=["name", "mountPath", source])
    item["properties"] = dict(NAMED["properties"], **{source: {"type": "string"}})
    return {"type": ["array", "null"], "items": item}


LIST_OR_EMPTY = {"anyOf": [{"type": ["array", "null"], "items": {"type": "object"}},
                           {"type": "object", "maxProperties": 0}]}
OBJECTS = {"type": ["array", "null"], "items": {"type": "object"}}
DURATION = {"type": "string", "pattern": "^([0-9]+(ms|[smhdwy]))+$"}
# By the last part of the path, or by the whole path.
SPECIAL = {
    "imagePullSecrets": {"type": ["array", "null"], "items": {
        "type": "object", "required": ["name"], "properties": {"name": {"type": "string"}},
        "additionalProperties": False}},
    "extraScrapeConfigs": {"type": ["string", "null"]},
    "scrapeConfigs": {"type": ["object", "null"], "additionalProperties": {"type": "object"}},
    "ruleFiles": {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
    "extraManifests": {"type": ["array", "null"], "items": {"type": ["object", "string"]}},
    "name": {"type": "string", "minLength": 1, "maxLength": 53,
             "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"},
    "grafana.datasource.name": {"type": "string", "minLength": 1},
    "tag": TEXT_OR_NUMBER,
    "digest": {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
    "pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "extraArgs": FLAGS, "args": FLAGS,
    "extraFlags": {"type": ["array", "null"], "items": {"type": "string", "pattern": "^[^-]"}},
    "extraEnv": {"type": ["object", "null"],
                 "additionalProperties": {"type": ["string", "number", "boolean"]}},
    "env": LIST_OR_EMPTY,
    "sidecarContainers": {"type": ["array", "object", "null"]},
    "extraHostPathMounts": mounts("hostPath"), "extraConfigmapMounts": mounts("configMap"),
    "extraSecretMounts": mounts("secretName"),
    "extraVolumes": OBJECTS, "extraVolumeMounts": OBJECTS, "extraInitContainers": OBJECTS,
    "tolerations": OBJECTS, "topologySpreadConstraints": OBJECTS, "hostAliases": OBJECTS,
    "alertRelabelConfigs": {"anyOf": [OBJECTS, {
        "type": "object", "required": ["alert_relabel_configs"], "additionalProperties": False,
        "properties": {"alert_relabel_configs": OBJECTS}}]},
    "remoteWrite": OBJECTS, "remoteRead": OBJECTS, "alertmanagers": OBJECTS,
    "podAntiAffinity": {"enum": ["", "soft", "hard"]},
    "accessModes": {"type": "array", "minItems": 1, "items": {"enum": [
        "ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"]}},
    "mountPath": {"type": "string", "pattern": "^/"}, "configPath": {"type": "string", "pattern": "^/"},
    "size": {"type": ["string", "integer"]}, "sizeLimit": {"type": ["string", "integer"]},
    "replicaCount": NUMBER, "replica": NUMBER, "revisionHistoryLimit": NUMBER,
    "servicePort": PORT, "hostPort": dict(PORT, type=["integer", "string", "null"]), "nodePort": NODE_PORT,
    "service.type": {"enum": ["ClusterIP", "NodePort", "LoadBalancer"]},
    "podManagementPolicy": {"enum": ["OrderedReady", "Parallel"]},
    "pathType": {"enum": ["Prefix", "Exact", "ImplementationSpecific"]},
    "probeScheme": {"enum": ["HTTP", "HTTPS"]},
    "hosts": {"type": "array", "items": {"type": "string", "minLength": 1}},
    "terminationGracePeriodSeconds": NUMBER_OR_NULL,
    "automountServiceAccountToken": {"type": ["boolean", "null"]},
    "server.route": {"type": ["object", "null"], "additionalProperties": {"type": "object"}},
    "verticalAutoscaler": {
        "type": "object", "additionalProperties": False,
        "properties": {"enabled": {"type": "boolean"},
                       "updateMode": {"enum": ["Off", "Initial", "Recreate", "InPlaceOrRecreate", "Auto"]},
                       "containerPolicies": OBJECTS}},
    "scrapeConfigFiles": {"type": ["array", "null"], "items": {"type": "string"}},
    "command": {"type": ["array", "null"], "items": {"type": "string"}},
    "defaultFlagsOverride": {"type": ["array", "null"], "items": {"type": "string"}},
    **{f"{probe}Probe{end}": NUMBER_OR_NULL for probe in ("readiness", "liveness")
       for end in ("InitialDelay", "PeriodSeconds", "Timeout", "FailureThreshold", "SuccessThreshold")},
    "enableServiceLinks": {"type": ["boolean", "null"]},
    "retention": {"anyOf": [DURATION, {"const": ""}]},
    "retentionSize": {"type": "string", "pattern": "^([0-9]+(B|[KMGTPE]i?B))?$"},
    "scrape_interval": DURATION, "scrape_timeout": DURATION, "evaluation_interval": DURATION,
    "alerts": {"type": ["object", "array", "string", "null"]},
    "rules": {"type": ["object", "array", "string", "null"]},
    "replicaExternalLabel": {"type": "string", "pattern": "^([a-zA-Z_][a-zA-Z0-9_]*)?$"},
    "podDisruptionBudget": {
        "type": "object", "additionalProperties": False,
        "properties": {"enabled": {"type": "boolean"},
                       "minAvailable": {"type": ["integer", "string"]},
                       "maxUnavailable": {"type": ["integer", "string"]},
                       "unhealthyPodEvictionPolicy": {"enum": ["IfHealthyBudget", "AlwaysAllow"]}}},
    "serviceAccounts.name": STRING,
}
# Keys that are taken though values.yaml has none of them.
TOLERATED = {
    "global": {"description": "Values that an umbrella chart hands to all its parts."},
    "enabled": {"description": "Condition of an umbrella chart."},
    "tags": {"description": "Tags of an umbrella chart."},
    "fullnameOverride": {"type": ["string", "null"], "description": "No effect, as in 8.9.2."},
    "podSecurityPolicy": {"description": "No effect: Kubernetes has none since 1.25."},
    "kube-state-metrics": {"description": "Refused with an explanation when rendered."},
    "prometheus-node-exporter": {"description": "Refused with an explanation when rendered."},
    "prometheus-pushgateway": {"description": "Refused with an explanation when rendered."},
}


class Entry:
    """A key of values.yaml: its path, default, and the comment above it."""

    def __init__(self, path, value, text, children):
        self.path, self.value, self.text, self.children = path, value, text, children


def comment_above(lines, number):
    text = []
    while number > 0 and lines[number - 1].strip().startswith("#"):
        number -= 1
        text.insert(0, lines[number].strip().lstrip("#").strip())
    joined = " ".join(text)
    return joined[3:].strip() if joined.startswith("-- ") else ""


def read_entries(node, lines, path=()):
    entries = []
    for key, value in node.value:
        here = path + (key.value,)
        children = None
        if isinstance(value, yaml.MappingNode) and value.value:
            children = read_entries(value, lines, here)
        default = yaml.safe_load(yaml.serialize(value))
        entries.append(Entry(here, default, comment_above(lines, key.start_mark.line), children))
    return entries


def lookup(table, path):
    """The entry of a table for a path: whole path, path without its first part, first and last, last."""
    for name in (".".join(path), ".".join(path[-2:]), f"{path[0]}.{path[-1]}", path[-1]):
        if name in table:
            return name
    return None


def is_open(path):
    return lookup(OPEN, path) is not None or path[0] in OPEN


def schema_of(entry):
    special = lookup(SPECIAL, entry.path)
    # Component blocks have a key `name`, and so have others that are no component.
    if special and not (special == "service.type" and entry.path[-2] != "service"):
        out = dict(SPECIAL[special])
    elif isinstance(entry.value, dict):
        out = {"type": ["object", "null"] if not entry.children else "object"}
        if entry.children:
            out["properties"] = {c.path[-1]: schema_of(c) for c in entry.children}
            if is_open(entry.path):
                for child in out["properties"].values():
                    # What Kubernetes or Prometheus reads is theirs to judge.
                    if entry.path[0] not in ("serverFiles", "server"):
                        child.pop("type", None)
            else:
                out["additionalProperties"] = False
    elif isinstance(entry.value, bool):
        out = {"type": "boolean"}
    elif isinstance(entry.value, int):
        out = {"type": "integer"}
    elif isinstance(entry.value, list):
        out = {"type": ["array", "null"]}
    else:
        out = {"type": ["string", "null"]}
    if entry.text:
        out["description"] = entry.text
    return out


def schema(entries):
    properties = {e.path[0]: schema_of(e) for e in entries}
    properties.update(TOLERATED)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart prometheus",
        "description": "Written by tools/chart_docs.py from values.yaml.",
        "type": "object", "additionalProperties": False, "properties": properties,
    }


def rows(entries):
    for entry in entries:
        documented_children = entry.children and any(
            c.text or c.children for c in entry.children) and entry.path[0] not in (
                "serverFiles", "alertmanagerFiles")
        if documented_children and not entry.text:
            yield from rows(entry.children)
            continue
        default = "see values.yaml" if entry.path[0] in (
            "serverFiles", "alertmanagerFiles") else f"`{json.dumps(entry.value)}`"
        name = ".".join(p.replace(".", "\\.") for p in entry.path)
        yield f"| `{name}` | {default.replace('|', '&#124;')} | {entry.text.replace('|', '&#124;')} |"


def main():
    source = (CHART / "values.yaml").read_text()
    entries = read_entries(yaml.compose(source), source.splitlines())
    table = "\n".join(["| key | default | what |", "|---|---|---|", *rows(entries)])
    readme = (CHART / "README.md").read_text()
    head, rest = readme.split(BEGIN)
    tail = rest.split(END)[1]
    wanted = {
        CHART / "README.md": f"{head}{BEGIN}\n{table}\n{END}{tail}",
        CHART / "values.schema.json": json.dumps(schema(entries), indent=1) + "\n",
    }
    undocumented = [r for r in rows(entries) if r.endswith("|  |")]
    if undocumented:
        sys.exit("values without a comment `# --`:\n" + "\n".join(undocumented))
    stale = False
    for path, text in wanted.items():
        old = path.read_text() if path.exists() else ""
        if old == text:
            continue
        if "--check" in sys.argv[1:]:
            stale = True
            diff = difflib.unified_diff(old.splitlines(), text.splitlines(), str(path), "wanted", n=1, lineterm="")
            print("\n".join(list(diff)[:40]))
        else:
            path.write_text(text)
            print("wrote", path)
    if stale:
        sys.exit("out of date: run tools/chart_docs.py")


if __name__ == "__main__":
    main()
