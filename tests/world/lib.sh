# Shared by the scripts of tests/world: sourced by bash, never run.
#
# A world is a folder DIR. Each of its processes NAME (etcd, apiserver, controller-manager,
# broker-1, ...) has DIR/NAME.pid, DIR/NAME.log and DIR/NAME/ for its data. DIR/state holds
# the shell variables `up` chose; DIR/env what it printed.
# shellcheck shell=bash

# CLASSPATH is set with the world's state. C1 only and a serial collector: half the CPU time of
# a start, and nothing here runs long enough to earn it back.
JAVA=(java -Xms128m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1
	-Dorg.slf4j.simpleLogger.showDateTime=true
	-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS)

# The jars of Kafka in folder $1, and their classes as `build classes` has stored them, if it has. A JVM
# that they do not fit goes without them; its warning would be among what the tools print.
use_kafka() {
	export CLASSPATH="$1/*"
	[ ! -f "$1-classes/archive" ] ||
		JAVA+=(-XX:SharedArchiveFile="$1-classes/archive" -Xlog:disable)
}

say() { echo "tests/world/${0##*/}: $*" >&2; }

die() {
	say "$@"
	exit 1
}

# The comment a script begins with is its manual.
manual() { awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$0"; }

misuse() {
	say "$@"
	manual >&2
	exit 2
}

# Loads the world named by --dir or by HEXLAG_WORLD_DIR; the other arguments go to ARGS.
load_world() {
	local dir=${HEXLAG_WORLD_DIR-}
	ARGS=()
	while [ $# -gt 0 ]; do
		case $1 in
		--dir) dir=${2:?--dir needs a folder} && shift ;;
		--help) manual && exit 0 ;;
		*) ARGS+=("$1") ;;
		esac
		shift
	done
	[ -n "$dir" ] || misuse "no world: neither --dir nor HEXLAG_WORLD_DIR is given"
	[ -f "$dir/state" ] || die "'$dir' is not the folder of a world"
	# shellcheck source=/dev/null
	. "$dir/state"
	[ -z "$KAFKA_LIB" ] || use_kafka "$KAFKA_LIB"
}

# Does the process of NAME run? Asks for the folder in its command line, because a pid may have
# been given away since, and because a zombie has none.
alive() {
	[ -f "$DIR/$1.pid" ] &&
		grep -qaF -e "$DIR/" "/proc/$(<"$DIR/$1.pid")/cmdline" 2>/dev/null
}

# Starts a command as process NAME in a session of its own: Ctrl-C is for the caller only.
spawn() {
	local name=$1
	shift
	alive "$name" && die "$name runs already"
	setsid "$@" </dev/null >>"$DIR/$name.log" 2>&1 &
	echo $! >"$DIR/$name.pid"
	# Until exec the child still shows our command line.
	until alive "$name" || ! kill -0 $! 2>/dev/null; do :; done
}

# Waits until a command succeeds; gives up when process NAME is gone or the deadline is over.
await() {
	local name=$1 deadline=$((SECONDS + 120))
	shift
	until "$@" >/dev/null 2>&1; do
		if ! alive "$name" || [ $SECONDS -ge $deadline ]; then
			tail -n 40 "$DIR/$name.log" >&2
			die "$name ended, or took 120 s, before '$*' succeeded; its log is above"
		fi
		sleep 0.1
	done
}

signal() {
	local name
	for name in "${@:2}"; do
		! alive "$name" || kill "-$1" "$(<"$DIR/$name.pid")" 2>/dev/null || true
	done
}

# Waits $1 seconds at most for the processes named by the rest to end.
ended() {
	local name deadline=$((SECONDS + $1))
	for name in "${@:2}"; do
		while alive "$name"; do
			[ $SECONDS -lt $deadline ] || return 1
			sleep 0.05
		done
	done
}

# stop SECONDS NAME...: TERM, and KILL for what is left after the deadline.
stop() {
	signal TERM "${@:2}"
	signal CONT "${@:2}" # a paused process would not see TERM
	! ended "$@" || return 0
	say "KILL after $1 s for what is left of: ${*:2}"
	signal KILL "${@:2}"
	ended 10 "${@:2}" || die "processes of '$DIR' survive KILL: ${*:2}"
}

# control ACTION NAME: everything but starting.
control() {
	alive "$2" || die "$2 does not run"
	case $1 in
	stop) stop 30 "$2" ;;
	kill) signal KILL "$2" && ended 10 "$2" ;;
	pause) signal STOP "$2" ;;
	resume) signal CONT "$2" ;;
	*) misuse "unknown action '$1'" ;;
	esac
}

# A world has 32 ports from PORTS on: four for each of at most 7 brokers, then etcd's two and
# kube-apiserver's unless API_PORT was chosen otherwise. At most 3 brokers that are also behind a
# proxy have the ports of others for it.
port_claim() { echo "/tmp/hexlag-world-ports-$PORTS"; }

broker_port() {
	local -A first=([PLAINTEXT]=0 [CONTROLLER]=7 [SASL]=14 [TLS]=21 [PROXIED]=3 [BEHIND]=10)
	echo $((PORTS + first[$1] + $2 - 1))
}

# host:port of a listener for every broker of the world.
bootstrap() {
	local n list=
	for n in $(seq "$BROKERS"); do list+=,127.0.0.1:$(broker_port "$1" "$n"); done
	echo "${list#,}"
}

# end_world SECONDS: stops all processes and gives the ports back.
end_world() {
	local pids=("$DIR"/*.pid)
	pids=("${pids[@]##*/}")
	stop "$1" "${pids[@]%.pid}"
	[ "$(readlink "$(port_claim)")" != "$DIR" ] || rm "$(port_claim)"
}

spawn_broker() {
	spawn "broker-$1" "${JAVA[@]}" "-Xmx${HEAP}m" kafka.Kafka "$DIR/broker-$1/server.properties"
}

# Does broker $1 answer, and list the brokers named by the rest? A broker answers only once the
# controller has let it in, so the Java tool's plain answer will do where kcat is not installed.
broker_answers() {
	local n answer server
	server=127.0.0.1:$(broker_port PLAINTEXT "$1")
	if ! command -v kcat >/dev/null; then
		"${JAVA[@]}" org.apache.kafka.tools.TopicCommand --bootstrap-server "$server" --list
		return
	fi
	answer=$(kcat -L -m 2 -b "$server") || return 1
	for n in "${@:2}"; do [[ $answer == *"broker $n at "* ]] || return 1; done
}

spawn_apiserver() {
	local audit=()
	[ ! -f "$DIR/audit-policy.yaml" ] ||
		audit=(--audit-policy-file="$DIR/audit-policy.yaml" --audit-log-path="$DIR/audit.log")
	spawn apiserver "$KUBE/kube-apiserver" --etcd-servers="http://127.0.0.1:$((PORTS + 28))" \
		--bind-address=127.0.0.1 --advertise-address=127.0.0.1 --secure-port="$API_PORT" \
		--endpoint-reconciler-type=none --service-cluster-ip-range=10.0.0.0/24 \
		--tls-cert-file="$DIR/server.crt" --tls-private-key-file="$DIR/server.key" \
		--service-account-issuer=https://kubernetes.default.svc \
		--service-account-key-file="$DIR/sa.key" \
		--service-account-signing-key-file="$DIR/sa.key" \
		--token-auth-file="$DIR/tokens.csv" --authorization-mode=RBAC \
		--disable-admission-plugins=ServiceAccount \
		--shutdown-watch-termination-grace-period=2s "${audit[@]}"
}

admin() { "$KUBE/kubectl" --kubeconfig="$DIR/admin.kubeconfig" "$@"; }
