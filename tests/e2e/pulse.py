"""What Kafka acknowledged, by tests/tools/pulse, beside what each scrape of hexlag showed.

All times are those of the monotonic clock, in seconds. A partition, or a group's coordinator, is
"served" while acknowledgements of it come without a gap; what hexlag shows of it is stale by the
time since the first acknowledged record, or commit, that it does not show.
"""

import bisect
import os

from world import TRAFFIC, Background

PULSE = os.path.dirname(TRAFFIC) + "/pulse"
GAP = 1.0  # between two acknowledgements: the broker was away, or this machine stood still


class Acks:
    """Acknowledgements of one partition or group, in order of time."""

    def __init__(self):
        self.times, self.offsets, self.run_starts, self.took = [], [], [], []

    def add(self, time, offset, took):
        same_run = self.times and time - self.times[-1] < GAP
        self.run_starts.append(self.run_starts[-1] if same_run else time)
        self.times.append(time)
        self.took.append(took)
        # Answers may overtake each other by a little.
        self.offsets.append(max(offset, self.offsets[-1]) if self.offsets else offset)

    def forget(self, before):
        """What was acknowledged before this time is no longer asked about."""
        count = bisect.bisect_left(self.times, before)
        for column in (self.times, self.offsets, self.run_starts, self.took):
            del column[:count]

    def served_since(self, time):
        """When the run of acknowledgements began in which this time lies; None: in none."""
        i = bisect.bisect_right(self.times, time)
        if i in (0, len(self.times)) or self.run_starts[i] != self.run_starts[i - 1]:
            return None
        return self.run_starts[i]

    def slowest(self, since, until):
        """The longest that an acknowledgement took of those in this time."""
        i, j = bisect.bisect_left(self.times, since), bisect.bisect_right(self.times, until)
        return max(self.took[i:j], default=0.0)

    def staleness(self, time, offset):
        """For how long it had been known at this time that `offset` was passed."""
        i = bisect.bisect_left(self.offsets, offset)
        return max(0.0, time - self.times[i]) if i < len(self.times) else 0.0


class Pulse:
    """A process whose acknowledgements are read as they come. `acks` is by partition, or for a
    group has the one key None."""

    def __init__(self, world, name, *command):
        self.process = Background(name, PULSE, "-b", world.bootstrap, *command)
        self.log = open(self.process.log_path, encoding="ascii")
        self.acks = {}
        self.rest = ""

    def read(self):
        *lines, self.rest = (self.rest + self.log.read()).split("\n")
        for line in lines:
            time, took, offset, *partition = map(int, line.split())
            key = partition[0] if partition else None
            # A record of offset n is shown when the end is past n, a commit of n as itself.
            self.acks.setdefault(key, Acks()).add(time / 1e6, offset, took / 1e6)

    def stop(self):
        self.process.stop()
        self.log.close()
