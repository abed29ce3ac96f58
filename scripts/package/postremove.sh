#!/bin/sh
# After the program went. Configuration, secrets and the database with its log
# stay, unless deb purges; rpm knows no purge. The user stays: files elsewhere
# may be his.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
if [ "$1" = purge ]; then
	rm -rf /etc/zensync /var/lib/zensync \
		/etc/systemd/system/zensync-relay.socket.d /etc/systemd/system/zensync-relay.service.d /etc/systemd/system/zensync-worker.service.d
fi
