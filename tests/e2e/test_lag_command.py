#!/usr/bin/env -S python3 -B
"""`hexlag lag` says what Kafka's own ConsumerGroupCommand says, on the newest Kafka and on 3.9."""

import json
import re
import signal
import unicodedata

from world import (HEXLAG, ROOT, Background, World, case, expect, expect_that, folder, free_port,
                   main, run, wait_equal, wait_until)

NEWEST, OLDER = "4.3.0", "3.9.1"
PARTITIONS = 4
COUNT = 25  # records in each partition of "orders"

# Groups with their commits on "orders"; "-" is none.
GROUPS = {
    "all": [0, 10, 24, 25],
    "some": ["-", 7, "-", 9],
    "with blanks in  it": [1, 2, 3, 4],
    "it's \"quoted\" \\ $HOME": ["-", "-", "-", 5],
    "größe-\u5927\u304d\u3055-\U0001f600": [5, 6, 7, "-"],
    "dots.and-dashes_": [25, 25, 25, 25],
}

kafkas = {version: World("--no-kube", "--kafka", version) for version in (NEWEST, OLDER)}


def set_up():
    for version, kafka in kafkas.items():
        fill(version, kafka.ready())


def fill(version, kafka):
    kafka.create("orders", PARTITIONS)
    kafka.create("dotted.topic-name_", 1)
    kafka.traffic("produce", "orders", PARTITIONS * COUNT)
    kafka.traffic("produce", "dotted.topic-name_", 5)
    for group, offsets in GROUPS.items():
        kafka.traffic("commit", group, "orders", *offsets)
    kafka.traffic("commit", "all", "dotted.topic-name_", 2)
    kafka.traffic("commit", "live", "orders", 3, 25, 12, "-")
    # Live members that read nothing, so that the cluster is quiet.
    for n in (1, 2):
        kafka.consumer(f"live-{n}-{version}", "live", "orders", 0)


def lag(kafka, *args, code=0):
    """`hexlag lag`; the exit code is checked."""
    done = run(HEXLAG, "lag", "-b", kafka.bootstrap, *args, check=False)
    expect(done.returncode, code, f"exit code of hexlag lag {args}: {done.stdout}{done.stderr}")
    return done


def lag_json(kafka, *args, code=0):
    return json.loads(lag(kafka, "-o", "json", *args, code=code).stdout)


def rows_of_hexlag(answer):
    """{(group, topic, partition): (committed, end, lag, member)} of all that has a commit."""
    return {(g["group"], t["topic"], p["partition"]):
            (p["committed"], p["end"], p["lag"], p["member"])
            for g in answer["groups"] for t in g["topics"] for p in t["partitions"]}


def number(text):
    return None if text == "-" else int(text)


def rows_of_kafka(text, groups):
    """The same from ConsumerGroupCommand's table; group names may hold blanks."""
    name = "|".join(sorted(map(re.escape, groups), key=len, reverse=True))
    row = re.compile(rf"^({name}) +(\S+) +(\d+) +(\d+|-) +(\d+|-) +(\d+|-) +(\S+) ", re.M)
    return {(g, topic, int(p)): (number(committed), number(end), number(lagging),
                                 None if member == "-" else member)
            for g, topic, p, committed, end, lagging, member in row.findall(text)}


def describe(kafka, groups):
    return rows_of_kafka(kafka.kafka_tool("ConsumerGroupCommand", "--bootstrap-server",
                                          kafka.bootstrap, "--describe", "--all-groups"), groups)


def expect_same(ours, theirs):
    """All rows of Kafka's table are ours; what we show besides is known to have no commit."""
    expect({key: ours.get(key) for key in theirs}, theirs, "rows")
    rest = {key: row for key, row in ours.items() if key not in theirs}
    expect({key: row for key, row in rest.items() if row[0] is not None or row[2] is not None}, {},
           "rows that only hexlag shows")


def members(answer):
    return {row[3] for row in rows_of_hexlag(answer).values()} - {None}


def compare(kafka):
    """Partition by partition: offsets, lag and members of all groups."""
    wait_equal(lambda: len(members(lag_json(kafka, "-g", "live"))), 2, "members with partitions")
    theirs = describe(kafka, [*GROUPS, "live"])
    ours = lag_json(kafka)
    expect({g["group"] for g in ours["groups"]}, {*GROUPS, "live"}, "groups")
    # 4 partitions of "live" with their members, and what was committed.
    commits = sum(offset != "-" for offsets in GROUPS.values() for offset in offsets)
    expect(len(theirs), commits + 1 + PARTITIONS, "rows that Kafka's tool shows")
    expect_same(rows_of_hexlag(ours), theirs)
    states = {g["group"]: (g["state"], g["members"]) for g in ours["groups"]}
    expect(states, {**dict.fromkeys(GROUPS, ("Empty", 0)), "live": ("Stable", 2)}, "states")


@case(f"lag, offsets and members equal ConsumerGroupCommand's on Kafka {NEWEST}")
def same_on_newest():
    compare(kafkas[NEWEST])


@case(f"lag, offsets and members equal ConsumerGroupCommand's on Kafka {OLDER}")
def same_on_older():
    compare(kafkas[OLDER])


@case("totals add up, and leave out partitions without a commit")
def totals():
    topics = {(g["group"], t["topic"]): (t["lag"], t["quality"])
              for g in lag_json(kafkas[NEWEST])["groups"] for t in g["topics"]}
    expect(topics["all", "orders"], (25 + 15 + 1 + 0, "complete"), "all on orders")
    expect(topics["all", "dotted.topic-name_"], (3, "complete"), "all on dotted.topic-name_")
    expect(topics["some", "orders"], (18 + 16, "complete"), "some on orders")
    table = lag(kafkas[NEWEST], "-g", "some").stdout
    expect_that("total lag of some on orders: 34 (2 of 4 partitions have no commit)" in table,
                "the total in the table", table)


@case("-g and -t narrow the answer; the table shows names as they are")
def narrowed():
    for group in GROUPS:
        answer = lag_json(kafkas[NEWEST], "-g", group)
        expect([g["group"] for g in answer["groups"]], [group], "groups")
        table = lag(kafkas[NEWEST], "-g", group, "-t", "orders").stdout
        expect(len([x for x in table.splitlines() if x.startswith(group + " ")]), PARTITIONS,
               f"rows of {group}")
    answer = lag_json(kafkas[NEWEST], "-g", "all", "-t", "orders")
    expect([t["topic"] for g in answer["groups"] for t in g["topics"]], ["orders"], "topics")


@case("the table's columns stand under their titles, whatever the script of a name")
def aligned():
    lines = lag(kafkas[NEWEST], "-g", "größe-大きさ-😀").stdout.splitlines()
    rows = [line for line in lines[1:] if " orders " in line][:PARTITIONS]
    # Characters are what can be counted here; wide ones take two cells in a terminal.
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in rows[0])
    at = lines[0].index("TOPIC")
    expect([row.index("orders") + wide for row in rows], [at] * PARTITIONS, "column of TOPIC")


def librdkafka():
    """Version of the library that hexlag runs with."""
    return tuple(map(int, re.search(r"librdkafka (\d+)\.(\d+)", run(HEXLAG, "version").stdout)
                     .groups()))


@case("a group of the new protocol (KIP-848): right offsets, members unknown rather than 0")
def next_generation():
    kafka = kafkas[NEWEST]
    kafka.create("next", 2)
    kafka.traffic("produce", "next", 10)
    consumer = Background(
        "next-gen", f"{ROOT}/tests/world/kafka-tool", "ConsoleConsumer", "--bootstrap-server",
        kafka.bootstrap, "--topic", "next", "--group", "next-gen", "--from-beginning",
        "--consumer-property", "group.protocol=consumer",
        "--consumer-property", "auto.commit.interval.ms=100", env=kafka.env)

    def committed():
        rows = rows_of_hexlag(lag_json(kafka))
        return [rows.get(("next-gen", "next", p), (None,))[0] for p in (0, 1)]
    wait_equal(committed, [5, 5], "committed offsets")
    # It stays a member for its session of 45 s, and does not see the next records.
    consumer.signal(signal.SIGSTOP)
    kafka.traffic("produce", "next", 6)
    theirs = describe(kafka, ["next-gen"])
    expect({key[2]: row[:3] for key, row in theirs.items()}, {0: (5, 8, 3), 1: (5, 8, 3)},
           "rows of Kafka's tool")
    answer = lag_json(kafka, "-g", "next-gen")
    ours = rows_of_hexlag(answer)
    if librdkafka() >= (2, 10):
        expect_same(ours, theirs)
        return
    expect({key: row[:3] for key, row in ours.items()},
           {key: row[:3] for key, row in theirs.items()}, "offsets and lag")
    group = answer["groups"][0]
    expect((group["members"], group["error"]), (None, None), "members and error")
    expect(group["state"], "Stable", "state, which the listing tells")
    expect(members(answer), set(), "members by partition")
    cells = [x.split() for x in lag(kafka, "-g", "next-gen").stdout.splitlines()[1:3]]
    expect([c[-1] for c in cells], ["?", "?"], "member column")
    consumer.kill()


@case("a group that does not exist: its name on stderr, exit 1")
def absent_group():
    done = lag(kafkas[NEWEST], "-g", "nobody", code=1)
    expect_that("group 'nobody' does not exist" in done.stderr, "a message", done.stderr)


@case("wrong usage and a wrong configuration exit with 2")
def usage():
    for arguments in ([], ["-b", "x:1", "-o", "xml"], ["-b", "x:1", "--timeout", "soon"],
                      ["-b", "x:1", "extra"], ["-b", "x:1", "-X", "no.such.property=1"],
                      ["-c", folder]):
        done = run(HEXLAG, "lag", *arguments, check=False)
        expect(done.returncode, 2, f"exit code of hexlag lag {arguments}")
        expect_that(done.stderr, "a message", done.stderr)


@case("a configuration file's kafka section will do instead of -b")
def from_file():
    path = f"{folder}/lag.conf"
    with open(path, "w", encoding="utf-8") as f:
        f.write(f'kafka: {{ bootstrap = "{kafkas[NEWEST].bootstrap}"; }};\n'
                'exporter: { listen = ":0"; };\n')
    done = run(HEXLAG, "lag", "-c", path, "-g", "some", "-o", "json")
    expect(json.loads(done.stdout)["groups"][0]["topics"][0]["lag"], 34, "lag")


@case("--watch prints again every second, and SIGINT ends it at once")
def watch():
    process = Background("watch", HEXLAG, "lag", "-b", kafkas[NEWEST].bootstrap, "-w", "-g", "all")
    total = "total lag of all on orders: 41"
    wait_until(lambda: process.log().count(total) >= 2, "two tables")
    process.signal(signal.SIGINT)
    expect(process.process.wait(5), -signal.SIGINT, "exit code")


def many_groups(kafka):
    """More than are described one by one: members come from the call for all groups at once."""
    groups = [f"many-{n}" for n in range(12)]
    kafka.create("many", 2)
    for group in groups:
        kafka.traffic("commit", group, "many", 0, "-")
        kafka.consumer(f"{group}-{kafka.bootstrap}", group, "many", 0)

    def owned():
        rows = rows_of_hexlag(lag_json(kafka))
        return sum(key[1] == "many" and row[3] is not None for key, row in rows.items())
    wait_equal(owned, 2 * len(groups), "partitions of many with a member")
    theirs = {key: row for key, row in describe(kafka, groups).items() if key[1] == "many"}
    expect(len(theirs), 2 * len(groups), "rows that Kafka's tool shows")
    answer = lag_json(kafka)
    expect_same({key: row for key, row in rows_of_hexlag(answer).items() if key[1] == "many"},
                theirs)
    expect({g["group"]: (g["state"], g["members"]) for g in answer["groups"]
            if g["group"] in groups}, dict.fromkeys(groups, ("Stable", 1)), "states")


@case(f"members of many groups equal ConsumerGroupCommand's on Kafka {NEWEST}")
def many_on_newest():
    many_groups(kafkas[NEWEST])


@case(f"members of many groups equal ConsumerGroupCommand's on Kafka {OLDER}")
def many_on_older():
    many_groups(kafkas[OLDER])


@case("Kafka away: the address and the reason, no invented rows, exit 1")
def kafka_away():
    away = f"127.0.0.1:{free_port()}"
    for form in ("table", "json"):
        done = run(HEXLAG, "lag", "-b", away, "-o", form, "--timeout", "500", check=False)
        expect(done.returncode, 1, "exit code")
        expect_that(f"no metadata from {away}" in done.stdout + done.stderr, "the address",
                    done.stdout + done.stderr)
        expect_that("Connection refused" in done.stdout + done.stderr, "the reason", done.stdout)
    expect(json.loads(done.stdout)["groups"], [], "groups")


if __name__ == "__main__":
    main(set_up)
