#!/usr/bin/env bash
# Runs the suite `stack` against `cargo lambda watch`, which compiles the functions without optimization and runs them as processes.
# `doorbell dev --functions` stands for API Gateway, and the table is on an emulator. Installs its tools into .tools/ and listens on
# loopback only.
# usage: localstack/watch.sh [ARGUMENT of the suite…]      e.g. localstack/watch.sh contract::
#        localstack/watch.sh --serve      serves the API on port 3000 until Ctrl-C, and compiles the functions after each change
set -euo pipefail
. "$(dirname "$0")/tools.sh"
cd "$root"
serve=
[ "${1:-}" != --serve ] || serve=yes
sam_tools
emulator_tools
work=$(mktemp -d)
pids=()
watch=
stop() {
  # The functions use the table.
  [ -z "$watch" ] || end_session "$watch"
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do end "${pids[i]}"; done
  rm -rf "$work"
}
trap stop EXIT

step() { printf '\n== %s (%ss)\n' "$*" "$SECONDS"; }

step 'build'
[ -n "$serve" ] || cargo test --quiet --locked --no-run
# As `cargo lambda watch` compiles the functions: otherwise the first call of each would wait for the compiler.
cargo build --quiet --locked

step 'table'
export AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_ENDPOINT_URL=http://127.0.0.1:4567
export DOORBELL_TABLE=doorbell DOORBELL_STACK=watch
start_emulator 127.0.0.1 4567 "$work"
pids+=("$emulator")
create_table "$work"
stack_tokens "$work"

step 'functions'
is_free 127.0.0.1:9000
# Each process of a function watches every folder below the current one, and Linux limits the sum of a user (inotify): with target/ and
# .tools/ changes would be missed without an error.
sources=$tools/watch
mkdir -p "$sources"
ln -sfn -t "$sources" "$root"/{functions,protocol,shared}
# A function with one process would answer no other call while it holds one.
options=(--invoke-address 127.0.0.1 --manifest-path "$root/Cargo.toml" --concurrency 4)
[ -n "$serve" ] || options+=(--ignore-changes)
listens() { (exec 3<>/dev/tcp/127.0.0.1/9000); }
start_functions() {
  (cd "$sources" && exec setsid cargo lambda watch "${options[@]}") >"$work/watch.log" 2>&1 &
  watch=$!
  wait_for 60 listens || { cat "$work/watch.log" >&2; exit 1; }
}
start_functions

step 'gateway'
functions_url='http://127.0.0.1:9000/2015-03-31/functions/{}/invocations'
if [ -n "$serve" ]; then
  printf 'User    %s\nDaemon  %s\nAdmin   %s\n' "$DOORBELL_USER_A" "$DOORBELL_DAEMON_A" "$DOORBELL_ADMIN_A"
  tail -f "$work/watch.log" &
  pids+=($!)
  target/debug/doorbell dev --functions "$functions_url" --cors-origin '*'
  exit
fi
start_gateway "$functions_url" "$work"
pids+=("$gateway")
# The first call of a function starts its processes, one after the other. IoT Core calls the other two functions.
for event in tests/events/*.json; do
  function=$(basename "$event" .json)
  case $function in connect | presence) continue ;; esac
  curl -sS -m 60 -o /dev/null -d "@$event" "${functions_url/\{\}/$function}" || { cat "$work/watch.log" >&2; exit 1; }
done

# suite ARGUMENT…: runs the suite. Most tests wait for deadlines, so they run in parallel.
suite() {
  cargo test --locked --test stack -- --ignored --test-threads 16 "$@" || { tail -n 40 "$work/gateway.log" >&2; exit 1; }
}
step 'suite'
suite --skip push::unreachable:: "$@"

# Nothing listens at the endpoint. All functions get the variables that the template gives to those that use the channel.
if [ "$#" = 0 ]; then
  step 'push channel on'
  end_session "$watch"
  export DOORBELL_PUSH_ENDPOINT=https://127.0.0.1 DOORBELL_PUSH_URL=mqtts://127.0.0.1:443 DOORBELL_PUSH_HEARTBEAT_S=21600
  export DOORBELL_PUSH_USERNAME='doorbell?x-amz-customauthorizer-name=none' DOORBELL_DEPLOYMENT=00000000-0000-4000-8000-0000000000dd
  start_functions
  suite push::unreachable:: smoke::
fi
step 'done'
