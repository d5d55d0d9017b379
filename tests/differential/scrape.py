#!/usr/bin/env python3
"""Scraping beside a Prometheus of 3.5: one exporter with a page for every behaviour, one
configuration with a job for each, two servers. Compared are what the exporter is sent, what
/api/v1/targets says (labels, health, lastError) and the series that are stored, values included.

usage: scrape.py BIN_DIR --peer PROMETHEUS"""
import argparse, gzip, json, os, re, shutil, sys, tempfile, time
import urllib.parse

from http_pages import Pages, serve
from prompb import Server

TEXT = "text/plain; version=0.0.4"
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"

# path: (status, content type, body); None stands for no header.
PAGES = {
    "plain": (200, TEXT, "# TYPE a gauge\na 1\nb{x=\"y\"} 2.5e3\nc NaN\nd +Inf\ne -Inf\nf 0x10\n"),
    "open": (200, OPEN, "# TYPE a counter\na_total 1 # {id=\"x\"} 1\na_created 5\n# TYPE h histogram\n"
             "h_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum 3\n# EOF\n"),
    "noeof": (200, OPEN, "a 1\n"),
    "notype": (200, None, "a 1\n"),
    "badtype": (200, "foo/bar", "a 1\n"),
    "html": (200, "text/html", "a 1\n"),
    "v1": (200, "text/plain; version=1.0.0; escaping=underscores", "a_b 1\n"),
    "utf8": (200, TEXT, "{\"a.b\",\"c.d\"=\"e\"} 1\n"),
    "garbage": (200, TEXT, "a 1\nb{ 2\n"),
    "novalue": (200, TEXT, "a\n"),
    "badvalue": (200, TEXT, "a 1e\n"),
    "404": (404, TEXT, "a 1\n"),
    "500": (500, TEXT, "a 1\n"),
    "204": (204, TEXT, ""),
    "empty": (200, TEXT, ""),
    "twice": (200, TEXT, "a 1\na 2\na 1\n"),
    "many": (200, TEXT, "".join(f"m{{i=\"{i}\"}} {i}\n" for i in range(10))),
    "long": (200, TEXT, "name_of_a_metric{label_of_many_letters=\"value of even more letters\"} 1\n"),
    "clash": (200, TEXT, "a{job=\"mine\",instance=\"me\",exported_job=\"other\"} 1\nb{job=\"\"} 1\n"),
    "report": (200, TEXT, "up 7\nscrape_samples_scraped 5\nz 1\n"),
    "le": (200, TEXT, "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"2.50\"} 1\n"
           "h_bucket{le=\"+Inf\"} 2\nh_sum 1\nh_count 2\n# TYPE s summary\ns{quantile=\"1\"} 1\ns_sum 1\ns_count 1\n"),
    "noname": (200, TEXT, "{x=\"y\"} 1\n"),
    "labels": (200, TEXT, "a{b=\"c\",b=\"d\"} 1\n"),
    "badutf8": (200, TEXT, "a{b=\"\udcff\"} 1\n"),
    "spaces": (200, TEXT, "  a   {  b = \"c\" , }   1  \n\n# a comment\nd\t2\n"),
    "escapes": (200, TEXT, "a{b=\"q\\\"n\\nb\\\\ \\x\"} 1\n"),
    "future": (200, TEXT, "a 1 99999999999999\nb 2\n"),
    "stamped": (200, TEXT, "a 1 {now}\nb 2\n"),
    "crlf": (200, TEXT, "a 1\r\nb 2\r\n"),
    "noend": (200, TEXT, "a 1\nb 2"),
}

# job: its page and its keys.
JOBS = {name: (name, "") for name in PAGES}
JOBS |= {
    "fallback": ("notype", "fallback_scrape_protocol: PrometheusText0.0.4"),
    "fallback_open": ("badtype", "fallback_scrape_protocol: OpenMetricsText1.0.0"),
    "identity": ("plain", "enable_compression: false"),
    "classic_names": ("utf8", "metric_name_validation_scheme: legacy\nmetric_name_escaping_scheme: underscores"),
    "dots": ("plain", "metric_name_escaping_scheme: dots"),
    "values": ("plain", "metric_name_escaping_scheme: values"),
    "proto": ("plain", "scrape_protocols: [PrometheusProto]"),
    "proto_text": ("plain", "scrape_protocols: [PrometheusProto, PrometheusText0.0.4]"),
    "sample_limit": ("many", "sample_limit: 5"),
    "sample_limit_after": ("many", "sample_limit: 5\nmetric_relabel_configs: [{action: keep, source_labels: [i], regex: '[0-4]'}]"),
    "body_limit": ("many", "body_size_limit: 10B"),
    "label_limit": ("long", "label_limit: 3"),
    "name_limit": ("long", "label_name_length_limit: 10"),
    "value_limit": ("long", "label_value_length_limit: 10"),
    "target_limit": ("plain", "target_limit: 1", 2),
    "honor_labels": ("clash", "honor_labels: true"),
    "no_timestamps": ("stamped", "honor_timestamps: false"),
    "tracked": ("stamped", "track_timestamps_staleness: true"),
    "params": ("plain", "params: {a: [b, c], 'x y': ['&']}"),
    "path": ("plain", "metrics_path: plain"),
    "rules": ("plain", "metric_relabel_configs:\n- {action: drop, source_labels: [__name__], regex: 'b|c'}\n"
              "- {source_labels: [__name__], regex: 'd', target_label: __name__, replacement: dd}\n"
              "- {action: labeldrop, regex: instance}"),
    "drop_all": ("plain", "metric_relabel_configs: [{action: labeldrop, regex: __name__}]"),
    "redirect": ("redirect", ""),
    "no_redirect": ("redirect", "follow_redirects: false"),
    "basic": ("plain", "basic_auth: {username: u, password: p}"),
    "bearer": ("plain", "authorization: {credentials: secret}"),
    "custom": ("plain", "authorization: {type: Token, credentials: secret}"),
    "headers": ("plain", "http_headers: {X-One: {values: [a, b], secrets: [c]}}"),
    "slow": ("slow", "scrape_timeout: 300ms"),
    "https": ("plain", "scheme: https"),
    "nhcb": ("le", "convert_classic_histograms_to_nhcb: true"),
    "keep_dropped": ("plain", "keep_dropped_targets: 1\nrelabel_configs: [{action: drop, source_labels: [__address__], regex: 'l.*'}]", 2),
    "drop_by_limit": ("plain", "keep_dropped_targets: 1\nrelabel_configs: [{action: drop}]", 2),
    "param": ("plain", "params: {module: [a, b], other: [c]}\nrelabel_configs: [{source_labels: [__address__], target_label: __param_target}, {target_label: __param_module, replacement: 'x y'}, {target_label: __param_other, replacement: ''}]"),
    "query_in_path": ("plain", "metrics_path: '/query_in_path/plain?x=y%20z'"),
    "rewrite_all": ("plain", "metric_relabel_configs: [{target_label: __name__, replacement: same}]"),
    "metric_case": ("plain", "metric_relabel_configs: [{action: uppercase, source_labels: [__name__], target_label: __name__}, {action: hashmod, modulus: 5, source_labels: [__name__], target_label: __tmp_h}]"),
    "same": ("plain", "static_configs: [{targets: [ADDRESS], labels: {__meta_from: first, l: x}}, {targets: [ADDRESS], labels: {__meta_from: second, l: x}}, "
             "{targets: [ADDRESS], labels: {__meta_from: other, l: y}}, {targets: [ADDRESS], labels: {__meta_from: last, l: x}}]"),
    "metric_time": ("stamped", "metric_relabel_configs: [{action: labelmap, regex: '(job)', replacement: 'my_$1'}, {action: keep, source_labels: [__name__], regex: a}]"),
}
# Jobs of one page that differ in their relabel_configs.
RELABELLED = {
    "dropped": "[{action: drop, source_labels: [__address__], regex: '.*'}]",
    "interval": "[{target_label: __scrape_interval__, replacement: 3s}, {target_label: __scrape_timeout__, replacement: 2s}]",
    "bad_interval": "[{target_label: __scrape_interval__, replacement: 0s}]",
    "refused": "[{target_label: __address__, replacement: '127.0.0.1:1'}]",
    "nowhere": "[{target_label: __address__, replacement: '127.0.0.1'}]",
    "hashmod": "[{action: hashmod, source_labels: [job, __scheme__], modulus: 1000003, target_label: h}, {action: hashmod, modulus: 7, target_label: none}]",
    "cases": "[{action: uppercase, source_labels: [job], target_label: u}, {action: lowercase, source_labels: [u, job], separator: ÄÖ, target_label: l}]",
    "groups": "[{source_labels: [__scrape_interval__, job], regex: '(\\d)(s);(?P<w>.*)', target_label: 'x_${2}', replacement: '$1a-${1}a-${w}-$w-$$-$9-$'}]",
    "no_match": "[{source_labels: [job], regex: nothing, target_label: job, replacement: x}, {source_labels: [job], regex: '(no_m)atc', target_label: job}]",
    "empty_value": "[{source_labels: [nothing], target_label: job}, {target_label: y, replacement: ''}]",
    "bad_target": "[{source_labels: [__address__], target_label: '${1}', replacement: x}, {source_labels: [job], regex: '(.*)', target_label: '$2', replacement: x}]",
    "labelmap": "[{action: labelmap, regex: '__(scrape)_(interval|timeout)__', replacement: '${2}_of_$1'}, {action: labelmap, regex: job, replacement: job}]",
    "labelkeep": "[{target_label: z, replacement: y}, {action: labelkeep, regex: '__.*|z'}]",
    "labeldrop": "[{action: labeldrop, regex: 'job|__metrics_path__'}]",
    "no_scheme": "[{action: labeldrop, regex: __scheme__}]",
    "no_address": "[{action: labeldrop, regex: __address__}]",
    "equal": "[{action: keepequal, source_labels: [job], target_label: job}, {action: dropequal, source_labels: [job], target_label: nothing}]",
    "dropequal": "[{action: dropequal, source_labels: [nothing], target_label: none}]",
    "newline": "[{target_label: n, replacement: \"a\\nb\"}, {source_labels: [n], regex: 'a.b', target_label: dot, replacement: matched}]",
    "instance": "[{target_label: instance, replacement: me}, {target_label: __tmp, replacement: x}, {source_labels: [__tmp], target_label: tmp}]",
    "utf8_label": "[{target_label: 'a.b c', replacement: x}]",
    "odd_path": "[{target_label: __metrics_path__, replacement: '/odd_path/plain/ä b%2f'}]",
}
JOBS |= {name: ("plain", "relabel_configs: " + rules) for name, rules in RELABELLED.items()}


class Exporter(Pages):
    seen = {}  # (user agent, job): headers and path

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path.strip("/").split("/")
        job, page = path[:2] if len(path) > 1 else ("path" if path[0] else "labeldrop", path[0])
        who = self.headers.get("User-Agent")
        self.seen[(who, job)] = (self.path, {k.lower(): v for k, v in self.headers.items()
                                             if k.lower() != "user-agent"})
        if page == "slow":
            time.sleep(1)
        if page == "redirect":
            return self.answer(None, b"", 302, [("Location", f"/{job}/plain")])
        status, content_type, body = PAGES.get(page, PAGES["plain"])
        data = body.replace("{now}", str(int(time.time()) * 1000)).encode(errors="surrogateescape")
        packed = "gzip" in self.headers.get("Accept-Encoding", "")
        self.answer(content_type, gzip.compress(data) if packed else data, status,
                    [("Content-Encoding", "gzip")] if packed else [])


def configuration(port):
    lines = ["global: {scrape_interval: 1s, scrape_timeout: 900ms, external_labels: {e: f}}", "scrape_configs:"]
    for job, (page, keys, *count) in JOBS.items():
        lines.append(f"- job_name: {job}")
        if "metrics_path" not in keys:
            lines.append(f"  metrics_path: /{job}/{page}")
        lines += ["  " + line.replace("ADDRESS", f"127.0.0.1:{port}") for line in keys.split("\n") if line]
        if "static_configs" in keys:
            continue
        targets = [f"127.0.0.1:{port}", f"localhost:{port}"][: count[0] if count else 1]
        lines.append(f"  static_configs: [{{targets: {targets}}}]")
    return "\n".join(lines) + "\n"


class Scraper(Server):
    def data(self, path, **parameters):
        return self.get("/api/v1/" + path, **parameters)["data"]

    def wait_scraped(self):
        for _ in range(300):
            targets = self.data("targets", state="active")["activeTargets"]
            if targets and all(t["health"] != "unknown" for t in targets):
                return
            time.sleep(0.1)
        raise SystemExit("the server has not scraped all targets")

    def facts(self, port):
        """job: what is known of it, in a form that can be compared."""
        facts = {job: {} for job in JOBS}
        for target in self.data("targets")["activeTargets"]:
            key = "target " + target["scrapeUrl"].replace(str(port), "PORT")
            facts[target["scrapePool"]][key] = {
                k: NEW_LABELS.sub("", json.dumps(target[k], sort_keys=True).replace(str(port), "PORT"))
                for k in ("discoveredLabels", "labels", "health", "lastError", "scrapeInterval", "scrapeTimeout")}
        for target in self.data("targets", state="dropped")["droppedTargets"]:
            facts[target.get("scrapePool", "dropped")]["dropped"] = NEW_LABELS.sub(
                "", json.dumps(target["discoveredLabels"], sort_keys=True).replace(str(port), "PORT"))
        for series in self.data("query", query='{__name__!=""}')["result"]:
            labels = series["metric"]
            job = labels.get("exported_job" if labels.get("job") == "mine" and "e" in labels else "job", "")
            if labels.get("job") in JOBS:
                job = labels["job"]
            if job not in facts:
                job = "honor_labels" if labels.get("job") == "mine" else "rules"
            name = labels["__name__"]
            value = series.get("value", series.get("histogram"))[1]
            if name in ("scrape_duration_seconds", "scrape_series_added"):
                value = "any"
            facts[job]["series " + json.dumps(labels, sort_keys=True).replace(str(port), "PORT")] = json.dumps(value)
        return facts


# What differs, as expressions over "job: fact", with the reason.
KNOWN = {
    r"^redirect: request": "Go's client says where it comes from (Referer)",
    r"^https: .*lastError": "Go looks at the first bytes of what is no TLS",
    r"^spaces: series .*  a|^spaces: series .*\"a\"": "3.5 takes blanks at the start into the name",
    r"^nhcb: series": "3.5 stores histograms with a feature flag only",
}
# Labels of later releases.
NEW_LABELS = re.compile(r'"__(always_scrape_classic|convert_classic|scrape_native)_histograms(_to_nhcb)?__": "\w+", ')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin_dir")
    parser.add_argument("--peer", required=True)
    options = parser.parse_args()

    port = serve(Exporter)
    folder, servers = tempfile.mkdtemp(prefix="nx-scrape-"), []
    try:
        for who, program in (("ours", os.path.join(options.bin_dir, "prometheus")), ("theirs", options.peer)):
            servers.append(Scraper(program, f"{folder}/{who}/data", "--enable-feature=exemplar-storage",
                                   config=configuration(port)))
        for server in servers:
            server.wait_scraped()
        time.sleep(3)
        ours, theirs = [server.facts(port) for server in servers]
        agents = sorted({who for who, _ in Exporter.seen})
        agent_of = {}
        for server in servers:
            version = server.data("status/buildinfo")["version"]
            agent_of[server] = next(a for a in agents if version in a)
        for job in JOBS:
            for facts, server in ((ours, servers[0]), (theirs, servers[1])):
                path, headers = Exporter.seen.get((agent_of[server], job), ("", {}))
                facts[job]["request " + path] = json.dumps(headers, sort_keys=True).replace(str(port), "PORT")
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder)
    faults = compared = 0
    for job in JOBS:
        for key in sorted(set(ours[job]) | set(theirs[job])):
            compared += 1
            mine, other = ours[job].get(key), theirs[job].get(key)
            if not (isinstance(mine, dict) and isinstance(other, dict)):
                mine, other = {"": mine}, {"": other}
            for k in mine:
                name = f"{job}: {key}" + (f": {k}" if k else "")
                if mine[k] == other[k] or any(re.search(e, name) for e in KNOWN):
                    continue
                faults += 1
                print(f"{name}\n  ours   {mine[k]}\n  theirs {other[k]}")
    print(f"{len(JOBS)} jobs, {compared} facts, {faults} differ")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
