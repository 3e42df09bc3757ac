#!/usr/bin/env -S python3 -B
"""What fails around hexlag: brokers, coordinators, the API server, topics.

Always the same demands: unknown is not zero, what is known stays with its age, the rest goes on,
and recovery needs no restart.
"""

from collections import Counter

from world import (DEADLINE, Hexlag, Watcher, World, case, expect, expect_that, main, namespace,
                   rule, wait_equal, wait_until, workload)

PARTITIONS = 12
GROUP = "workers"
TARGET = "shop/Deployment/orders"
LAG = 50  # of each partition of a topic at the start
REREAD = DEADLINE + 15

three = World("--brokers", "3", "--replication", "3")
alone = World("--no-kube")


def set_up():
    """Topic "orders" has no replicas, topic "safe" has three of each partition."""
    global hexlag
    three.ready()
    for topic, replication in (("orders", 1), ("safe", 3)):
        three.create(topic, PARTITIONS, replication)
        three.traffic("produce", topic, PARTITIONS * LAG)
        three.traffic("commit", GROUP, topic, *[0] * PARTITIONS)
    three.grant_hexlag()
    three.apply(namespace(), workload("orders", replicas=6))
    hexlag = Hexlag("three", three.bootstrap,
                    [rule("orders", [(GROUP, "orders", PARTITIONS * LAG)])],
                    three.hexlag_kubeconfig)
    hexlag.wait_lag(GROUP, "orders", every(LAG))
    hexlag.wait_lag(GROUP, "safe", every(LAG))


def every(lag, count=PARTITIONS):
    return dict.fromkeys(range(count), lag)


def leaders(topic):
    return hexlag.metrics().by_partition("kafka_topic_partition_leader", topic=topic)


def led_by(broker, topic):
    return {p for p, leader in leaders(topic).items() if leader == broker}


def ages(topic="orders", of=None):
    return (of or hexlag).metrics().by_partition("hexlag_consumergroup_lag_age_seconds",
                                                 topic=topic, consumergroup=GROUP)


def quality(topic):
    return hexlag.metrics().one("hexlag_consumergroup_lag_quality", topic=topic,
                                consumergroup=GROUP)


def java_hash(text):
    """String.hashCode() of Java; ASCII only."""
    value = 0
    for c in text:
        value = (31 * value + ord(c)) & 0xffffffff
    return value - (1 << 32) if value >= 1 << 31 else value


def coordinator():
    return int(leaders("__consumer_offsets")[abs(java_hash(GROUP)) % 4])


def reason():
    found = [(labels, n) for labels, n in
             hexlag.metrics().all("hexlag_scaler_decisions_total", target=TARGET).items()]
    return {dict(labels)["reason"]: n for labels, n in found}


def decided(which, more):
    """Waits for `more` further decisions with this reason."""
    before = reason().get(which, 0)
    wait_until(lambda: reason().get(which, 0) >= before + more, f"{more} times {which}")


# --- three brokers ---

@case("with all brokers up the size fits the lag and stays")
def steady():
    decided("DesiredWithinRange", 2)
    expect(three.replicas("orders"), 6, "replicas")
    expect(ages(), {}, "ages")


@case("a broker killed: its partitions keep their lag and show its age, the others stay fresh")
def broker_killed():
    global dead, lost, watcher
    dead = coordinator()
    lost = led_by(dead, "orders")
    expect_that(0 < len(lost) < PARTITIONS, "a broker that leads some partitions", lost)
    watcher = Watcher(hexlag, GROUP, "orders")
    three.broker("kill", dead)
    wait_equal(lambda: (set(ages()), quality("orders")), (lost, 2), "partitions with an age")
    first = ages()
    wait_until(lambda: min(ages().values()) > max(first.values()) + 1, "growing ages")
    # What happens is logged once, not once a cycle.
    repeated = [text for text, n in Counter(line.split(" ", 1)[1]
                                            for line in hexlag.log_lines()).items() if n > 2]
    expect(repeated, [], "lines logged more than twice")
    expect(hexlag.metrics().lag(GROUP, "orders"), every(LAG), "lag")


@case("the group's coordinator moves: a replicated topic is read in full again")
def coordinator_moved():
    wait_until(lambda: coordinator() != dead, "another coordinator")
    hexlag.wait_lag(GROUP, "safe", every(LAG))
    expect(hexlag.metrics().one("hexlag_consumergroup_coordinator_answered", consumergroup=GROUP),
           1, "coordinator answered")
    expect(hexlag.get("/readyz")[0], 200, "/readyz")


@case("replicas are held on partial data, even when all that is known is drained")
def held_on_partial():
    three.traffic("commit", GROUP, "orders",
                  *["-" if p in lost else LAG for p in range(PARTITIONS)])
    drained = {p: LAG if p in lost else 0 for p in range(PARTITIONS)}
    wait_equal(lambda: hexlag.metrics().lag(GROUP, "orders"), drained, "lag")
    decided("LagPartial", 4)
    expect(three.replicas("orders"), 6, "replicas")
    hexlag.wait_log(f"{TARGET}: LagPartial: staying at 6 replicas")


@case("the broker is back: right lag, no restart, no partition ever showed a 0 it does not have")
def broker_back():
    three.broker("start", dead)
    hexlag.wait_lag(GROUP, "orders", {p: LAG if p in lost else 0 for p in range(PARTITIONS)})
    seen = watcher.stop()
    expect({p: seen[p] for p in lost}, dict.fromkeys(lost, {LAG}), "lag ever shown")
    expect({p: seen[p] for p in seen if p not in lost},
           {p: {LAG, 0} for p in seen if p not in lost}, "lag ever shown, of those drained")
    wait_equal(ages, {}, "ages")
    expect_that(hexlag.alive(), "the same process", hexlag.log())


@case("decisions resume on complete data")
def decisions_resume():
    # At most 11 of 12 partitions lag: less than the threshold.
    wait_until(lambda: three.replicas("orders") < 6, "fewer replicas")


@case("a broker that hangs: what others lead is read anew, in full once its partitions have moved")
def broker_hangs():
    slow = int((set(leaders("safe").values()) - {coordinator()}).pop())
    watched = Watcher(hexlag, GROUP, "safe")
    three.broker("pause", slow)
    try:
        wait_until(lambda: ages("safe"), "partitions with an age")
        # The controller fences it after 5 s; the library gives its connection up at a time-out.
        wait_equal(lambda: (slow in leaders("safe").values(), quality("safe")), (False, 3),
                   "a partition that it leads, quality")
        wait_equal(lambda: hexlag.get("/readyz")[0], 200, "/readyz with a hanging broker")
    finally:
        three.broker("resume", slow)
    hexlag.wait_lag(GROUP, "safe", every(LAG))
    expect(watched.stop(), {p: {LAG} for p in range(PARTITIONS)}, "lag ever shown")


@case("kube-apiserver stopped: no exit, no busy loop, the exporter goes on")
def apiserver_stopped():
    errors = "hexlag_scaler_errors_total"
    before, lines, cpu = hexlag.metrics().one(errors), len(hexlag.log_lines()), hexlag.cpu_seconds()
    three.apiserver("kill")
    three.traffic("produce", "orders", PARTITIONS * LAG * 10)
    wait_until(lambda: hexlag.metrics().one(errors) >= before + 3, "3 failed tries", REREAD)
    added = hexlag.log_lines()[lines:]
    expect_that(len(added) <= 6, "at most 6 new log lines", added)
    expect_that(any(three.vars["KUBE_API"] in a or "/scale" in a for a in added),
                "a line that names what failed", added)
    expect_that(hexlag.cpu_seconds() - cpu < 1, "under 1 s of CPU", hexlag.cpu_seconds() - cpu)
    expect(hexlag.get("/readyz")[0], 200, "/readyz")
    expect_that(hexlag.alive(), "the same process", added)


@case("kube-apiserver is back: decisions resume without a restart")
def apiserver_back():
    three.apiserver("start")
    hexlag.wait_log(f"{TARGET}: (the API server answers|can be scaled) again", REREAD)
    wait_equal(lambda: three.replicas("orders"), 10, "replicas")
    expect(hexlag.stop()[0], 0, "exit code")


# --- one broker, no Kubernetes ---

def set_up_alone():
    global single
    alone.ready()
    alone.create("t", 2)
    alone.create("other", 1)
    alone.traffic("produce", "t", 20)
    alone.traffic("commit", GROUP, "t", 3, 4)
    alone.traffic("commit", GROUP, "other", 0)
    single = Hexlag("single", alone.bootstrap)
    single.wait_lag(GROUP, "t", {0: 7, 1: 6})


@case("topic deleted: its series go, no 0 in their place", set_up_alone)
def topic_deleted():
    watched = Watcher(single, GROUP, "t")
    alone.traffic("delete", "t")
    wait_equal(lambda: single.metrics().all("kafka_consumergroup_lag", topic="t"), {}, "series")
    expect(watched.stop(), {0: {7}, 1: {6}}, "lag ever shown")
    expect(single.metrics().lag(GROUP, "other"), {0: 0}, "lag of another topic")


@case("topic recreated: lag counts from its new beginning", set_up_alone)
def topic_recreated():
    wait_until(lambda: not single.metrics().all("kafka_topic_partitions", topic="t"), "no topic t")
    alone.create("t", 2)
    alone.traffic("produce", "t", 10)
    alone.traffic("commit", GROUP, "t", 1, 2)
    single.wait_lag(GROUP, "t", {0: 4, 1: 3})


@case("partitions added while running show up, first without a commit, then with their lag",
      set_up_alone)
def partitions_added():
    alone.kafka_tool("TopicCommand", "--bootstrap-server", alone.bootstrap, "--alter", "--topic",
                     "t", "--partitions", "4")
    alone.traffic("produce", "t", 8, 2)
    single.wait_lag(GROUP, "t", {0: 4, 1: 3, 2: -1, 3: -1})
    alone.traffic("commit", GROUP, "t", "-", "-", 0, 0)
    single.wait_lag(GROUP, "t", {0: 4, 1: 3, 2: 8, 3: 0})


@case("the only broker stopped: /readyz says why, /metrics keeps the last values with their age",
      set_up_alone)
def only_broker_stopped():
    global watched
    expect(single.get("/readyz")[0], 200, "/readyz before")
    watched = Watcher(single, GROUP, "t")
    alone.broker("stop", 1)
    wait_equal(lambda: single.get("/readyz")[0], 503, "/readyz")
    expect_that("no metadata from" in single.get("/readyz")[1], "a reason",
                single.get("/readyz")[1])
    expect(single.get("/healthz")[0], 200, "/healthz")
    wait_until(lambda: min(ages("t", single).values(), default=0) > 1, "ages over 1 s")
    m = single.metrics()
    expect(m.lag(GROUP, "t"), {0: 4, 1: 3, 2: 8, 3: 0}, "lag")
    expect(m.one("hexlag_metadata_ok"), 0, "hexlag_metadata_ok")
    expect(m.one("hexlag_consumergroup_lag_quality", topic="t"), 1, "quality (stale)")


@case("hexlag started with Kafka down listens at once, is not ready, and shows no lag",
      set_up_alone)
def started_without_kafka():
    global late
    late = Hexlag("late", alone.bootstrap)
    wait_equal(lambda: late.get("/healthz")[0], 200, "/healthz", 5)
    expect(late.get("/readyz")[0], 503, "/readyz")
    wait_equal(lambda: late.metrics().one("hexlag_metadata_ok"), 0, "hexlag_metadata_ok")
    expect(late.metrics().all("kafka_consumergroup_lag"), {}, "lag series")
    expect(late.metrics().one("kafka_brokers"), None, "kafka_brokers")


@case("Kafka is back: both recover by themselves, the same processes, with the right lag",
      set_up_alone)
def only_broker_back():
    expect_that(len(single.log_lines()) < 20, "under 20 log lines", single.log())
    alone.broker("start", 1)
    for process in (single, late):
        process.wait_ready()
        process.wait_lag(GROUP, "t", {0: 4, 1: 3, 2: 8, 3: 0})
        expect_that(process.alive(), "the same process", process.log())
    expect(watched.stop(), {0: {4}, 1: {3}, 2: {8}, 3: {0}}, "lag ever shown")


@case("a broker that hangs does not stop SIGTERM from ending hexlag within 2 s", set_up_alone)
def sigterm_while_hanging():
    alone.broker("pause", 1)
    wait_equal(lambda: single.get("/readyz")[0], 503, "/readyz")
    for process in (single, late):
        code, seconds = process.stop()
        expect(code, 0, "exit code")
        expect_that(seconds < 2, "an end within 2 s", seconds)


if __name__ == "__main__":
    main(set_up)
