#!/usr/bin/env bash
# Checks what scripts/package.sh has made of this commit: that it can be made
# again, what is in it, and the units. What a missing tool makes impossible is
# left out, and said so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

has() { command -v "$1" >/dev/null; }
skip() { echo "package-check: skipped, for want of $1: $2"; }
fail() {
	echo "package-check: $1" >&2
	exit 1
}
# same WHAT EXPECTED GOT
same() { diff <(printf '%s\n' "$2") <(printf '%s\n' "$3") || fail "$1 differs from what it has to be (>: what it is)"; }

export PACKAGE_VERSION=0.0.0~check COMMIT=check SOURCE_DATE_EPOCH=1700000000
sums=$(scripts/package.sh | grep '^[0-9a-f]\{64\} ')

echo '== the same bytes, made elsewhere at another time'
git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from - --ignore-failed-read 2>/dev/null |
	tar --extract --directory "$root" --one-top-level=elsewhere --touch
again=$(umask 077 && TZ=Pacific/Auckland "$root/elsewhere/scripts/package.sh" | grep '^[0-9a-f]\{64\} ')
same 'the second build' "$sums" "$again"
rm -rf "$root/elsewhere"

echo '== what is in the packages'
deb=$(ls dist/zensync_0.0.0~check_*.deb) rpm=$(ls dist/zensync-0.0.0~check-1.*.rpm)
contents='-rw-r--r-- /usr/lib/systemd/system/zensync-relay.service
-rw-r--r-- /usr/lib/systemd/system/zensync-relay.socket
-rw-r--r-- /usr/lib/systemd/system/zensync-worker.service
-rw-r--r-- /usr/lib/sysusers.d/zensync.conf
-rw-r--r-- /usr/lib/tmpfiles.d/zensync.conf
-rw-r--r-- /usr/share/bash-completion/completions/zensync
-rw-r--r-- /usr/share/doc/zensync/README.md
-rw-r--r-- /usr/share/fish/vendor_completions.d/zensync.fish
-rw-r--r-- /usr/share/man/man8/zensync.8.gz
-rw-r--r-- /usr/share/zensync/alert-rules.yaml
-rw-r--r-- /usr/share/zensync/grafana-dashboard.json
-rw-r--r-- /usr/share/zensync/litestream.yml
-rw-r--r-- /usr/share/zensync/zensync.yaml
-rw-r--r-- /usr/share/zsh/FOLDER/_zensync
-rwxr-xr-x /usr/bin/zensync'
for report in schema/reports/*.sql; do
	contents+=$'\n'"-rw-r--r-- /usr/share/zensync/reports/$(basename "$report")"
done
contents=$(sort <<<"$contents")
if has dpkg-deb; then
	listed=$(dpkg-deb --contents "$deb" | awk '!/^d/ {print $1, substr($6, 2), $2}')
	same 'the content of the deb' "${contents/FOLDER/vendor-completions}" "$(sed 's, root/root$,,' <<<"$listed" | sort)"
	dpkg-deb --extract "$deb" "$root/deb"
	dpkg-deb --control "$deb" "$root/control"
	for script in postinst prerm postrm; do
		sh -n "$root/control/$script"
	done
	[ ! -e "$root/control/conffiles" ] || fail 'the deb has conffiles: the configuration is the administrator'\''s'
	(cd "$root/deb" && md5sum --quiet --check ../control/md5sums)
	gzip --test "$root/deb/usr/share/man/man8/zensync.8.gz"
	if has ldd && ldd "$root/deb/usr/bin/zensync" >/dev/null 2>&1; then fail 'the program is not static'; fi
	"$root/deb/usr/bin/zensync" version --format json | grep -q '"version": *"0.0.0~check"' || fail 'the program does not know its version'
else
	skip dpkg-deb 'content of the deb'
fi
if has rpm; then
	listed=$(rpm --query --list --verbose --package "$rpm" | awk '{print $1, $9}')
	same 'the content of the rpm' "${contents/FOLDER/site-functions}" "$(sort <<<"$listed")"
	rpm --query --scripts --package "$rpm" | grep -q try-restart || fail 'the rpm has no scripts'
else
	skip rpm 'content of the rpm'
fi

echo '== completions, as the packages bring them'
# typed SHELL... is what a terminal shows of what is typed from stdin, where
# <TAB> completes. The program answers --help, and names the first flag that is none.
typed() {
	sed 's/<TAB>/\t/g' | HOME=$root PATH=$root/deb/usr/bin:$PATH TERM=dumb timeout 60 script --quiet --return --command "$*" /dev/null
}
completed() { # SHELL, what the terminal shows
	grep -q 'zensync deploy - make' <<<"$2" || fail "$1 completes no command: $2"
	grep -q 'unknown flag --nonesuch' <<<"$2" || fail "$1 completes no flag: $2"
}
if has dpkg-deb && has script; then
	completed bash "$(typed bash --norc --noprofile -i <<EOF
source $root/deb/usr/share/bash-completion/completions/zensync
zensync depl<TAB> --help
zensync deploy --dry<TAB> --nonesuch
exit
EOF
	)"
	if has zsh; then
		completed zsh "$(typed zsh -f -i <<EOF
fpath=($root/deb/usr/share/zsh/vendor-completions \$fpath); autoload -U compinit; compinit -u -d $root/zcompdump
zensync depl<TAB> --help
zensync deploy --dry<TAB> --nonesuch
exit
EOF
		)"
	else
		skip zsh 'its completion'
	fi
	if has fish; then
		says=$(HOME=$root PATH=$root/deb/usr/bin:$PATH XDG_DATA_DIRS=$root/deb/usr/share fish --command 'complete --do-complete "zensync depl"; complete --do-complete "zensync deploy --dry"' | cut -f1)
		same 'what fish completes' 'deploy
--dry-run' "$says"
	else
		skip fish 'its completion'
	fi
else
	skip 'dpkg-deb or script' 'completions'
fi

echo '== alerting rules'
if has promtool; then
	promtool check rules scripts/alert-rules.yaml >/dev/null || fail 'promtool finds faults in the alerting rules'
	promtool test rules scripts/alert-rules.test.yaml >/dev/null || fail 'the alerting rules do not say what they should'
else
	skip promtool 'the alerting rules'
fi

echo '== install.sh and uninstall.sh'
mkdir "$root/tarball"
tar --extract --gzip --file dist/zensync-0.0.0~check-linux-*.tar.gz --directory "$root/tarball" --strip-components 1
DESTDIR=$root/host PREFIX=/opt/zensync "$root/tarball/scripts/install.sh" >/dev/null
"$root/host/opt/zensync/bin/zensync" version >/dev/null
grep -q '^ExecStart=/opt/zensync/bin/zensync relay$' "$root/host/etc/systemd/system/zensync-relay.service" || fail 'the unit does not start what was installed'
mkdir -p "$root/host/etc/zensync" && touch "$root/host/etc/zensync/zensync.yaml"
DESTDIR=$root/host PREFIX=/opt/zensync "$root/tarball/scripts/uninstall.sh"
same 'what uninstall.sh leaves' etc/zensync/zensync.yaml "$(cd "$root/host" && find . ! -type d -printf '%P\n')"
DESTDIR=$root/host PREFIX=/opt/zensync "$root/tarball/scripts/uninstall.sh" --purge
same 'what a purge leaves' '' "$(cd "$root/host" && find . ! -type d)"
if has unshare && has systemd-sysusers && has systemd-tmpfiles && unshare --mount mount -t tmpfs tmpfs /run 2>/dev/null; then
	# A host with systemd, seen by the two scripts alone: what they change of /etc
	# and /var/lib is gone with them, and systemctl writes down what it is asked for.
	mkdir "$root/stub"
	cat >"$root/stub/systemctl" <<'EOF'
#!/bin/sh
echo "$*" >>"$CALLS"
[ "$1" != stop ] || [ -z "${STUCK:-}" ] || exit 1
[ "$1" != stop ] || [ -e "/etc/systemd/system/$2" ] || exit 5
EOF
	chmod 0755 "$root/stub/systemctl"
	CALLS=$root/calls PATH=$root/stub:$PATH PREFIX=$root/prefix TARBALL=$root/tarball unshare --mount sh -eu -c '
		fail() { echo "package-check: $1" >&2; exit 1; }
		mount -t tmpfs tmpfs /run
		mkdir -p /run/systemd/system
		cp -a /etc /run/
		mount --bind /run/etc /etc
		mount -t tmpfs tmpfs /var/lib
		"$TARBALL/scripts/install.sh" >/dev/null
		grep -qx daemon-reload "$CALLS" || fail "install.sh does not have systemd read the units"
		grep -qx "try-restart zensync-relay.service zensync-worker.service" "$CALLS" || fail "install.sh does not restart what runs"
		touch /etc/zensync/zensync.yaml /var/lib/zensync/zensync.db
		STUCK=yes "$TARBALL/scripts/uninstall.sh" --purge 2>/dev/null && fail "uninstall.sh goes on beside a service that did not stop"
		[ -e /var/lib/zensync/zensync.db ] && [ -e /etc/systemd/system/zensync-worker.service ] || fail "uninstall.sh takes away what runs"
		: >"$CALLS"
		"$TARBALL/scripts/uninstall.sh"
		[ "$(grep -c ^stop "$CALLS")" = 3 ] || fail "uninstall.sh does not stop the three units"
		[ -e /var/lib/zensync/zensync.db ] && [ -e /etc/zensync/zensync.yaml ] || fail "uninstall.sh deletes data without --purge"
		"$TARBALL/scripts/uninstall.sh" --purge # the units are gone already
		[ ! -e /var/lib/zensync ] && [ ! -e /etc/zensync ] || fail "a purge after an uninstall leaves data"
	'
else
	skip 'root or systemd' 'install.sh and uninstall.sh on a host with systemd'
fi

echo '== units, user and folders'
if has systemd-analyze; then
	# The program has to be where a unit says; on this host it need not be.
	DESTDIR=$root/units PREFIX=$root/tarball "$root/tarball/scripts/install.sh" >/dev/null
	systemd-analyze verify --man=no --recursive-errors=yes "$root"/units/etc/systemd/system/zensync-*
	systemd-analyze security --no-pager --offline=true --threshold=20 systemd/zensync-relay.service | tail -1
	systemd-analyze security --no-pager --offline=true --threshold=25 systemd/zensync-worker.service | tail -1
else
	skip systemd-analyze 'verification and security of the units'
fi
if has systemd-sysusers && has systemd-tmpfiles && [ "$(id -u)" = 0 ]; then
	mkdir -p "$root/system/usr/lib" "$root/system/etc/zensync"
	cp -R systemd/sysusers.d systemd/tmpfiles.d "$root/system/usr/lib/"
	systemd-sysusers --root="$root/system" zensync.conf
	grep -q '^zensync:.*:/var/lib/zensync:/usr/sbin/nologin$' "$root/system/etc/passwd" || fail 'there is no user zensync'
	touch "$root/system/etc/zensync/zensync.yaml" "$root/system/etc/zensync/okta.pem"
	systemd-tmpfiles --root="$root/system" --create zensync.conf
	id=$(awk -F: '/^zensync:/ {print $3 ":" $4}' "$root/system/etc/passwd")
	same 'the ownership of the folders' "1770 0:${id#*:} /etc/zensync
600 $id /etc/zensync/okta.pem
640 0:${id#*:} /etc/zensync/zensync.yaml
700 $id /var/lib/zensync" "$(cd "$root/system" && stat --format '%a %u:%g /%n' etc/zensync etc/zensync/* var/lib/zensync)"
else
	skip 'systemd-sysusers, systemd-tmpfiles or root' 'user and folders'
fi
echo 'package-check: ok'
