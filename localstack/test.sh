#!/usr/bin/env bash
# Deploys the template with the release binaries onto LocalStack (sam build, package, deploy), runs the suite `stack` through
# `doorbell dev --functions`, which stands for API Gateway, and stops everything. Installs its tools into .tools/ and listens on loopback
# only. Needs no container: LocalStack runs as a process, and so do the functions.
# usage: localstack/test.sh [ARGUMENT of the suite…]      e.g. localstack/test.sh contract::
# DOORBELL_BUILT=1 uses the functions that `localstack/build.sh` has built. Needs Python 3.13: DOORBELL_PYTHON names it.
set -euo pipefail
. "$(dirname "$0")/tools.sh"
cd "$root"
sam_tools
emulator_tools
localstack_tools
work=$(mktemp -d)
pids=()
stop() {
  # In reverse order: the functions use the table.
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do end "${pids[i]}"; done
  rm -rf "$work"
}
trap stop EXIT

step() { printf '\n== %s (%ss)\n' "$*" "$SECONDS"; }

step 'build'
[ -n "${DOORBELL_BUILT:-}" ] || localstack/build.sh
cargo test --quiet --locked --no-run

step 'LocalStack'
export AWS_DEFAULT_REGION=us-east-1 AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
# LocalStack's DynamoDB is DynamoDB Local, whose licence requires an AWS account. The table is on the other emulator.
dynamodb=http://127.0.0.1:4567
start_emulator 127.0.0.1 4567 "$work"
pids+=("$emulator")
start_localstack 4566 "$work"
pids+=("$localstack")
export AWS_ENDPOINT_URL=http://127.0.0.1:4566

step 'deploy'
parameters=(ProtectTable=false "Architecture=$(lambda_architecture)" "DynamoDbEndpoint=$dynamodb")
# quietly LOG COMMAND…: prints the output only on failure
quietly() {
  local log=$work/$1
  shift
  "$@" >"$log" 2>&1 || { cat "$log" "$work/localstack.log" >&2; return 1; }
}
export DOORBELL_TABLE=doorbell
quietly package sam package --template-file .aws-sam/build/template.yaml --resolve-s3 --output-template-file "$work/packaged.yaml"
"$tools/localstack/bin/python" -B localstack/adapt.py "$work/packaged.yaml" "$DOORBELL_TABLE" "$dynamodb" >"$work/stack.json"
quietly deploy sam deploy --template-file "$work/stack.json" --stack-name doorbell --resolve-s3 --capabilities CAPABILITY_IAM \
  --no-confirm-changeset --parameter-overrides "${parameters[@]}"

step 'gateway'
target/debug/doorbell dev --functions "$AWS_ENDPOINT_URL/2015-03-31/functions/doorbell-{}/invocations" --addr 127.0.0.1:0 \
  --cors-origin https://app.example >"$work/gateway.log" 2>&1 &
pids+=($!)
wait_for 30 grep -q 'Doorbell listens' "$work/gateway.log" || { cat "$work/gateway.log" >&2; exit 1; }
# The suite and its commands use the table only.
export DOORBELL_URL AWS_ENDPOINT_URL=$dynamodb
DOORBELL_URL=$(sed -n 's/^Doorbell listens on \([^ ]*\).*/\1/p' "$work/gateway.log")
stack_tokens "$work"

step 'suite'
# Most tests wait for deadlines, so they run in parallel. On a busy machine a call takes seconds, and some of them fail.
cargo test --locked --test stack -- --ignored --test-threads 16 --skip push::unreachable:: "$@" || {
  tail -n 40 "$work/gateway.log" >&2
  exit 1
}
step 'done'
