#!/usr/bin/env bash
# Installs deb, rpm and tarball in a Debian container with systemd as its init,
# and has scripts/smoke use them there: see its steps. It needs root, Debian's mmdebstrap
# and systemd-container, and this machine's own sources of packages; where it
# cannot run it says so and is content. Everything is in a folder for temporary
# files ($TMPDIR), some 400 MiB, which it removes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

skip() {
	echo "smoke: skipped: $1"
	exit 0
}
[ "$(id -u)" = 0 ] || skip 'it takes root to boot a container'
for tool in mmdebstrap systemd-nspawn nsenter dpkg-deb; do
	command -v "$tool" >/dev/null || skip "there is no $tool (Debian's packages mmdebstrap, systemd-container, util-linux, dpkg)"
done
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
sources=()
for file in /etc/apt/sources.list /etc/apt/sources.list.d/{debian,ubuntu}*.{list,sources}; do
	[ -s "$file" ] && sources+=("$file")
done
[ -n "$suite" ] && [ ${#sources[@]} -gt 0 ] || skip 'this machine has no sources of Debian packages'

work=$(mktemp -d)
root=$work/root
container=
cleanup() {
	if [ -n "$container" ]; then
		kill "$container" 2>/dev/null || true # the container shuts down
		wait "$container" 2>/dev/null || true
	fi
	# mmdebstrap that was interrupted leaves this host's /proc, /sys and /dev
	# mounted in there.
	# Where nothing is, grep fails, and the test must not with it.
	{ findmnt --list --noheadings --output TARGET | grep -F "$work/" || true; } | sort -r | xargs -r umount --lazy
	rm -rf --one-file-system "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

echo '== packages'
for version in 0.0.1~smoke 0.0.2~smoke; do
	PACKAGE_VERSION=$version scripts/package.sh >"$work/package.log" 2>&1 || {
		cat "$work/package.log" >&2
		exit 1
	}
done
CGO_ENABLED=0 "${GO:-go}" build -trimpath -o "$work/smoke" ./scripts/smoke

echo '== container'
# --mode=root: systemd-nspawn needs root in any case.
mmdebstrap --mode=root --variant=essential --include=systemd-sysv,ca-certificates,rpm \
	"$suite" "$root" "${sources[@]}" >"$work/mmdebstrap.log" 2>&1 || {
	tail -20 "$work/mmdebstrap.log"
	skip 'mmdebstrap could not make a Debian system (above)'
}
mkdir "$root/smoke"
cp "$work/smoke" "$root/smoke/"
cp dist/zensync_0.0.1~smoke_*.deb "$root/smoke/old.deb"
cp dist/zensync_0.0.2~smoke_*.deb "$root/smoke/new.deb"
cp dist/zensync-0.0.1~smoke-1.*.rpm "$root/smoke/old.rpm"
cp dist/zensync-0.0.2~smoke-1.*.rpm "$root/smoke/new.rpm"
mkdir "$root/smoke/tarball"
tar --extract --gzip --file dist/zensync-0.0.2~smoke-linux-*.tar.gz --directory "$root/smoke/tarball" --strip-components 1
nspawn=(systemd-nspawn --quiet --register=no --keep-unit --private-network --directory="$root")
"${nspawn[@]}" /bin/true >"$work/nspawn.log" 2>&1 || {
	cat "$work/nspawn.log"
	skip 'systemd-nspawn cannot run a container here (above)'
}
"${nspawn[@]}" --boot --console=pipe </dev/null >"$work/boot.log" 2>&1 &
container=$!

leader=
for _ in {1..300}; do
	leader=$(cat "/proc/$container/task/$container/children" 2>/dev/null | awk '{print $1}')
	if [ -n "$leader" ] && nsenter --all --target "$leader" systemctl is-system-running --wait >"$work/state" 2>/dev/null; then
		break
	fi
	kill -0 "$container" 2>/dev/null || break
	sleep 0.2
done
if [ "$(cat "$work/state" 2>/dev/null)" != running ]; then
	cat "$work/boot.log"
	skip "systemd does not come up in a container here (above): $(cat "$work/state" 2>/dev/null)"
fi
nsenter --all --target "$leader" /smoke/smoke /smoke
