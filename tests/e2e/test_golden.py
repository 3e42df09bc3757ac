#!/usr/bin/env -S python3 -B
"""hexlag prints what kafka_exporter printed for the same world, and tests/golden/compare would tell."""

import json
import os
import re
import shutil

from world import (HEXLAG, ROOT, TRAFFIC, World, case, expect, expect_that, folder, main, run)

GOLDEN = ROOT + "/tests/cases/golden"
EDGES = ROOT + "/tests/cases/golden-edges"

kafka = World("--no-kube")


def set_up():
    kafka.ready()


def compare(where, *variants):
    """Exit code and output of the comparison."""
    env = {**os.environ, "HEXLAG": HEXLAG, "TRAFFIC": TRAFFIC}
    done = run(ROOT + "/tests/golden/compare", where, kafka.bootstrap, *variants, env=env,
               check=False, timeout=600)
    return done.returncode, done.stdout + done.stderr


def all_same(where):
    code, text = compare(where)
    with open(where + "/world.json", encoding="utf-8") as file:
        names = [v["name"] for v in json.load(file)["variants"]]
    expect(re.findall(r"^(\S+): 0 differences", text, re.M), names, text)
    expect(code, 0, text)


@case("every variant prints the same series, labels, types and values")
def all_variants():
    all_same(GOLDEN)


@case("also with odd names, commits beyond the end, many members and assigned partitions only")
def edges():
    all_same(EDGES)


@case("a text that kafka_exporter never printed is told, series by series")
def wrong_text():
    where = folder + "/wrong"
    shutil.copytree(GOLDEN, where)
    path = where + "/labels.prom"
    text = open(path, encoding="utf-8").read()
    wrong = re.sub(r'(kafka_consumergroup_lag\{[^}]*partition="0"[^}]*\}) 6', r"\1 7", text)
    wrong = re.sub(r'kafka_topic_partitions\{.*\n', "", wrong)
    wrong = wrong.replace("TYPE kafka_brokers gauge", "TYPE kafka_brokers counter")
    wrong += 'kafka_consumergroup_members{cluster="east",consumergroup="g-live",env="x"} 2\n'
    open(path, "w", encoding="utf-8").write(wrong)
    code, text = compare(where, "labels")
    expect(code, 1, text)
    for line in ("labels: 5 differences",
                 r'kafka_consumergroup_lag\{.*partition="0",.*\} is 6, want 7',
                 r"kafka_topic_partitions\{.*\} 4 is too many",
                 r"TYPE of kafka_brokers is gauge, want counter",
                 r'kafka_consumergroup_members\{.*env="x"\} is missing, want 2'):
        expect_that(re.search(line, text), f"a line like /{line}/", text)


@case("a folder that cannot be compared is an error of its own")
def no_world():
    code, text = compare(folder + "/nowhere")
    expect(code, 2, text)


main(set_up)
