"""Peers: hexlag beside other exporters of lag on one broker, in turns, each alone in its turn."""

import collections
import os
import statistics
import subprocess
import time

import proc
from exporters import OurHexlag, found_in
from world import TRAFFIC, Failure, World, run

REQUESTS = os.path.join(os.path.dirname(TRAFFIC), "requests")
PARTITIONS, EACH = 10, 10  # per topic; topics of a group
REFRESHES, TURN_S = 20, 150  # the longest that a slow program may take for its refreshes
AGAIN, COUNTED = 5, 5
START_S = 180

Size = collections.namedtuple("Size", "count topics groups interval_s heap memory_share")
SIZES = {10000: Size(10000, 100, 100, 2, 512, 2), 100000: Size(100000, 500, 1000, 5, 1024, 4)}

# Where a peer's program is not there: single runs of it on a busy machine, for the limits.
EARLIER = {
    10000: {"kminion": {"scrape": 243, "cpu": 229, "memory": 49, "requests": 112, "refresh": 243,
                        "first": 0.26},
            "kafka_exporter": {"memory": 44}},
    100000: {"kminion": {"scrape": 1352, "cpu": 1537, "memory": 222, "requests": 1012,
                         "refresh": 1352, "first": 1.9},
             "kafka_exporter": {"memory": 278}},
}

# Figure: what it is, its unit, and the share of kminion's that is the limit.
FIGURES = {
    "scrape": ("answer to a scrape after a refresh", "ms", 1 / 20),
    "again": ("answer to the next scrape", "ms", 1 / 20),
    "cpu": ("CPU of a refresh and a scrape", "ms", 1 / 4),
    "memory": ("resident after the refreshes", "MB", None),
    "requests": ("requests per refresh", "", 1),
    "bytes": ("bytes per refresh", "B", None),
    "refresh": ("duration of a refresh", "ms", 1 / 2),
    "first": ("start to first complete scrape", "s", 1 / 2),
}
API = {0: "Produce", 1: "Fetch", 2: "ListOffsets", 3: "Metadata", 8: "OffsetCommit",
       9: "OffsetFetch", 10: "FindCoordinator", 15: "DescribeGroups", 16: "ListGroups",
       18: "ApiVersions", 32: "DescribeConfigs", 35: "DescribeLogDirs", 60: "DescribeCluster",
       69: "ConsumerGroupDescribe", 71: "GetTelemetrySubscriptions", 75: "DescribeTopicPartitions"}


class Counter:
    """A proxy before the broker that counts the requests of whoever bootstraps there."""

    def __init__(self, world):
        self.bootstrap = world.vars["KAFKA_PROXIED_BOOTSTRAP"]
        ports = [address.split(":")[1] for address in
                 (self.bootstrap, world.vars["KAFKA_BEHIND_PROXY"])]
        self.process = subprocess.Popen([REQUESTS, *ports], text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def read(self):
        """The totals so far: "requests", "bytes" both ways, and by API key."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline().split()
        if not line:
            raise Failure(f"the counting proxy ended: {self.process.wait()}")
        totals = collections.Counter({"requests": int(line[0]),
                                      "bytes": int(line[1]) + int(line[2])})
        totals.update({int(k): int(n) for k, n in (word.split(":") for word in line[3:])})
        return totals

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


class Course:
    """The refreshes of a running exporter, one scrape for each: of those that refresh in the
    background halfway between two refreshes, when the process is at rest."""

    def __init__(self, exporter, interval_s):
        self.exporter, self.interval_s = exporter, interval_s
        body = exporter.scrape()[1]
        self.last = exporter.last_refresh(body)
        self.number = self._count(body, 0)
        self.due = time.monotonic() + interval_s

    def _count(self, body, otherwise):
        counter = self.exporter.counter
        return int(self.exporter.values(body, counter)[0]) if counter else otherwise

    def next(self):
        """Milliseconds that the scrape took, and the answer."""
        deadline = time.monotonic() + 10 * self.interval_s + 60
        while True:
            if self.last is not None:
                rest_s = self.last + 1.6 * self.interval_s - time.time()
                self.due = max(self.due, time.monotonic() + rest_s)
            time.sleep(max(0, self.due - time.monotonic()))
            self.due = max(self.due, time.monotonic() - self.interval_s) + self.interval_s
            taken, body = self.exporter.scrape()
            seen = self.exporter.last_refresh(body)
            if seen is None or seen != self.last:
                self.last, self.number = seen, self._count(body, self.number + 1)
                return taken, body
            self.due = time.monotonic() + self.interval_s / 4
            if time.monotonic() > deadline:
                raise Failure(f"{self.exporter.name}: no refresh since {self.last}\n"
                              f"{self.exporter.process.log()[-1500:]}")


def take_refreshes(exporter, course, size, got):
    """The figures of REFRESHES refreshes, or of those that TURN_S is enough for."""
    deadline, done, short = time.monotonic() + TURN_S, 0, 0
    cpu, first = exporter.process.cpu_seconds(), course.number
    while done < REFRESHES and (done < 3 or time.monotonic() < deadline):
        taken, body = course.next()
        done += 1
        short += not exporter.complete(body, size.count)
        got["scrape"].append(taken)
        got["refresh"].append(exporter.refresh_ms(body) if exporter.refreshed else taken)
    got["cpu"].append(1000 * (exporter.process.cpu_seconds() - cpu)
                      / (course.number - first))
    got["memory"].append(proc.rollup(exporter.process.pid)["Rss"] * 1024 / 1e6)
    got["refreshes"].append(done)
    got["incomplete"].append(short)


def take_turn(exporter, world, size, got):
    interval_s = size.interval_s * exporter.pace
    exporter.start(world.bootstrap, interval_s)
    try:
        got["first"].append(exporter.first_complete(size.count, START_S))
        course = Course(exporter, interval_s)
        take_refreshes(exporter, course, size, got)
        for _ in range(AGAIN if exporter.refreshed else 0):
            course.next()
            got["again"].append(exporter.scrape()[0])
    finally:
        exporter.stop()


def take_count(exporter, counter, size, got):
    """Requests and bytes per refresh, by way of the proxy."""
    interval_s = size.interval_s * exporter.pace
    exporter.start(counter.bootstrap, interval_s)
    try:
        exporter.first_complete(size.count, START_S)
        course = Course(exporter, interval_s)
        course.next()  # what comes only at the start is over
        before, first, deadline = counter.read(), course.number, time.monotonic() + TURN_S / 3
        course.next()
        while course.number - first < COUNTED and time.monotonic() < deadline:
            course.next()
        after = counter.read()
    finally:
        exporter.stop()
    difference = {key: (after[key] - before[key]) / (course.number - first) for key in after}
    got["requests"].append(difference.pop("requests"))
    got["bytes"].append(difference.pop("bytes"))
    got["by key"] = {key: count for key, count in difference.items() if count}


def in_turns(exporters, report, what, take):
    """Lets each exporter have its turn; a peer that fails has no more of them."""
    for exporter in list(exporters):
        print(f"# {what}: {exporter.name}", flush=True)
        try:
            take(exporter)
        except (Failure, OSError) as failure:
            if isinstance(exporter, OurHexlag):
                raise
            exporters.remove(exporter)
            report.note(f"{what}: gave up {failure}")


def measure_size(report, size, peers, rounds):
    """{name: {figure: value}} of this size."""
    world = World("--no-kube", "--offsets-partitions", "50", "--proxied", "--heap",
                  str(size.heap)).ready()
    run(TRAFFIC, "-b", world.bootstrap, "fill", size.topics, PARTITIONS, size.groups, EACH,
        timeout=600)
    exporters = [OurHexlag(None), *peers]
    got = {exporter.name: collections.defaultdict(list) for exporter in exporters}
    counter = Counter(world)
    in_turns(exporters, report, f"{size.count:,}, requests",
             lambda e: take_count(e, counter, size, got[e.name]))
    counter.stop()
    for number in range(1, rounds + 1):
        in_turns(exporters, report, f"{size.count:,}, round {number} of {rounds}",
                 lambda e: take_turn(e, world, size, got[e.name]))
    world.broker("stop", 1)  # its folder goes with all others at the end
    return got


def limit_of(figure, size, medians):
    """The limit of a figure: a share of kminion's, or for memory of the smaller one of two."""
    def of_peer(name, key):
        return medians.get(name, {}).get(key) or EARLIER[size.count][name].get(key)
    if figure == "memory":
        return min(of_peer(name, figure) for name in ("kminion", "kafka_exporter")
                   ) / size.memory_share
    share = FIGURES[figure][2]
    return share and share * of_peer("kminion", "scrape" if figure == "again" else figure)


def show_size(report, size, got):
    medians = {name: {figure: statistics.median(values) for figure, values in figures.items()
                      if figure in FIGURES}
               for name, figures in got.items()}
    ours = medians.pop("hexlag")
    for figure, (what, unit, _) in FIGURES.items():
        report.row(f"{size.count:,}: {what}", ours[figure], unit, limit_of(figure, size, medians),
                   medians.get("kminion", {}).get(figure))
        for name, theirs in medians.items():
            if figure in theirs:
                report.row(f"    {name}", theirs[figure], unit)
    for name, figures in got.items():
        if not figures["requests"]:
            continue
        by_key = sorted(figures["by key"].items(), key=lambda item: -item[1])
        report.note(
            f"{size.count:,}, {name}: refreshes {figures['refreshes']}, of them incomplete "
            f"{figures['incomplete']};\nrequests of one: "
            + ", ".join(f"{API.get(key, f'API {key}')} {count:g}" for key, count in by_key))
    return ours


def measure(report, options):
    peers, missing = found_in(options.peers)
    sizes = [SIZES[options.size]] if options.size else list(SIZES.values())
    ours = [show_size(report, size, measure_size(report, size, peers, options.rounds))
            for size in sizes]
    if len(ours) == 2:
        for figure in ("cpu", "memory"):
            report.row(f"growth from the first to the second: {figure}",
                       ours[1][figure] / ours[0][figure], "times", 12)
    if missing:
        report.note(f"not in {options.peers or 'a folder that was given'}: {', '.join(missing)}; "
                    "what limits need of them is of single earlier runs")
    report.note(
        f"medians over {options.rounds} rounds of turns with {REFRESHES} refreshes, or as many as "
        f"{TURN_S} s are enough for, one scrape after each;\nwho refreshes by scrapes is scraped "
        f"each {' or '.join(str(s.interval_s) for s in sizes)} s, the others refresh as often "
        "(klag-exporter half as often);\nCPU of /proc/PID/stat over all of that; requests "
        "and bytes counted by a proxy before the broker, in turns of their own")
