"""Many rules: 500 targets on one scaler, each with a group and a topic of its own; of the configuration file,
or of as many HexServerAutoscaler objects, with the scaler elected."""

import json
import os
import random
import statistics
import time

import hsa
import proc
from definitions import define, definition
from figures import quantile
from reaction import Producer, pause_until, phases
from watch import Watch
from world import TRAFFIC, Hexlag, World, namespace, run, wait_until

RULES, PARTITIONS = 500, 4
MIN, MAX = 1, 4
RECORDS, THRESHOLD = 240, 20
MIB = 1024


def widget(i):
    return {"apiVersion": "example.org/v1", "kind": "Widget",
            "metadata": {"namespace": "shop", "name": f"target-{i:04}"}, "spec": {"replicas": MIN}}


def rule_of(i):
    return {"scaleTargetRef": {"apiVersion": "example.org/v1", "kind": "Widget",
                               "namespace": "shop", "name": f"target-{i:04}"},
            "minReplicas": MIN, "maxReplicas": MAX, "cooldown": "0s",
            "consumergroups": [{"name": f"group-{i:04}", "topicsThreshold": [
                {"topic": f"topic-{i:04}", "lag": THRESHOLD}]}]}


def object_of(i):
    """The same rule as an object."""
    spec = rule_of(i)
    del spec["scaleTargetRef"]["namespace"]
    return hsa.autoscaler(f"rule-{i:04}", **spec)


def one_burst(world, watch, chosen, pause_s):
    """Seconds from the last acknowledgement of a burst to the size in the API server."""
    producer = Producer(world, f"topic-{chosen:04}")
    pause_until(time.monotonic() + pause_s)
    start = watch.mark()
    _, acknowledged = producer.burst(RECORDS)
    raised = watch.await_size(lambda size: size > MIN, start)
    producer.stop()
    return raised - acknowledged


def requests(hexlag):
    return sum(hexlag.metrics().all("hexlag_kube_requests_total").values())


def quiet(report, hexlag, seconds):
    """What it costs while nothing is to be done."""
    before, cpu, began = requests(hexlag), hexlag.cpu_seconds(), time.monotonic()
    pause_until(began + seconds)
    spent = time.monotonic() - began
    report.row("requests to the API server, rule and second",
               (requests(hexlag) - before) / spent / RULES, "", 1)
    report.row("CPU, share of a core", 100 * (hexlag.cpu_seconds() - cpu) / spent, "%")
    memory = proc.rollup(hexlag.pid)
    report.row("resident (Rss)", memory["Rss"] / MIB, "MiB", 48)
    report.row("of it anonymous", memory["Anonymous"] / MIB, "MiB")


def decisions(report):
    """What the deciding alone costs, on a snapshot that is there."""
    for line in run(os.path.join(os.path.dirname(TRAFFIC), "decisions")).stdout.splitlines():
        policy, ms = line.split()
        report.row(f"1,000 decisions, {policy}", float(ms), "ms", 5)


def make_world():
    world = World().ready()
    world.traffic("fill", RULES, PARTITIONS, RULES, 1)
    world.apply(namespace())
    define(world, definition("Widget", replicas="replicas"))
    world.apply(*[widget(i) for i in range(RULES)])
    return world


def start(world, rules=(), scaler=None):
    hexlag = Hexlag("many", world.bootstrap, rules, world.vars["KUBECONFIG"], interval="1s",
                    exporter={"interval": "10s"}, scaler=scaler)
    hexlag.wait_ready()
    return hexlag


def decided(hexlag):
    """Rules on which there was a decision."""
    return len(hexlag.metrics().all("hexlag_scaler_replicas"))


def bursts(report, world, options):
    watch = Watch(world, None, "/apis/example.org/v1/namespaces/shop/widgets")
    wait_until(lambda: watch.seen, "the first event of the watch")
    chosen = random.sample(range(RULES), options.bursts)
    took = [one_burst(world, watch, i, 1 + phase) for i, phase in zip(chosen, phases(len(chosen)))]
    report.row(f"{RULES} rules, interval 1s, median", statistics.median(took), "s", 1)
    report.row(f"{RULES} rules, interval 1s, p99", quantile(took, 0.99), "s", 2)


def end(report, hexlag, options, what):
    memory = proc.rollup(hexlag.pid)
    report.row("resident after it", memory["Rss"] / MIB, "MiB", 48)
    hexlag.stop()
    report.note(f"{RULES} {what} on {RULES} custom resources with a scale subresource, each with a "
                f"group and a topic of {PARTITIONS} partitions of its own;\n{options.bursts} "
                f"bursts of {RECORDS} records, each on another topic, at random phases of the "
                "interval; from the last acknowledgement\nto the arrival of the watch's event")


def measure(report, options):
    decisions(report)
    world = make_world()
    hexlag = start(world, [rule_of(i) for i in range(RULES)])
    wait_until(lambda: decided(hexlag) == RULES, f"a decision on each of {RULES} rules", 60)
    quiet(report, hexlag, 60)
    bursts(report, world, options)
    end(report, hexlag, options, "rules of the file")


def silent(world, hexlag):
    """Each object has a status, and none was written for so long."""
    def writes():
        return hexlag.metrics().one("hexlag_objects_status_writes_total", outcome="ok")

    def are_told():
        items = json.loads(world.kubectl("-n", "shop", "get", "hsa", "-o", "json"))["items"]
        return sum("currentReplicas" in i.get("status", {}) for i in items) == RULES
    wait_until(are_told, "a status on each object", 180)
    before = writes()
    pause_until(time.monotonic() + 30)
    return writes() - before


def measure_objects(report, options):
    """Made while hexlag runs, and found by another that starts later."""
    world = make_world()
    hsa.define(world)
    scaler = {"objects": {"enabled": True}, "leader_election": {"enabled": True}}
    hexlag = start(world, scaler=scaler)
    made = time.monotonic()
    world.kubectl("create", "-f", "-", text="\n---\n".join(json.dumps(object_of(i)) for i in range(RULES)))
    made = time.monotonic() - made
    began = time.monotonic()
    wait_until(lambda: decided(hexlag) == RULES, f"a decision on each of {RULES} objects", 60)
    report.row("the last object made to all decided on", time.monotonic() - began, "s", 10)
    report.row("status writes in 30 s of quiet", silent(world, hexlag), "")
    quiet(report, hexlag, 60)
    bursts(report, world, options)
    end(report, hexlag, options, f"objects, which kubectl took {made:.0f} s to make, and an elected scaler,")
    began = time.monotonic()
    hexlag = start(world, scaler=scaler)
    wait_until(lambda: decided(hexlag) == RULES, f"a decision on each of {RULES} objects", 60)
    report.row("a start to all decided on", time.monotonic() - began, "s", 15)
    hexlag.stop()
