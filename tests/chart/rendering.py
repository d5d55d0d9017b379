"""Renders the chart with helm and finds things in what comes out."""
import os
import pathlib
import re
import subprocess
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CHART = ROOT / "charts" / "prometheus"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


class Helm:
    def __init__(self, binary):
        self.binary = str(binary)
        self.home = tempfile.TemporaryDirectory(prefix="helm-")
        self.environment = dict(os.environ, HOME=self.home.name, KUBECONFIG="/nonexistent",
                                HELM_CACHE_HOME=self.home.name, HELM_CONFIG_HOME=self.home.name,
                                HELM_DATA_HOME=self.home.name)

    def run(self, *arguments, text=None):
        return subprocess.run([self.binary, *arguments], input=text, capture_output=True, text=True,
                              env=self.environment, check=False, timeout=60)

    def template(self, values, release="seed", namespace="default", chart=CHART, more=()):
        """(objects, error): one of both is None."""
        run = self.run("template", release, str(chart), "--namespace", namespace, "--values", "-",
                       *more, text=yaml.safe_dump(values or {}))
        if run.returncode != 0:
            return None, run.stderr
        return [d for d in yaml.load_all(run.stdout, Loader=LOADER) if d], None


def name_of(thing):
    return f"{thing['kind']}/{thing['metadata']['name']}"


def pod_template(thing):
    return thing["spec"]["template"] if thing["kind"] in WORKLOADS else None


def at(value, path):
    """The value at a.b[0].c[name=x]; a dot in a key is written \\. ; None where there is none."""
    for step in re.findall(r"(?:\\\.|[^.\[])+|\[[^\]]*\]", path):
        if value is None:
            return None
        if step.startswith("["):
            inner = step[1:-1]
            if "=" in inner:
                key, wanted = inner.split("=", 1)
                value = next((v for v in value if str(v.get(key)) == wanted), None)
            else:
                value = value[int(inner)] if int(inner) < len(value) else None
        else:
            value = value.get(step.replace("\\.", ".")) if isinstance(value, dict) else None
    return value
