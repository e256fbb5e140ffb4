#!/usr/bin/env bash
# Runs the functions in containers with the SAM CLI: builds them, invokes each with its event, serves the API with `sam local
# start-api` and runs the smoke tests against it. DynamoDB is an emulator.
# usage: localstack/sam-local.sh      as root if no Docker engine runs: it then installs, starts and stops one
# DOORBELL_BUILT=1 uses the functions that `localstack/build.sh` has built.
set -euo pipefail
. "$(dirname "$0")/tools.sh"
cd "$root"
sam_tools
emulator_tools
work=$(mktemp -d)
pids=()
stop() {
  # In reverse order: the containers of the API need the engine. SIGKILL would leave SAM's containers behind.
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
    kill "${pids[i]}" 2>/dev/null || true
    wait "${pids[i]}" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap stop EXIT

step() { printf '\n== %s (%ss)\n' "$*" "$SECONDS"; }

step 'engine'
need docker docker.io
docker info >/dev/null 2>&1 || {
  need dockerd docker.io
  need iptables iptables
  dockerd >"$work/engine.log" 2>&1 &
  pids+=($!)
  wait_for 60 docker info || { cat "$work/engine.log" >&2; exit 1; }
}
docker version --format 'Docker {{.Server.Version}}'
localstack/base-image.sh

step 'build'
[ -n "${DOORBELL_BUILT:-}" ] || localstack/build.sh
cargo test --quiet --locked --no-run

step 'DynamoDB'
bridge=$(bridge_address)
dynamodb=http://$bridge:4567
start_emulator "$bridge" 4567 "$work"
pids+=("$emulator")
local_table "$dynamodb" "$work"

local_options=(--skip-pull-image --parameter-overrides
  "Architecture=$(lambda_architecture)" "DynamoDbEndpoint=$dynamodb" AuthorizerCacheSeconds=0
  # Only for the functions of IoT Core: the SAM CLI leaves variables with conditions empty, so the others have no push channel.
  PushEndpoint=127.0.0.1)

step 'invoke'
# The runtime id in the events. Registration returns another one, because ids depend on a random secret of the workspace.
sample_runtime=c9a824cd-19ec-5e1f-97f5-c3dca03c00d9
runtime=$sample_runtime
# invoke FUNCTION EVENT EXPECTED: invokes the function; the response must match the grep pattern EXPECTED
invoke() {
  sed "s/$sample_runtime/$runtime/g" "tests/events/$2.json" >"$work/event.json"
  answer=$(sam local invoke "$1" --event "$work/event.json" "${local_options[@]}" 2>"$work/invoke.log" | grep '^{\|^null' | tail -n 1) || true
  grep -q "$3" <<<"$answer" || { cat "$work/invoke.log" >&2; echo "$1: $answer" >&2; exit 1; }
  printf '%-20s %s\n' "$1" "${answer:0:110}"
}
invoke AuthorizerFunction authorizer '"caller": *"anonymous"'
invoke RegisterFunction register '"statusCode": *200'
runtime=$(grep -oE '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}' <<<"$answer" | head -n 1)
invoke RuntimesFunction runtimes "\"statusCode\": *200.*$runtime"
invoke InitiateFunction initiate '"statusCode": *200.*pending'
invoke HeartbeatFunction heartbeat '"statusCode": *200.*pending_model_list'
invoke PollFunction poll '"statusCode": *404.*request not found'
invoke ReportFunction report '"statusCode": *404.*request not found'
invoke DeregisterFunction deregister '"statusCode": *200'
invoke CancelFunction cancel '"statusCode": *404'
invoke ForgetFunction forget '"statusCode": *200'
invoke WorkspacesFunction workspaces '"statusCode": *200.*00000000-0000-4000-8000-00000000000a'
invoke AdministerFunction administer '"statusCode": *200.*expires_at'
invoke RedeemFunction redeem '"statusCode": *404.*enrolment not found'
invoke PageFunction page '"statusCode": *200.*text/html'
invoke ConnectFunction connect '"isAuthenticated": *false'
invoke PresenceFunction presence '^null'

step 'API'
# LAZY keeps one container per function. With EAGER some outlive the command.
sam local start-api --port 3001 --warm-containers LAZY "${local_options[@]}" >"$work/api.log" 2>&1 &
pids+=($!)
export DOORBELL_URL=http://127.0.0.1:3001
wait_for 60 curl -s "$DOORBELL_URL/" || { cat "$work/api.log" >&2; exit 1; }
token() { "${cli[@]}" token create --store dynamodb --scope "$1" --subject "suite $1" 2>>"$work/tokens"; }
export DOORBELL_USER_A DOORBELL_DAEMON_A DOORBELL_ADMIN_A
DOORBELL_USER_A=$(token user) DOORBELL_DAEMON_A=$(token daemon) DOORBELL_ADMIN_A=$(token admin)
cargo test --locked --test stack -- --ignored smoke:: || { tail -n 40 "$work/api.log" >&2; exit 1; }
step 'done'
