"""What a drop-in has to print where kafka_exporter printed a given text: the same, but for the listed
differences of hexlag(1), which are computed here from the text and the world alone.

Only series named kafka_* (without the program's own, kafka_exporter_*) that tell of the world count: a
cluster may hold other topics and groups.
"""

import re

NO_COMMIT = -1.0

_SAMPLE = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$')
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)')
_ESCAPE = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


class Malformed(Exception):
    """The text is no exposition."""


class Exposition:
    """samples: {(name, ((label, value), ...)): number}, labels sorted; types: {name: type}."""

    def __init__(self, samples, types):
        self.samples, self.types = samples, types

    def named(self, name):
        """[(labels as a dict, value)] of one family."""
        return [(dict(labels), value) for (n, labels), value in self.samples.items() if n == name]


def _labels(text, line):
    found, at = {}, 0
    while at < len(text):
        match = _LABEL.match(text, at)
        if not match or match[1] in found:
            raise Malformed(f"labels: {line}")
        found[match[1]] = re.sub(r'\\.', lambda m: _ESCAPE.get(m[0], m[0]), match[2])
        at = match.end()
    return found


def key(name, labels):
    return name, tuple(sorted(labels.items()))


def parse(text):
    samples, types = {}, {}
    for line in text.split("\n"):
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            types[name] = kind
        if not line or line.startswith("#"):
            continue
        match = _SAMPLE.match(line)
        if not match:
            raise Malformed(f"sample: {line}")
        one = key(match[1], _labels(match[2] or "", line))
        if one in samples:
            raise Malformed(f"the same series twice: {line}")
        samples[one] = float(match[3])
    return Exposition(samples, types)


def about_world(exposition, world):
    """Only what tells of the cluster itself and of the topics and groups that the world declares."""
    topics = {t["name"] for t in world["topics"]}
    groups = {g["name"] for g in world["groups"]}

    def belongs(name, labels):
        labels = dict(labels)
        return (name.startswith("kafka_") and not name.startswith("kafka_exporter_") and
                labels.get("topic") in topics | {None} and
                labels.get("consumergroup") in groups | {None})
    samples = {k: v for k, v in exposition.samples.items() if belongs(*k)}
    names = {name for name, _ in samples}
    return Exposition(samples, {n: t for n, t in exposition.types.items() if n in names})


def _log_starts(world, exposition):
    """{(topic, partition): log start offset}, of the world or as printed."""
    starts = {(t["name"], str(p)): float(offset) for t in world["topics"]
              for p, offset in (t.get("delete_before") or {}).items()}
    for labels, value in exposition.named("kafka_topic_partition_oldest_offset"):
        starts[labels["topic"], labels["partition"]] = value
    return starts


def _pair(labels):
    """All labels but the partition, as the key of a sum over partitions."""
    return tuple(sorted((k, v) for k, v in labels.items() if k != "partition"))


def _true_lag(printed, committed, start):
    """The messages that can still be read: none before the log start, never less than none."""
    if committed == NO_COMMIT:
        return printed
    return max(0.0, printed - max(0.0, start - committed))


def _by_pair(exposition, name):
    pairs = {}
    for labels, value in exposition.named(name):
        pairs.setdefault(_pair(labels), {})[labels["partition"]] = value
    return pairs


def _mend_lag(samples, exposition, world):
    starts = _log_starts(world, exposition)
    commits = _by_pair(exposition, "kafka_consumergroup_current_offset")
    for pair, lags in _by_pair(exposition, "kafka_consumergroup_lag").items():
        printed = mended = 0.0
        for partition, lag in lags.items():
            committed = commits.get(pair, {}).get(partition, NO_COMMIT)
            true = _true_lag(lag, committed, starts.get((dict(pair)["topic"], partition), 0.0))
            samples[key("kafka_consumergroup_lag", {**dict(pair), "partition": partition})] = true
            printed += lag if committed != NO_COMMIT else 0.0
            mended += true if committed != NO_COMMIT else 0.0
        one = key("kafka_consumergroup_lag_sum", dict(pair))
        # A printed sum that is no sum of what was printed is not mended, and will differ.
        if samples.get(one) == printed:
            samples[one] = mended


def _mend_offset_sums(samples, exposition):
    for pair, offsets in _by_pair(exposition, "kafka_consumergroup_current_offset").items():
        one = key("kafka_consumergroup_current_offset_sum", dict(pair))
        if samples.get(one) == sum(offsets.values()):
            samples[one] = sum(v for v in offsets.values() if v != NO_COMMIT)


def _mend_cluster(samples, brokers, leaders):
    """The same cluster elsewhere: its brokers' ids and addresses, and who leads what."""
    for name, labels in list(samples):
        labels = dict(labels)
        if name == "kafka_brokers":
            samples[key(name, labels)] = float(len(brokers))
        elif name == "kafka_broker_info":
            del samples[key(name, labels)]
            for broker, address in brokers.items():
                samples[key(name, {**labels, "id": broker, "address": address})] = 1.0
        elif name == "kafka_topic_partition_leader":
            leader = leaders.get((labels["topic"], labels["partition"]))
            if leader is not None:
                samples[key(name, labels)] = float(leader)


def expected(printed, world, brokers, leaders):
    """What hexlag has to print where kafka_exporter `printed` this; brokers: {id: address}, leaders:
    {(topic, partition): id}, of the cluster that is asked now."""
    exposition = about_world(printed, world)
    samples = dict(exposition.samples)
    _mend_lag(samples, exposition, world)
    _mend_offset_sums(samples, exposition)
    _mend_cluster(samples, brokers, leaders)
    return Exposition(samples, exposition.types)


def _show(one):
    name, labels = one
    inside = ",".join('%s="%s"' % (k, v.replace("\\", "\\\\").replace('"', '\\"')
                                   .replace("\n", "\\n")) for k, v in labels)
    return name + (f"{{{inside}}}" if inside else "")


def differences(got, want):
    """One line for each series and TYPE line that is missing, too many, or has another value."""
    lines = []
    for one in sorted(want.samples.keys() | got.samples.keys()):
        if one not in got.samples:
            lines.append(f"{_show(one)} is missing, want {want.samples[one]:g}")
        elif one not in want.samples:
            lines.append(f"{_show(one)} {got.samples[one]:g} is too many")
        elif got.samples[one] != want.samples[one]:
            lines.append(f"{_show(one)} is {got.samples[one]:g}, want {want.samples[one]:g}")
    for name in sorted(want.types.keys() | got.types.keys()):
        if got.types.get(name) != want.types.get(name):
            lines.append(f"TYPE of {name} is {got.types.get(name)}, want {want.types.get(name)}")
    return lines
