#!/usr/bin/env bash
# Runs all benches and writes BENCHMARKS.md from their results, which stay in target/doorbell-bench/.
# usage: tests/benches/run.sh      about ten minutes on two idle cores, once everything is built
#        tests/benches/run.sh --brief      each bench once and small, as a check; writes no BENCHMARKS.md
# DOORBELL_BUILT=1 uses the functions that `localstack/build.sh` has built.
set -euo pipefail
cd "$(dirname "$0")/../.."
. localstack/tools.sh
effort=("$@")
results=$PWD/target/doorbell-bench
mkdir -p "$results"

step() { printf '\n== %s (%ss)\n' "$1" "$SECONDS"; }

step 'functions, as deployed'
need hyperfine hyperfine
need curl curl ca-certificates
sam_tools
[ -n "${DOORBELL_BUILT:-}" ] || localstack/build.sh
processor=--x86-64
[ "$(lambda_architecture)" = x86_64 ] || processor=--arm64
# In the functions' folder, which has the Cargo settings of a deployment.
(cd functions && cargo lambda build --release "$processor" --package doorbell-empty --bin empty)

step 'benches, built'
if [ "$*" = --brief ]; then
  # Without --package: features then equal those of `cargo test`, and nothing is built twice.
  cargo build --locked --bin doorbell --bin lambda_host --bin bill --bench counted_cost --bench warm_calls
  folder=target/debug
  bench=(cargo test --locked)
else
  cargo build --locked --release --package doorbell --bin doorbell
  cargo build --locked --release --package doorbell-bench --bin lambda_host --bin bill
  folder=target/release
  bench=(cargo bench --locked --package doorbell-bench)
fi

step 'counted cost'
"${bench[@]}" --bench counted_cost >"$results/counted_cost.jsonl"
step 'warm calls'
"${bench[@]}" --bench warm_calls >"$results/warm_calls.txt"
step 'cold start'
python3 tests/benches/cold_start.py "$folder/lambda_host" "$results" "${effort[@]}"
step 'load and time to answer'
python3 tests/benches/load.py "$folder/doorbell" "$results" "${effort[@]}"
step 'push'
python3 tests/benches/push.py "$folder/doorbell" "$results" "${effort[@]}"
step 'bill'
"$folder/bill" "$results" >"$results/bill.json"
step 'report'
python3 tests/benches/report.py "$results" >"$results/BENCHMARKS.md"
[ "$*" = --brief ] || cp "$results/BENCHMARKS.md" BENCHMARKS.md
step 'done'
