#!/bin/sh
# Takes away what install.sh brought, with the same PREFIX and DESTDIR.
# Configuration, secrets and the database with its log stay, unless --purge is
# given; the user stays.
set -eu
prefix=${PREFIX:-/usr/local}
dest=${DESTDIR:-}
purge=
case "${1:-}" in
'') ;;
--purge) purge=yes ;;
*)
	echo 'uninstall.sh: usage: uninstall.sh [--purge]' >&2
	exit 2
	;;
esac
if [ -z "$dest" ] && [ "$(id -u)" != 0 ]; then
	echo 'uninstall.sh: run this as root' >&2
	exit 1
fi

units='zensync-relay.socket zensync-relay.service zensync-worker.service'
if [ -z "$dest" ]; then
	if [ -d /run/systemd/system ]; then
		for unit in $units; do
			status=0
			systemctl stop "$unit" || status=$?
			# 5: there is no such unit, as after an uninstall before a purge.
			if [ "$status" != 0 ] && [ "$status" != 5 ]; then
				echo "uninstall.sh: $unit could not be stopped, and nothing was taken away" >&2
				exit 1
			fi
		done
	fi
	systemctl --no-reload --quiet disable $units || true # they may never have been enabled
fi
for unit in $units; do
	rm -f "$dest/etc/systemd/system/$unit"
done
rm -f "$dest/etc/sysusers.d/zensync.conf" "$dest/etc/tmpfiles.d/zensync.conf" "$dest$prefix/bin/zensync" \
	"$dest$prefix/share/man/man8/zensync.8" "$dest$prefix/share/bash-completion/completions/zensync" \
	"$dest$prefix/share/zsh/site-functions/_zensync" "$dest$prefix/share/fish/vendor_completions.d/zensync.fish"
rm -rf "$dest$prefix/share/zensync"
if [ -z "$dest" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
if [ -n "$purge" ]; then
	rm -rf "$dest/etc/zensync" "$dest/var/lib/zensync"
	for unit in $units; do
		rm -rf "$dest/etc/systemd/system/$unit.d"
	done
fi
