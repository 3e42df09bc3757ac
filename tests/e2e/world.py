"""Harness of the e2e tests: a world by tests/world/up, hexlag in it, and TAP.

A test file is a list of cases; each is a function with a sentence:

    @case("a burst of lag raises the Deployment")
    def burst_raises():
        wait_until(lambda: replicas() == 9, "9 replicas")

    main(set_up)

The cases run in order and may build on each other; each is one line of TAP. Nothing here sleeps to
let something happen: it polls until a condition holds or a deadline is over. $HEXLAG names another
binary, $E2E_KEEP=1 leaves the folders with all logs.
"""

import atexit
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.request

from kubeapi import KubeApi

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HEXLAG = os.environ.get("HEXLAG", ROOT + "/build/hexlag")
TRAFFIC = os.environ.get("TRAFFIC", ROOT + "/build/tests/tools/traffic")
DEADLINE = 30
POLL = 0.05

folder = tempfile.mkdtemp(prefix="hexlag-e2e.")
_undo = []  # run last to first at exit


# --- TAP ---

class Skip(Exception):
    """What a case needs cannot be had here."""


class Failure(Exception):
    """A condition did not hold; the text has both values."""


_cases = []


def case(sentence, needs=None):
    """Adds a case. needs() is run once, before the first case that names it; where it skips or
    fails, so do these cases. Without it: what is given to main()."""
    def add(function):
        _cases.append((sentence, function, needs))
        return function
    return add


def expect(got, want, what=""):
    if got != want:
        raise Failure(f"{what or 'value'}: got {got!r}, want {want!r}")


def expect_that(condition, what, got):
    if not condition:
        raise Failure(f"want {what}, got {got!r}")


def wait_until(condition, what, deadline=DEADLINE):
    """Polls until condition() is true and returns its value. What it throws counts as false."""
    end = time.monotonic() + deadline
    while True:
        try:
            seen = condition()
        except (Failure, OSError, KeyError) as error:
            seen, shown = None, error
        else:
            shown = seen
        if seen:
            return seen
        if time.monotonic() > end:
            raise Failure(f"want {what} within {deadline} s, last seen: {shown!r}")
        time.sleep(POLL)


def wait_equal(value, want, what, deadline=DEADLINE):
    """The same for value() == want, so that a failure shows both."""
    last = []

    def same():
        last[:] = [value()]
        return last[0] == want
    try:
        wait_until(same, what, deadline)
    except Failure as failure:
        shown = repr(last[0]) if last else str(failure)
        raise Failure(f"{what}: got {shown}, want {want!r} within {deadline} s") from None


def _place(error):
    """The line of the test file that failed: the innermost frame outside this one."""
    frames = traceback.extract_tb(error.__traceback__)
    outside = [f for f in frames if f.filename != __file__] or frames
    return f"{os.path.relpath(outside[-1].filename, ROOT)}:{outside[-1].lineno}"


_prepared = {}


def _prepare(needs):
    if needs not in _prepared:
        try:
            needs()
            _prepared[needs] = None
        except (Skip, Failure) as error:
            _prepared[needs] = error
    if _prepared[needs]:
        raise _prepared[needs]


def _run_case(number, sentence, function, needs):
    began = time.monotonic()
    try:
        _prepare(needs)
        function()
        line, ok = f"ok {number} - {sentence}", True
    except Skip as skip:
        line, ok = f"ok {number} - {sentence} # SKIP {skip}", True
    except Exception as error:  # a broken test is a failed one
        text = str(error) if isinstance(error, Failure) else repr(error)
        line = f"not ok {number} - {sentence}\n# {_place(error)}: " + text.replace("\n", "\n# ")
        ok = False
    print(f"{line}\n# {time.monotonic() - began:.1f} s", flush=True)
    return ok


def main(set_up):
    """Runs all cases, those without needs of their own after set_up; exits 1 if one failed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    failed = sum(not _run_case(number, sentence, function, needs or set_up)
                 for number, (sentence, function, needs) in enumerate(_cases, 1))
    print(f"1..{len(_cases)}", flush=True)
    if failed:
        _show_logs()
    sys.exit(failed > 0)


def _show_logs():
    for name in sorted(os.listdir(folder)):
        if name.endswith(".log"):
            with open(f"{folder}/{name}", encoding="utf-8", errors="replace") as log:
                for line in [line for line in log if line.strip()][-25:]:
                    print(f"# {name}: {line.rstrip()}")


@atexit.register
def _clean_up():
    while _undo:
        try:
            _undo.pop()()
        except Exception as error:
            print(f"# cleaning up: {error!r}")
    if os.environ.get("E2E_KEEP"):
        print(f"# left in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)


# --- processes ---

def run(*command, env=None, check=True, text=None, timeout=120):
    """Runs a command to its end. Its output is in .stdout and .stderr."""
    done = subprocess.run([str(c) for c in command], env=env, input=text, text=True,
                          capture_output=True, timeout=timeout, encoding="utf-8")
    if check and done.returncode != 0:
        raise Failure(f"{' '.join(done.args)}: exit {done.returncode}: "
                      f"{done.stdout[-500:]}{done.stderr[-1500:]}")
    return done


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Background:
    """A process of ours that goes on. `log` is the path of its output."""

    def __init__(self, name, *command, env=None):
        self.log_path = f"{folder}/{name}.log"
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([str(c) for c in command], env=env, stdout=log,
                                            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.pid = self.process.pid
        _undo.append(self.kill)

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, deadline=10):
        """SIGTERM; returns the exit code and how long it took."""
        began = time.monotonic()
        self.process.terminate()
        try:
            code = self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            raise Failure(f"pid {self.pid} did not end within {deadline} s of SIGTERM") from None
        return code, time.monotonic() - began

    def alive(self):
        return self.process.poll() is None

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def log_lines(self, pattern=""):
        return [line for line in self.log().splitlines() if re.search(pattern, line)]

    def wait_log(self, pattern, deadline=DEADLINE):
        return wait_until(lambda: self.log_lines(pattern), f"a log line like /{pattern}/", deadline)

    def cpu_seconds(self):
        """utime and stime of proc(5)."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- hexlag ---

def quote(value):
    """A value of libconfig; a dict is a group, a list of dicts a list, another list an array."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        return "{ " + " ".join(f"{k} = {quote(v)};" for k, v in value.items()) + " }"
    items = ", ".join(quote(v) for v in value)
    return f"( {items} )" if value and isinstance(value[0], dict) else f"[ {items} ]"


# What lets a size follow the lag at once: no windows, no rates, and no wait for pods, which most
# Deployments of the tests never get.
_ANY_RATE = {"stabilizationWindowSeconds": 0,
             "policies": [{"type": "Pods", "value": 1000, "periodSeconds": 1}]}
AT_ONCE = {"cooldown": "1s", "holdLimit": "0s",
           "behavior": {"scaleUp": _ANY_RATE, "scaleDown": _ANY_RATE}}


def rule(name, thresholds, kind="Deployment", **options):
    """A rule, without the patience that rules have; thresholds is a list of (group, topic, lag)."""
    return {
        "scaleTargetRef": {"apiVersion": options.pop("apiVersion", "apps/v1"), "kind": kind,
                           "namespace": "shop", "name": name},
        "minReplicas": 1, "maxReplicas": 10, **AT_ONCE,
        "consumergroups": [{"name": g, "topicsThreshold": [{"topic": t, "lag": lag}]}
                           for g, t, lag in thresholds],
        **options,
    }


_SAMPLE = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$')
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """One scrape: {(name, ((label, value), ...)): number}."""

    def __init__(self, text):
        self.samples = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, labels, value = _SAMPLE.match(line).groups()
                self.samples[name, tuple(sorted(_LABEL.findall(labels or "")))] = float(value)

    def all(self, name, **labels):
        """{labels as a dict's items: value} of the samples that have these labels."""
        want = {(k, str(v)) for k, v in labels.items()}
        return {key[1]: value for key, value in self.samples.items()
                if key[0] == name and want <= set(key[1])}

    def one(self, name, **labels):
        """The value of the one sample with these labels, None without any."""
        found = list(self.all(name, **labels).values())
        if len(found) > 1:
            raise Failure(f"{name}{labels} is not one sample but {len(found)}")
        return found[0] if found else None

    def by_partition(self, name, **labels):
        return {int(dict(key)["partition"]): value
                for key, value in self.all(name, **labels).items()}

    def lag(self, group, topic):
        return self.by_partition("kafka_consumergroup_lag", consumergroup=group, topic=topic)


class Hexlag(Background):
    """`hexlag run` with a generated configuration; `port` serves /metrics."""

    def __init__(self, name, bootstrap, rules=(), kubeconfig=None, properties=(), interval="500ms",
                 timeout="1s", port=None, exporter=None, kafka=None, scaler=None):
        self.port = port or free_port()
        config = {"kafka": {"bootstrap": bootstrap, "properties": list(properties),
                            "timeout": timeout, **(kafka or {})},
                  "exporter": {"listen": f"127.0.0.1:{self.port}", "interval": interval,
                               **(exporter or {})}}
        if rules or scaler:
            config["scaler"] = {"interval": interval, "kubeconfig": kubeconfig, "timeout": "2s",
                                **({"rules": list(rules)} if rules else {}), **(scaler or {})}
        self.config_path = f"{folder}/{name}.conf"
        with open(self.config_path, "w", encoding="utf-8") as f:
            f.writelines(f"{key} = {quote(value)};\n" for key, value in config.items())
        super().__init__(name, HEXLAG, "run", "-c", self.config_path)

    def get(self, path):
        """Status and text of a GET."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as r:
                return r.status, r.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metrics(self):
        return Metrics(self.get("/metrics")[1])

    def wait_ready(self):
        wait_until(lambda: self.get("/readyz")[0] == 200, "/readyz 200")

    def wait_lag(self, group, topic, want, deadline=DEADLINE):
        """Waits until /metrics shows this lag by partition, and all of it fresh."""
        def shown():
            m = self.metrics()
            return m.lag(group, topic), m.one("hexlag_consumergroup_lag_quality",
                                              consumergroup=group, topic=topic)
        wait_equal(shown, (want, 3), f"lag of {group} on {topic}, and its quality", deadline)


class Watcher:
    """Scrapes in the background and keeps every lag that was ever shown."""

    def __init__(self, hexlag, group, topic):
        self.seen = {}  # partition: set of values
        self.scrapes = 0
        self.error = None
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._watch, args=(hexlag, group, topic), daemon=True)
        self.thread.start()

    def _watch(self, hexlag, group, topic):
        while not self.stopped.wait(POLL) and not self.error:
            try:
                for partition, lag in hexlag.metrics().lag(group, topic).items():
                    self.seen.setdefault(partition, set()).add(lag)
                self.scrapes += 1
            except OSError as error:
                self.error = error

    def stop(self):
        self.stopped.set()
        self.thread.join()
        expect(self.error, None, "error of a scrape")
        return self.seen


# --- the world ---

class World:
    """Kafka and Kubernetes by tests/world/up; several may be started at once."""

    def __init__(self, *options):
        self.options = options
        self.process = subprocess.Popen([ROOT + "/tests/world/up", *options], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.vars = {}
        _undo.append(self.down)

    def ready(self):
        """Waits until it is up. Skip: a program that it needs is absent."""
        err = self._finish()
        if self.process.returncode == 3:
            raise Skip(err.strip().splitlines()[-1])
        if self.process.returncode != 0:
            raise Failure(f"tests/world/up {' '.join(self.options)}: {err[-2000:]}")
        self.env = {**os.environ, **self.vars}
        self.bootstrap = self.vars.get("KAFKA_BOOTSTRAP")
        self.hexlag_kubeconfig = self.vars.get("HEXLAG_KUBECONFIG")
        return self

    def _finish(self):
        """Waits for the end of `up` and takes the variables that it prints; returns its stderr."""
        out, err = self.process.communicate()
        for word in shlex.split(out):
            if "=" in word:
                name, value = word.split("=", 1)
                self.vars[name] = value
        return err

    def down(self):
        """Also of a world that nobody waited for: `up` cleans up after itself when terminated."""
        if not self.process.stdout.closed:
            self.process.terminate()
            self._finish()
        if self.process.returncode == 0:
            keep = ["--keep"] if os.environ.get("E2E_KEEP") else []
            run(ROOT + "/tests/world/down", *keep, env={**os.environ, **self.vars})

    def _tool(self, name, *args):
        return run(f"{ROOT}/tests/world/{name}", *args, env=self.env)

    def broker(self, action, number):
        self._tool("broker", action, number)

    def apiserver(self, action):
        self._tool("apiserver", action)

    def kafka_tool(self, *args):
        return self._tool("kafka-tool", *args).stdout

    def traffic(self, *args):
        run(TRAFFIC, "-b", self.bootstrap, *args)

    def create(self, topic, partitions, replication=1):
        """Creates a topic and waits until each broker knows it."""
        self.traffic("create", topic, partitions, replication)
        for broker in self.bootstrap.split(","):
            wait_until(lambda b=broker: run(TRAFFIC, "-b", b, "produce", topic, 0) is not None,
                       f"topic {topic} on {broker}")

    def consumer(self, name, group, topic, rate):
        return Background(name, TRAFFIC, "-b", self.bootstrap, "consume", group, topic, rate)

    def kubectl(self, *args, text=None, check=True):
        return run(self.vars["KUBECTL"], *args, env=self.env, text=text, check=check).stdout

    def as_hexlag(self, *args):
        """kubectl as the user that hexlag is; its answer, whatever the exit code."""
        return run(self.vars["KUBECTL"], "--kubeconfig", self.hexlag_kubeconfig, *args,
                   env=self.env, check=False).stdout.strip()

    def apply(self, *objects):
        self.kubectl("apply", "-f", "-", text="\n---\n".join(json.dumps(o) for o in objects))

    def grant_hexlag(self):
        """What k8s/overlays/scaler lets its account do, without its pods."""
        self.kubectl("apply", "-f", ROOT + "/k8s/namespace.yaml")
        documents = self.kubectl("kustomize", ROOT + "/k8s/overlays/scaler").split("\n---\n")
        grants = r"^kind: (ServiceAccount|(Cluster)?Role(Binding)?)$"
        self.kubectl("apply", "-f", "-", text="\n---\n".join(
            d for d in documents if re.search(grants, d, re.MULTILINE)))

    def replicas(self, name, resource="deployment"):
        return int(self.get(name, resource)["spec"]["replicas"])

    def get(self, name, resource="deployment"):
        """By an HTTP client, which is far cheaper to ask in a loop than kubectl."""
        status, found = KubeApi(self).get(resource, name)
        expect(status, 200, f"answer to a GET of {resource} {name}")
        return found


def namespace(name="shop"):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def workload(name, replicas=1, kind="Deployment"):
    """A Deployment or StatefulSet of pods that never run."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": {"namespace": "shop", "name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels},
                 **({"serviceName": name} if kind == "StatefulSet" else {}),
                 "template": {"metadata": {"labels": labels},
                              "spec": {"containers": [{"name": "c", "image": "none"}]}}},
    }
