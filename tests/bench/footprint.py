"""Footprint: the main job with one group, one topic and one rule, left alone for some minutes."""

import time

import proc
from reaction import Producer, pause_until
from world import Hexlag, World, namespace, rule, wait_until, workload

TOPIC, GROUP, PARTITIONS, TARGET = "orders", "workers", 12, "orders"
SCRAPE_S, BURST_S = 15, 60
BURST, RATE = 3600, 200  # records, and records a second that the group handles
MIB = 1024


def live(hexlag, producer, minutes):
    """Scrapes and bursts until the time is over; (minute, Rss, Anonymous) at every burst."""
    begin = time.monotonic()
    course = []
    for tick in range(int(minutes * 60 / SCRAPE_S)):
        pause_until(begin + tick * SCRAPE_S)
        if tick * SCRAPE_S % BURST_S == 0:
            producer.burst(BURST)
            memory = proc.rollup(hexlag.pid)
            course.append((tick * SCRAPE_S // 60, memory["Rss"], memory["Anonymous"]))
        hexlag.metrics()
    pause_until(begin + minutes * 60)
    return course


def show(report, hexlag, seconds, cpu, course):
    memory, threads = proc.rollup(hexlag.pid), proc.threads(hexlag.pid)
    report.row("resident (Rss)", memory["Rss"] / MIB, "MiB", 18)
    report.row("of it anonymous", memory["Anonymous"] / MIB, "MiB", 5)
    report.row("CPU, share of a core", 100 * cpu / seconds, "%", 1)
    report.row("threads", len(threads), "")
    report.note("minute: Rss, Anonymous in MiB: " + ", ".join(
        f"{minute}: {rss / MIB:.2f}, {anonymous / MIB:.2f}" for minute, rss, anonymous in course))
    report.note("CPU by thread since its start, ms/s: " + ", ".join(
        f"{name} {1000 * used / seconds:.2f}" for name, used in threads))
    report.note("largest anonymous:\n" + "\n".join(proc.largest_anonymous(hexlag.pid, 10)))
    report.note("largest files:\n" + "\n".join(proc.largest_files(hexlag.pid, 10)))


def measure(report, options):
    world = World().ready()
    world.traffic("create", TOPIC, PARTITIONS, 1)
    world.traffic("commit", GROUP, TOPIC, *[0] * PARTITIONS)
    world.apply(namespace(), workload(TARGET))
    member = world.consumer("member", GROUP, TOPIC, RATE)
    producer = Producer(world)
    hexlag = Hexlag("footprint", world.bootstrap, [rule(TARGET, [(GROUP, TOPIC, 100)])],
                    world.vars["KUBECONFIG"], interval="1s")
    hexlag.wait_ready()
    began, cpu = time.monotonic(), hexlag.cpu_seconds()
    course = live(hexlag, producer, options.minutes)
    cpu = hexlag.cpu_seconds() - cpu
    show(report, hexlag, time.monotonic() - began, cpu, course)
    writes = hexlag.metrics().one("hexlag_scaler_writes_total")
    wait_until(lambda: writes > 0, "a write during the run", 0)
    report.note(
        f"{options.minutes:g} minutes, interval 1 s for exporter and scaler, {PARTITIONS} "
        f"partitions, one member, a scrape every {SCRAPE_S} s,\na burst of {BURST} records every "
        f"{BURST_S} s that is worked off in {BURST // RATE} s: {writes:.0f} writes to the API "
        "server;\nsmaps_rollup at the end, CPU from /proc/PID/stat")
    member.stop()
    producer.stop()
    hexlag.stop()
