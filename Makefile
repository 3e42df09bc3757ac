# hexlag: `make help` lists the targets. CC CFLAGS LDFLAGS PREFIX DESTDIR PKG_CONFIG are the user's.

VERSION := 0.1.0
PREFIX ?= /usr/local
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' $(1) $(2))

# SAN=address,undefined, or another CC with B=build/clang, is the same build in another folder.
SAN ?=
WERROR ?=
comma := ,
B := build$(if $(SAN),/$(subst $(comma),-,$(SAN)))

PKGS := rdkafka libcurl jansson libconfig libmicrohttpd gnutls libcrypt libpcre2-8 yaml-0.1 zlib
# LIBRDKAFKA=PREFIX takes that library instead of the system's; B=build/other keeps the builds apart.
LIBRDKAFKA ?=
PKG_QUERY = $(if $(LIBRDKAFKA),PKG_CONFIG_PATH=$(LIBRDKAFKA)/lib/pkgconfig) $(PKG_CONFIG)
# Lazily, so that `make help` and `make clean` work before anything is installed.
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell $(PKG_QUERY) --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $(shell $(PKG_QUERY) --libs $(PKGS)))$(PKG_LIBS)

WARNINGS := -Wall -Wextra -Wformat=2 -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Wundef $(if $(WERROR),-Werror)
cc-option = $(shell echo 'int x;' | $(CC) -Werror $(1) -xc -c -o /dev/null - 2>/dev/null && echo $(1))
HARDENING = $(eval HARDENING := $(foreach o,-fstack-protector-strong -fstack-clash-protection \
	-fcf-protection=full -fPIE,$(call cc-option,$(o))) \
	$(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2))$(HARDENING)
SAN_CFLAGS = $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)

# Hidden: libconfig calls functions of its own by names (strbuf_release) that are also ours; an
# exported one would take their place.
ALL_CFLAGS = -std=gnu11 -fvisibility=hidden -I. -D_GNU_SOURCE -DHEXLAG_VERSION='"$(VERSION)"' \
	$(WARNINGS) $(HARDENING) $(PKG_CFLAGS) -pthread -MMD -MP $(SAN_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pthread -pie -Wl,-z,relro,-z,now $(if $(SAN),-fsanitize=$(SAN)) \
	$(if $(LIBRDKAFKA),-Wl$(comma)-rpath$(comma)$(LIBRDKAFKA)/lib) $(LDFLAGS)

LIB_SRC := $(sort $(wildcard common/*.c sidecar/*.c scaler/*.c))
CLI_SRC := $(sort $(wildcard cli/*.c))
UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
MOCK_SRC := $(sort $(wildcard tests/mock/test_*.c))
MOCK_LIB_SRC := $(filter-out tests/mock/test_%.c,$(sort $(wildcard tests/mock/*.c)))
TOOL_SRC := $(sort $(wildcard tests/tools/*.c))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
# Those that take long come first, so that none of them is left to run alone in the end.
E2E_LONG := $(patsubst %,tests/e2e/test_%.py,scaling zero refusals storms upheaval rbac leaders contention lease)
E2E := $(E2E_LONG) $(filter-out $(E2E_LONG),$(sort $(wildcard tests/e2e/test_*.py)))

object = $(1:%.c=$(B)/%.o)
program = $(1:%.c=$(B)/%)
LIB_OBJ := $(call object,$(LIB_SRC))
CLI_OBJ := $(call object,$(CLI_SRC))
# Tests link all of cli/ but main.
TEST_OBJ := $(LIB_OBJ) $(filter-out $(B)/cli/main.o,$(CLI_OBJ)) $(call object,$(MOCK_LIB_SRC))
UNIT_BIN := $(call program,$(UNIT_SRC))
MOCK_BIN := $(call program,$(MOCK_SRC))
TOOL_BIN := $(call program,$(TOOL_SRC))
FUZZ_BIN := $(call program,$(FUZZ_SRC))
SRC := $(LIB_SRC) $(CLI_SRC) $(UNIT_SRC) $(MOCK_SRC) $(MOCK_LIB_SRC) $(TOOL_SRC) $(FUZZ_SRC)

all: $(B)/hexlag ## build build/hexlag (the default)

everything: all $(UNIT_BIN) $(MOCK_BIN) $(TOOL_BIN) ## build the tests and their tools, too

$(B)/hexlag: $(LIB_OBJ) $(CLI_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(PKG_LIBS) -lm

$(B)/tests/%: $(B)/tests/%.o $(TEST_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(PKG_LIBS) -lm

$(FUZZ_BIN): ALL_LDFLAGS += -fsanitize=fuzzer

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

# What the page is made of goes into the program (.incbin), which -MMD does not see.
$(B)/sidecar/page.o: $(wildcard sidecar/page/*)

# Changes when the flags do, and so makes anew what they went into.
FLAGS = $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(PKG_LIBS)
$(B)/flags: always
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(FLAGS))' | cmp -s - $@ || echo '$(subst ','\'',$(FLAGS))' >$@

.SECONDARY:
-include $(patsubst %.c,$(B)/%.d,$(SRC))

## Tests

# All tiers run even when one of them fails; the last lines tell them all.
SUMMARY := $(B)/summary
test: everything ## run all tests: unit, mock, e2e
	@rm -f $(SUMMARY); failed=; \
	for tier in unit mock e2e; do \
		TEST_SUMMARY=$(SUMMARY) $(MAKE) --no-print-directory $$tier && continue; \
		failed=1; grep -qs "^$$tier:" $(SUMMARY) || \
			echo "$$tier: 0 passed, 1 failed, 0 skipped: it DID NOT RUN" >>$(SUMMARY); \
	done; \
	awk '{ $$1 = sprintf("  %-6s", $$1); print; p += $$2; f += $$4; s += $$6 } \
		END { printf "%d passed, %d failed, %d skipped\n", p, f, s }' $(SUMMARY); \
	[ -z "$$failed" ]

VECTORS ?= tests/cases/vectors
VECTORS_RUN = '$(B)/tests/tools/vectors $(VECTORS)'
unit: $(UNIT_BIN) $(B)/tests/tools/vectors ## run the unit tests: pure code and golden vectors
	$(Q)tests/run unit $(UNIT_BIN) $(VECTORS_RUN)

vectors: $(B)/tests/tools/vectors ## run the golden vectors of the folder VECTORS
	$(Q)tests/run vectors $(VECTORS_RUN)

# They wait more than they work, each in a world of its own.
MOCK_JOBS ?= 4
mock: $(MOCK_BIN) ## run the tests with Kafka and an API server in the process, with faults
	$(Q)TEST_JOBS=$(MOCK_JOBS) tests/run mock $(MOCK_BIN)

# They wait more than they work; more at once would ask too much of brokers on a small machine.
E2E_JOBS ?= 2
e2e: $(B)/hexlag $(TOOL_BIN) world ## run the tests on a real Kafka and a real kube-apiserver
	$(Q)HEXLAG=$(abspath $(B)/hexlag) TRAFFIC=$(abspath $(B)/tests/tools/traffic) \
		ELECT=$(abspath $(B)/tests/tools/elect) \
		PYTHONDONTWRITEBYTECODE=1 TEST_TIMEOUT=1200 TEST_JOBS=$(E2E_JOBS) \
		tests/run e2e $(E2E:%='python3 %')

# Builds and downloads before the tests that have a time limit; what cannot be had they skip.
KAFKA_VERSIONS := 4.3.0 3.9.1
world:
	@for what in $(KAFKA_VERSIONS:%='kafka %') 'classes $(firstword $(KAFKA_VERSIONS))' kube elector; do \
		tests/world/build $$what >/dev/null || [ $$? = 3 ] || exit 1; \
	done

NEWEST_LIBRDKAFKA := 2.15.1
newest: ## run all tests with the newest librdkafka, built into a cache (see tests/world/build)
	$(Q)prefix=$$(tests/world/build librdkafka $(NEWEST_LIBRDKAFKA)) && \
		$(MAKE) --no-print-directory B=build/newest LIBRDKAFKA="$$prefix" test

asan: export LSAN_OPTIONS := suppressions=tests/lsan.supp:print_suppressions=0
asan: ## run unit and mock under AddressSanitizer and UBSan
	$(Q)$(MAKE) -k --no-print-directory SAN=address,undefined unit mock

FUZZ_SECONDS ?= 10
fuzz: ## feed made-up inputs to what reads them, FUZZ_SECONDS each; needs clang
	$(Q)$(MAKE) --no-print-directory CC=clang B=build/fuzz SAN=address,undefined \
		CFLAGS='-O1 -g -fsanitize=fuzzer-no-link' fuzzers
	$(Q)tests/fuzz/run $(FUZZ_SECONDS) $(patsubst %.c,build/fuzz/%,$(FUZZ_SRC))

fuzzers: $(FUZZ_BIN)

VALGRIND := valgrind -q --leak-check=full --show-leak-kinds=definite,possible --error-exitcode=99 \
	--errors-for-leak-kinds=definite,possible --suppressions=tests/valgrind.supp
valgrind: ## run unit and mock under valgrind
	$(Q)$(MAKE) -k --no-print-directory TEST_WRAPPER='$(VALGRIND)' TEST_TIMEOUT=900 unit mock

cover: ## run unit and mock, and list which share of the lines they ran
	$(Q)-$(MAKE) -k --no-print-directory B=build/cover CFLAGS='-O0 -g --coverage' \
		LDFLAGS=--coverage unit mock
	@gcov -n $(patsubst %.c,build/cover/%.gcda,$(LIB_SRC) $(CLI_SRC)) 2>/dev/null | \
		awk -F"[:% ']" '/^File/ { f = $$3 } /^Lines/ && f ~ /\.c$$/ { \
			printf "%6.1f %% of %4d  %s\n", $$3, $$6, f; f = "" }' | sort -n

bench: all $(TOOL_BIN) ## measure speed and memory; PEERS=DIR: beside the exporters in DIR
	$(Q)tests/bench/run $(if $(PEERS),--peers '$(PEERS)')

## Other checks

lint: all ## check format, layering, sizes, options and other rules
	$(Q)tests/lint/all

analyze: ## let gcc's analyzer read the code
	$(Q)$(MAKE) --no-print-directory CC=gcc B=build/analyze CFLAGS='-O2 -g -fanalyzer' all

format: ## let clang-format rewrite the code
	$(Q)tests/lint/format -i

## Installing

SHARE = $(DESTDIR)$(PREFIX)/share
install: all ## install below DESTDIR and PREFIX (default /usr/local)
	install -D -m 755 $(B)/hexlag $(DESTDIR)$(PREFIX)/bin/hexlag
	install -D -m 644 -t $(SHARE)/doc/hexlag LICENSE $(wildcard README.md NEWS.md)
	install -D -m 644 -t $(SHARE)/doc/hexlag/examples conf/hexlag.conf conf/hexlag-minimal.conf \
		conf/web.yml k8s/crd.yaml k8s/alerts.yaml
	$(foreach page,$(wildcard man/*.[0-9]),install -D -m 644 -t \
		$(SHARE)/man/man$(subst .,,$(suffix $(page))) $(page)$(newline))

define newline


endef

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14

clean: ## remove build/
	$(Q)rm -rf build

.PHONY: all everything test unit vectors mock e2e world newest asan fuzz fuzzers valgrind cover bench lint analyze \
	format install help clean always
