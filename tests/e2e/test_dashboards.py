#!/usr/bin/env -S python3 -B
"""Dashboards and alerts, by a real Prometheus that scrapes hexlag on a real Kafka, and its demo for
the series of the scaler: public dashboards for kafka_exporter find all that they ask for, and so do
our own."""

import glob
import json
import os
import re
import shutil
import urllib.error
import urllib.parse
import urllib.request

from world import (HEXLAG, ROOT, Background, Failure, Hexlag, Skip, World, case, expect, expect_that,
                   folder, free_port, main, wait_until)

DASHBOARD = ROOT + "/k8s/dashboards/hexlag.json"
ALERTS = ROOT + "/k8s/alerts.yaml"
MANUAL = ROOT + "/man/hexlag-metrics.7"
GROUP, TOPIC = "workers", "orders"
# Absent while all is well, says the manual; the queries are only to be valid.
WHEN_WRONG = ("hexlag_consumergroup_lag_age_seconds", "hexlag_topic_partition_offset_age_seconds",
              "hexlag_consumergroup_commit_beyond_end")

kafka = World("--no-kube")


def set_up():
    """A group that moves, on a topic that is written to, and one whose records were deleted."""
    global prometheus, hexlag, variables
    if not shutil.which("prometheus"):
        raise Skip("needs prometheus (Debian: prometheus)")
    kafka.ready()
    for topic in (TOPIC, "short"):
        kafka.create(topic, 2)
        kafka.traffic("produce", topic, 400)
    kafka.traffic("commit", "late", "short", 10, 10)
    offsets = [{"topic": "short", "partition": p, "offset": 50} for p in (0, 1)]
    with open(folder + "/delete.json", "w", encoding="ascii") as file:
        json.dump({"version": 1, "partitions": offsets}, file)
    kafka.kafka_tool("DeleteRecordsCommand", "--bootstrap-server", kafka.bootstrap,
                     "--offset-json-file", folder + "/delete.json")
    kafka.consumer("worker", GROUP, TOPIC, 5)
    hexlag = Hexlag("hexlag", kafka.bootstrap)
    demo = free_port()
    Background("demo", HEXLAG, "demo", "--plain", "--listen", f"127.0.0.1:{demo}")
    hexlag.wait_ready()
    prometheus = Prometheus([hexlag.port, demo])
    variables = {"instance": f"127.0.0.1:{hexlag.port}", "job": "kafka-exporter",
                 "kubernetes_namespace": "kafka", "strimzi_cluster_name": "my-cluster",
                 "topic": TOPIC, "consumergroup": GROUP, "group": GROUP, "consumergroup_name": GROUP,
                 "topic_name": TOPIC, "cluster": "east"}
    # rate() and the like want a few scrapes.
    wait_until(lambda: prometheus.query(f'rate(process_cpu_seconds_total[10s]) > 0 and '
                                        f'count_over_time(process_cpu_seconds_total[1m]) >= 4'),
               "a few scrapes")
    wait_until(lambda: prometheus.query(f'kafka_consumergroup_members{{consumergroup="{GROUP}"}} > 0'),
               "a live group")


class Prometheus(Background):
    """A real one, with the labels that Strimzi's scrape configuration adds, and our alerts."""

    def __init__(self, ports):
        self.port = free_port()
        with open(ALERTS, encoding="utf-8") as file:
            rules = file.read().split("\nspec:\n")[1]
        with open(folder + "/alerts.rules", "w", encoding="utf-8") as file:
            file.write(re.sub(r"^  ", "", rules, flags=re.M))
        targets = ", ".join(f"'127.0.0.1:{port}'" for port in ports)
        with open(folder + "/prometheus.yml", "w", encoding="utf-8") as file:
            file.write(f"""\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [alerts.rules]
scrape_configs:
  - job_name: kafka-exporter
    static_configs:
      - targets: [{targets}]
        labels: {{cluster: east, namespace: kafka, strimzi_io_cluster: my-cluster}}
""")
        super().__init__("prometheus", "prometheus", f"--config.file={folder}/prometheus.yml",
                         f"--storage.tsdb.path={folder}/tsdb", "--log.level=warn",
                         f"--web.listen-address=127.0.0.1:{self.port}")
        wait_until(lambda: self.get("/-/ready"), "prometheus")

    def get(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return response.read().decode()
        except urllib.error.HTTPError as error:
            raise Failure(f"{parameters}: {error.read().decode()}") from None

    def query(self, text):
        """The samples; a query that does not parse is a Failure."""
        return json.loads(self.get("/api/v1/query", query=text))["data"]["result"]


def filled_in(query):
    """A query with its variables replaced as Grafana does it, "All" where that is possible."""
    query = query.replace("$__rate_interval", "10s")
    query = re.sub(r'=~"\$\w+"', '=~".*"', query)
    return re.sub(r"\$(\w+)", lambda m: variables[m[1]], query)


def unanswered(queries):
    """Those without data, as [(query, as it was asked)]."""
    missing = []
    for query in queries:
        values = re.fullmatch(r"label_values\((.*), (\w+)\)", query)
        asked = filled_in(values[1] if values else query)
        found = prometheus.query(asked)
        if values:
            found = [sample for sample in found if sample["metric"].get(values[2])]
        if not found:
            missing.append((query, asked))
    return missing


def expect_answers(queries):
    expect_that(len(queries) > 0, "queries", queries)
    last = []

    def all_answered():
        last[:] = unanswered(queries)
        return not last
    try:
        wait_until(all_answered, "data for every query", 20)
    except Failure:
        expect(last, [], "queries without data")
        raise


def public(name):
    def check():
        with open(f"{ROOT}/tests/cases/dashboards/{name}.promql", encoding="utf-8") as file:
            expect_answers([line.strip() for line in file if line.strip() and line[0] != "#"])
    return check


for path in sorted(glob.glob(ROOT + "/tests/cases/dashboards/*.promql")):
    file_name = os.path.basename(path).removesuffix(".promql")
    case(f"what {file_name} asks of kafka_exporter has data")(public(file_name))


@case("a name, and a label, that nothing has would be noticed")
def noticed():
    queries = ["kafka_consumergroup_lag_millis", "label_values(kafka_brokers, consumergroup)",
               'sum(kafka_topic_partitions{topic="none"})']
    expect([query for query, _ in unanswered(queries)], queries, "queries without data")


# --- our own ---

def dashboard():
    with open(DASHBOARD, encoding="utf-8") as file:
        return json.load(file)


def targets():
    return [(p["title"], t) for p in dashboard()["panels"] for t in p.get("targets", [])]


def own_queries():
    variables_of = [v["query"]["query"] for v in dashboard()["templating"]["list"] if v["type"] == "query"]
    return [t["expr"] for _, t in targets()] + variables_of


@case("every query of our dashboard has data, or is about what is absent while all is well")
def own_dashboard():
    quiet = [q for q in own_queries() if any(name in q for name in WHEN_WRONG)]
    expect_answers([q for q in own_queries() if q not in quiet])
    unanswered(quiet)  # these must parse


@case("each alert is evaluated without an error")
def own_alerts():
    def rules():
        groups = json.loads(prometheus.get("/api/v1/rules"))["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]
    with open(ALERTS, encoding="utf-8") as file:
        count = file.read().count("- alert:")
    wait_until(lambda: len(rules()) == count and all(r["health"] != "unknown" for r in rules()), "rules")
    expect([(r["name"], r.get("lastError")) for r in rules() if r["health"] != "ok"], [], "failing alerts")
    lost = [a["labels"] for r in rules() for a in r["alerts"] if r["name"] == "HexlagMessagesLost"]
    expect([(a["consumergroup"], a["topic"]) for a in lost], [("late", "short")], "messages lost")


def nothing():
    """Needs no world."""


@case("dashboard and alerts name no metric that hexlag-metrics(7) does not know", nothing)
def names():
    with open(MANUAL, encoding="utf-8") as file:
        known = set(re.findall(r"^\.It Ic (\w+)", file.read(), re.M)) | {"up"}
    with open(ALERTS, encoding="utf-8") as file:
        alerts = "\n".join(line for line in file if "{{" not in line)
    named = set(re.findall(r"\b(?:kafka|hexlag|process)_\w+", alerts))
    for query in own_queries():
        named |= set(re.findall(r"\b(?:kafka|hexlag|process)_\w+", query))
    expect_that(len(named) > 25, "many names", named)
    expect(sorted(named - known), [], "names that no series has")


@case("its panels lie side by side, and each tells what it shows and in which unit", nothing)
def layout():
    d = dashboard()
    panels = d["panels"]
    expect(len({p["id"] for p in panels}), len(panels), "ids")
    cells = {}
    for p in panels:
        g = p["gridPos"]
        expect_that(p["title"] and 0 <= g["x"] and g["x"] + g["w"] <= 24, "a title and a place", p["title"])
        for x in range(g["x"], g["x"] + g["w"]):
            for y in range(g["y"], g["y"] + g["h"]):
                expect(cells.setdefault((x, y), p["title"]), p["title"], f"panel at {x},{y}")
        if p["type"] != "row":
            expect_that(p["fieldConfig"]["defaults"].get("unit"), "a unit", p["title"])
    bottom = max(y for _, y in cells) + 1
    expect(len(cells), bottom * 24, f"cells in use of {bottom} rows without gaps")
    for title, target in targets():
        expect(target["datasource"]["uid"], "${datasource}", f"data source of {title}")
    expect([v["name"] for v in d["templating"]["list"]],
           ["datasource", "cluster", "instance", "group", "topic"], "variables")


main(set_up)
