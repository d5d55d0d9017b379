#!/usr/bin/env python3
"""Service discovery beside Prometheus: the same configuration with files, HTTP, DNS (dnsmasq), Consul,
Docker and Nomad on both; after every change both must have the same active and dropped targets with the
same labels. Runs in a network namespace of its own, so that port 53 and /etc/resolv.conf are its own;
where there may be none, without DNS.

    discovery.py BIN_DIR [--peer /usr/bin/prometheus] [--keep]
"""
import argparse, ctypes, json, os, re, shutil, socket, subprocess, sys, tempfile, time

from discovery_services import (DOCKER_NETWORKS, Services, consul_instance, docker_container, nomad_instance)
from prompb import Server

PATIENCE = 90  # seconds for both to come to the same targets

HEAD = """
global: {{scrape_interval: 1h, scrape_timeout: 10s}}
alerting:
  alertmanagers:
  - http_sd_configs: [{{url: 'http://{services}/alertmanagers', refresh_interval: 1s}}]
    relabel_configs: [{{source_labels: [__address__], regex: '.*:9', action: drop}}]
  - file_sd_configs: [{{files: ['{dir}/alertmanagers.yml']}}]
    path_prefix: /am
scrape_configs:
"""
# By mechanism: the peer need not have all of them (Debian builds Prometheus without most).
JOBS = {
    "static": """
- job_name: static
  static_configs:
  - targets: ['127.0.0.1:1', '127.0.0.1:2']
    labels: {{team: a}}
  - targets: ['127.0.0.1:3']
""", "file": """
- job_name: file
  file_sd_configs:
  - files: ['{dir}/sd/*.json', '{dir}/sd/*.yml']
    refresh_interval: 1h
  - files: ['{dir}/later/deep/*.yaml']
    refresh_interval: 2s
  relabel_configs:
  - {{source_labels: [drop], regex: 'yes', action: drop}}
  - {{source_labels: [__meta_filepath], regex: '.*/([^/]+)$', target_label: file}}
""", "http": """
- job_name: http
  http_sd_configs:
  - {{url: 'http://{services}/targets', refresh_interval: 1s}}
  - {{url: 'http://{services}/broken', refresh_interval: 1s}}
  relabel_configs:
  - {{source_labels: [__address__], regex: '.*:9', action: drop}}
""", "consul": """
- job_name: consul
  consul_sd_configs:
  - {{server: '{services}', refresh_interval: 1s, node_meta: {{rack: r1}}}}
  relabel_configs:
  - {{action: labelmap, regex: '__meta_consul_service_metadata_(.+)'}}
  - {{source_labels: [__meta_consul_tags], regex: '.*,private,.*', action: drop}}
- job_name: consul-chosen
  consul_sd_configs:
  - {{server: 'http://{services}', refresh_interval: 1s, services: [web, none], tag_separator: '|'}}
  - {{server: '{services}', refresh_interval: 1s, tags: [v2], datacenter: elsewhere, allow_stale: false}}
""", "docker": """
- job_name: docker
  docker_sd_configs:
  - {{host: 'http://{services}', refresh_interval: 1s, port: 7777, host_networking_host: 'localhost:99'}}
""", "nomad": """
- job_name: nomad
  nomad_sd_configs:
  - {{server: 'http://{services}', refresh_interval: 1s}}
""", "dns": """
- job_name: dns
  dns_sd_configs:
  - {{names: [_web._tcp.example.test, _none._tcp.example.test], refresh_interval: 1s}}
  - {{names: [a.example.test, short, absent], type: A, port: 80, refresh_interval: 1s}}
  - {{names: [six.example.test], type: aaaa, port: 80, refresh_interval: 1s}}
  - {{names: [example.test], type: MX, port: 25, refresh_interval: 1s}}
- job_name: dns-dropped
  dns_sd_configs:
  - {{names: [many.example.test], type: A, port: 81, refresh_interval: 1s}}
  relabel_configs:
  - {{source_labels: [__address__], regex: '10\\.9\\.0\\.[0-9]:81', action: drop}}
"""}


def may_unshare():
    """Whether this machine allows namespaces whose mounts are private (not in a chroot)."""
    trial = ["unshare", "--mount", "--net", "--propagation", "private", "true"]
    return os.geteuid() == 0 and subprocess.run(trial, capture_output=True, check=False).returncode == 0


def own_namespace():
    """Enters fresh network and mount namespaces; False, and nothing is changed, when that is not allowed."""
    if not may_unshare():
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    CLONE_NEWNS, CLONE_NEWNET, MS_REC, MS_PRIVATE = 0x20000, 0x40000000, 0x4000, 0x40000
    if (libc.unshare(CLONE_NEWNS | CLONE_NEWNET) != 0
            or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0):
        raise OSError(ctypes.get_errno(), "namespaces that were just allowed are refused")
    import fcntl, struct
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: up, running
    return True


class Dns:
    """dnsmasq on port 53 with these records."""

    def __init__(self, directory):
        self.directory, self.process = directory, None
        resolv_conf = os.path.join(directory, "resolv.conf")
        with open(resolv_conf, "w") as f:
            f.write("nameserver 127.0.0.1\nsearch first.test example.test\noptions ndots:2\n")
        subprocess.check_call(["mount", "--bind", resolv_conf, "/etc/resolv.conf"])

    def serve(self, *records):
        self.stop()
        self.process = subprocess.Popen(
            [shutil.which("dnsmasq", path=os.environ["PATH"] + ":/usr/sbin"), "--keep-in-foreground", "--conf-file=/dev/null",
             "--no-resolv", "--no-hosts", "--no-daemon", "--user=root", "--pid-file=", "--port=53",
             "--listen-address=127.0.0.1", "--bind-interfaces", "--local=/test/", "--local=/./",
             *["--" + r for r in records]],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()


# Of releases after Debian's; who scrapes says them, not who discovers.
NEWER = ("__always_scrape_classic_histograms__", "__convert_classic_histograms_to_nhcb__",
         "__scrape_native_histograms__")


def targets(server, pools):
    """Active and dropped targets of a server in these pools, as text that can be compared."""
    data = server.get("/api/v1/targets", state="any")["data"]
    for target in data["activeTargets"] + data["droppedTargets"]:
        for name in NEWER:
            target["discoveredLabels"].pop(name, None)
    active = [json.dumps({k: t[k] for k in ("scrapePool", "discoveredLabels", "labels", "scrapeUrl")},
                         sort_keys=True) for t in data["activeTargets"] if t["scrapePool"] in pools]
    dropped = [json.dumps(t["discoveredLabels"], sort_keys=True) for t in data["droppedTargets"]
               if t["discoveredLabels"]["job"] in pools]
    return sorted(active), sorted(dropped)


def known_jobs(promtool, directory, jobs):
    """Those of the jobs that the peer can read."""
    known = {}
    for name, text in jobs.items():
        with open(f"{directory}/probe.yml", "w") as f:
            f.write("scrape_configs:\n" + text)
        probe = subprocess.run([promtool, "check", "config", "--lint=none", f.name], capture_output=True, text=True)
        if "not found in type" not in probe.stdout + probe.stderr:
            known[name] = text
    return known


def alertmanagers(server):
    data = server.get("/api/v1/alertmanagers")["data"]
    return [sorted(a["url"] for a in data[state]) for state in ("activeAlertmanagers", "droppedAlertmanagers")]


def addresses(found, job):
    return sorted(json.loads(t)["discoveredLabels"]["__address__"] for t in found[0]
                  if json.loads(t)["scrapePool"] == job)


class Rig:
    def __init__(self, ours, peer, pools, peer_pools):
        self.ours, self.peer, self.pools, self.peer_pools = ours, peer, pools, peer_pools

    def agree_on_alertmanagers(self, *wanted):
        deadline = time.time() + PATIENCE
        while time.time() < deadline:
            mine, theirs = alertmanagers(self.ours), alertmanagers(self.peer)
            if mine == theirs and mine[0] == sorted(wanted):
                return print(f"{len(mine[0])} active, {len(mine[1])} dropped Alertmanagers, the same")
            time.sleep(0.2)
        sys.exit(f"Alertmanagers: wanted {wanted}, ours {mine}, Prometheus' {theirs}")

    def agree(self, what, **wanted):
        """Waits until both have the same of everything both know, and ours these active addresses."""
        wanted = {job.replace("_", "-"): sorted(want) for job, want in wanted.items()}
        wanted = {job: want for job, want in wanted.items() if job in self.pools}
        deadline = time.time() + PATIENCE
        while True:
            everything = targets(self.ours, self.pools)  # first: what is compared is no older
            mine, theirs = targets(self.ours, self.peer_pools), targets(self.peer, self.peer_pools)
            if mine == theirs and all(addresses(everything, job) == want for job, want in wanted.items()):
                return print(f"{what}: {len(mine[0])} active, {len(mine[1])} dropped, the same; "
                             f"{len(everything[0])} active as they should")
            if time.time() > deadline:
                break
            time.sleep(0.2)
        for state, a, b in (("active", mine[0], theirs[0]), ("dropped", mine[1], theirs[1])):
            for t in sorted(set(a) - set(b))[:5]:
                print(f"only ours, {state}: {t}")
            for t in sorted(set(b) - set(a))[:5]:
                print(f"only Prometheus', {state}: {t}")
            if len(a) != len(b):
                print(f"{state}: {len(a)} ours, {len(b)} Prometheus'")
        for job, want in wanted.items():
            if addresses(everything, job) != want:
                print(f"{job}: wanted {want}, ours {addresses(everything, job)}")
        sys.exit(f"{what}: the targets differ")


# Families of mechanisms that are not here.
NOT_HERE = ("prometheus_sd_azure_", "prometheus_sd_linode_", "prometheus_sd_kuma_", "prometheus_sd_gce_")


def families(server):
    text = server.request("GET", "/metrics")[2].decode()
    return {line[len("# TYPE "):] for line in text.splitlines() if line.startswith("# TYPE prometheus_sd_")}


def compare_families(ours, peer):
    missing = {f for f in families(peer) - families(ours) if not f.startswith(NOT_HERE)}
    if missing:
        sys.exit(f"metrics of discovery that are not here: {sorted(missing)}")
    print(f"{len(families(peer))} families of metrics")


def put(path, value):
    """An atomic rename, as configuration management does it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".tmp", "w") as f:
        f.write(value if isinstance(value, str) else json.dumps(value))
    os.rename(path + ".tmp", path)


def set_up(directory, services, dns):
    put(f"{directory}/sd/a.json", [{"targets": ["127.0.0.1:10", "127.0.0.1:11"], "labels": {"env": "x"}},
                                   {"targets": ["127.0.0.1:12"], "labels": {"drop": "yes"}}])
    put(f"{directory}/sd/b.yml", "- targets: ['127.0.0.1:13']\n  labels: {team: b, __scheme__: https}\n"
                                 "- targets: ['[::1]:14']\n")
    services.document("/targets", [{"targets": ["127.0.0.1:20", "127.0.0.1:9"], "labels": {"__meta_x": "ü"}},
                                   {"targets": ["127.0.0.1:21"]}, {"targets": []}])
    services.document("/broken", "<html>", content_type="text/html")
    services.document("/alertmanagers", [{"targets": ["127.0.0.1:30", "127.0.0.1:9"]}])
    put(f"{directory}/alertmanagers.yml", "- targets: ['127.0.0.1:31']\n")
    services.catalogue({
        "consul": ([], [consul_instance("n0", "10.1.0.1", "consul", 8300, tags=None)]),
        "web": (["v2", "public"], [
            consul_instance("n1", "10.1.0.2", "web", 80, tags=["v2", "public"], meta={"Version": "3", "a-b": "c"},
                            Namespace="ns", Partition="part"),
            consul_instance("n2", "10.1.0.3", "web", 80, own_address="10.2.0.3", checks=("passing", "warning")),
            consul_instance("n3", "2001:db8::3", "web", 80, checks=("critical",), tags=["private"])]),
        "maint": (["v2"], [consul_instance("n4", "10.1.0.5", "maint", 0, tags=["v2"],
                                           checks=("passing", "_node_maintenance")),
                           consul_instance("n5", "10.1.0.6", "maint", 1, tags=["v2"], checks=("odd",)),
                           consul_instance("n6", "10.1.0.7", "maint", 1, tags=["v2"], checks=())]),
    })
    tcp = {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}
    services.document("/containers/json", [
        docker_container("web", "172.17.0.2", [tcp, {"PrivatePort": 81, "Type": "tcp"},
                                               {"PrivatePort": 53, "Type": "udp"}], labels={"com.example/x": "1"}),
        docker_container("quiet", "172.17.0.3", []),
        docker_container("host", "", [], network="host", network_id="n2")])
    services.document("/networks", DOCKER_NETWORKS)
    services.document("/v1/services", [{"Namespace": "default", "Services": [{"ServiceName": "api", "Tags": []},
                                                                          {"ServiceName": "db", "Tags": []}]}])
    services.document("/v1/service/api", [nomad_instance("api", "10.3.0.1", 80, ["a", "b"]),
                                          nomad_instance("api", "10.3.0.1", 81)])
    services.document("/v1/service/db", [nomad_instance("db", "2001:db8::5", 5432)])
    if dns:
        dns.serve("srv-host=_web._tcp.example.test,w1.example.test,9100", "host-record=a.example.test,10.8.0.1",
                  "host-record=short.example.test,10.8.0.2", "host-record=six.example.test,2001:db8::8",
                  "mx-host=example.test,mail.example.test,10", "cname=alias.example.test,a.example.test",
                  *[f"host-record=many.example.test,10.9.0.{i}" for i in range(120)])


def compare(rig, directory, services, dns):
    expected = dict(file=["127.0.0.1:10", "127.0.0.1:11", "127.0.0.1:13", "[::1]:14"],
                    http=["127.0.0.1:20", "127.0.0.1:21"],
                    consul_chosen=["10.1.0.2:80", "10.2.0.3:80", "[2001:db8::3]:80", "10.1.0.5:0",
                                   "10.1.0.6:1", "10.1.0.7:1"],
                    docker=["172.17.0.2:80", "172.17.0.2:81", "172.17.0.3:7777", "localhost:99"],
                    nomad=["10.3.0.1:80", "10.3.0.1:81", "[2001:db8::5]:5432"])
    if dns:
        expected["dns"] = ["w1.example.test:9100", "10.8.0.1:80", "10.8.0.2:80", "[2001:db8::8]:80",
                           "mail.example.test:25"]
        expected["dns_dropped"] = [f"10.9.0.{i}:81" for i in range(10, 120)]
    rig.agree("at the start", **expected)
    rig.agree_on_alertmanagers("http://127.0.0.1:30/api/v2/alerts", "http://127.0.0.1:31/am/api/v2/alerts")
    services.document("/alertmanagers", [{"targets": ["127.0.0.1:32"]}])
    put(f"{directory}/alertmanagers.yml", "[]\n")
    rig.agree_on_alertmanagers("http://127.0.0.1:32/api/v2/alerts")

    put(f"{directory}/sd/a.json", [{"targets": ["127.0.0.1:15"]}])  # a group less
    put(f"{directory}/sd/c.json", [{"targets": ["127.0.0.1:16"]}])
    os.remove(f"{directory}/sd/b.yml")
    put(f"{directory}/later/deep/x.yaml", "- targets: ['127.0.0.1:17']\n")
    services.document("/targets", [{"targets": ["127.0.0.1:22"]}])
    services.document("/broken", [{"targets": ["127.0.0.1:23"]}])
    rig.agree("files and lists changed", file=["127.0.0.1:15", "127.0.0.1:16", "127.0.0.1:17"],
              http=["127.0.0.1:22", "127.0.0.1:23"])

    services.catalogue({"web": (["v2"], [consul_instance("n1", "10.1.0.9", "web", 81, tags=["v2"])]),
                        "new": ([], [consul_instance("n9", "10.1.0.10", "new", 1)])})
    services.document("/v1/services", [])
    services.document("/containers/json", [docker_container("web", "172.17.0.9", [])])
    rig.agree("Consul, Docker and Nomad changed", consul=["10.1.0.9:81", "10.1.0.10:1"],
              consul_chosen=["10.1.0.9:81"], docker=["172.17.0.9:7777"], nomad=[])

    # What fails keeps its targets, while other things go on.
    put(f"{directory}/sd/c.json", "[{]")
    services.document("/targets", "[]", status=500)
    services.document("/networks", "{", status=500)
    services.document("/broken", [{"targets": ["127.0.0.1:24"]}])
    if dns:
        dns.serve("srv-host=_web._tcp.example.test,w2.example.test,9200", "host-record=a.example.test,10.8.0.7")
        expected = dict(dns=["w2.example.test:9200", "10.8.0.7:80"], dns_dropped=[])
    else:
        expected = {}
    rig.agree("failures and new names", file=["127.0.0.1:15", "127.0.0.1:16", "127.0.0.1:17"],
              http=["127.0.0.1:22", "127.0.0.1:24"], docker=["172.17.0.9:7777"], **expected)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin_dir")
    parser.add_argument("--peer", default="/usr/bin/prometheus")
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    with_dns = shutil.which("dnsmasq", path=os.environ["PATH"] + ":/usr/sbin") is not None and own_namespace()
    if not with_dns:
        print("no namespace or no dnsmasq: without DNS")
    directory = tempfile.mkdtemp(prefix="narthex-discovery-")
    services = Services()
    dns = Dns(directory) if with_dns else None
    servers = []
    try:
        set_up(directory, services, dns)
        jobs = {name: text.format(dir=directory, services=services.address)
                for name, text in JOBS.items() if dns or name != "dns"}
        promtool = os.path.join(os.path.dirname(arguments.peer), "promtool")
        known = known_jobs(promtool if os.path.exists(promtool) else "/usr/bin/promtool", directory, jobs)
        print("the peer knows:", *known)
        for name, binary, its in (("ours", os.path.join(arguments.bin_dir, "prometheus"), jobs),
                                  ("peer", arguments.peer, known)):
            os.makedirs(f"{directory}/{name}")
            servers.append(Server(binary, f"{directory}/{name}/data", config=HEAD.format(dir=directory, services=services.address) + "".join(its.values())))
        pools = [set(re.findall("job_name: (.*)", "".join(its.values())))
                 for its in (jobs, known)]
        compare_families(*servers)
        compare(Rig(*servers, *pools), directory, services, dns)
        compare_families(*servers)
    finally:
        for server in servers:
            server.process.kill()
            server.process.wait()
        services.stop()
        if dns:
            dns.stop()
        if not arguments.keep:
            shutil.rmtree(directory, ignore_errors=True)


main()
