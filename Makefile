# hexlag: `make help` lists the targets. CC CFLAGS LDFLAGS PREFIX DESTDIR PKG_CONFIG are the user's.

VERSION := 0.1.0
PREFIX ?= /usr/local
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' $(1) $(2))

# SAN=address,undefined is the same build in another folder.
SAN ?=
comma := ,
B := build$(if $(SAN),/$(subst $(comma),-,$(SAN)))

PKGS := rdkafka libcurl jansson libconfig libmicrohttpd libpcre2-8 yaml-0.1
# Lazily, so that `make help` and `make clean` work before anything is installed.
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $(shell $(PKG_CONFIG) --libs $(PKGS)))$(PKG_LIBS)

WARNINGS := -Wall -Wextra -Wformat=2 -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Wundef
cc-option = $(shell echo 'int x;' | $(CC) -Werror $(1) -xc -c -o /dev/null - 2>/dev/null && echo $(1))
HARDENING = $(eval HARDENING := $(foreach o,-fstack-protector-strong -fstack-clash-protection \
	-fcf-protection=full -fPIE,$(call cc-option,$(o))) \
	$(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2))$(HARDENING)

# Hidden: libconfig calls functions of its own by names (strbuf_release) that are also ours; an
# exported one would take their place.
ALL_CFLAGS = -std=gnu11 -fvisibility=hidden -I. -D_GNU_SOURCE -DHEXLAG_VERSION='"$(VERSION)"' $(WARNINGS) $(HARDENING) \
	$(PKG_CFLAGS) -pthread -MMD -MP $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all \
	-fno-omit-frame-pointer) $(CFLAGS)
ALL_LDFLAGS = -pthread -pie -Wl,-z,relro,-z,now $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)

LIB_SRC := $(sort $(wildcard common/*.c sidecar/*.c scaler/*.c))
CLI_SRC := $(sort $(wildcard cli/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o)
CLI_OBJ := $(CLI_SRC:%.c=$(B)/%.o)
# Tests link all of cli/ but main.
CLI_LIB := $(filter-out $(B)/cli/main.o,$(CLI_OBJ))

UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
MOCK_SRC := $(sort $(wildcard tests/mock/test_*.c))
TOOL_SRC := $(sort $(wildcard tests/tools/*.c))
UNIT_BIN := $(UNIT_SRC:%.c=$(B)/%)
MOCK_BIN := $(MOCK_SRC:%.c=$(B)/%)
TOOL_BIN := $(TOOL_SRC:%.c=$(B)/%)
MOCK_LIB := $(patsubst %.c,$(B)/%.o,$(filter-out $(MOCK_SRC),$(wildcard tests/mock/*.c)))

all: $(B)/hexlag ## build build/hexlag (the default)

$(B)/hexlag: $(LIB_OBJ) $(CLI_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(B)/tests/%: $(B)/tests/%.o $(MOCK_LIB) $(LIB_OBJ) $(CLI_LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

.PRECIOUS: $(B)/tests/%.o
.SECONDARY:

unit: $(UNIT_BIN) ## run the unit tests: pure code and golden vectors
	$(Q)tests/run unit $(UNIT_BIN)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

clean: ## remove build/
	$(Q)rm -rf build

-include $(shell find build -name '*.d' 2>/dev/null)

.PHONY: all unit help clean
