"""Holds scrapes of hexlag against what Kafka acknowledged: is what is served fresh, and what is not
kept with its age?"""

import statistics
import time

from exposition import check
from world import Failure

INTERVAL = 1.0
FRESH = INTERVAL + 0.5  # 99 of 100 times; a cycle takes its time
WORST = 2 * INTERVAL    # always: one time-out of a broker in between (2 s) is too much
RECOVERY = 3 * INTERVAL
NOTICED = 4.0           # an interval and a time-out, and this machine
SCRAPE_LIMIT = 0.1
TRIPS = 5               # from broker to broker, one after another, in a cycle


class Outage:
    """What one broker leads and coordinates, from a moment on."""

    def __init__(self, partitions, groups):
        self.partitions, self.groups = partitions, groups
        self.began, self.ended = time.monotonic(), None

    def covers(self, group, partition, at):
        return (self.began + NOTICED < at and (self.ended is None or at < self.ended)
                and (partition in self.partitions or group in self.groups))


class Judge:
    """`pulses` has the producer as None and the committers by group; `still` are groups that commit
    nothing more."""

    def __init__(self, topic, pulses, still, partitions):
        self.topic, self.pulses, self.still = topic, pulses, still
        self.all = {(g, p) for g in (*still, *(g for g in pulses if g)) for p in range(partitions)}
        self.scrapes = []    # not judged yet
        self.last = {}       # lag of `still` in the latest scrape
        self.outages = []
        self.reset()

    def reset(self):
        """Begins a new report."""
        self.stale_ends, self.stale_commits, self.took, self.slow = [], [], [], []
        self.wrong = []      # what no scrape may show
        self.unserved = 0    # of ends: how often nothing could be demanded
        self.aged = 0        # how often an age was demanded
        self.longest = {}    # phases of the longest cycle

    def groups(self):
        return {group for group, _ in self.all}

    def keep(self, *scrape):
        self.scrapes.append(scrape)

    def judge(self):
        """All scrapes of which it is known by now what Kafka had acknowledged."""
        for pulse in self.pulses.values():
            pulse.read()
        until = time.monotonic() - 2 * INTERVAL
        while self.scrapes and self.scrapes[0][0] < until:
            self._one(*self.scrapes.pop(0))
        for pulse in self.pulses.values():
            for acks in pulse.acks.values():
                acks.forget(until - 60)

    def _one(self, began, ended, body, waited):
        metrics = check(body.decode())
        ends = metrics.by_partition("kafka_topic_partition_current_offset", topic=self.topic)
        lags, commits, ages = (self._table(metrics, name) for name in
                               ("kafka_consumergroup_lag", "kafka_consumergroup_current_offset",
                                "hexlag_consumergroup_lag_age_seconds"))
        phases = {dict(labels)["phase"]: value for labels, value in
                  metrics.all("hexlag_cycle_phase_seconds").items()}
        self.longest = max(self.longest, phases, key=lambda p: sum(p.values()))
        self.took.append(ended - began)
        if ended - began > SCRAPE_LIMIT + waited:
            self.slow.append((round(ended - began, 3), round(waited, 3)))
        self._sane(began, lags, commits, ends, ages)
        self._fresh(began, commits, ends)
        self._kept(began, ages)

    def _table(self, metrics, name):
        found = {}
        for labels, value in metrics.all(name, topic=self.topic).items():
            labels = dict(labels)
            found[labels["consumergroup"], int(labels["partition"])] = value
        return found

    def _note(self, at, text):
        if len(self.wrong) < 20:
            self.wrong.append(f"at {at:.2f}: {text}")

    def _sane(self, at, lags, commits, ends, ages):
        """No group ever catches up here, and a group that commits nothing never lags less."""
        missing = self.all - set(lags)
        if missing:
            self._note(at, f"{len(missing)} lag series missing, {min(missing)} is one")
        for (group, partition), lag in lags.items():
            if lag <= 0 or lag < self.last.get((group, partition), 0):
                self._note(at, f"lag of {group} on {partition} is {lag}, was "
                           f"{self.last.get((group, partition))}")
            if group in self.still:
                self.last[group, partition] = lag
            if (group, partition) not in ages and \
                    lag != ends[partition] - commits[group, partition]:
                self._note(at, f"lag of {group} on {partition} is {lag}, not {ends[partition]} - "
                           f"{commits[group, partition]}, and has no age")

    def _fresh(self, at, commits, ends):
        for pulse_of, pulse in self.pulses.items():
            for partition, acks in pulse.acks.items():
                since = acks.served_since(at)
                if since is None or at < since + RECOVERY:
                    self.unserved += pulse_of is None
                elif pulse_of is None:
                    # What came before an outage was not there to be read either.
                    stale = min(at - since, acks.staleness(at, ends.get(partition, -1)))
                    self.stale_ends.append((stale - self._slowness(acks, at), at, partition, stale))
                else:
                    shown = min(v for (g, _), v in commits.items() if g == pulse_of)
                    stale = min(at - since, acks.staleness(at, shown + 1))
                    self.stale_commits.append((stale - self._slowness(acks, at), at, pulse_of, stale))

    def _slowness(self, acks, at):
        """What a cycle may have taken longer because Kafka itself, or the machine, was slow."""
        return TRIPS * acks.slowest(at - 2 * INTERVAL, at)

    def _kept(self, at, ages):
        for outage in self.outages:
            for group, partition in self.all:
                if not outage.covers(group, partition, at):
                    continue
                self.aged += 1
                age, gone = ages.get((group, partition)), at - outage.began
                if age is None or not gone - FRESH - 1 < age < gone + FRESH + 1:
                    self._note(at, f"age of {group} on {partition} is {age} after {gone:.1f} s")

    def report(self, title):
        """A line of figures as they were; judged is without what Kafka's own slowness explains."""
        def figures(values):
            values = sorted(values)
            if not values:
                return "none"
            return (f"median {statistics.median(values):.3f} p99 {percentile(values, 99):.3f} "
                    f"max {values[-1]:.3f} s of {len(values)}")
        print(f"# {title}: end offsets stale by {figures([v[3] for v in self.stale_ends])}; commits "
              f"by {figures([v[3] for v in self.stale_commits])}; scrapes {figures(self.took)}; longest "
              f"cycle: " + ", ".join(f"{k} {v:.3f}" for k, v in self.longest.items()), flush=True)

    def expect_fresh(self):
        for what, stale in (("end offset", self.stale_ends), ("commit", self.stale_commits)):
            worst = max(stale, default=None)
            if not stale or worst[0] > WORST or percentile(sorted(v[0] for v in stale), 99) > FRESH:
                late = [v for v in stale if v[0] > FRESH]
                raise Failure(f"{what}s that Kafka served were stale: {len(late)} of {len(stale)} "
                              f"by more than {FRESH} s, the worst (seconds without Kafka's "
                              f"slowness, at, which, seconds): {worst}")

    def expect_kept(self):
        if self.wrong:
            raise Failure("\n".join(self.wrong))

    def expect_fast(self):
        """The hard limit is without the time for which the machine had no CPU to spare."""
        if statistics.median(self.took) > SCRAPE_LIMIT / 2 or self.slow:
            raise Failure(f"scrapes took a median of {statistics.median(self.took):.3f} s, and "
                          f"these (seconds, of waiting) too long: {self.slow[:10]}")


def percentile(ordered, percent):
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
