"""Is a scrape a valid exposition, and one that cannot be a lie on the face of it?

Checked(...) is a Hexlag each scrape of which goes through check(); Scraper scrapes in the background.
"""

import http.client
import os
import re
import threading
import time

from world import Failure, Hexlag, Metrics

_HEADER = re.compile(r"# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)")
_SAMPLE = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{((?:\w+="(?:[^"\\\n]|\\[\\"n])*",?)+)\})? (\S+)')
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]\d+)?")

# -1 says "no commit" in these; nothing else may be below zero.
_NO_COMMIT = "kafka_consumergroup_lag", "kafka_consumergroup_current_offset"


def _unescape(value):
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], value)


class _Families:
    """Each family once, its help and type before its samples."""

    def __init__(self):
        self.seen = {}  # name: what it has had
        self.current = None

    def header(self, what, name, line):
        had = self.seen.setdefault(name, [])
        if what in had or "sample" in had:
            raise Failure(f"a second or a late header: {line}")
        had.append(what)
        self.current = name

    def sample(self, name, line):
        if name != self.current or "TYPE" not in self.seen[name]:
            raise Failure(f"a sample outside its family: {line}")
        self.seen[name].append("sample")


def check(text):
    """The Metrics of a scrape, label values as they were before escaping."""
    metrics, families = Metrics(""), _Families()
    if not text.endswith("\n"):
        raise Failure(f"the scrape ends without a newline: {text[-80:]!r}")
    for line in text[:-1].split("\n"):
        header = _HEADER.fullmatch(line)
        if header:
            families.header(header[1], header[2], line)
            continue
        sample = _SAMPLE.fullmatch(line)
        if not sample or not _NUMBER.fullmatch(sample[3]):
            raise Failure(f"not a sample: {line!r}")
        name, value = sample[1], float(sample[3])
        families.sample(name, line)
        labels = [(k, _unescape(v)) for k, v in _LABEL.findall(sample[2] or "")]
        key = name, tuple(sorted(labels))
        if len(dict(labels)) < len(labels) or key in metrics.samples:
            raise Failure(f"not unique: {line}")
        if value < 0 and not (value == -1 and name in _NO_COMMIT):
            raise Failure(f"negative: {line}")
        metrics.samples[key] = value
    return metrics


class Checked(Hexlag):
    def metrics(self):
        return check(self.get("/metrics")[1])


def _waited(pid, thread):
    """Seconds for which the threads of a process, and one of ours, were ready to run and did not get
    a CPU, ever: the second field of schedstat."""
    files = [f"/proc/self/task/{thread}/schedstat"]
    files += [f"/proc/{pid}/task/{task}/schedstat" for task in os.listdir(f"/proc/{pid}/task")]
    waited = 0
    for name in files:
        try:
            with open(name, encoding="ascii") as f:
                waited += int(f.read().split()[1])
        except (FileNotFoundError, ProcessLookupError):
            pass  # the thread has ended
    return waited / 1e9


class Scraper:
    """Scrapes every `pause` seconds on a connection that stays open, as Prometheus does, and gives
    keep() when the scrape began and ended, its body, and how long the machine kept it waiting."""

    def __init__(self, hexlag, pause, keep):
        self.hexlag, self.pause, self.keep = hexlag, pause, keep
        self.error = None
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _scrape(self, connection):
        began = time.monotonic()
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise Failure(f"/metrics: {answer.status}")
        return began, time.monotonic(), body

    def _run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.hexlag.port, timeout=30)
        thread = threading.get_native_id()
        try:
            while not self.stopped.wait(self.pause):
                before = _waited(self.hexlag.pid, thread)
                scrape = self._scrape(connection)
                self.keep(*scrape, max(0.0, _waited(self.hexlag.pid, thread) - before))
        except (Failure, OSError, http.client.HTTPException) as error:
            self.error = error
        finally:
            connection.close()

    def check(self):
        """Throws what has gone wrong in the background so far."""
        if self.error:
            raise Failure(f"a scrape in the background: {self.error!r}")

    def stop(self):
        self.stopped.set()
        self.thread.join()
        self.check()
