#!/usr/bin/env bash
# Builds what a release has for one target: an archive and, on Linux, a Debian package. Both are written into target/dist/.
# The target must be one that this machine runs, because the binary itself prints the man pages and completions.
# usage: packaging/build.sh TARGET [--no-build]      such as x86_64-unknown-linux-gnu; --no-build packs the binary of an earlier build
set -euo pipefail
cd "$(dirname "$0")/.."
target=$1

# The oldest glibc that the binary runs with: RHEL 8, Debian 10, Ubuntu 20.04 and Amazon Linux 2023 have it, or a newer one. zig
# links for it on any machine. `depends` of the Debian package names it, too.
glibc=2.28

# The same sources give the same files: times are those of the commit, and paths do not name this machine.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
separator=$'\x1f'
remap="--remap-path-prefix=$PWD=.$separator--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo"

tar=tar
case $target in
  *-linux-gnu)
    . localstack/tools.sh
    python zig cargo-zigbuild==0.24.1 ziglang==0.15.2
    export PATH=$tools/zig/bin:$tools/cargo/bin:$PATH
    need objdump binutils
    build=(cargo zigbuild --target "$target.$glibc")
    ;;
  *-apple-darwin)
    build=(cargo build --target "$target")
    tar=gtar # Apple's tar does not sort.
    ;;
  *)
    echo "$target is not a target of the releases" >&2
    exit 2
    ;;
esac

binary=target/$target/release/doorbell
[ "${2:-}" = --no-build ] || CARGO_ENCODED_RUSTFLAGS=$remap "${build[@]}" --release --locked --package doorbell
version=$("$binary" --version | cut -d ' ' -f 2)
name=doorbell-v$version-$target

if [ "${target##*-}" = gnu ]; then
  needed=$(objdump -T "$binary" | grep -oE 'GLIBC_[0-9.]+' | cut -d _ -f 2 | sort -Vu | tail -n 1)
  [ "$(printf '%s\n%s\n' "$needed" "$glibc" | sort -V | tail -n 1)" = "$glibc" ] || {
    echo "$binary needs glibc $needed, and the releases promise $glibc" >&2
    exit 1
  }
fi

dist=target/dist
rm -rf "$dist/man" "$dist/completions" "${dist:?}/$name"
mkdir -p "$dist/completions" "$dist/$name"
"$binary" man "$dist/man"
"$binary" completions bash >"$dist/completions/doorbell"
"$binary" completions zsh >"$dist/completions/_doorbell"
"$binary" completions fish >"$dist/completions/doorbell.fish"

cp -R "$binary" LICENSE README.md "$dist/man" "$dist/completions" "$dist/$name"
chmod -R u=rwX,go=rX "$dist/$name"
"$tar" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -C "$dist" -c "$name" |
  gzip -9n >"$dist/$name.tar.gz"
rm -r "${dist:?}/$name"

if [ "${target##*-}" = gnu ]; then
  cargo install cargo-deb --version 3.8.0 --locked --quiet --root "$tools/cargo"
  cargo deb --package doorbell --target "$target" --no-build --no-strip --output "$dist/"
fi
ls -l "$dist"
