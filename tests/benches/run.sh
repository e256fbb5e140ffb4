#!/usr/bin/env bash
# All benches in full, and BENCHMARKS.md, its plots and the README's table made anew of what they found. Prints how long each step took.
# usage: tests/benches/run.sh      on two cores under twenty minutes, with the machine to itself; the functions' first build comes on top
#        tests/benches/run.sh --brief      each bench once and small, to see that it still runs; writes nothing
# DOORBELL_BUILT=1 takes the functions as `localstack/build.sh` has left them.
set -euo pipefail
cd "$(dirname "$0")/../.."
. localstack/tools.sh

took=()
# step NAME COMMAND…: runs it, and notes how long it took
step() {
  local name=$1 began=$SECONDS
  shift
  printf '\n== %s (%ss)\n' "$name" "$SECONDS"
  "$@"
  took+=("$(printf '%-28s %4d s' "$name" $((SECONDS - began)))")
}

empty_function() {
  local processor=--x86-64
  [ "$(lambda_architecture)" = x86_64 ] || processor=--arm64
  cargo lambda build --release "$processor" --package doorbell-empty --bin empty
}

step 'tools' sam_tools
[ -n "${DOORBELL_BUILT:-}" ] || step 'functions, as deployed' localstack/build.sh
step 'the empty function' empty_function
benches=(counted_cost cold_start warm_path scale time_to_answer)
if [ "${1:-}" = --brief ]; then
  # Without --package: it would be another set of features, and everything compiled once more for it.
  cargo test --locked "${benches[@]/#/--bench=}"
  exit
fi
step 'benches, built' cargo bench --locked --package doorbell-bench --no-run
for bench in "${benches[@]}"; do
  step "$bench" cargo bench --locked --package doorbell-bench --bench "$bench"
done
# In the profile of the benches, so that nothing is built another way.
step 'report' cargo run --locked --profile bench --package doorbell-bench --bin doorbell-bench

printf '\n%s\n' "${took[@]}"
