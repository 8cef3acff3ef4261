#!/usr/bin/env bash
# Starts, stops and asks this host's ZooKeeper server, with the words that operators know from Apache ZooKeeper's script of
# this name. Written by zkprov apply, which overwrites changes made here. docs/OPERATIONS.md, "zkServer.sh".
#
# Where systemd manages this server the words go to its unit. Elsewhere the server runs in the background, and its process id
# is kept in <dataDir>/zookeeper_server.pid.
set -u

UNIT=zookeeper.service
START_S=1   # a server that lives for so long has started
STOP_S=30   # then it is ended the hard way

self=${BASH_SOURCE[0]}
while [ -L "$self" ]; do
    target=$(readlink "$self")
    case $target in /*) self=$target ;; *) self=$(dirname "$self")/$target ;; esac
done
prefix=$(cd "$(dirname "$self")/.." && pwd -P)

usage() {
    echo "Usage: $0 [--config <conf-dir>] {start|start-foreground|stop|version|restart|status|print-cmd} [<config>]" >&2
}
fail() {
    echo "$*" >&2
    exit 1
}

# ---- what is asked, and of which server

default_dir=$prefix/conf
[ -d "$default_dir" ] || default_dir=$prefix/etc/zookeeper
conf_dir=${ZOOCFGDIR:-$default_dir}
if [ "${1:-}" = --config ]; then
    [ $# -ge 2 ] || { usage; exit 2; }
    conf_dir=$2
    shift 2
fi
word=${1:-}
case $word in
    start|start-foreground|stop|version|restart|status|print-cmd) ;;
    '') usage; exit 0 ;;
    *) usage; exit 2 ;;
esac
for file in zookeeper-env.sh java.env; do
    # shellcheck source=/dev/null
    [ ! -f "$conf_dir/$file" ] || { set +u; . "$conf_dir/$file"; set -u; }
done
config=${2:-${ZOOCFG:-zoo.cfg}}
case $config in */*) ;; *) config=$conf_dir/$config ;; esac

server=
for program in "$prefix/current/bin/zkserver" "$prefix/bin/zkserver"; do
    if [ -x "$program" ]; then server=$program; break; fi
done
[ -n "$server" ] || server=$(command -v zkserver) || fail "There is no zkserver in $prefix/current/bin, $prefix/bin or PATH."

# Of a Java machine, which is not here: their properties (-Dzookeeper.KEY=VALUE) are keys of zoo.cfg. Of the rest the server says
# that it has no effect. A later variable counts before an earlier one, as in Apache's script.
flags=()
[ -z "${ZOO_LOG4J_PROP:-}" ] || flags+=(--java-flags "ZOO_LOG4J_PROP=-Dzookeeper.root.logger=$ZOO_LOG4J_PROP")
for variable in SERVER_JVMFLAGS JVMFLAGS; do
    [ -z "${!variable:-}" ] || flags+=(--java-flags "$variable=${!variable}")
done
[ -z "${ZOO_DATADIR_AUTOCREATE_DISABLE:-}" ] || flags+=(--property datadir.autocreate=false)

case $word in
    version) exec "$server" --version ;;
    print-cmd)
        printf '"%s" ' "$server" ${flags[@]+"${flags[@]}"}
        printf '"%s"\n' "$config"
        exit 0
        ;;
esac
echo "Using config: $config" >&2
[ -r "$config" ] || fail "$config cannot be read by $(id -un); give another one: $0 $word <config>, or run this as root."

# setting KEY: its last value in the file, without the blanks around it.
setting() { sed -n "s/^[[:space:]]*$1[[:space:]]*[=:][[:space:]]*\\(.*[^[:space:]]\\)[[:space:]]*\$/\\1/p" "$config" | tail -n 1; }
data_dir=$(setting dataDir)
[ -n "$data_dir" ] || fail "$config has no dataDir."
pid_file=${ZOOPIDFILE:-$data_dir/zookeeper_server.pid}

# The unit counts when it runs this program with this file.
managed() {
    [ -d /run/systemd/system ] || return 1
    local starts program file
    starts=$(systemctl show -p ExecStart --value "$UNIT" 2>/dev/null) || return 1
    read -r program file _ <<< "${starts#*argv\[\]=}"
    [ "$program" -ef "$server" ] && [ "$file" -ef "$config" ]
}
unit_pid() { systemctl show -p MainPID --value "$UNIT"; }

# own_pid: of the server that the pid file names; nothing when it ended and another process has its number.
own_pid() {
    local pid program
    [ -r "$pid_file" ] || return 1
    pid=$(cat "$pid_file")
    case $pid in ''|*[!0-9]*) return 1 ;; esac
    program=$(readlink "/proc/$pid/exe") || return 1
    case ${program% (deleted)} in */zkserver) echo "$pid" ;; *) return 1 ;; esac
}

# ---- the words

start() {
    local pid log failure
    printf 'Starting zookeeper ... '
    if managed; then
        pid=$(unit_pid)
        [ "$pid" = 0 ] || { echo "already running as process $pid."; return 1; }
        if [ -n "${SERVER_JVMFLAGS:-}${JVMFLAGS:-}" ]; then
            echo "SERVER_JVMFLAGS and JVMFLAGS do not reach this server, which $UNIT starts: their keys belong into server.config of the inventory (zkprov apply)." >&2
        fi
        systemctl start "$UNIT" || { echo "FAILED TO START"; return 1; }
        echo STARTED
        return 0
    fi
    if pid=$(own_pid); then
        echo "already running as process $pid."
        return 1
    fi
    if [ -n "${ZOO_DATADIR_AUTOCREATE_DISABLE:-}" ] && [ ! -d "$data_dir/version-2" ]; then
        echo "FAILED TO START"
        echo "$data_dir/version-2 is missing and ZOO_DATADIR_AUTOCREATE_DISABLE is set; correct dataDir in $config." >&2
        return 1
    fi
    log=${ZOO_LOG_DIR:-$prefix/logs}
    mkdir -p "$log" "$data_dir" || { echo "FAILED TO START"; return 1; }
    log=$log/zookeeper-${USER:-$(id -un)}-server-${HOSTNAME:-$(uname -n)}.out
    if ! : >> "$pid_file"; then
        echo "FAILED TO WRITE PID"
        return 1
    fi
    nohup "$server" ${flags[@]+"${flags[@]}"} "$config" >> "$log" 2>&1 < /dev/null &
    pid=$!
    if ! printf '%s' "$pid" > "$pid_file"; then
        kill "$pid"
        echo "FAILED TO WRITE PID"
        return 1
    fi
    sleep "$START_S"
    if kill -0 "$pid" 2>/dev/null; then
        echo STARTED
        return 0
    fi
    wait "$pid"
    failure=$?
    rm -f "$pid_file"
    echo "FAILED TO START"
    echo "It ended with status $failure; its last words in $log:" >&2
    tail -n 3 "$log" >&2
    return 1
}

stop() {
    local pid waited=0
    printf 'Stopping zookeeper ... '
    if managed; then
        systemctl stop "$UNIT" || { echo "FAILED TO STOP"; return 1; }
        echo STOPPED
        return 0
    fi
    if [ ! -f "$pid_file" ]; then
        echo "no zookeeper to stop (could not find file $pid_file)"
        return 0
    fi
    if ! pid=$(own_pid); then
        rm -f "$pid_file"
        echo "no zookeeper to stop (the process that $pid_file named has ended)"
        return 0
    fi
    kill "$pid" || { echo "FAILED TO STOP"; return 1; }
    while [ "$(own_pid)" = "$pid" ]; do
        if [ "$waited" -ge $((STOP_S * 10)) ]; then kill -KILL "$pid"; fi
        waited=$((waited + 1))
        sleep 0.1
    done
    rm -f "$pid_file"
    echo STOPPED
}

# ask HOST PORT: the answer to srvr; nothing within five seconds counts as none.
ask() {
    # shellcheck disable=SC2016
    timeout 5 bash -c 'exec 3<>"/dev/tcp/$1/$2" && printf srvr >&3 && cat <&3' ask "$1" "$2" 2>/dev/null
}

status() {
    local port address mode host
    port=$(setting clientPort)
    address=$(setting clientPortAddress)
    if [ -z "$port" ]; then
        # server.N=host:port:port[:role];[address:]port
        local dynamic own
        dynamic=$(setting dynamicConfigFile)
        own=$(cat "$data_dir/myid" 2>/dev/null)
        echo "Client port not found in static config file. Looking in dynamic config file."
        own=$(sed -n "s/^[[:space:]]*server\\.0*${own:-none}[[:space:]]*=.*;[[:space:]]*\\([^[:space:]]*\\)[[:space:]]*\$/\\1/p" \
            "$config" ${dynamic:+"$dynamic"} | tail -n 1)
        port=${own##*:}
        address=${own%"$port"}
        address=${address%:}
        address=${address#[}
        address=${address%]}
    fi
    if [ -z "$port" ]; then
        echo "Unable to find either secure or unsecure client port in any configs. Terminating."
        return 1
    fi
    host=${address:-localhost}
    case $host in 0.0.0.0|::|'*') host=localhost ;; esac
    echo "Client port found: $port. Client address: $host. Client SSL: false."
    mode=$(ask "$host" "$port" | grep '^Mode: ')
    if [ -z "$mode" ]; then
        echo "Error contacting service. It is probably not running."
        return 1
    fi
    echo "$mode"
}

case $word in
    start) start ;;
    start-foreground)
        if managed && pid=$(unit_pid) && [ "$pid" != 0 ] || pid=$(own_pid); then
            fail "already running as process $pid."
        fi
        exec "$server" ${flags[@]+"${flags[@]}"} "$config"
        ;;
    stop) stop ;;
    restart) stop && start ;;
    status) status ;;
esac
