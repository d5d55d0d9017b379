#!/usr/bin/env python3
"""The chart as helm renders it: lint, every case of cases/*.yaml against the API types of several
Kubernetes versions and against what the case expects, flags against the executables, selectors over
upgrades, packaging, and the contract of stable/prometheus 8.9.2.

usage: render_test.py CACHE BIN_DIR      (CACHE of tools/kube_tools.py; BIN_DIR with our executables)
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import yaml

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "tools")]
import api_types  # noqa: E402
import kube_tools  # noqa: E402
import rendering  # noqa: E402
from rendering import CHART, ROOT, WORKLOADS, at, name_of, pod_template  # noqa: E402

PROGRAMS = {"server": "prometheus", "alertmanager": "alertmanager", "pushgateway": "pushgateway",
            "node-exporter": "node_exporter", "kube-state-metrics": "kube-state-metrics"}
CLUSTER_WIDE = ("ClusterRole", "ClusterRoleBinding")
HELM = TYPES = BIN = None


def load_cases():
    for path in sorted((HERE / "cases").glob("*.yaml")):
        for number, case in enumerate(yaml.safe_load_all(path.read_text())):
            case.setdefault("name", f"{path.stem} {number}")
            yield case


def expectation_error(objects, text):
    """What is wrong with `Kind/name path OP value`; OP is =, ~ (a regular expression), has (a member
    of a list), absent or present. None when nothing is."""
    target, _, rest = text.partition(" ")
    thing = next((o for o in objects if name_of(o) == target), None)
    if rest == "absent":
        return None if thing is None else f"{target} is there"
    if thing is None:
        return f"no {target} among {[name_of(o) for o in objects]}"
    if not rest:
        return None
    path, operation, wanted = re.match(r"(\S+) (=|~|has|absent|present)(?: (.*))?$", rest, re.S).groups()
    nested = path.split("::")  # data.prometheus\.yml::scrape_configs looks into a document in a string
    value = at(thing, nested[0])
    for more in nested[1:]:
        value = at(yaml.safe_load(value), more)
    good = {"absent": lambda: value is None, "present": lambda: value is not None,
            "=": lambda: value == yaml.safe_load(wanted),
            "has": lambda: yaml.safe_load(wanted) in (value or []),
            "~": lambda: re.search(wanted, str(value)) is not None}[operation]()
    return None if good else f"{text}: it is {value!r}"


def flags_of(program):
    """The long flags a program knows, from its own --help."""
    binary = BIN / program
    if not binary.exists():
        return None
    text = subprocess.run([binary, "--help"], capture_output=True, text=True, check=False).stdout
    flags = set()
    for optional, flag in re.findall(r"^\s+(?:-\w, )?--(\[no-\])?([\w.-]+)", text, re.M):
        flags.add(flag)
        if optional:
            flags.add(f"no-{flag}")
    return flags


def is_hidden_flag(program, argument):
    """Whether a program takes a flag that its --help leaves out: it complains of the next one only."""
    run = subprocess.run([BIN / program, argument, "--none-such"], capture_output=True, text=True, check=False)
    return "--none-such" in run.stderr and argument.split("=")[0] not in run.stderr


class Invariants:
    """What holds for every render."""

    def __init__(self, objects):
        self.objects = objects
        self.errors = []
        self.pods = [(o, pod_template(o)) for o in objects if o["kind"] in WORKLOADS]
        self.unique_names()
        for thing, pod in self.pods:
            self.selector(thing, pod)
            self.account(thing, pod)
            self.volumes(thing, pod)
        for thing in objects:
            if thing["kind"] == "Service":
                self.service(thing)
            if thing["kind"] == "Ingress":
                self.ingress(thing)

    def fail(self, thing, text):
        self.errors.append(f"{name_of(thing)}: {text}")

    def unique_names(self):
        seen = set()
        for thing in self.objects:
            meta = thing["metadata"]
            key = (thing["kind"], meta["name"], meta.get("namespace"))
            if key in seen:
                self.fail(thing, "is there twice")
            seen.add(key)
            if len(meta["name"]) > 63:
                self.fail(thing, "name is longer than 63 characters")
            if (thing["kind"] in CLUSTER_WIDE) == ("namespace" in meta) and "chart" in meta.get("labels", {}):
                self.fail(thing, "namespace where there is none, or none where one belongs")
            for key, value in (meta.get("labels") or {}).items():
                if not re.fullmatch(r"([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?", value):
                    self.fail(thing, f"label {key}={value!r} is no label value")

    def selector(self, thing, pod):
        selector = thing["spec"]["selector"]["matchLabels"]
        if sorted(selector) != ["app", "component", "release"]:
            self.fail(thing, f"selector {selector}: exactly app, release and component cannot change")
        if not selector.items() <= pod["metadata"]["labels"].items():
            self.fail(thing, "its selector does not find its pods")

    def account(self, thing, pod):
        account = pod["spec"]["serviceAccountName"]
        ours = [o["metadata"]["name"] for o in self.objects if o["kind"] == "ServiceAccount"]
        if account != "default" and account not in ours and not account.startswith("own-"):
            self.fail(thing, f"ServiceAccount {account} is not there")

    def volumes(self, thing, pod):
        volumes = [v["name"] for v in pod["spec"].get("volumes") or []]
        volumes += [t["metadata"]["name"] for t in thing["spec"].get("volumeClaimTemplates", [])]
        if len(volumes) != len(set(volumes)):
            self.fail(thing, f"volumes are there twice: {volumes}")
        containers = pod["spec"]["containers"] + (pod["spec"].get("initContainers") or [])
        for container in containers:
            for mount in container.get("volumeMounts") or []:
                if mount["name"] not in volumes:
                    self.fail(thing, f"{container['name']} mounts {mount['name']}, which is not there")
        names = [c["name"] for c in containers]
        if len(names) != len(set(names)):
            self.fail(thing, f"containers are there twice: {names}")
        for volume in pod["spec"].get("volumes") or []:
            claim = at(volume, "persistentVolumeClaim.claimName")
            known = [o["metadata"]["name"] for o in self.objects if o["kind"] == "PersistentVolumeClaim"]
            if claim and claim not in known and not claim.startswith("own-"):
                self.fail(thing, f"claim {claim} is not there")
            source = at(volume, "configMap.name")
            known = [o["metadata"]["name"] for o in self.objects if o["kind"] == "ConfigMap"]
            if source and source not in known and "own-" not in source:
                self.fail(thing, f"ConfigMap {source} is not there")

    def service(self, thing):
        selector = dict(thing["spec"]["selector"])
        selector.pop("statefulset.kubernetes.io/pod-name", None)  # given to pods by their StatefulSet
        found = [p for _, p in self.pods if selector.items() <= p["metadata"]["labels"].items()]
        if not found:
            self.fail(thing, "selects no pod")
        for port in thing["spec"]["ports"]:
            target = port["targetPort"]
            declared = [p["containerPort"] for pod in found for c in pod["spec"]["containers"]
                        for p in c.get("ports") or []]
            if target not in declared + [10901, 6783] and not port["name"].startswith("own-"):
                self.fail(thing, f"port {target} is declared by no container")

    def ingress(self, thing):
        for rule in thing["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                found = any(o["kind"] == "Service" and o["metadata"]["name"] == backend["name"]
                            and backend["port"]["number"] in [p["port"] for p in o["spec"]["ports"]]
                            for o in self.objects)
                if not found and not backend["name"].startswith("own-"):
                    self.fail(thing, f"no Service for {backend}")


def immutable(thing):
    """The parts of a workload that an upgrade may not change."""
    spec = thing["spec"]
    out = {"selector": spec["selector"]}
    if thing["kind"] == "StatefulSet":
        out.update(serviceName=spec["serviceName"], claims=spec.get("volumeClaimTemplates"),
                   management=spec.get("podManagementPolicy"))
    return out


class ChartTest(unittest.TestCase):
    maxDiff = None

    renders = {}

    def rendered(self, case):
        """The objects of a case, rendered once."""
        if case["name"] not in self.renders:
            self.renders[case["name"]] = self.render(case)
        return self.renders[case["name"]]

    def render(self, case):
        objects, error = HELM.template(case.get("values"), case.get("release", "seed"),
                                       case.get("namespace", "default"))
        self.assertIsNone(error)
        return objects

    def test_lint(self):
        run = HELM.run("lint", "--strict", str(CHART))
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_cases(self):
        cases = list(load_cases())
        self.assertGreaterEqual(len(cases), 40)
        for case in cases:
            with self.subTest(case["name"]):
                if "fails" in case:
                    objects, error = HELM.template(case.get("values"), case.get("release", "seed"))
                    self.assertIsNone(objects, "it renders")
                    self.assertRegex(error, case["fails"])
                    continue
                objects = self.rendered(case)
                self.assertEqual(Invariants(objects).errors, [])
                for version, types in TYPES.items():
                    if version in case.get("not_on", []):
                        continue
                    errors = [e for o in objects for e in types.validate(o)]
                    self.assertEqual(errors, [], f"Kubernetes {version}")
                wrong = [e for e in (expectation_error(objects, x) for x in case.get("expect", [])) if e]
                self.assertEqual(wrong, [])
                if "count" in case:
                    self.assertEqual(len(objects), case["count"], [name_of(o) for o in objects])
                self.check_flags(objects, case.get("unknown_flags", []))
                self.check_configuration(objects, case.get("configuration_refused"))

    def check_configuration(self, objects, refused):
        """The server reads what the chart writes; `refused` is what it says of a case it cannot read yet."""
        config = next((o["data"]["prometheus.yml"] for o in objects
                       if o["kind"] == "ConfigMap" and "prometheus.yml" in o["data"]), None)
        if config is None:
            return
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            file.write(config)
            file.flush()
            run = subprocess.run([BIN / "promtool", "check", "config", "--syntax-only", file.name],
                                 capture_output=True, text=True, check=False)
        said = run.stdout + run.stderr
        if refused:
            self.assertRegex(said, refused)
        else:
            self.assertEqual(run.returncode, 0, said)

    def check_flags(self, objects, allowed):
        for thing in objects:
            if thing["kind"] not in WORKLOADS:
                continue
            container = pod_template(thing)["spec"]["containers"][0]
            program = next((p for c, p in PROGRAMS.items() if container["name"].endswith(c)), None)
            known = KNOWN_FLAGS.get(program)
            if known is None:
                continue
            for argument in container.get("args") or []:
                flag = argument.lstrip("-").split("=")[0]
                if flag not in allowed and flag not in known:
                    self.assertTrue(is_hidden_flag(program, argument), f"{program} does not know {argument}")

    def test_executables_are_there(self):
        """The flags are really compared."""
        built = [p for p in PROGRAMS.values() if KNOWN_FLAGS[p]]
        self.assertIn("prometheus", built)
        self.assertIn("alertmanager", built)

    def test_upgrades_keep_what_cannot_change(self):
        before = {name_of(o): immutable(o) for o in HELM.template({})[0] if o["kind"] in WORKLOADS}
        sets = {name_of(o): immutable(o) for o in HELM.template(STATEFUL)[0] if o["kind"] in WORKLOADS}
        compared = 0
        for case in load_cases():
            changes_names = "nameOverride" in str(case.get("values"))
            if "fails" in case or case.get("release") or changes_names:
                continue
            for thing in self.rendered(case):
                if name_of(thing) in before and thing["kind"] in WORKLOADS:
                    compared += 1
                    self.assertEqual(immutable(thing)["selector"], before[name_of(thing)]["selector"],
                                     case["name"])
                if thing["kind"] == "StatefulSet" and name_of(thing) in sets:
                    self.assertEqual(immutable(thing)["selector"], sets[name_of(thing)]["selector"])
        self.assertGreater(compared, 100)

    def test_a_new_chart_version_keeps_what_cannot_change(self):
        with tempfile.TemporaryDirectory() as folder:
            run = HELM.run("package", str(CHART), "--version", "99.1.2", "--app-version", "7.8.9",
                           "--destination", folder)
            self.assertEqual(run.returncode, 0, run.stderr)
            package = pathlib.Path(folder) / "prometheus-99.1.2.tgz"
            self.assertLess(package.stat().st_size, 1_000_000)
            for values in ({}, STATEFUL):
                old, _ = HELM.template(values)
                new, error = HELM.template(values, chart=package)
                self.assertIsNone(error)
                self.assertIn("prometheus:7.8.9", str(new))
                self.assertEqual({name_of(o): immutable(o) for o in old if o["kind"] in WORKLOADS},
                                 {name_of(o): immutable(o) for o in new if o["kind"] in WORKLOADS})

    def test_contract(self):
        """Every value of 8.9.2 is here with its default, but for those the contract's file names."""
        contract = yaml.safe_load((HERE / "contract-8.9.2.yaml").read_text())
        values = yaml.safe_load((CHART / "values.yaml").read_text())
        missing = object()
        different = {}
        for path, default in contract["defaults"].items():
            value = values
            for part in re.split(r"(?<!\\)\.", path):
                part = part.replace("\\.", ".")
                value = value.get(part, missing) if isinstance(value, dict) else missing
            if value is missing:
                self.fail(f"{path} is not in values.yaml")
            if value != default:
                different[path] = value
        self.assertEqual(different, contract["different_here"])

    def test_notes(self):
        run = HELM.run("install", "seed", str(CHART), "--dry-run=client", "--namespace", "mon")
        self.assertEqual(run.returncode, 0, run.stderr)
        notes = run.stdout.split("NOTES:")[1]
        for component, port in (("server", 9090), ("alertmanager", 9093), ("pushgateway", 9091)):
            self.assertIn(f'kubectl get pods --namespace mon -l "app=prometheus,component={component}"', notes)
            self.assertIn(f"kubectl --namespace mon port-forward $POD_NAME {port}", notes)
            self.assertIn(f"seed-prometheus-{component}.mon.svc.cluster.local", notes)
        run = HELM.run("install", "seed", str(CHART), "--dry-run=client", "--values", "-", text=yaml.safe_dump({
            "server": {"persistentVolume": {"enabled": False}, "service": {"type": "NodePort"},
                       "image": {"tag": "v2.8.0"}},
            "alertmanager": {"service": {"type": "LoadBalancer"}},
            "pushgateway": {"ingress": {"enabled": True, "hosts": ["push.example.org"]}}}))
        notes = run.stdout.split("NOTES:")[1]
        for wanted in ("WARNING: Persistence is disabled", "spec.ports[0].nodePort",
                       "loadBalancer.ingress[0].ip", "http://push.example.org",
                       "server.image.tag=v2.8.0 names an image of upstream"):
            self.assertIn(wanted, notes)

    def test_dashboards(self):
        """Their expressions parse, with variables put in; uids and ids are unique."""
        uids, expressions = set(), []
        for path in sorted((CHART / "dashboards").glob("*.json")):
            board = json.loads(path.read_text())
            self.assertNotIn(board["uid"], uids)
            uids.add(board["uid"])
            ids = [p["id"] for p in board["panels"]]
            self.assertEqual(len(ids), len(set(ids)))
            expressions += [t["expr"] for p in board["panels"] for t in p["targets"]]
        self.assertGreater(len(expressions), 15)
        rules = [{"record": f"dashboard:{i}", "expr": re.sub(r"\$\w+", ".*", e)} for i, e in enumerate(expressions)]
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}, file)
            file.flush()
            run = subprocess.run([BIN / "promtool", "check", "rules", file.name], capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_documents_are_up_to_date(self):
        run = subprocess.run([sys.executable, ROOT / "tools" / "chart_docs.py", "--check"],
                             capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_the_check_of_types_finds_mistakes(self):
        good = HELM.template({})[0]
        deployment = next(o for o in good if o["kind"] == "Deployment")
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        container["portz"] = []
        container["ports"][0]["containerPort"] = "web"
        del deployment["spec"]["selector"]
        dead = {"apiVersion": "extensions/v1beta1", "kind": "Ingress", "metadata": {"name": "x"}}
        for types in TYPES.values():
            errors = "\n".join(types.validate(deployment))
            for wanted in ("portz: no such field", "'web' is no number", "spec.selector: missing"):
                self.assertIn(wanted, errors)
            self.assertRegex(types.validate(dead)[0], "no extensions/v1beta1 Ingress")


STATEFUL = {"server": {"statefulSet": {"enabled": True}}, "alertmanager": {"statefulSet": {"enabled": True}}}
KNOWN_FLAGS = {}

if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    cache, BIN = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    HELM = rendering.Helm(kube_tools.install_binaries(cache) / "helm")
    TYPES = {v: api_types.ApiTypes([*f, HERE / "definitions"]) for v, f in kube_tools.type_folders(cache).items()}
    KNOWN_FLAGS = {program: flags_of(program) for program in PROGRAMS.values()}
    unittest.main(argv=sys.argv[:1], verbosity=2)
