#!/usr/bin/env bash
# Apache's client, of the release that is in place. Written by zkprov apply, which overwrites changes made here.
set -u
export ZOOCFGDIR=${ZOOCFGDIR:-@INSTALL_DIR@/conf}
if [ -z "${JAVA_HOME:-}" ] && [ -n "@JAVA_HOME@" ] && [ -d "@JAVA_HOME@" ]; then export JAVA_HOME=@JAVA_HOME@; fi
exec @INSTALL_DIR@/current/bin/zkCli.sh "$@"
