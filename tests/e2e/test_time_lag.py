#!/usr/bin/env -S python3 -B
"""Time lag against the wall clock of the producer, over restarts; stuck and idle groups."""

import subprocess
import time

from world import (TRAFFIC, Hexlag, World, case, expect, expect_that, folder, main, wait_equal,
                   wait_until)

TOPIC, GROUP = "orders", "workers"
INTERVAL, SLACK = 0.5, 0.4  # of a reading; of two clocks read one after the other on a busy machine
BURST, BURSTS, EVERY = 40, 16, 0.6
STATE = f"{folder}/state"
OPTIONS = {"time_lag": "partition", "stuck_after": "2s", "state_file": STATE}

world = World("--no-kube")
written = []  # for each burst, when it was: seconds of the wall clock


def start(name, **options):
    started = Hexlag(name, world.bootstrap, exporter={**OPTIONS, **options})
    started.wait_ready()
    return started


def set_up():
    global hexlag
    world.ready()
    world.create(TOPIC, 1)
    world.create("quiet", 1)
    world.traffic("produce", "quiet", 10)
    world.traffic("commit", GROUP, TOPIC, 0)
    world.traffic("commit", "drained", "quiet", 10)
    world.traffic("commit", "late", "quiet", 4)
    hexlag = start("hexlag")
    hexlag.wait_lag(GROUP, TOPIC, {0: 0})
    produce()


def produce():
    """Bursts of records in steps of EVERY."""
    command = [TRAFFIC, "-b", world.bootstrap, "burst", TOPIC]
    with subprocess.Popen(command, text=True, bufsize=1, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as producer:
        for i in range(BURSTS):
            producer.stdin.write(f"{BURST}\n")
            first, last = producer.stdout.readline().split()
            expect_that(int(last) - int(first) < SLACK * 1e6, "a burst in no time", (first, last))
            written.append(int(first) / 1e6)
            wait_until(lambda due=written[0] + (i + 1) * EVERY: time.time() >= due, "its turn")
        producer.stdin.close()


def one(name, group=GROUP, topic=TOPIC):
    return hexlag.metrics().one(f"hexlag_consumergroup_{name}", consumergroup=group, topic=topic)


def expect_age_of(burst):
    """All series of time lag tell the age of the first record of the burst."""
    m = hexlag.metrics()
    want = m.one("hexlag_snapshot_timestamp_seconds") - written[burst]
    for name in ("lag_seconds", "topic_max_lag_seconds", "max_lag_seconds"):
        got = m.one("hexlag_consumergroup_" + name, consumergroup=GROUP)
        expect_that(got is not None and abs(got - want) <= INTERVAL + SLACK,
                    f"{name} within {INTERVAL + SLACK} s of {want}", got)


@case("a group that stopped is as late as the first record that it did not commit")
def stopped():
    hexlag.wait_lag(GROUP, TOPIC, {0: BURST * BURSTS})
    expect_age_of(0)


@case("wherever it commits, the time lag is that of the next record, within one interval")
def commits():
    for burst in (1, 5, 6, 11, BURSTS - 1):
        world.traffic("commit", GROUP, TOPIC, BURST * burst)
        now = time.time()
        hexlag.wait_lag(GROUP, TOPIC, {0: BURST * (BURSTS - burst)})
        expect_age_of(burst)
        moved = one("last_commit_timestamp_seconds")
        expect_that(abs(moved - now) <= INTERVAL + SLACK, f"a last commit at {now}", moved)


@case("a group that caught up has none, one that was late before the start an unknown one")
def edges():
    m = hexlag.metrics()
    expect(m.one("hexlag_consumergroup_max_lag_seconds", consumergroup="drained"), 0, "time lag")
    expect(m.all("hexlag_consumergroup_max_lag_seconds", consumergroup="late"), {}, "time lag")
    expect(m.all("hexlag_consumergroup_lag_seconds", consumergroup="late"), {}, "time lag")


@case("a commit that stands still with lag is stuck, one without lag is not")
def stuck():
    wait_equal(lambda: one("stuck"), 1, "stuck of a stopped group")
    expect(one("stuck", "drained", "quiet"), 0, "stuck of a group without lag")
    world.traffic("commit", GROUP, TOPIC, BURST * (BURSTS - 1) + 1)
    wait_equal(lambda: one("stuck"), 0, "stuck after a commit")
    expect_that(one("commit_rate") > 0, "a commit rate", one("commit_rate"))


def restart(name, **options):
    global hexlag
    code, took = hexlag.stop()
    expect(code, 0, "exit code")
    expect_that(took < 3, "stopped within 3 s", took)
    hexlag = start(name, **options)
    hexlag.wait_lag(GROUP, TOPIC, {0: BURST - 1})


@case("a restart with the state file changes nothing")
def restart_with_state():
    moved = one("last_commit_timestamp_seconds")
    restart("again")
    expect_age_of(BURSTS - 1)
    expect(one("last_commit_timestamp_seconds"), moved, "last commit")
    expect(hexlag.log_lines("state"), [], "log lines on the state")


@case("a restart without it begins anew: what waits is of an unknown age")
def restart_without_state():
    restart("anew", state_file=STATE + ".other")
    expect(one("lag_seconds"), None, "time lag")
    expect(one("last_commit_timestamp_seconds"), None, "last commit")
    expect(one("commit_rate") or 0, 0, "commit rate")


@case("a damaged state file costs one warning, and is replaced at the end")
def damaged():
    with open(STATE, "r+b") as f:
        f.seek(100)
        f.write(b"rubbish")
    restart("damaged")
    warnings = hexlag.log_lines("damaged: the checksum is wrong; going on without")
    expect(len(warnings), 1, "warnings")
    expect_that(STATE in warnings[0], "the file's name", warnings)
    restart("replaced")
    expect(hexlag.log_lines("state"), [], "log lines on the state")


@case("the state of another cluster is not used, and that is said")
def other_cluster():
    global hexlag
    other = World("--no-kube").ready()
    other.create(TOPIC, 1)
    hexlag.stop()
    hexlag = Hexlag("other", other.bootstrap, exporter=OPTIONS)
    hexlag.wait_log("the saved state is of another cluster")
    hexlag.stop()


@case("a folder that is not there is told at the start, and does not stop anything")
def no_folder():
    global hexlag
    hexlag = start("folderless", state_file=f"{folder}/none/state")
    hexlag.wait_log("state will not be saved: .*/none: No such file or directory")
    hexlag.wait_lag(GROUP, TOPIC, {0: BURST - 1})
    expect(hexlag.stop()[0], 0, "exit code")


@case("a group without members and commits vanishes after group_max_idle, and comes back")
def idle():
    global hexlag
    member = world.consumer("member", "live", "quiet", 1000)
    hexlag = start("idle", group_max_idle="3s")

    def groups():
        shown = hexlag.metrics().all("kafka_consumergroup_members")
        return sorted(dict(labels)["consumergroup"] for labels in shown)

    wait_equal(groups, ["drained", "late", "live", GROUP], "groups that are new to it")
    wait_equal(groups, ["live"], "groups with members")
    world.traffic("commit", "late", "quiet", 9)
    wait_equal(groups, ["late", "live"], "groups after a commit")
    member.stop()


main(set_up)
