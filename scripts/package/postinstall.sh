#!/bin/sh
# After the installation or an upgrade: deb calls it with "configure", rpm with
# how many versions there are. Nothing is enabled or started here.
set -e
case "$1" in
configure | 1 | 2) ;;
*) exit 0 ;;
esac
systemd-sysusers zensync.conf
systemd-tmpfiles --create zensync.conf
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	# What runs goes on with the new version. The socket stays open throughout,
	# so no hook is lost.
	systemctl try-restart zensync-relay.service zensync-worker.service ||
		echo 'zensync: the new version did not start; see: journalctl -u zensync-relay -u zensync-worker' >&2
fi
