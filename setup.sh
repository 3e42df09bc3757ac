#!/bin/sh
# Install what is missing from the distribution (Debian, Ubuntu), then build and run.
#
#   sh setup.sh demo [OPTION...]   hexlag at work without Kafka or a cluster (`hexlag demo`)
#   sh setup.sh test               every test
#   sh setup.sh build              build/hexlag
#   sh setup.sh deps               install what test needs, no more
#   sh setup.sh ci                 install what .ci/run needs besides
#
# Only root installs anything; anybody else is told the command. What is there already, from
# wherever it came, is left alone.
set -eu
cd "$(dirname "$0")"

say() { echo "setup: $*" >&2; }

die() {
	say "$@"
	exit 1
}

# need PACKAGE COMMAND...: the package is missing where the command fails.
need() {
	package=$1
	shift
	"$@" >/dev/null 2>&1 || missing="$missing $package"
}

compiles() { echo '#include <stdio.h>' | cc -fsyntax-only -xc -; }
library() { need "$1" pkg-config --exists "$2"; }
tool() { need "$1" command -v "${2:-$1}"; }

# Kafka needs Java 17; each distribution has its own newer ones.
java_runs() { [ "$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')" -ge 17 ]; }

java_package() {
	for java in openjdk-17 openjdk-21 openjdk-25 default; do
		# Of a package that others only name, nothing is shown.
		[ "$(apt-cache show "$java-jre-headless" 2>/dev/null)" ] && break
	done
	echo "$java-jre-headless"
}

go_builds() {
	minor=$(go version 2>/dev/null | sed -n 's/.* go1\.\([0-9]*\).*/\1/p')
	[ "${minor:-0}" -ge 24 ]
}

# Ubuntu has Chromium as a snap only: where it is not installed already, the tests of the page are
# skipped, and say so.
browser() {
	grep -qs '^ID=ubuntu' /etc/os-release && return
	tool chromium
	tool chromium-driver chromedriver
}

# Sets `missing` to the packages that mode $1 lacks.
find_missing() {
	missing=
	need gcc command -v cc
	need libc6-dev compiles
	tool make
	tool pkg-config
	library librdkafka-dev 'rdkafka >= 2.0.2'
	library libcurl4-openssl-dev libcurl
	library libjansson-dev jansson
	library libconfig-dev libconfig
	library libmicrohttpd-dev libmicrohttpd
	library libgnutls28-dev gnutls
	library libcrypt-dev libcrypt
	library libpcre2-dev libpcre2-8
	library libyaml-dev yaml-0.1
	library zlib1g-dev zlib
	[ "$1" = demo ] || [ "$1" = build ] && return
	tool python3
	tool openssl
	tool kcat
	tool etcd-server etcd
	tool maven mvn
	tool prometheus
	browser
	need "$(java_package)" java_runs
	need ca-certificates test -e /etc/ssl/certs/ca-certificates.crt
	[ "$1" = ci ] || return 0
	tool git
	tool curl
	tool clang
	tool clang-format
	tool shellcheck
	tool valgrind
	tool mandoc
	need libc6-dbg dpkg -s libc6-dbg # valgrind's, which recommends it only
	# For the newest librdkafka, which is built from source.
	tool npm
	library libssl-dev libssl
	library libzstd-dev libzstd
}

# Starts no daemon: the programs of etcd-server and prometheus are wanted, not their services.
install_missing() (
	policy=/usr/sbin/policy-rc.d
	if [ ! -e $policy ]; then
		trap 'rm -f $policy' EXIT
		trap 'exit 130' INT TERM
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod 755 $policy
	fi
	# shellcheck disable=SC2086 # one word for each package
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
		install --no-install-recommends $missing
)

ensure() {
	find_missing "$1"
	[ "$missing" ] || return 0
	command -v apt-get >/dev/null ||
		die "no apt-get here; install what Debian calls$missing, then run this again"
	[ "$(id -u)" = 0 ] || die "missing:$missing
Run this, then the same command again:

  sudo apt-get update && sudo apt-get install --no-install-recommends$missing
"
	say "apt-get update"
	apt-get -q -o DPkg::Lock::Timeout=300 update || say "trying with the lists there are"
	find_missing "$1" # which Java there is may be known only now
	say "installing$missing"
	install_missing
	find_missing "$1"
	[ -z "$missing" ] || die "installed, and still missing or too old:$missing"
}

mode=${1-}
case $mode in
demo | test | build | deps | ci) shift ;;
*)
	sed -n '2,/^set/s/^# \{0,1\}//p' setup.sh >&2
	exit 2
	;;
esac
ensure "$mode"
case $mode in
deps | ci) exit ;;
test) go_builds || say "
######## SKIPPED for want of Go: all tests on the real kube-apiserver, and only these.
######## They need Go >= 1.24 in PATH (https://go.dev/dl, or the distribution's backports).
" ;;
esac
make -j"$(nproc)"
case $mode in
demo) exec build/hexlag demo "$@" ;;
test) exec make test ;;
esac
