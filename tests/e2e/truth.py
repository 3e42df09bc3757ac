"""Rows of test_truth.py: how a part of the world is made, what must be shown then, and what a
decision must see.

A decision shows its lag through its size: of 5 replicas at a threshold of 4 the policy wants one
more than the lag from 4 on, and 3 without any; the lags of the rows tell apart what could be
mistaken for another.
"""

import dataclasses
import math
from fractions import Fraction
from typing import Callable, Optional

from exposition import Checked, Scraper, check
from world import case, rule, wait_equal, wait_until

REPLICAS, THRESHOLD = 5, 4
BY_PARTITION = {
    "lag": "kafka_consumergroup_lag",
    "committed": "kafka_consumergroup_current_offset",
    "lost": "hexlag_consumergroup_lost_messages",
    "beyond": "hexlag_consumergroup_commit_beyond_end",
    "age": "hexlag_consumergroup_lag_age_seconds",
}
BY_TOPIC = {
    "lag_sum": "kafka_consumergroup_lag_sum",
    "committed_sum": "kafka_consumergroup_current_offset_sum",
    "quality": "hexlag_consumergroup_lag_quality",
}
OF_TOPIC = {
    "end": "kafka_topic_partition_current_offset",
    "start": "kafka_topic_partition_oldest_offset",
}
UNKNOWN = "unknown"  # as the lag that a decision sees

rows = []
watching = {}    # the processes by name
lags_shown = {}  # by process: {(group, topic, partition): the lags ever shown}
scrapers = []


@dataclasses.dataclass
class Row:
    """Names left out are those of `name`; a value left out must not be shown."""
    sentence: str
    make: Callable
    name: str
    group: str
    lag: dict = dataclasses.field(default_factory=dict)
    committed: dict = dataclasses.field(default_factory=dict)
    lost: dict = dataclasses.field(default_factory=dict)
    beyond: dict = dataclasses.field(default_factory=dict)
    end: Optional[dict] = None    # not looked at without
    start: Optional[dict] = None
    age: dict = dataclasses.field(default_factory=dict)
    lag_sum: Optional[int] = None
    committed_sum: Optional[int] = None  # made from `committed`
    state: Optional[str] = None   # not looked at without
    members: object = "any"       # None: must not be shown
    quality: Optional[int] = 3
    latest: object = UNKNOWN      # lag that a decision sees, by offsetReset
    earliest: object = UNKNOWN
    read_committed: dict = dataclasses.field(default_factory=dict)  # what differs there

    def of(self, process):
        return dataclasses.replace(self, **self.read_committed) if process == "committed" else self

    def wanted(self):
        """What of the world this row speaks of, in the form of shown()."""
        known = [v for v in self.committed.values() if v >= 0]
        wanted = {key: getattr(self, key) for key in (*BY_PARTITION, *BY_TOPIC)}
        wanted["committed_sum"] = sum(known) if known else None
        wanted.update({key: getattr(self, key) for key in OF_TOPIC
                       if getattr(self, key) is not None})
        if self.state:
            wanted["state"] = self.state
        if self.members != "any":
            wanted["members"] = self.members
        return wanted


def states(metrics, group):
    found = metrics.all("hexlag_consumergroup_state", consumergroup=group)
    return [dict(labels)["state"] for labels, value in found.items() if value == 1]


def shown(process, this):
    m = watching[process].metrics()
    labels = {"consumergroup": this.group, "topic": this.name}
    found = {k: m.by_partition(series, **labels) for k, series in BY_PARTITION.items()}
    found.update({k: m.one(series, **labels) for k, series in BY_TOPIC.items()})
    if this.end is not None:
        found["end"] = m.by_partition(OF_TOPIC["end"], topic=this.name)
    if this.start is not None:
        found["start"] = m.by_partition(OF_TOPIC["start"], topic=this.name)
    if this.state:
        found["state"] = "".join(states(m, this.group))
    if this.members != "any":
        found["members"] = m.one("kafka_consumergroup_members", consumergroup=this.group)
    return found


def size_for(lag):
    """The hex policy: four fifths of the way up, half of the way down."""
    raw = Fraction(REPLICAS * lag, THRESHOLD)
    if raw > REPLICAS:
        return REPLICAS + math.ceil((raw - REPLICAS) * Fraction(4, 5))
    return REPLICAS - math.floor((REPLICAS - raw) / 2)


def decision_on(lag):
    """(reason, size) that this lag must lead to."""
    if lag == UNKNOWN:
        return {"LagUnknown"}, REPLICAS
    size = size_for(lag)
    reason = ("ScaleUp" if size > REPLICAS else "ScaleDown" if size < REPLICAS
              else "DesiredWithinRange")
    return {reason}, size


def targets(this):
    return {reset: f"{this.group}.{this.name}.{reset}".replace("_", "-").lower()
            for reset in ("latest", "earliest")}


def decisions(process, this):
    """{offsetReset: (reasons of the decisions made while this looks, size wanted by the last)}."""
    def counts(metrics, target):
        found = metrics.all("hexlag_scaler_decisions_total", target=f"shop/Deployment/{target}")
        return {dict(labels)["reason"]: n for labels, n in found.items()}

    first = watching[process].metrics()

    def later():
        now = watching[process].metrics()
        return now if all(sum(counts(now, t).values()) > sum(counts(first, t).values())
                          for t in targets(this).values()) else None
    last = wait_until(later, "a decision")
    return {reset: ({r for r, n in counts(last, t).items() if n > counts(first, t).get(r, 0)},
                    last.one("hexlag_scaler_wanted_replicas", target=f"shop/Deployment/{t}"))
            for reset, t in targets(this).items()}


def pairs_of_rules():
    """Each group and topic once, in the form of the row that names it first."""
    seen = {}
    for this in rows:
        seen.setdefault((this.group, this.name), this)
    return seen.values()


def verify(this):
    if this.make:
        this.make()
    for process in watching:
        here = this.of(process)
        wait_equal(lambda p=process, r=here: shown(p, r), here.wanted(), f"{process}: {this.name}")
        if process == "plain":
            continue
        wait_equal(lambda p=process, r=here: decisions(p, r),
                   {reset: decision_on(getattr(here, reset)) for reset in targets(this)},
                   f"{process}: decisions on {this.name}")
    for scraper in scrapers:
        scraper.check()


def row(sentence, make, name, group=None, **fields):
    made = Row(sentence, make, name, group or "g-" + name, **fields)
    rows.append(made)
    case(sentence)(lambda: verify(made))


def start(process, bootstrap, kubeconfig, **kafka_options):
    """One of the processes."""
    rules = [] if process == "plain" else [
        rule(target, [(r.group, r.name, THRESHOLD)], offsetReset=reset, dryRun=True,
             cooldown="0s", maxReplicas=1000, limitToPartitions=False)
        for r in pairs_of_rules() for reset, target in targets(r).items()]
    watching[process] = Checked(process, bootstrap, rules, kubeconfig, interval="300ms",
                                kafka=kafka_options)


def scrape(process):
    """From now on what it shows is checked in the background, and its lags are kept."""
    lags_shown[process] = {}

    def keep(_began, _ended, body, _waited):
        found = check(body.decode()).all("kafka_consumergroup_lag")
        for labels, lag in found.items():
            labels = dict(labels)
            key = labels["consumergroup"], labels["topic"], int(labels["partition"])
            lags_shown[process].setdefault(key, set()).add(lag)
    scrapers.append(Scraper(watching[process], 0.2, keep))
