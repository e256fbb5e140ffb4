#!/usr/bin/env bash
# Builds the functions as a deployment builds them, with `sam build`, for this machine's processor. Prints the size of each binary and the
# newest glibc that it needs, and refuses one that Amazon Linux 2023 could not load.
# usage: localstack/build.sh      the first build takes about ten minutes on two cores
set -euo pipefail
. "$(dirname "$0")/tools.sh"
cd "$root"
sam_tools

# Amazon Linux 2023, which `provided.al2023` is, has glibc 2.34 (AWS, "Comparing AL2 and AL2023").
newest=2.34

sam build --parameter-overrides "Architecture=$(lambda_architecture)"

for binary in .aws-sam/build/*/bootstrap; do
  glibc=$(objdump -T "$binary" | grep -oE 'GLIBC_[0-9.]+' | cut -d _ -f 2 | sort -Vu | tail -n 1)
  [ "$(printf '%s\n%s\n' "$glibc" "$newest" | sort -V | tail -n 1)" = "$newest" ] || {
    echo "$binary needs glibc $glibc, and Amazon Linux 2023 has $newest" >&2
    exit 1
  }
  function=$(basename "$(dirname "$binary")")
  printf '%-20s %9d bytes, glibc %s\n' "$function" "$(stat -c %s "$binary")" "$glibc"
done
