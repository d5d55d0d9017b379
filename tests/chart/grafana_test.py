#!/usr/bin/env python3
"""The requests of Grafana's Prometheus data source, sent to our server and to Debian's Prometheus over
the same target and rules: both must answer with the same status and JSON of the same shape, and ours
with what the data source needs (docs/grafana.md).

usage: grafana_test.py BIN_DIR
"""
import gzip
import http.client
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

BIN = None
PEER = shutil.which("prometheus")
RULES = """
groups:
  - name: g
    rules:
      - {alert: AlwaysFiring, expr: vector(1), labels: {severity: page}, annotations: {summary: text}}
      - {record: "job:up:sum", expr: sum by (job) (up)}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, program, folder, name):
        self.port = free_port()
        home = pathlib.Path(folder) / name
        home.mkdir()
        (home / "rules.yml").write_text(RULES)
        (home / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [rules.yml]\n"
            f"scrape_configs: [{{job_name: self, static_configs: [{{targets: ['127.0.0.1:{self.port}']}}]}}]\n")
        self.log = open(home / "log", "w")
        self.process = subprocess.Popen(
            [program, f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={home}/data",
             f"--web.listen-address=127.0.0.1:{self.port}", "--enable-feature=exemplar-storage"],
            stdout=self.log, stderr=self.log)

    def ask(self, method, path, form=None, headers=None):
        """(status, document, headers) of one request of the data source's."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        body = urllib.parse.urlencode(form, doseq=True) if form and method == "POST" else None
        if form and method == "GET":
            path += "?" + urllib.parse.urlencode(form, doseq=True)
        sent = {"User-Agent": "Grafana/11.1.0", "Accept-Encoding": "gzip", "X-Grafana-Org-Id": "1"}
        if body is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, body=body, headers={**sent, **(headers or {})})
        response = connection.getresponse()
        data = response.read()
        if response.getheader("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        connection.close()
        is_json = "json" in (response.getheader("Content-Type") or "")
        return response.status, json.loads(data) if is_json else data.decode(), response.headers

    def ready(self):
        """Has scraped, recorded and fired."""
        for _ in range(600):
            try:
                done = all(self.ask("POST", "/api/v1/query", {"query": q})[1]["data"]["result"]
                           for q in ("job:up:sum", "ALERTS", "count_over_time(up[1m]) > 2"))
                if done:
                    return
            except (OSError, http.client.HTTPException, TypeError, KeyError):
                pass
            time.sleep(0.1)
        raise AssertionError(pathlib.Path(self.log.name).read_text())

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


def shape(value, depth=0):
    """Keys and types: a list is the shape of what is in it, numbers and texts are what they are."""
    if isinstance(value, dict):
        return {k: shape(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [shape(v, depth + 1) for v in value[:1]]
    return type(value).__name__ if not isinstance(value, (int, float)) or isinstance(value, bool) else "number"


class GrafanaTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="grafana-")
        cls.servers = [Server(BIN / "prometheus", cls.folder.name, "ours"), Server(PEER, cls.folder.name, "theirs")]
        for server in cls.servers:
            server.ready()
        now = time.time()
        cls.span = {"start": f"{now - 300:.3f}", "end": f"{now:.3f}"}

    @classmethod
    def tearDownClass(cls):
        for server in cls.servers:
            server.close()
        cls.folder.cleanup()

    def both(self, method, path, form=None, ignore=()):
        """Our document, after comparing status and shape with the peer's; `ignore` are keys of `data`."""
        answers = [s.ask(method, path, form) for s in self.servers]
        (status, document, _), (their_status, theirs, _) = answers
        self.assertEqual(status, their_status, document)
        ours_cut, theirs_cut = shape(document), shape(theirs)
        for cut in (ours_cut, theirs_cut):
            if isinstance(cut.get("data"), dict):
                for key in ignore:
                    cut["data"].pop(key, None)
        self.assertEqual(ours_cut, theirs_cut, f"{method} {path}")
        return document

    def test_save_and_test(self):
        """The button of the data source's page: a constant, then the build information."""
        document = self.both("POST", "/api/v1/query", {"query": "1+1", "time": "4"})
        self.assertEqual(document["data"], {"resultType": "scalar", "result": [4, "2"]})
        document = self.both("GET", "/api/v1/status/buildinfo")
        self.assertRegex(document["data"]["version"], r"^[23]\.\d+\.\d+")

    def test_instant(self):
        document = self.both("POST", "/api/v1/query", {"query": "up", "time": self.span["end"]})
        self.assertEqual(document["data"]["result"][0]["metric"]["__name__"], "up")
        self.both("GET", "/api/v1/query", {"query": "up"})

    def test_range(self):
        form = {"query": 'sum by (job) (rate(process_cpu_seconds_total{job=~".*"}[1m0s]))', "step": "15", **self.span}
        self.both("POST", "/api/v1/query_range", form)
        document = self.both("POST", "/api/v1/query_range", {"query": "up", "step": "1", **self.span})
        self.assertEqual(document["data"]["resultType"], "matrix")
        self.assertGreater(len(document["data"]["result"][0]["values"]), 1)
        self.both("POST", "/api/v1/query_range", {"query": "up", "step": "0.25", **self.span})
        self.both("GET", "/api/v1/query_range", {"query": "up", "step": "15s", **self.span})

    def test_errors(self):
        for form in ({"query": "sum("}, {"query": ""}, {"query": "up", "time": "x"}):
            document = self.both("POST", "/api/v1/query", form)
            self.assertEqual((document["status"], document["errorType"]), ("error", "bad_data"))
        self.both("POST", "/api/v1/query_range", {"query": "up", "step": "0", **self.span})
        self.both("POST", "/api/v1/query_range", {"query": "up", "step": "0.001", "start": "0", "end": "1e9"})

    def test_labels(self):
        for method in ("GET", "POST"):
            document = self.both(method, "/api/v1/labels", self.span)
            self.assertIn("job", document["data"])
            self.assertIn("__name__", document["data"])
            document = self.both(method, "/api/v1/labels", {"match[]": ["up", "process_start_time_seconds"], **self.span})
            self.assertEqual(document["data"], ["__name__", "instance", "job"])

    def test_label_values(self):
        document = self.both("GET", "/api/v1/label/__name__/values", self.span)
        self.assertIn("up", document["data"])
        document = self.both("GET", "/api/v1/label/job/values", {"match[]": 'up{instance=~".+"}', **self.span})
        self.assertEqual(document["data"], ["self"])
        document = self.both("GET", "/api/v1/label/nothing/values", self.span)
        self.assertEqual(document["data"], [])
        self.both("GET", "/api/v1/label/job/values", {"match[]": "up{"})

    def test_series(self):
        for method in ("GET", "POST"):
            document = self.both(method, "/api/v1/series", {"match[]": ["up", "job:up:sum"], **self.span})
            self.assertEqual({s["__name__"] for s in document["data"]}, {"up", "job:up:sum"})
        self.both("GET", "/api/v1/series", self.span)

    def test_metadata(self):
        document = self.both("GET", "/api/v1/metadata", {"metric": "process_cpu_seconds_total"})
        self.assertEqual(document["data"]["process_cpu_seconds_total"][0]["type"], "counter")
        document = self.both("GET", "/api/v1/metadata", {"limit": "1", "metric": "nothing"})
        self.assertEqual(document["data"], {})
        ours = self.servers[0].ask("GET", "/api/v1/metadata", {"limit": "2"})[1]
        self.assertEqual(len(ours["data"]), 2)

    def test_rules_and_alerts(self):
        def answer():
            return [s.ask("GET", "/api/v1/rules")[1]["data"]["groups"][0] for s in self.servers]
        ours, theirs = answer()
        self.assertLessEqual(set(theirs), set(ours))
        for mine, other in zip(ours["rules"], theirs["rules"]):
            self.assertLessEqual(set(other), set(mine))
        alert = ours["rules"][0]
        self.assertEqual((alert["type"], alert["state"], alert["name"]), ("alerting", "firing", "AlwaysFiring"))
        alerts = self.servers[0].ask("GET", "/api/v1/rules", {"type": "alert"})[1]["data"]["groups"][0]["rules"]
        self.assertEqual([r["type"] for r in alerts], ["alerting"])
        document = self.both("GET", "/api/v1/alerts")
        self.assertEqual(document["data"]["alerts"][0]["labels"]["alertname"], "AlwaysFiring")

    def test_exemplars(self):
        document = self.both("POST", "/api/v1/query_exemplars", {"query": "up", **self.span})
        self.assertEqual(document, {"status": "success", "data": []})
        self.both("GET", "/api/v1/query_exemplars", {"query": "up", **self.span})

    def test_what_the_page_of_targets_and_the_editor_ask(self):
        self.both("GET", "/api/v1/format_query", {"query": "sum( up)"})
        _, document, _ = self.servers[0].ask("GET", "/api/v1/targets", {"state": "active"})
        target = document["data"]["activeTargets"][0]  # the peer is older and says less
        self.assertLessEqual({"discoveredLabels", "labels", "scrapePool", "scrapeUrl", "health", "lastError",
                              "lastScrape", "lastScrapeDuration", "scrapeInterval"}, set(target))
        self.both("GET", "/api/v1/alertmanagers")
        self.both("GET", "/api/v1/status/config")

    def test_answers_are_compressed_and_named(self):
        _, _, headers = self.servers[0].ask("POST", "/api/v1/query", {"query": '{__name__=~".+"}'})
        self.assertEqual(headers["Content-Encoding"], "gzip")
        self.assertTrue(headers["Content-Type"].startswith("application/json"))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    BIN = pathlib.Path(sys.argv[1]).resolve()
    if PEER is None:
        sys.exit("Debian's prometheus is not there")
    unittest.main(argv=sys.argv[:1], verbosity=2)
