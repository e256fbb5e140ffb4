#!/usr/bin/env bash
# Deploys the template with the release binaries onto ministack, an emulator of AWS with HTTP APIs, Lambda authorizers and IAM (sam build,
# package, deploy), runs the suite `stack` over HTTP, switches the push channel on and off, and deletes the stack. Installs its tools into
# .tools/ and listens on loopback only.
# usage: localstack/ministack.sh [ARGUMENT of the suite…]      e.g. localstack/ministack.sh contract::
# DOORBELL_BUILT=1 uses the functions that `localstack/build.sh` has built.
set -euo pipefail
. "$(dirname "$0")/tools.sh"
cd "$root"
sam_tools
emulator_tools
work=$(mktemp -d)
emulator=
stop() {
  [ -z "$emulator" ] || { kill "$emulator" 2>/dev/null && wait "$emulator" 2>/dev/null; } || true
  rm -rf "$work"
}
trap stop EXIT

step() { printf '\n== %s (%ss)\n' "$*" "$SECONDS"; }

step 'build'
[ -n "${DOORBELL_BUILT:-}" ] || localstack/build.sh
cargo test --quiet --locked --no-run

step 'emulator'
# Endpoint and keys for the scripts, the suite and the functions, which inherit them.
export AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_DEFAULT_REGION=us-east-1 AWS_REGION=us-east-1
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
AUTH=true start_emulator 127.0.0.1 4566 "$work"

step 'deploy'
# The origin that the suite `stack` sends.
parameters=(ProtectTable=false AuthorizerCacheSeconds=0 "Architecture=$(lambda_architecture)" CorsOrigins=https://app.example)
# quietly LOG COMMAND…: prints the output only on failure
quietly() {
  local log=$work/$1
  shift
  "$@" >"$log" 2>&1 || { cat "$log" >&2; return 1; }
}
quietly package sam package --template-file .aws-sam/build/template.yaml --resolve-s3 --output-template-file "$work/packaged.yaml"
# deploy NAME=VALUE…: creates or updates the stack
deploy() {
  "$tools/ministack/bin/python" localstack/expand.py "$work/packaged.yaml" "${parameters[@]}" "$@" >"$work/stack.json"
  quietly deploy sam deploy --template-file "$work/stack.json" --stack-name doorbell --resolve-s3 --capabilities CAPABILITY_IAM \
    --no-confirm-changeset --parameter-overrides "${parameters[@]}" "$@"
}
deploy
"$tools/sam/bin/python" localstack/complete.py doorbell "$work/stack.json"
"$tools/sam/bin/python" localstack/push.py doorbell off

api=$(output ApiUrl | sed 's#^https://\([^.]*\)\..*#\1#')
export DOORBELL_URL="$AWS_ENDPOINT_URL/_aws/execute-api/$api/\$default" DOORBELL_TABLE
DOORBELL_TABLE=$(output TableName)
echo "deployed $(grep -c '"Type": "AWS::' "$work/stack.json") resources at $DOORBELL_URL"

stack_tokens "$work"

step 'suite'
# Most tests wait for deadlines, so they run in parallel.
cargo test --locked --test stack -- --ignored --test-threads 16 --skip push::unreachable:: "$@"

# A part of the suite does not call every function.
if [ $# = 0 ]; then
  step 'logs'
  "$tools/sam/bin/python" localstack/logged.py doorbell "${DOORBELL_USER_A#*_}" "${DOORBELL_DAEMON_A#*_}" "${DOORBELL_ADMIN_A#*_}"
fi

# The emulator has neither custom authorizers nor direct messages, so nothing listens at the endpoint.
step 'push channel on'
deploy PushEndpoint=127.0.0.1
export DOORBELL_DEPLOYMENT
DOORBELL_DEPLOYMENT=$("$tools/sam/bin/python" localstack/push.py doorbell on 127.0.0.1 "$DOORBELL_DAEMON_A" "$DOORBELL_WORKSPACE_A")
cargo test --locked --test stack -- --ignored --test-threads 16 push::unreachable:: smoke::

# An update keeps parameters that it does not name.
step 'push channel off'
deploy 'PushEndpoint=""'
"$tools/sam/bin/python" localstack/push.py doorbell off

step 'IAM is enforced'
# denied FUNCTION TOKEN PATH BODY EXPECTED: without its policy the function answers EXPECTED
denied() {
  "$tools/sam/bin/python" localstack/deny.py doorbell "$1"
  local response
  response=$(curl -s -w ' %{http_code}' ${2:+-H "Authorization: Bearer $2"} -d "$4" "$DOORBELL_URL$3")
  [ "$response" = "$5" ] || { echo "IAM is not enforced: $response" >&2; exit 1; }
  echo "$response"
}
denied HeartbeatFunction "$DOORBELL_DAEMON_A" /api/daemon/heartbeat '{"runtime_id":"11111111-2222-4333-8444-555555555555"}' \
  '{"error":"heartbeat failed"} 500'
denied RedeemFunction '' /api/enrolments/redeem '{"code":"0000-0000-0000-0000","daemon_id":"d"}' \
  '{"error":"failed to redeem enrolment"} 500'
denied AdministerFunction "$DOORBELL_ADMIN_A" /api/enrolments "{\"workspace_id\":\"$DOORBELL_WORKSPACE_A\"}" \
  '{"error":"failed to create enrolment"} 500'

step 'delete'
quietly delete sam delete --stack-name doorbell --no-prompts --region "$AWS_REGION"
step 'done'
