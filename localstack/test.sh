#!/usr/bin/env bash
# Deploys the template with the release binaries onto LocalStack (sam build, package, deploy), runs the suite `stack` through
# `doorbell dev --functions`, which stands for API Gateway, kills LocalStack and starts it again, and stops everything. Installs its tools
# into .tools/ and listens on loopback only.
# usage: localstack/test.sh [--docker] [ARGUMENT of the suite…]      e.g. localstack/test.sh contract::
# LocalStack and the functions are processes, and the table is on another emulator. Needs Python 3.13: DOORBELL_PYTHON names it.
# --docker: LocalStack and the functions are containers, and the table is LocalStack's.
# DOORBELL_ACCEPT_DYNAMODB_LOCAL_LICENSE=1: without --docker, the table is LocalStack's, too. Says that you accept DynamoDB Local's licence,
# which requires an AWS account.
# DOORBELL_BUILT=1 uses the functions that `localstack/build.sh` has built.
set -euo pipefail
. "$(dirname "$0")/localstack.sh"
cd "$root"
url=http://127.0.0.1:4566
# own: LocalStack's service for the table, without Docker; elsewhere: the other emulator, if the table is there.
docker='' own='' elsewhere=''
if [ "${1:-}" = --docker ]; then
  shift
  docker=yes
  compose_tools
else
  localstack_tools
  if [ "${DOORBELL_ACCEPT_DYNAMODB_LOCAL_LICENSE:-}" = 1 ]; then
    own=dynamodb
    dynamodb_local_tools
  else
    elsewhere=http://127.0.0.1:4567
    emulator_tools
  fi
fi
sam_tools
work=$(mktemp -d)
pids=()
localstack=
container=
stop() {
  # The functions use the table.
  [ -z "$localstack" ] || end "$localstack"
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do end "${pids[i]}"; done
  [ -z "$container" ] || stop_container >"$work/stop.log" 2>&1 || cat "$work/stop.log" >&2
  rm -rf "$work"
}
trap stop EXIT

step() { printf '\n== %s (%ss)\n' "$*" "$SECONDS"; }

step 'build'
[ -n "${DOORBELL_BUILT:-}" ] || localstack/build.sh
cargo test --quiet --locked --no-run

step 'LocalStack'
export AWS_DEFAULT_REGION=us-east-1 AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
parameters=(ProtectTable=false "Architecture=$(lambda_architecture)")
if [ -n "$elsewhere" ]; then
  start_emulator 127.0.0.1 4567 "$work"
  pids+=("$emulator")
  parameters+=("DynamoDbEndpoint=$elsewhere")
fi
if [ -n "$docker" ]; then
  start_container "$work"
else
  start_localstack 4566 "$work" "$own"
fi

step 'deploy'
logs() { if [ -n "$docker" ]; then compose logs --tail 200; else cat "$work/localstack.log"; fi; }
# quietly LOG COMMAND…: prints the output only on failure
quietly() {
  local log=$work/$1
  shift
  "$@" >"$log" 2>&1 || { cat "$log"; logs; return 1; } >&2
}
deploy() {
  export AWS_ENDPOINT_URL=$url
  # `--resolve-s3` would take 15 s for a bucket, and the SAM CLI would ask for the stack every 5 s.
  curl -sf -o /dev/null -X PUT "$url/artifacts"
  export SAM_CLI_POLL_DELAY=1
  quietly package sam package --template-file .aws-sam/build/template.yaml --s3-bucket artifacts --output-template-file "$work/packaged.yaml"
  "$tools/sam/bin/python" -B localstack/adapt.py "$work/packaged.yaml" ${elsewhere:+doorbell "$elsewhere"} >"$work/stack.json"
  quietly deploy sam deploy --template-file "$work/stack.json" --stack-name doorbell --s3-bucket artifacts --capabilities CAPABILITY_IAM \
    --no-confirm-changeset --parameter-overrides "${parameters[@]}"
  DOORBELL_TABLE=$(output TableName)
  # The suite and its commands use the table only.
  export DOORBELL_TABLE AWS_ENDPOINT_URL=${elsewhere:-$url}
}
deploy

step 'gateway'
start_gateway "$url/2015-03-31/functions/doorbell-{}/invocations" "$work"
pids+=("$gateway")
stack_tokens "$work"
if [ -z "$elsewhere" ]; then
  sweep_expired "$url"
  pids+=("$sweep")
fi

step 'suite'
# Most tests wait for deadlines, so they run in parallel. On a busy machine a call takes seconds, and some of them fail. LocalStack is one
# process of Python: with its own table it handles each access of a function, too.
threads=16
[ -n "$elsewhere" ] || threads=4
cargo test --locked --test stack -- --ignored --test-threads "$threads" --skip push::unreachable:: "$@" || {
  tail -n 40 "$work/gateway.log" >&2
  exit 1
}

# LocalStack loses everything but the table that is elsewhere.
if [ -n "$elsewhere" ]; then
  step 'restart'
  # call EXPECTED TOKEN PATH [BODY]: sets $answer to body and status, which must match the pattern EXPECTED
  call() {
    answer=$(curl -s -m 40 -w ' %{http_code}' -H "Authorization: Bearer $2" ${4:+-d "$4"} "$DOORBELL_URL$3")
    grep -q "$1" <<<"$answer" || { echo "$3: $answer, not $1" >&2; tail -n 40 "$work/gateway.log" "$work/localstack.log" >&2; exit 1; }
  }
  call ' 200$' "$DOORBELL_DAEMON_A" /api/daemon/register \
    "{\"workspace_id\":\"$DOORBELL_WORKSPACE_A\",\"daemon_id\":\"restart\",\"runtimes\":[{\"type\":\"codex\"}]}"
  runtime=$(grep -oE '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}' <<<"$answer" | head -n 1)
  requests=/api/runtimes/$runtime/local-skills
  call '"pending".* 200$' "$DOORBELL_USER_A" "$requests" '{}'
  request=$(grep -oE '[0-9a-f]{32}' <<<"$answer" | head -n 1)
  kill -KILL "$localstack"
  wait "$localstack" 2>/dev/null || true
  # The authorizer is called first, and API Gateway has one response to all of its failures. The page needs none.
  call '^{"message":"Internal Server Error"} 500$' "$DOORBELL_USER_A" "$requests/$request"
  call '^{"message":"Service Unavailable"} 503$' '' /page.json
  start_localstack 4566 "$work"
  call '^{"message":"Internal Server Error"} 500$' '' /page.json
  deploy
  call '"pending".* 200$' "$DOORBELL_USER_A" "$requests/$request"
  call "\"pending_local_skills\":{\"id\":\"$request\"}.* 200$" "$DOORBELL_DAEMON_A" /api/daemon/heartbeat "{\"runtime_id\":\"$runtime\"}"
  call ' 200$' "$DOORBELL_DAEMON_A" "/api/daemon/runtimes/$runtime/local-skills/$request/result" '{"status":"completed"}'
  call '"completed".* 200$' "$DOORBELL_USER_A" "$requests/$request"
  "$tools/sam/bin/python" -c 'import boto3, sys; print(boto3.client("dynamodb").describe_time_to_live(TableName=sys.argv[1])["TimeToLiveDescription"])' \
    "$DOORBELL_TABLE" | tee "$work/ttl"
  grep -q "'ENABLED'" "$work/ttl"
fi
step 'done'
