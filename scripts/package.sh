#!/usr/bin/env bash
# Makes the packages in dist/: a deb, an rpm, and a tarball with
# scripts/install.sh for hosts that take neither. The same commit and Go version
# give the same bytes. GOARCH may name another architecture; PACKAGE_VERSION,
# COMMIT and SOURCE_DATE_EPOCH are git's unless given.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
umask 022

# Pinned: later versions need modules that proxies do not carry.
nfpm=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.1
go=${GO:-go}

# v1.2.3-4-gabc -> 1.2.3+4.gabc, which both kinds of package sort after 1.2.3;
# without a tag 0.0.0+g and the commit.
described=$([ -n "${PACKAGE_VERSION:-}" ] || git describe --tags --match 'v[0-9]*' --dirty=.dirty 2>/dev/null || true)
if [ -z "$described" ] && [ -z "${PACKAGE_VERSION:-}" ]; then
	described=0.0.0-$(git rev-list --count HEAD)-g$(git rev-parse --short HEAD)
fi
version=${PACKAGE_VERSION:-$(sed -E 's/^v//; s/-([0-9]+)-g/+\1.g/; s/-/~/g' <<<"$described")}
commit=${COMMIT:-$(git rev-parse --short HEAD)}
export PACKAGE_VERSION=$version
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export PACKAGER=${PACKAGER:-zensync <root@localhost>}
ARCH=$($go env GOARCH)
export ARCH

stage=dist/stage
rm -rf "$stage"
mkdir -p "$stage"/{bin,share,scripts,schema}
make -s build GO="$go" BIN="$stage/bin/zensync" VERSION="$version" COMMIT="$commit"
own=$stage/bin/zensync
if [ "$ARCH" != "$($go env GOHOSTARCH)" ]; then
	own=dist/zensync.host
	GOARCH='' make -s build GO="$go" BIN="$own" VERSION="$version" COMMIT="$commit"
fi
"$own" man | gzip -9n >"$stage/share/zensync.8.gz"
for shell in bash zsh fish; do
	"$own" completion "$shell" >"$stage/share/zensync.$shell"
done
"$own" config init >"$stage/share/zensync.yaml"
cp -R systemd README.md "$stage"
cp -R schema/reports "$stage/schema"
cp scripts/install.sh scripts/uninstall.sh scripts/alert-rules.yaml scripts/grafana-dashboard.json scripts/litestream.yml "$stage/scripts"
find "$stage" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

rm -f dist/zensync[-_]*"$version"*
for packager in deb rpm; do
	GOARCH='' $go run "$nfpm" package --config scripts/package/nfpm.yaml --packager "$packager" --target dist/
done
tar --create --directory "$stage" --transform "s,^\.,zensync-$version," --sort=name --format=gnu \
	--owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" . | gzip -9n >"dist/zensync-$version-linux-$ARCH.tar.gz"
(cd dist && sha256sum zensync[-_]*"$version"*)
