#!/usr/bin/env bash
# Builds the functions with `sam build`, as for a deployment, for this machine's processor. Prints size and required glibc of each binary,
# and fails if Amazon Linux 2023 cannot load one.
# usage: localstack/build.sh      the first build takes about ten minutes on two cores
set -euo pipefail
. "$(dirname "$0")/tools.sh"
cd "$root"
sam_tools

# glibc of Amazon Linux 2023, the base of `provided.al2023` (AWS, "Comparing AL2 and AL2023").
newest=2.34

# All binaries in one call, so that Cargo links as many at once as there are cores. `sam build` calls cargo-lambda once per function and
# finds them built.
architecture=$(lambda_architecture)
flags=()
[ "$architecture" = x86_64 ] || flags=(--arm64)
(cd functions && cargo lambda build --release --bins "${flags[@]}")
sam build --parameter-overrides "Architecture=$architecture"

for binary in .aws-sam/build/*/bootstrap; do
  glibc=$(objdump -T "$binary" | grep -oE 'GLIBC_[0-9.]+' | cut -d _ -f 2 | sort -Vu | tail -n 1)
  [ "$(printf '%s\n%s\n' "$glibc" "$newest" | sort -V | tail -n 1)" = "$newest" ] || {
    echo "$binary needs glibc $glibc, and Amazon Linux 2023 has $newest" >&2
    exit 1
  }
  function=$(basename "$(dirname "$binary")")
  printf '%-20s %9d bytes, glibc %s\n' "$function" "$(stat -c %s "$binary")" "$glibc"
done
