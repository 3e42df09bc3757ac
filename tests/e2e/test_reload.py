#!/usr/bin/env -S python3 -B
"""The configuration changed while hexlag runs: SIGHUP, a mounted ConfigMap, a file that is wrong.

The main file includes the rules from a volume as kubelet mounts one: files are links into ..data,
which is a link to a folder, and an update moves a new link into its place.
"""

import os
import re
import signal

from world import (DEADLINE, HEXLAG, Hexlag, World, case, expect, expect_that, folder, free_port,
                   main, namespace, quote, rule, run, wait_equal, wait_until, workload)

# A scale that nothing changes is read again after 15 s only.
REREAD = DEADLINE + 15
RELOAD = 10
PARTITIONS = 6

world = World()
volume = folder + "/volume"

# What is behind stays a lag of 900 on each topic: nobody consumes.
orders = rule("orders", [("workers", "orders", 100)], maxReplicas=5, cooldown="1h")
refunds = rule("refunds", [("clerks", "refunds", 100)], maxReplicas=6)
# Its bounds can be told from the others'.
billing = rule("billing", [("clerks", "billing", 100000)], minReplicas=4, maxReplicas=7)


def set_up():
    global hexlag
    world.ready()
    world.apply(namespace(), workload("orders"), workload("refunds"), workload("billing"))
    for group, topic in (("workers", "orders"), ("clerks", "refunds"), ("clerks", "billing")):
        world.create(topic, PARTITIONS)
        world.traffic("commit", group, topic, *[0] * PARTITIONS)
        world.traffic("produce", topic, 900)
    world.grant_hexlag()
    hexlag = Hexlag("hexlag", world.bootstrap, [orders], world.hexlag_kubeconfig)
    hexlag.wait_ready()


def replace(path, text):
    """As editors do it."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(path + ".new", path)


def config(change):
    with open(hexlag.config_path, encoding="utf-8") as file:
        text = file.read()
    changed = change(text)
    expect_that(changed != text, "a changed file", text)
    replace(hexlag.config_path, changed)


def rules_in_main(*rules):
    config(lambda text: re.sub(r"rules = .*;( };)", lambda m: f"rules = {quote(list(rules))};{m[1]}",
                               text))


def mount(name, text):
    """A new version of the volume."""
    os.makedirs(f"{volume}/..{name}")
    with open(f"{volume}/..{name}/rules.conf", "w", encoding="utf-8") as file:
        file.write(text)
    os.symlink(f"..{name}", f"{volume}/..data_tmp")
    os.rename(f"{volume}/..data_tmp", f"{volume}/..data")
    if not os.path.lexists(f"{volume}/rules.conf"):
        os.symlink("..data/rules.conf", f"{volume}/rules.conf")


def rules(*several):
    return ",\n".join(quote(one) for one in several)


def target(name, metric="hexlag_scaler_wanted_replicas"):
    return hexlag.metrics().one(metric, target=f"shop/Deployment/{name}")


def successful():
    return hexlag.metrics().one("hexlag_config_last_reload_successful")


def scale(name, replicas):
    world.kubectl("-n", "shop", "scale", "deployment", name, f"--replicas={replicas}")


@case("before any change the rule of the file is enforced")
def at_start():
    wait_equal(lambda: world.replicas("orders"), 5, "replicas of orders")
    expect(successful(), 1, "hexlag_config_last_reload_successful")
    expect(world.replicas("refunds"), 1, "replicas without a rule")


@case("SIGHUP reads the file again: a new rule on a group and a topic of its own is enforced")
def hangup():
    before = hexlag.metrics().one("hexlag_config_last_reload_success_timestamp_seconds")
    rules_in_main(orders, refunds)
    hexlag.signal(signal.SIGHUP)
    hexlag.wait_log("is read again: 2 rules", RELOAD)
    wait_equal(lambda: world.replicas("refunds"), 6, "replicas of refunds", RELOAD)
    after = hexlag.metrics().one("hexlag_config_last_reload_success_timestamp_seconds")
    expect_that(after > before, f"a time after {before}", after)


@case("an unchanged rule keeps its cooldown")
def cooldown_goes_on():
    # Within its bounds, and below what the lag asks for.
    scale("orders", 3)
    wait_equal(lambda: target("orders", "hexlag_scaler_replicas"), 3, "replicas that it reads",
               REREAD)
    wait_until(lambda: hexlag.metrics().one("hexlag_scaler_decisions_total", reason="BackoffBoth",
                                            target="shop/Deployment/orders"), "a held decision")
    expect(world.replicas("orders"), 3, "replicas of orders")


@case("rules can be included from a mounted ConfigMap")
def included():
    mount("1", rules(orders, refunds))
    config(lambda text: re.sub(r"rules = .*;( };)", f'rules = ( @include "{volume}/*.conf" );\\1',
                               text))
    check = run(HEXLAG, "check", hexlag.config_path)
    expect(check.stdout, f"{hexlag.config_path}: ok, 2 rules\n", "check")
    hexlag.signal(signal.SIGHUP)
    hexlag.wait_log("nothing has changed", RELOAD)


@case("the symlink swap of a ConfigMap is seen without a signal")
def swapped():
    mount("2", rules(orders, refunds, billing))
    wait_equal(lambda: world.replicas("billing"), 4, "replicas of billing, by its minimum", RELOAD)
    expect(len(hexlag.log_lines("is read again: 3 rules")), 1, "log lines on it")


@case("a bad file keeps the running rules, and shows in log, metric and /readyz")
def bad_file():
    mount("3", rules(orders, refunds) + ",\n" + quote({**billing, "minReplicas": 9}))
    wait_equal(successful, 0, "hexlag_config_last_reload_successful", RELOAD)
    where = re.escape(f"{volume}/rules.conf:3: scaler.rules[2].minReplicas: 9 is greater")
    expect(len(hexlag.log_lines(where)), 1, "log lines with the file, the line and the value")
    status, text = hexlag.get("/readyz")
    expect(status, 200, "/readyz, which is about the data")
    expect_that(re.search(f"\nthe configuration on disk is wrong and not in force.*{where}", text),
                "a line on the file", text)
    scale("billing", 1)
    wait_equal(lambda: world.replicas("billing"), 4, "replicas of billing, corrected", REREAD)
    expect(len(hexlag.log_lines(where)), 1, "log lines, still")


@case("a file that is right again ends that")
def right_again():
    mount("4", rules(orders, refunds, billing))
    wait_equal(successful, 1, "hexlag_config_last_reload_successful", RELOAD)
    expect(hexlag.get("/readyz")[1].count("\n"), 1, "lines of /readyz")


@case("a rule that vanished is no longer enforced, and leaves the size alone")
def vanished():
    mount("5", rules(orders, refunds))
    hexlag.wait_log("shop/Deployment/billing: no longer scaled", RELOAD)
    expect(target("billing"), None, "series of billing")
    scale("billing", 1)
    # What the others get would be done to it, too.
    scale("refunds", 9)
    wait_equal(lambda: world.replicas("refunds"), 6, "replicas of refunds, corrected", REREAD)
    expect(world.replicas("billing"), 1, "replicas of billing")


@case("a rule that cannot take force without a restart leaves all as they were, and shows, too")
def refused():
    on_self = {"target": "self", **refunds}
    del on_self["scaleTargetRef"]
    mount("6", rules(on_self))
    wait_equal(successful, 0, "hexlag_config_last_reload_successful", RELOAD)
    where = 'a rule with target = "self" came: it takes effect after a restart'
    expect_that(where in hexlag.get("/readyz")[1], "a line on the rule", hexlag.get("/readyz")[1])
    expect(len(hexlag.log_lines(where)), 1, "log lines on it")
    hexlag.signal(signal.SIGHUP)
    wait_equal(lambda: len(hexlag.log_lines(where)), 2, "log lines, asked again", RELOAD)
    scale("refunds", 9)
    wait_equal(lambda: world.replicas("refunds"), 6, "replicas of refunds, corrected", REREAD)
    mount("7", rules(orders, refunds))
    wait_equal(successful, 1, "hexlag_config_last_reload_successful", RELOAD)


@case("what needs a restart is named once, and the rest takes effect")
def needs_restart():
    port = str(free_port())
    config(lambda text: text.replace(str(hexlag.port), port))
    hexlag.wait_log("exporter.listen changed: takes effect after a restart", RELOAD)
    expect(len(hexlag.log_lines("changed: .* after a restart")), 1, "warnings")
    expect(successful(), 1, "hexlag_config_last_reload_successful, at the old port")
    config(lambda text: text.replace(port, str(hexlag.port)))


def hang_up():
    """SIGHUP, until the file has been read."""
    name = "hexlag_config_last_reload_success_timestamp_seconds"
    before = hexlag.metrics().one(name)
    hexlag.signal(signal.SIGHUP)
    wait_until(lambda: hexlag.metrics().one(name) > before, f"{name} above {before}", RELOAD)


@case("the log level follows the file")
def log_level():
    config(lambda text: text + 'log = { level = "warn"; };\n')
    hang_up()
    before = len(hexlag.log_lines("is read again"))
    hang_up()
    expect(len(hexlag.log_lines("is read again")), before, "log lines on it, with level warn")
    config(lambda text: text.replace('"warn"', '"info"'))
    hang_up()
    hang_up()
    expect(len(hexlag.log_lines("is read again")), before + 1, "log lines, with level info again")


@case("the cooldown has gone on over all of that")
def cooldown_still_goes_on():
    expect(world.replicas("orders"), 3, "replicas of orders")
    expect(len(hexlag.log_lines("shop/Deployment/orders: .*: scaled")), 1, "writes")


@case("without the scaler section nothing is enforced any more, and SIGTERM ends hexlag")
def no_scaler():
    config(lambda text: re.sub(r"scaler = .*\n", "", text))
    hexlag.wait_log("shop/Deployment/orders: no longer scaled", RELOAD)
    code, seconds = hexlag.stop()
    expect(code, 0, "exit code")
    expect_that(seconds < 2, "an end within 2 s", seconds)


if __name__ == "__main__":
    main(set_up)
