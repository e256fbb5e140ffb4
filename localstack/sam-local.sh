#!/usr/bin/env bash
# Runs the functions in containers with the SAM CLI: serves the API with `sam local start-api` and runs the smoke tests against it, then
# serves the functions with `sam local start-lambda`, invokes each with its event and runs the suite `stack` through
# `doorbell dev --functions`. DynamoDB is an emulator.
# usage: localstack/sam-local.sh [--whole] [ARGUMENT of the suite…]      e.g. localstack/sam-local.sh contract::
# Without arguments it runs tests that take seconds, and with --whole all.
# Run it as root if no Docker engine runs: it then installs, starts and stops one.
# DOORBELL_BUILT=1 uses the functions that `localstack/build.sh` has built.
set -euo pipefail
. "$(dirname "$0")/tools.sh"
cd "$root"
case ${1:-} in
  '') set -- smoke:: contract::access:: contract::wait:: command:: ;;
  --whole) shift ;;
esac
sam_tools
emulator_tools
work=$(mktemp -d)
pids=()
stop() {
  # In reverse order: the containers need the engine. SIGKILL would leave them behind.
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do end "${pids[i]}" 120; done
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

# start_sam COMMAND: starts `sam local COMMAND`, waits until it listens and sets $sam to its process id
start_sam() {
  is_free 127.0.0.1:3001 || return 1
  # LAZY keeps one container per function. With EAGER some outlive the command.
  # PushEndpoint only adds the functions of IoT Core: the SAM CLI leaves variables with conditions empty, so others have no push channel.
  sam local "$1" --port 3001 --warm-containers LAZY --skip-pull-image --parameter-overrides "Architecture=$(lambda_architecture)" \
    "DynamoDbEndpoint=$dynamodb" AuthorizerCacheSeconds=0 PushEndpoint=127.0.0.1 >"$work/sam.log" 2>&1 &
  sam=$!
  pids+=("$sam")
  wait_for 60 curl -s http://127.0.0.1:3001/ || { cat "$work/sam.log" >&2; return 1; }
}
# suite ARGUMENT…: runs the suite. Most tests wait for deadlines, so they run in parallel.
suite() {
  AWS_ACCESS_KEY_ID=defaultkey AWS_SECRET_ACCESS_KEY=defaultsecret AWS_REGION=us-east-1 AWS_ENDPOINT_URL=$dynamodb \
    cargo test --locked --test stack -- --ignored --test-threads 16 --skip push::unreachable:: "$@" || {
    tail -n 40 "$work"/*.log >&2
    exit 1
  }
}

step 'sam local start-api'
start_sam start-api
AWS_ACCESS_KEY_ID=defaultkey AWS_SECRET_ACCESS_KEY=defaultsecret AWS_REGION=us-east-1 stack_tokens "$work"
DOORBELL_URL=http://127.0.0.1:3001 suite smoke::
end "$sam" 120

step 'sam local start-lambda'
start_sam start-lambda
# The runtime id in the events. Registration returns another one, because ids depend on a random secret of the workspace.
sample_runtime=c9a824cd-19ec-5e1f-97f5-c3dca03c00d9
runtime=$sample_runtime
# invoke FUNCTION EXPECTED: invokes the function with its event; the response must match the grep pattern EXPECTED
invoke() {
  answer=$(sed "s/$sample_runtime/$runtime/g" "tests/events/$1.json" |
    curl -s -m 60 -d @- "http://127.0.0.1:3001/2015-03-31/functions/local-$1/invocations") || true
  grep -q "$2" <<<"$answer" || { cat "$work/sam.log" >&2; echo "$1: $answer" >&2; exit 1; }
  printf '%-12s %s\n' "$1" "${answer:0:110}"
}
invoke authorizer '"caller": *"anonymous"'
invoke register '"statusCode": *200'
runtime=$(grep -oE '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}' <<<"$answer" | head -n 1)
invoke runtimes "\"statusCode\": *200.*$runtime"
invoke initiate '"statusCode": *200.*pending'
invoke heartbeat '"statusCode": *200.*pending_model_list'
invoke poll '"statusCode": *404.*request not found'
invoke report '"statusCode": *404.*request not found'
invoke deregister '"statusCode": *200'
invoke cancel '"statusCode": *404'
invoke forget '"statusCode": *200'
invoke workspaces '"statusCode": *200.*00000000-0000-4000-8000-00000000000a'
invoke administer '"statusCode": *200.*expires_at'
invoke redeem '"statusCode": *404.*enrolment not found'
invoke page '"statusCode": *200.*text/html'
invoke connect '"isAuthenticated": *false'
invoke presence '^null'

step 'gateway'
start_gateway 'http://127.0.0.1:3001/2015-03-31/functions/local-{}/invocations' "$work"
pids+=("$gateway")

step 'suite'
suite "$@"
step 'done'
