#!/usr/bin/env bash
# Apache's script of this name, for the server that systemd runs here: what starts and stops goes to the unit, the rest to the
# script of the release. Written by zkprov apply, which overwrites changes made here. docs/OPERATIONS.md, "Apache's server".
set -u
UNIT=@SERVER_UNIT@
script=@INSTALL_DIR@/current/bin/zkServer.sh
export ZOOCFGDIR=${ZOOCFGDIR:-@INSTALL_DIR@/conf}
if [ -z "${JAVA_HOME:-}" ] && [ -n "@JAVA_HOME@" ] && [ -d "@JAVA_HOME@" ]; then export JAVA_HOME=@JAVA_HOME@; fi

# With words of its own (--config, a file) another server is meant than the one of the unit.
if [ $# -ne 1 ]; then exec "$script" "$@"; fi
pid() { systemctl show -p MainPID --value "$UNIT"; }
start() {
    printf 'Starting zookeeper ... '
    if [ "$(pid)" != 0 ]; then
        echo "already running as process $(pid)."
        return 1
    fi
    systemctl start "$UNIT" || { echo "FAILED TO START"; return 1; }
    echo STARTED
}
stop() {
    printf 'Stopping zookeeper ... '
    systemctl stop "$UNIT" || { echo "FAILED TO STOP"; return 1; }
    echo STOPPED
}
case $1 in
    start) start ;;
    stop) stop ;;
    restart) stop && start ;;
    start-foreground)
        if [ "$(pid)" != 0 ]; then
            echo "already running as process $(pid)." >&2
            exit 1
        fi
        exec "$script" "$@"
        ;;
    *) exec "$script" "$@" ;;
esac
