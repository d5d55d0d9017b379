#!/usr/bin/env python3
"""The rendered pods really run. The chart's default render, with a rule and a webhook of the test's own
and shorter intervals, becomes a cluster of one node on this machine: containers of the images of
tools/images.sh (or, where containers cannot run, processes in namespaces; it says which), ConfigMaps
mounted as the kubelet does, probes called, Services behind addresses of their own, a fake API server for
discovery and kube-state-metrics. Then: every target of the default scrape jobs is up, a pushed metric is
queried, a firing rule reaches the webhook, a changed ConfigMap is loaded, SIGTERM ends each cleanly. A
second release beside it has two alertmanagers that are to know each other and do not reload by themselves,
and serves below paths.

usage: pods_test.py CACHE BIN_DIR FAKE_API OUT_DIR
  CACHE of tools/kube_tools.py, BIN_DIR with our executables, FAKE_API the fake API server's program,
  OUT_DIR for images and containers. NO_CONTAINERS=1 takes processes. Needs root.
"""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse

import yaml

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "tools")]
import cluster as clusters  # noqa: E402
import kube_tools  # noqa: E402
import rendering  # noqa: E402
import runtimes  # noqa: E402
from cluster import Missing, request, until  # noqa: E402
from runtimes import run  # noqa: E402

ROOT = HERE.parent.parent
SERVER, ALERTMANAGER, GATEWAY = (f"seed-prometheus-{x}" for x in ("server", "alertmanager", "pushgateway"))
# The default jobs, and what each finds in a cluster of one node.
WANTED = {
    ("prometheus", "localhost:9090"), ("kubernetes-apiservers", f"{clusters.NODE_IP}:6443"),
    ("kubernetes-nodes", "node-1"), ("kubernetes-nodes-cadvisor", "node-1"),
    ("kubernetes-service-endpoints", "node-exporter"), ("kubernetes-service-endpoints", "kube-state-metrics"),
    ("prometheus-pushgateway", f"{GATEWAY}.default.svc:9091"),
}
RULE = {"groups": [{"name": "test", "rules": [{
    "alert": "BatchFailed", "expr": "batch_failed > 0", "labels": {"severity": "page"}}]}]}


# The release beside it: alertmanagers that are to know each other, everything below paths, and reloaded only
# when told to.
TWINS, TWIN_SERVER = "twin-prometheus-alertmanager", "twin-prometheus-server"


FAST = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}


def values(hook):
    started = {"startupProbe": {"enabled": True}}
    return {
        "server": {"global": FAST, "extraArgs": {"config.auto-reload-interval": "1s"}, **started},
        "alertmanager": {"extraArgs": {"config.auto-reload-interval": "1s"}, **started},
        "pushgateway": started, "kubeStateMetrics": started, "nodeExporter": started,
        "alertmanagerFiles": {"alertmanager.yml": {
            "receivers": [{"name": "default-receiver", "webhook_configs": [{"url": hook.url}]}],
            "route": {"group_wait": "0s", "group_interval": "1s"}}},
        "serverFiles": {"alerts": RULE},
    }


def twin_values():
    off = {"enabled": False}
    return {
        "pushgateway": off, "kubeStateMetrics": off, "nodeExporter": off, "configmapReload": off,
        # One of the two may not listen yet when the alert is told first.
        "server": {"global": FAST, "baseURL": "http://watch.example.org/prom", "persistentVolume": off,
                   "extraArgs": {"rules.alert.resend-delay": "1s"}},
        "serverFiles": {"alerts": {"groups": [{"name": "g", "rules": [{"alert": "Always", "expr": "vector(1)"}]}]}},
        "alertmanager": {"replicaCount": 2, "podAntiAffinity": "hard", "prefixURL": "/am/",
                         "statefulSet": {"enabled": True, "headless": {"enableMeshPeer": True}},
                         "extraArgs": {"web.get-concurrency": 20, "web.timeout": "1m"}},
    }


def build_images(out, bin_dir, tool):
    environment = dict(os.environ, BIN_DIR=str(bin_dir), OUT_DIR=str(out / "images"), TOOL=tool)
    done = subprocess.run([ROOT / "tools" / "images.sh"], env=environment, capture_output=True, text=True, check=False)
    print(done.stdout + done.stderr, end="", flush=True)
    if done.returncode != 0:
        raise RuntimeError("tools/images.sh failed")


def containers_command(out):
    """podman with a storage of this test's own, or why it cannot be used."""
    if os.environ.get("NO_CONTAINERS"):
        return None, "NO_CONTAINERS is set"
    if not shutil.which("podman"):
        return None, "there is no podman"
    os.environ.setdefault("CONTAINERS_CONF", str(ROOT / "tools" / "images" / "containers.conf"))
    return ["podman", "--root", str(out / "containers"), "--runroot", str(out / "run")], ""


def make_runtime(out, bin_dir, tag, scratch):
    command, reason = containers_command(out)
    if command:
        try:
            build_images(out, bin_dir, " ".join(command))
            run(*command, "image", "prune", "--force", check=False)
            run(*command, "run", "--rm", "--network=none", f"localhost/narthex/pushgateway:{tag}", "--version")
            return runtimes.Podman(command, out / "images", tag)
        except RuntimeError as error:
            reason = str(error)
    print(f"NO CONTAINERS HERE: {reason}")
    build_images(out, bin_dir, "none")
    return runtimes.Processes(out / "images", scratch)


@contextlib.contextmanager
def unmounted(folder):
    """Takes away what podman leaves mounted when it is cut short, so that the folder can be removed."""
    try:
        yield
    finally:
        for point in reversed(mounted_below(folder)):
            run("umount", point, check=False)
    assert not mounted_below(folder), f"still mounted: {mounted_below(folder)}"


def mounted_below(folder):
    points = [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
    return [point for point in points if pathlib.Path(point).is_relative_to(folder)]


class Checks:
    def __init__(self, made):
        self.cluster = made

    def query(self, expression):
        body = urllib.parse.urlencode({"query": expression})
        _, text = self.cluster.ask(SERVER, "POST", "/api/v1/query", body,
                                   {"Content-Type": "application/x-www-form-urlencoded"})
        return json.loads(text)["data"]["result"]

    def probes(self):
        called = 0
        for pod in self.cluster.pods:
            for container in pod.spec["containers"]:
                for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                    if container.get(kind):
                        until(f"{pod.name}: {kind}", lambda p=pod, c=container, k=kind: p.probe(c, k), 30)
                        called += 1
        return f"{called} probes of {len(self.cluster.pods)} pods answer"

    def confined(self):
        """What the processes may, as the kernel sees it."""
        contained = isinstance(self.cluster.runtime, runtimes.Podman)
        for pod in self.cluster.pods:
            for name in pod.running.values():
                status = pathlib.Path(f"/proc/{self.cluster.runtime.pid(name)}/status").read_text()
                fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
                assert fields["Uid"].split()[0] == "65534", f"{name} runs as {fields['Uid']}"
                if contained:
                    root = next(line for line in pathlib.Path(f"/proc/{self.cluster.runtime.pid(name)}/mountinfo")
                                .read_text().splitlines() if line.split()[4] == "/")
                    assert "ro" in root.split()[5].split(","), f"{name} may write to its root: {root}"
                    assert int(fields["CapEff"], 16) == 0, f"{name} has capabilities {fields['CapEff']}"
                    assert fields["NoNewPrivs"] == "1", f"{name} may gain privileges"
        if not contained:
            return "all run as 65534; NOT DONE without containers: capabilities, read-only root file system"
        for component in {pod.component(c) for pod in self.cluster.pods for c in pod.spec["containers"]}:
            user = self.cluster.runtime.user(component)
            assert user == "65534:65534", f"the image of {component} runs as {user}"
        return "all run as 65534, without capabilities, with a read-only root file system"

    def tools(self):
        """The tools beside their servers, as a health check or a shell of kubectl would call them."""
        if not isinstance(self.cluster.runtime, runtimes.Podman):
            return "NOT DONE without containers: tools inside"
        amtool = ["/bin/amtool", "--alertmanager.url=http://127.0.0.1:9093"]
        for workload, command, code in (
                (SERVER, ["/bin/promtool", "check", "healthy"], 0),
                (SERVER, ["/bin/promtool", "nonsense"], 1),
                (SERVER, ["/bin/promtool", "check", "config", "/etc/config/prometheus.yml"], 0),
                (ALERTMANAGER, ["/bin/amtool", "check-config", "/etc/config/alertmanager.yml"], 0),
                (ALERTMANAGER, [*amtool, "silence", "query"], 0),
                (ALERTMANAGER, ["/bin/amtool", "nonsense"], 1)):
            pod, = self.pods_of(workload)
            container, = pod.running.values()
            done = self.cluster.runtime.execute(container, *command)
            assert done.returncode == code, f"{command} ends with {done.returncode}: {done.stdout}{done.stderr}"
        return "promtool and amtool are beside their servers"

    def twins(self):
        """Replicas with the mesh asked for: they run, say that they stand alone, and both are told of alerts.
        They and their server answer below their paths only."""
        pods = self.pods_of(TWINS)
        assert len(pods) == 2, f"{len(pods)} twins"
        for pod in pods:
            status = json.loads(request("GET", pod.ip, 9093, "/am/api/v2/status")[1])
            assert status["cluster"] == {"status": "disabled", "peers": []}, status["cluster"]
            log = "".join(self.cluster.runtime.logs(name) for name in pod.running.values())
            assert "Clustering is not implemented" in log and f"{TWINS}-1.{TWINS}-headless:6783" in log, log
            assert request("GET", pod.ip, 9093, "/api/v2/status")[0] == 404
            assert [request("GET", pod.ip, 9093, path)[0] for path in ("/", "/am", "/am/")] == [302, 301, 200]
            until(f"{pod.name} hears of the alert", lambda p=pod: "Always" in request(
                "GET", p.ip, 9093, "/am/api/v2/alerts")[1])
        server, = self.pods_of(TWIN_SERVER)
        until("the server below a path scrapes itself", lambda: '"up"' in request(
            "GET", server.ip, 9090, "/prom/api/v1/targets?state=active&scrapePool=prometheus")[1])
        assert request("GET", server.ip, 9090, "/api/v1/targets")[0] == 404
        return "two alertmanagers with a mesh asked for hear of alerts below their path, and warn that there is none"

    def pods_of(self, workload):
        return [pod for pod in self.cluster.pods if pod.name.startswith(workload + "-")]

    def targets(self):
        wanted = {w for w in WANTED if not any(w[1] in left for left in self.cluster.left_out)}

        def all_up():
            _, text = self.cluster.ask(SERVER, "GET", "/api/v1/targets?state=active")
            active = json.loads(text)["data"]["activeTargets"]
            down = [(t["scrapePool"], t["scrapeUrl"], t["lastError"]) for t in active if t["health"] != "up"]
            seen = {(t["scrapePool"], t["labels"].get("component") if t["scrapePool"] == "kubernetes-service-endpoints"
                     else t["labels"]["instance"]) for t in active}
            if down or not wanted <= seen:
                return Missing(f"down {down}, missing {wanted - seen}")
            assert seen == wanted, f"more targets than there should be: {seen - wanted}"
            return active
        active = until("every target of the default jobs is up", all_up)
        for target in active:
            if target["scrapePool"] == "kubernetes-service-endpoints":
                for label in ("kubernetes_namespace", "kubernetes_name", "kubernetes_node", "app", "release"):
                    assert label in target["labels"], f"no {label} in {target['labels']}"
        return f"{len(active)} targets up: {', '.join(sorted({t['scrapePool'] for t in active}))}"

    def pushed(self):
        status, text = self.cluster.ask(GATEWAY, "POST", "/metrics/job/nightly/instance/batch-1",
                                        "# TYPE batch_failed gauge\nbatch_failed 1\n")
        assert status in (200, 202), f"push: {status} {text}"
        found = until("the pushed metric", lambda: self.query('batch_failed{job="nightly"}'))
        assert found[0]["metric"]["instance"] == "batch-1", f"the pushed labels are not kept: {found}"
        return "a pushed batch metric is queried, with its own labels"

    def alerted(self, hook):
        def firing():
            return [n for n in hook.received
                    if n["status"] == "firing" and n["commonLabels"].get("alertname") == "BatchFailed"]
        notification = until("the webhook hears of the alert", firing)[0]
        assert notification["commonLabels"]["severity"] == "page"
        return "a firing rule reaches the webhook through alertmanager"

    def state(self):
        if any("kube-state-metrics" in name for name in self.cluster.left_out):
            return "NOT DONE: there is no kube-state-metrics to run"
        pod = f"{SERVER}-00000"
        until("kube_pod_info", lambda: self.query(f'kube_pod_info{{pod="{pod}"}}'))
        until("kube_deployment_spec_replicas", lambda: self.query("kube_deployment_spec_replicas == 1"))
        return "kube-state-metrics tells of pods and deployments"

    def reloaded(self):
        more = {"groups": RULE["groups"] + [{"name": "later", "rules": [{"record": "later", "expr": "7"}]}]}
        config = next(o for o in self.cluster.of_kind("ConfigMap") if o["metadata"]["name"] == SERVER)
        self.cluster.write_config_map(SERVER, dict(config["data"], alerts=yaml.safe_dump(more)))
        until("the changed ConfigMap", lambda: self.query("later"))
        config = next(o for o in self.cluster.of_kind("ConfigMap") if o["metadata"]["name"] == ALERTMANAGER)
        text = config["data"]["alertmanager.yml"].replace("default-receiver", "renamed")
        self.cluster.write_config_map(ALERTMANAGER, {"alertmanager.yml": text})
        self.cluster.write_config_map(TWINS, {"alertmanager.yml": text})
        until("alertmanager's changed ConfigMap", lambda: "renamed" in self.cluster.ask(
            ALERTMANAGER, "GET", "/api/v2/status")[1])
        for pod in self.pods_of(TWINS):
            assert "renamed" not in request("GET", pod.ip, 9093, "/am/api/v2/status")[1], "loaded with the switch off"
            assert request("POST", pod.ip, 9093, "/am/-/reload")[0] == 200
            assert "renamed" in request("GET", pod.ip, 9093, "/am/api/v2/status")[1]
        return "server and alertmanager load changed ConfigMaps by themselves, when told to with configmapReload off"

    def noted(self, notes, kubectl):
        """The commands that helm prints, with a real kubectl, up to port-forward (the API server of the
        test has no pods to forward to)."""
        server = self.cluster.services["default/kubernetes"]
        account = self.cluster.scratch / "account"
        config = self.cluster.scratch / "kubeconfig"
        config.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {
                "server": f"https://{server}:443", "certificate-authority": str(account / "ca.crt")}}],
            "users": [{"name": "u", "user": {"tokenFile": str(account / "token")}}]}))
        environment = {"PATH": f"{kubectl.parent}:/usr/bin:/bin", "KUBECONFIG": str(config),
                       "HOME": str(self.cluster.scratch)}
        found = []
        for line in notes.splitlines():
            if line.strip().startswith("export POD_NAME="):
                done = subprocess.run(["sh", "-c", f'{line}; echo "$POD_NAME"'], env=environment,
                                      capture_output=True, text=True, check=False)
                found.append(done.stdout.strip() or done.stderr.strip())
        wanted = [f"{name}-00000" for name in (SERVER, ALERTMANAGER, GATEWAY)]
        assert found == wanted, f"{found} is not {wanted}"
        return "kubectl finds the pods as NOTES say"

    def stopped(self):
        for pod in self.cluster.pods:
            for name in pod.running.values():
                code = self.cluster.runtime.stop(name)
                assert code == 0, f"{name} ends with {code} on SIGTERM:\n{self.cluster.runtime.logs(name)[-2000:]}"
        return "SIGTERM ends each with status 0"


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    if os.geteuid() != 0:
        print("NOT DONE: needs root, for network namespaces")
        sys.exit(77)
    cache, bin_dir, fake_api, out = (pathlib.Path(a).resolve() for a in sys.argv[1:])
    prefix = clusters.enter(f"nx{os.getpid()}")
    began = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    with unmounted(out), tempfile.TemporaryDirectory(prefix="chart-pods-", dir=out) as folder:
        os.chmod(folder, 0o755)
        scratch = pathlib.Path(folder)
        tools = kube_tools.install_binaries(cache)
        helm = rendering.Helm(tools / "helm")
        hook = clusters.Hook()
        objects, error = helm.template(values(hook))
        assert error is None, error
        twins, error = helm.template(twin_values(), "twin", "twins")
        assert error is None, error
        notes = helm.run("install", "seed", str(rendering.CHART), "--dry-run=client").stdout.split("NOTES:")[1]
        tag = yaml.safe_load((rendering.CHART / "Chart.yaml").read_text())["appVersion"]
        runtime = make_runtime(out, bin_dir, tag, scratch)
        made = clusters.Cluster(prefix, objects + twins, runtime, scratch)
        try:
            made.make_pods({p.parent.name for p in (out / "images").glob("*/rootfs")})
            print(f"{len(made.pods)} pods as {runtime.name}")
            for name in made.left_out:
                print(f"LEFT OUT: {name} has no image")
            made.start_proxies()
            made.start_api(fake_api)
            for pod in made.pods:
                pod.start()
            checks = Checks(made)
            for check in (checks.probes, checks.confined, checks.tools, checks.twins, checks.targets, checks.pushed,
                          lambda: checks.alerted(hook), checks.state, checks.reloaded,
                          lambda: checks.noted(notes, tools / "kubectl"), checks.stopped):
                said = check()
                print(f"{time.monotonic() - began:5.1f} s  {said}", flush=True)
        except BaseException:
            for pod in made.pods:
                for name in pod.running.values():
                    print(f"---- {name}\n{made.runtime.logs(name)[-3000:]}")
                    print(clusters.waiting(made.runtime.pid(name)))
            raise
        finally:
            made.close()
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()
