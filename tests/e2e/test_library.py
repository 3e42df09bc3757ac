#!/usr/bin/env -S python3 -B
"""What depends on the version of librdkafka that hexlag runs with."""

import re

from world import HEXLAG, World, case, expect, expect_that, main, run

world = World("--no-kube", "--sasl")
PLAIN_SINCE, SCRAM_SINCE = (2, 0, 2), (2, 6, 1)


def set_up():
    world.ready()
    world.create("orders", 1)
    world.traffic("produce", "orders", 7)
    world.traffic("commit", "billing", "orders", 3)


def library():
    """Its version."""
    found = re.search(r"librdkafka (\d+)\.(\d+)\.(\d+)", run(HEXLAG, "version").stdout)
    return tuple(map(int, found.groups()))


def log_in(mechanism):
    return run(HEXLAG, "lag", "-b", world.vars["KAFKA_SASL_BOOTSTRAP"], "-g", "billing",
               *(word for name, value in (("security.protocol", "SASL_PLAINTEXT"),
                                          ("sasl.mechanism", mechanism),
                                          ("sasl.username", "hexlag"),
                                          ("sasl.password", "secret"))
                 for word in ("-X", f"{name}={value}")), check=False)


def expect_login(mechanism, since):
    done = log_in(mechanism)
    if library() < since:
        expect(done.returncode, 1, "exit")
        expect_that(f"SASL mechanism {mechanism}" in done.stderr, "the mechanism", done.stderr)
    else:
        expect((done.returncode, done.stderr), (0, ""), "exit and stderr")
        expect_that("total lag of billing on orders: 4" in done.stdout, "the lag", done.stdout)


@case("a login by PLAIN")
def plain():
    expect_login("PLAIN", PLAIN_SINCE)


@case("a login by SCRAM-SHA-256: works since 2.6.1, else the error names the mechanism")
def scram_256():
    expect_login("SCRAM-SHA-256", SCRAM_SINCE)


@case("a login by SCRAM-SHA-512: the same")
def scram_512():
    expect_login("SCRAM-SHA-512", SCRAM_SINCE)


main(set_up)
