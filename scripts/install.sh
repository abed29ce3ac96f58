#!/bin/sh
# Installs zensync on a host that takes no package: program, units, user,
# folders, manual page and completions. Run as root in the unpacked tarball, or
# in a checkout after `make build`. It starts nothing, and may be run again for
# an upgrade. PREFIX is /usr/local unless given; DESTDIR installs into another
# root folder, where neither user nor folders are made.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
prefix=${PREFIX:-/usr/local}
dest=${DESTDIR:-}
program=$here/bin/zensync

if [ ! -x "$program" ]; then
	echo "install.sh: there is no $program: run \`make build\` first" >&2
	exit 1
fi
if [ -z "$dest" ] && [ "$(id -u)" != 0 ]; then
	echo 'install.sh: run this as root' >&2
	exit 1
fi

put() { # MODE TARGET, content from stdin; by rename, for the old one may be running
	mkdir -p "$(dirname "$dest$2")"
	cat >"$dest$2.new"
	chmod "$1" "$dest$2.new"
	mv -f "$dest$2.new" "$dest$2"
}

umask 022
put 0755 "$prefix/bin/zensync" <"$program"
for unit in zensync-relay.socket zensync-relay.service zensync-worker.service; do
	sed "s,^ExecStart=/usr/bin/,ExecStart=$prefix/bin/," "$here/systemd/$unit" | put 0644 "/etc/systemd/system/$unit"
done
put 0644 /etc/sysusers.d/zensync.conf <"$here/systemd/sysusers.d/zensync.conf"
put 0644 /etc/tmpfiles.d/zensync.conf <"$here/systemd/tmpfiles.d/zensync.conf"
"$program" man | put 0644 "$prefix/share/man/man8/zensync.8"
"$program" completion bash | put 0644 "$prefix/share/bash-completion/completions/zensync"
"$program" completion zsh | put 0644 "$prefix/share/zsh/site-functions/_zensync"
"$program" completion fish | put 0644 "$prefix/share/fish/vendor_completions.d/zensync.fish"
"$program" config init | put 0644 "$prefix/share/zensync/zensync.yaml"
for sample in alert-rules.yaml grafana-dashboard.json litestream.yml; do
	put 0644 "$prefix/share/zensync/$sample" <"$here/scripts/$sample"
done
for report in "$here"/schema/reports/*.sql; do
	put 0644 "$prefix/share/zensync/reports/$(basename "$report")" <"$report"
done

if [ -z "$dest" ]; then
	systemd-sysusers zensync.conf
	systemd-tmpfiles --create zensync.conf
	if [ -d /run/systemd/system ]; then
		systemctl daemon-reload
		systemctl try-restart zensync-relay.service zensync-worker.service
	fi
fi
echo "Installed. To begin with: $prefix/bin/zensync setup"
