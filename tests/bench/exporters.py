"""Exporters of lag: how each is started, and how its answer is read."""

import http.client
import os
import re
import time

from world import Background, Failure, Hexlag, folder, free_port

POLL = 0.02


class Exporter:
    """A running program. `lag` is the series of which it has one for each group-partition.

    One that reads Kafka in the background has `refreshed`, the series with the time of its last
    refresh, and `took`, the series whose sum is the duration of that; where it has one, `counter`
    counts them. For all others a scrape is a refresh."""

    name = None
    lag = "kafka_consumergroup_lag"
    refreshed = took = counter = None
    pace = 1  # for one that needs longer intervals than the others

    def __init__(self, path):
        self.path = path

    def start(self, bootstrap, interval_s):
        self.port = free_port()
        self.began = time.monotonic()
        self.process = self.launch(bootstrap, interval_s)
        self.connection = None

    def launch(self, bootstrap, interval_s):
        """The Background of the program, which serves /metrics at self.port."""
        raise NotImplementedError

    def stop(self):
        if self.connection:
            self.connection.close()
        self.process.kill()

    def scrape(self):
        """Milliseconds until the end of the answer, on a connection that stays open, and it."""
        if not self.connection:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
            self.connection.connect()
        began = time.perf_counter()
        self.connection.request("GET", "/metrics")
        answer = self.connection.getresponse()
        body = answer.read()
        taken = 1000 * (time.perf_counter() - began)
        if answer.status != 200:
            raise Failure(f"{self.name}: /metrics says {answer.status}: {body[:300]!r}")
        return taken, body

    def complete(self, body, count):
        return body.count(f"\n{self.lag}{{".encode()) == count

    def first_complete(self, count, deadline_s):
        """Seconds from the start of the program to the end of its first complete answer."""
        deadline, seen = self.began + deadline_s, "no answer"
        while time.monotonic() < deadline and self.process.alive():
            try:
                body = self.scrape()[1]
                if self.complete(body, count):
                    return time.monotonic() - self.began
                shown = body.count(f"\n{self.lag}{{".encode())
                seen = f"{shown} group-partitions"
            except (OSError, http.client.HTTPException, Failure) as error:
                self.connection, seen = None, error
            time.sleep(POLL)
        raise Failure(f"{self.name}: {count} group-partitions expected within {deadline_s} s, "
                      f"last seen: {seen}\n{self.process.log()[-1500:]}")

    def values(self, body, series):
        """All values of a series in an answer."""
        found = re.findall(rb"^%s(?:\{[^\n]*\})? (\S+)" % series.encode(), body, re.M)
        return [float(value) for value in found]

    def last_refresh(self, body):
        """Wall clock of the last one, None for those that refresh by a scrape."""
        return max(self.values(body, self.refreshed), default=0.0) if self.refreshed else None

    def refresh_ms(self, body):
        return 1000 * sum(self.values(body, self.took))


class OurHexlag(Exporter):
    name = "hexlag"
    refreshed, took = "hexlag_snapshot_timestamp_seconds", "hexlag_cycle_phase_seconds"
    counter = "hexlag_cycles_total"

    def launch(self, bootstrap, interval_s):
        return Hexlag(self.name, bootstrap, interval=f"{interval_s}s", timeout="10s",
                      port=self.port)


class KafkaExporter(Exporter):
    name = "kafka_exporter"

    def launch(self, bootstrap, _interval_s):
        return Background(self.name, self.path, f"--kafka.server={bootstrap}",
                          f"--web.listen-address=127.0.0.1:{self.port}")


class Kminion(Exporter):
    name = "kminion"
    lag = "kminion_kafka_consumer_group_topic_partition_lag"

    def launch(self, bootstrap, _interval_s):
        return Background(self.name, self.path, env={
            **os.environ, "KAFKA_BROKERS": bootstrap, "EXPORTER_HOST": "127.0.0.1",
            "EXPORTER_PORT": str(self.port)})


class KlagExporter(Exporter):
    name = "klag-exporter"
    lag = "kafka_consumergroup_group_lag"
    refreshed = "kafka_lag_exporter_last_update_timestamp_seconds"
    took = "kafka_lag_exporter_scrape_duration_seconds"
    pace = 2

    def launch(self, bootstrap, interval_s):
        path = f"{folder}/klag-exporter.toml"
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"""[exporter]
poll_interval = "{interval_s}s"
http_port = {self.port}
http_host = "127.0.0.1"
granularity = "partition"

[[clusters]]
name = "bench"
bootstrap_servers = "{bootstrap}"
topic_blacklist = ["^__.*"]
""")
        return Background(self.name, self.path, "--config", path)


KNOWN = (KafkaExporter, Kminion, KlagExporter)


def found_in(directory):
    """The programs that are there or in its bin/, and the names of those that are not."""
    here, missing = [], []
    for kind in KNOWN:
        paths = [os.path.join(directory, part, kind.name) for part in ("", "bin")
                 ] if directory else []
        path = next((path for path in paths if os.access(path, os.X_OK)), None)
        if path:
            here.append(kind(os.path.abspath(path)))
        else:
            missing.append(kind.name)
    return here, missing
