#!/bin/sh
# Before the program goes: deb calls it with "remove", rpm with 0. At an upgrade
# the services go on until the new version is there.
set -e
case "$1" in
remove | 0) ;;
*) exit 0 ;;
esac
units='zensync-relay.socket zensync-relay.service zensync-worker.service'
if [ -d /run/systemd/system ]; then
	systemctl stop $units
fi
systemctl --no-reload --quiet disable $units || true # they may never have been enabled
