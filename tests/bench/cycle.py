"""Cycle: what it costs to read and to serve a large cluster."""

import http.client
import statistics
import time

import proc
from world import TRAFFIC, Failure, Hexlag, Metrics, World, run, wait_until

PARTITIONS, EACH = 10, 10  # per topic; topics of a group
CYCLES = 20
SCRAPES = 100
MIB = 1024 * 1024


OWN = "hexlag_cycle", "hexlag_kafka_", "hexlag_snapshot_"


def own_metrics(hexlag):
    """What hexlag tells of itself: to parse the rest would take longer than a cycle."""
    text = hexlag.get("/metrics")[1]
    return Metrics("\n".join(line for line in text.splitlines() if line.startswith(OWN)))


def cycles_of(metrics):
    return int(metrics.one("hexlag_cycles_total"))


def await_cycle(hexlag, number, deadline):
    """The own metrics of the first snapshot from `number` on."""
    def reached():
        m = own_metrics(hexlag)
        return m if cycles_of(m) >= number else None
    return wait_until(reached, f"cycle {number}", deadline)


def scrape(connection):
    """(milliseconds, bytes) of a GET on a connection that stays open, as Prometheus does it."""
    began = time.perf_counter()
    connection.request("GET", "/metrics")
    body = connection.getresponse().read()
    return 1000 * (time.perf_counter() - began), len(body)


def counters(metrics):
    """Calls are counted when they end, requests and bytes every five seconds by the library."""
    return {"cycles": cycles_of(metrics),
            "calls": sum(metrics.all("hexlag_kafka_calls_total").values()),
            "failures": sum(metrics.all("hexlag_kafka_call_failures_total").values()),
            "requests": sum(metrics.all("hexlag_kafka_requests_total").values()),
            "sent": metrics.one("hexlag_kafka_bytes_total", direction="sent"),
            "received": metrics.one("hexlag_kafka_bytes_total", direction="received")}


def per_cycle(before, after):
    cycles = after["cycles"] - before["cycles"]
    return {key: (after[key] - before[key]) / cycles for key in after}


def quiet_run(hexlag, interval_s):
    """Costs per cycle over CYCLES cycles in which nobody scrapes."""
    before, cpu, begin = counters(own_metrics(hexlag)), hexlag.cpu_seconds(), time.monotonic()
    deadline = begin + CYCLES * interval_s
    time.sleep(max(0, deadline - time.monotonic()))
    cpu = hexlag.cpu_seconds() - cpu
    after = counters(own_metrics(hexlag))
    cost = per_cycle(before, after)
    cost["cpu"] = cpu / (after["cycles"] - before["cycles"])
    if after["failures"] > before["failures"]:
        raise Failure("Kafka did not answer all calls; the figures would lie")
    return cost


def phases_of(hexlag, interval_s):
    """Medians over CYCLES snapshots, in ms: duration and CPU of a cycle and duration by phase; then
    the times to answer the first scrape of a snapshot, which renders, and the second."""
    connection = http.client.HTTPConnection("127.0.0.1", hexlag.port)
    wall, cpu, phases, first, second, size = [], [], {}, [], [], 0
    for _ in range(CYCLES):
        now = own_metrics(hexlag)
        number = cycles_of(now) + 1
        # In the middle between two cycles, so that the snapshot is new and the process at rest.
        due = now.one("hexlag_snapshot_timestamp_seconds") + 1.6 * interval_s
        deadline = time.monotonic() + due - time.time()
        time.sleep(max(0, deadline - time.monotonic()))
        taken, size = scrape(connection)
        first.append(taken)
        second.append(scrape(connection)[0])
        m = await_cycle(hexlag, number, 5 * interval_s)
        seconds = {dict(key)["phase"]: value
                   for key, value in m.all("hexlag_cycle_phase_seconds").items()}
        for name, value in seconds.items():
            phases.setdefault(name, []).append(1000 * value)
        wall.append(1000 * sum(seconds.values()))
        cpu.append(1000 * m.one("hexlag_cycle_cpu_seconds"))
    return wall, cpu, phases, first, second, size


def scraped_cost(hexlag, interval_s):
    """Calls per cycle while SCRAPES scrapes come in each interval."""
    connection = http.client.HTTPConnection("127.0.0.1", hexlag.port)
    before = counters(own_metrics(hexlag))
    begin = time.monotonic()
    for cycle in range(5):
        for _ in range(SCRAPES):
            scrape(connection)
        deadline = begin + (cycle + 1) * interval_s
        time.sleep(max(0, deadline - time.monotonic()))
    return per_cycle(before, counters(own_metrics(hexlag)))


def measure_size(report, world, topics, groups, interval_s):
    what = f"{groups:,} groups x {EACH} topics x {PARTITIONS}"
    hexlag = Hexlag(f"cycle-{groups}", world.bootstrap, interval=f"{interval_s}s", timeout="5s")
    hexlag.wait_ready()
    await_cycle(hexlag, 5, 30 + 6 * interval_s)
    shown = hexlag.get("/metrics")[1].count("\nkafka_consumergroup_lag{")
    if shown != groups * EACH * PARTITIONS:
        raise Failure(f"{shown} group-partitions in /metrics, not {groups * EACH * PARTITIONS}")
    cost = quiet_run(hexlag, interval_s)
    wall, cpu, phases, first, second, size = phases_of(hexlag, interval_s)
    memory = proc.rollup(hexlag.pid)
    scraped = scraped_cost(hexlag, interval_s)

    limit = 20 if groups == 100 else None  # promised for that size only
    report.row(f"{what}: cycle, median", statistics.median(wall), "ms")
    report.row("cycle, worst", max(wall), "ms")
    for name, values in phases.items():
        report.row(f"  phase {name}, median", statistics.median(values), "ms")
    report.row("CPU per cycle", 1000 * cost["cpu"], "ms")
    report.row("questions per cycle", cost["calls"], "")
    report.row("requests per cycle", cost["requests"], "")
    report.row("bytes sent per cycle", cost["sent"], "B")
    report.row("bytes received per cycle", cost["received"], "B")
    report.row("/metrics, first of a snapshot, median", statistics.median(first), "ms", limit)
    report.row("/metrics, first of a snapshot, worst", max(first), "ms")
    report.row("/metrics again, median", statistics.median(second), "ms", limit)
    report.row("/metrics, size", size, "B")
    report.row(f"resident after {cycles_of(own_metrics(hexlag))} cycles", memory["Rss"] / 1024, "MiB")
    report.row("of it anonymous", memory["Anonymous"] / 1024, "MiB")
    report.note(
        f"{what}: {topics:,} topics, interval {interval_s} s, exporter only; questions per cycle "
        f"without a scrape {cost['calls']:.2f},\nwith {SCRAPES} scrapes in each interval "
        f"{scraped['calls']:.2f}; requests {cost['requests']:.2f} and {scraped['requests']:.2f} "
        f"(counted every five seconds); CPU during the cycles\nthemselves, median "
        f"{statistics.median(cpu):.1f} ms")
    report.note(f"{what}: largest anonymous:\n"
                + "\n".join(proc.largest_anonymous(hexlag.pid, 5)))
    hexlag.stop()


def measure_filled(report, topics, groups, interval_s):
    world = World("--no-kube", "--offsets-partitions", "50").ready()
    run(TRAFFIC, "-b", world.bootstrap, "fill", topics, PARTITIONS, groups, EACH, timeout=300)
    measure_size(report, world, topics, groups, interval_s)
    report.note(
        f"requests, bytes and CPU: difference over {CYCLES} cycles without a scrape (CPU of "
        f"/proc/PID/stat); duration and phases: gauges of\n{CYCLES} snapshots; /metrics: "
        f"http.client on a connection kept open, {CYCLES} snapshots, halfway between two cycles")


def measure(report, _options):
    measure_filled(report, 100, 100, 2)


def measure_large(report, _options):
    """The broker's 512 MiB of heap are too few for 10,000 partitions: it stops for a collection of
    0.6 s every few cycles, which the phase shows in which it happens."""
    measure_filled(report, 1000, 1000, 5)
