#!/usr/bin/env -S python3 -B
"""Exact time lag: the age of records that were there before hexlag, whatever happened to their neighbours."""

import json
import subprocess
import time

from world import TRAFFIC, Hexlag, World, case, expect, expect_that, folder, main, wait_until

INTERVAL, SLACK = 0.5, 0.5
LONG_AGO = 3  # seconds between the records and the start of hexlag

world = World("--no-kube")
written = {}  # topic -> for each batch of records, when it was


def produce(topic, count):
    """Records at one time."""
    done = subprocess.run([TRAFFIC, "-b", world.bootstrap, "burst", topic], input=f"{count}\n",
                          text=True, check=True, stdout=subprocess.PIPE)
    written.setdefault(topic, []).append(int(done.stdout.split()[0]) / 1e6)


def transaction(topic, count):
    """One transaction: `count` records and a marker."""
    written.setdefault(topic, []).append(time.time())
    world.kafka_tool("ProducerPerformance", "--topic", topic, "--num-records", count,
                     "--record-size", 10, "--throughput", -1, "--transactional-id", "t",
                     "--transaction-duration-ms", 60000,
                     "--producer-props", f"bootstrap.servers={world.bootstrap}")


def pause():
    due = time.time() + LONG_AGO
    wait_until(lambda: time.time() >= due, "later records")


def delete_records(topic, before):
    path = f"{folder}/delete.json"
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"version": 1, "partitions": [
            {"topic": topic, "partition": 0, "offset": before}]}, f)
    world.kafka_tool("DeleteRecordsCommand", "--bootstrap-server", world.bootstrap,
                     "--offset-json-file", path)


def set_up():
    global hexlag
    world.ready()
    for topic in ("exact", "other", "cut", "transactional"):
        world.create(topic, 1)
    for topic in ("exact", "other", "cut"):
        produce(topic, 10)
    transaction("transactional", 10)
    pause()
    for topic in ("exact", "other", "cut"):
        produce(topic, 10)
    transaction("transactional", 10)
    for topic in ("exact", "other", "cut"):
        world.traffic("commit", "g-" + topic, topic, 2)
    delete_records("cut", 12)
    pause()
    hexlag = Hexlag("hexlag", world.bootstrap,
                    exporter={"time_lag": "partition", "time_lag_exact": "^(exact|cut|trans)"})
    hexlag.wait_ready()


def age(group):
    """The time lag shown, and the time of the snapshot."""
    m = hexlag.metrics()
    return (m.one("hexlag_consumergroup_max_lag_seconds", consumergroup=group),
            m.one("hexlag_snapshot_timestamp_seconds"))


def wait_age(group, at, slack=SLACK):
    def right():
        shown, now = age(group)
        return shown is not None and abs(shown - (now - at)) <= slack
    wait_until(right, f"{group} is as late as {at}: {age(group)}")


@case("the age of a record from before the start is known")
def before_the_start():
    wait_age("g-exact", written["exact"][0])


@case("it is not where history has to tell it")
def history():
    expect(age("g-other")[0], None, "time lag")


@case("a commit that moves is as late as the next record")
def moves():
    world.traffic("commit", "g-exact", "exact", 10)
    wait_age("g-exact", written["exact"][1])
    world.traffic("commit", "g-exact", "exact", 9)
    wait_age("g-exact", written["exact"][0])
    world.traffic("commit", "g-exact", "exact", 20)
    wait_until(lambda: age("g-exact")[0] == 0, "no time lag without lag")


@case("two groups on one partition have each their own")
def two_groups():
    world.traffic("commit", "g-exact", "exact", 1)
    world.traffic("commit", "g-second", "exact", 15)
    wait_age("g-exact", written["exact"][0])
    wait_age("g-second", written["exact"][1])


@case("a commit below the log start is as late as the first record that is left")
def below_start():
    wait_age("g-cut", written["cut"][1])


@case("a commit at the marker of a transaction is as late as the next record")
def marker():
    # ProducerPerformance takes a while to start; its records are that much younger.
    world.traffic("commit", "g-trans", "transactional", 10)
    wait_age("g-trans", written["transactional"][1] + 2, slack=2.5)
    gap = written["transactional"][1] - written["transactional"][0]
    expect_that(gap > LONG_AGO, "transactions apart", gap)


@case("a commit at the last marker, where no record is, does not hold up others")
def last_marker():
    world.traffic("commit", "g-trans", "transactional", 21)
    produce("exact", 1)
    world.traffic("commit", "g-exact", "exact", 20)
    wait_age("g-exact", written["exact"][2])
    expect(hexlag.log_lines("cannot be read"), [], "log lines")


@case("a topic that is deleted leaves the others alone")
def deleted():
    world.traffic("delete", "cut")
    wait_until(lambda: age("g-cut")[0] is None, "no time lag without a topic")
    world.traffic("commit", "g-exact", "exact", 2)
    wait_age("g-exact", written["exact"][0])
    code, took = hexlag.stop()
    expect(code, 0, "exit code")
    expect_that(took < 3, "stopped within 3 s", took)


main(set_up)
