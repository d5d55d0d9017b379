#!/usr/bin/env python3
"""Every value of values.yaml does something: changed, it changes what helm renders, by default or with
everything switched on. But for those whose comment says "Taken and unused", which must change nothing.

usage: values_test.py CACHE      (CACHE of tools/kube_tools.py)
"""
import concurrent.futures
import copy
import pathlib
import sys

import yaml

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "tools")]
import chart_docs  # noqa: E402
import kube_tools  # noqa: E402
import rendering  # noqa: E402

COMPONENTS = ("server", "alertmanager", "pushgateway", "kubeStateMetrics", "nodeExporter")
# Files whose content is theirs: changed as a whole.
WHOLE = ("alertmanager.yml", "prometheus.yml")


def leaves(entries):
    for entry in entries:
        if entry.children and entry.path[-1] not in WHOLE:
            yield from leaves(entry.children)
        else:
            yield entry


def with_all(values, stateful):
    """Values that switch everything on."""
    out = {"networkPolicy": {"enabled": True}, "initChownData": {"enabled": True},
           "grafana": {"datasource": {"enabled": True}, "dashboards": {"enabled": True}}}
    for name in COMPONENTS:
        known, block = values[name], out.setdefault(name, {})
        if "ingress" in known:
            block["ingress"] = {"enabled": True, "hosts": ["a.example.org"]}
        if "podDisruptionBudget" in known:
            block["podDisruptionBudget"] = {"enabled": True}
        if "podAntiAffinity" in known:
            block["podAntiAffinity"] = "soft"
        if "persistentVolume" in known:
            block["persistentVolume"] = {"enabled": True}
        if "statefulSet" in known:
            block["statefulSet"] = {"enabled": stateful}
    out["kubeStateMetrics"]["autosharding"] = {"enabled": stateful}
    out["server"]["verticalAutoscaler"] = {"enabled": True}
    out["server"]["route"] = {"main": {"enabled": True, "parentRefs": [{"name": "gateway"}]}}
    out["server"]["service"] = {"statefulsetReplica": {"enabled": stateful}}
    for block in (out["server"]["statefulSet"].setdefault("headless", {}), out["server"].setdefault("service", {})):
        block["gRPC"] = {"enabled": True}
    return out


def changed(entry, others):
    """Another value than the default."""
    for name in (".".join(entry.path[-2:]), entry.path[-1]):
        if name in others and others[name] != entry.value:
            return others[name]
    if isinstance(entry.value, bool):
        return not entry.value
    if isinstance(entry.value, int):
        return entry.value + 1
    if isinstance(entry.value, str):
        return entry.value + "x"
    raise AssertionError(f"other_values.yaml has nothing for {'.'.join(entry.path)}")


def put(values, path, value):
    out = copy.deepcopy(values)
    inner = out
    for part in path[:-1]:
        inner = inner.setdefault(part, {})
    inner[path[-1]] = value
    return out


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    helm = rendering.Helm(kube_tools.install_binaries(pathlib.Path(sys.argv[1]).resolve()) / "helm")
    source = (rendering.CHART / "values.yaml").read_text()
    values = yaml.safe_load(source)
    others = yaml.safe_load((HERE / "other_values.yaml").read_text())
    bare = {name: {"persistentVolume": {"enabled": False}, "statefulSet": {"enabled": True}}
            for name in ("server", "alertmanager")}
    bare["server"]["route"] = {"main": {"parentRefs": [{"name": "gateway"}]}}
    for name in ("server", "alertmanager", "pushgateway"):
        bare.setdefault(name, {})["ingress"] = {"hosts": ["a.example.org"]}  # waiting for their switch
    bases = []
    everywhere = put(with_all(values, False), ("server", "daemonSet", "enabled"), True)
    for base in (with_all(values, False), {}, with_all(values, True), bare, everywhere):
        objects, error = helm.template(base)
        assert error is None, error
        bases.append((base, objects))

    def wrong(entry):
        """What is wrong with one value, or None."""
        name, refused = ".".join(entry.path), ""
        unused = "taken and unused" in entry.text.lower()
        for base, before in bases:
            after, error = helm.template(put(base, entry.path, changed(entry, others)))
            if error is not None:
                refused = error.strip()
            elif after != before:
                return f"{name} is said to be unused and is not" if unused else None
        return None if unused else f"{name} has no effect {refused}"

    entries = list(leaves(chart_docs.read_entries(yaml.compose(source), source.splitlines())))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        errors = [e for e in pool.map(wrong, entries) if e]
    print("\n".join(errors))
    print(f"{len(entries) - len(errors)} passed, {len(errors)} failed")
    sys.exit(1 if errors else 0)


if __name__ == "__main__":
    main()
