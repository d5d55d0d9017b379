"""What runs the containers of pods: podman with the images of tools/images.sh or, where containers cannot
run, processes in namespaces with the root file systems of those images. Both have the same methods."""
import json
import pathlib
import shutil
import subprocess


def run(*command, check=True, **more):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, **more)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.stdout.strip()}")
    return done


class Podman:
    """Containers of images built by tools/images.sh."""

    name = "containers (podman)"

    def __init__(self, command, images, tag):
        self.command, self.images, self.tag = command, images, tag

    def start(self, pod, container):
        name = f"{pod.cluster.prefix}-{pod.name}-{container['name']}"
        security = container.get("securityContext") or {}
        of_pod = pod.spec.get("securityContext") or {}
        arguments = ["run", "--detach", "--name", name, "--network", f"ns:/run/netns/{pod.netns}"]
        if "runAsUser" in of_pod:
            arguments += ["--user", f"{of_pod['runAsUser']}:{of_pod.get('runAsGroup', 0)}"]
        if security.get("readOnlyRootFilesystem"):
            arguments += ["--read-only", "--read-only-tmpfs=false"]
        for dropped in (security.get("capabilities") or {}).get("drop", []):
            arguments += ["--cap-drop", dropped.lower()]
        if security.get("allowPrivilegeEscalation") is False:
            arguments += ["--security-opt", "no-new-privileges"]
        if pod.spec.get("hostPID"):
            arguments += ["--pid", "host"]
        for host, address in pod.cluster.hosts().items():
            arguments += ["--add-host", f"{host}:{address}"]
        for key, value in pod.environment(container).items():
            arguments += ["--env", f"{key}={value}"]
        for source, target, read_only in pod.mounts(container):
            arguments += ["--volume", f"{source}:{target}{':ro' if read_only else ''}"]
        image = f"localhost/narthex/{pod.component(container)}:{self.tag}"
        run(*self.command, *arguments, image, *pod.arguments(container))
        return name

    def pid(self, name):
        return int(run(*self.command, "inspect", "--format", "{{.State.Pid}}", name).stdout)

    def execute(self, name, *command):
        """Runs a program of the image inside the container."""
        return run(*self.command, "exec", name, *command, check=False)

    def user(self, component):
        """Who a container of the image is, unless told otherwise."""
        image = f"localhost/narthex/{component}:{self.tag}"
        return run(*self.command, "image", "inspect", "--format", "{{.Config.User}}", image).stdout.strip()

    def stop(self, name):
        """SIGTERM, ten seconds, and the exit status."""
        run(*self.command, "stop", "--time", "10", name)
        return int(run(*self.command, "inspect", "--format", "{{.State.ExitCode}}", name).stdout)

    def logs(self, name):
        done = run(*self.command, "logs", name, check=False)
        return done.stdout + done.stderr

    def close(self, names):
        if names:
            run(*self.command, "rm", "--force", "--time", "0", *names, check=False)


class Processes:
    """The same without containers: the images' root file systems, a mount and a network namespace."""

    name = "processes in namespaces, with the images' root file systems (no control groups, no seccomp)"

    def __init__(self, images, scratch):
        self.images, self.scratch, self.processes = images, scratch, {}

    def start(self, pod, container):
        name = f"{pod.name}-{container['name']}"
        root = self.scratch / "roots" / name
        shutil.copytree(self.images / pod.component(container) / "rootfs", root, symlinks=True)
        hosts = "".join(f"{a} {h}\n" for h, a in pod.cluster.hosts().items())
        (root / "etc" / "hosts").write_text("127.0.0.1 localhost\n" + hosts)
        (root / "proc").mkdir(exist_ok=True)
        script = [f"mount -t proc proc {root}/proc"]
        for source, target, _ in pod.mounts(container):
            place = pathlib.Path(f"{root}{target}")
            if pathlib.Path(source).is_dir():
                place.mkdir(parents=True, exist_ok=True)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.touch()
            script.append(f"mount --rbind {source} {place}")
        security = pod.spec.get("securityContext") or {}
        user = f"{security.get('runAsUser', 0)}:{security.get('runAsGroup', 0)}"
        recipe = (self.images / pod.component(container) / "Containerfile").read_text()
        program = json.loads(next(l for l in recipe.splitlines() if l.startswith("ENTRYPOINT"))[10:])
        script.append(f'exec chroot --userspec={user} {root} "$@"')
        log = open(self.scratch / f"{name}.log", "w")
        self.processes[name] = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{pod.netns}", "unshare", "--mount", "--propagation", "private",
             "sh", "-ec", "\n".join(script), "sh", *program, *pod.arguments(container)],
            env=pod.environment(container), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        return name

    def pid(self, name):
        return self.processes[name].pid

    def stop(self, name):
        self.processes[name].terminate()
        return self.processes[name].wait(10)

    def logs(self, name):
        return (self.scratch / f"{name}.log").read_text()

    def close(self, names):
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()
