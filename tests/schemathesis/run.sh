#!/usr/bin/env bash
# Tests the API against openapi.yaml: schemathesis sends valid and invalid requests to `doorbell dev --no-daemon` and checks every
# response against the document.
# usage: tests/schemathesis/run.sh [path of doorbell]      takes about six minutes on two cores
# SCHEMATHESIS_SEED reproduces a failure; SCHEMATHESIS_CASES is the number of cases per operation.
set -euo pipefail
cd "$(dirname "$0")/../.."
. localstack/tools.sh
doorbell=${1:-target/debug/doorbell}
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT

need curl curl ca-certificates
python schemathesis schemathesis==4.32.5 openapi-spec-validator==0.9.0
"$tools/schemathesis/bin/openapi-spec-validator" openapi.yaml

"$doorbell" dev --addr 127.0.0.1:0 --no-daemon --no-token-limits >"$work/log" 2>&1 &
pids+=($!)
for _ in $(seq 200); do
  DOORBELL_URL=$(sed -n 's/^Doorbell listens on \(http:[^ ]*\).*/\1/p' "$work/log")
  [ -n "$DOORBELL_URL" ] && curl -sf -o /dev/null "$DOORBELL_URL/healthz" && break
  sleep 0.05
done
[ -n "$DOORBELL_URL" ] || { cat "$work/log" >&2; exit 1; }
export DOORBELL_URL

# post TOKEN PATH [BODY [IDEMPOTENCY_KEY]]: sends a request that must succeed and prints the response
post() {
  curl -sSf -X POST -H "Authorization: Bearer $1" ${3:+-d "$3"} ${4:+-H "Idempotency-Key: $4"} "$DOORBELL_URL$2"
}

# ids: prints the quoted ids of a response, one a line, as schemathesis reads them
ids() { grep -o '"id":"[^"]*"' | cut -d : -f 2; }

# Fifty runtimes, because each accepts a burst of 30 rings. One runtime has used up its burst: its requests (pending, running,
# completed and failed) are the targets of polls and reports, and rings of it reach the rate limit.
runtimes=$(printf '{"type":"type-%s","questions":[{"name":"disk_usage"}]},' $(seq 50))
registration='{"workspace_id":"00000000-0000-4000-8000-00000000000a","daemon_id":"schemathesis","runtimes":['${runtimes%,}']}'
post dbd_dev_a /api/daemon/register "$registration" | ids >"$work/runtimes"
# Fifty more runtimes, which the cases may forget.
forgettable=${registration/schemathesis/forgettable}
post dbd_dev_a /api/daemon/register "$forgettable" | ids >"$work/forgettable"
head -n 1 "$work/runtimes" >"$work/exhausted"
exhausted=$(tr -d '"' <"$work/exhausted")
{ cat "$work/runtimes"; for _ in $(seq 20); do cat "$work/exhausted"; done; } >"$work/targets"
# Rings without a key would join the first request.
for key in $(seq 12); do post dbu_dev_a "/api/runtimes/$exhausted/models" '' "models-$key" | ids; done >"$work/requests"
for _ in $(seq 10); do
  post dbu_dev_a "/api/runtimes/$exhausted/requests" '{"kind":"disk_usage","args":{}}' | ids
done >"$work/questions"
for _ in $(seq 10); do post dbd_dev_a /api/daemon/heartbeat "{\"runtime_id\":\"$exhausted\"}" >/dev/null; done
# Pending for longer than the cases take: a claimed one is forgotten after six minutes.
skills='{"kind":"local_skills","queue_s":3600}'
for key in $(seq 8); do post dbu_dev_a "/api/runtimes/$exhausted/requests" "$skills" "skills-$key" | ids; done >"$work/skills"
# report BODY FIRST,LAST: reports the requests with these line numbers
report() {
  for request in $(sed -n "$2p" "$work/requests" | tr -d '"'); do
    post dbd_dev_a "/api/daemon/runtimes/$exhausted/models/$request/result" "$1" >/dev/null
  done
}
report '{"status":"completed","models":[{"id":"gpt-6","label":"GPT-6"}]}' 1,3
report '{"status":"failed","error":"codex is not logged in"}' 4,6
# Codes and tokens.
workspace=00000000-0000-4000-8000-00000000000a
for _ in $(seq 40); do
  post dba_dev_a /api/enrolments "{\"workspace_id\":\"$workspace\",\"expires_in_s\":3600}" | grep -o '"code":"[^"]*"' | cut -d : -f 2
done >"$work/codes"
for _ in $(seq 40); do
  post dba_dev_a /api/tokens "{\"workspace_id\":\"$workspace\",\"scope\":\"user\",\"subject\":\"revocable\"}" | ids
done >"$work/tokens"
# Keeps the runtimes online, and registers those again that a case has deregistered or forgotten.
while sleep 5; do
  for body in "$registration" "$forgettable"; do post dbd_dev_a /api/daemon/register "$body" >/dev/null || true; done
done &
pids+=($!)

cp tests/schemathesis/*.toml "$work"

# try CONFIGURATION CASES [ARGUMENTS…]
try() {
  local config=$1 cases=$2
  shift 2
  "$tools/schemathesis/bin/st" --config-file "$work/$config" run openapi.yaml --no-color \
    --seed "${SCHEMATHESIS_SEED:-20261122}" --max-examples "$cases" "$@"
}
export USER_TOKEN=dbu_dev_a DAEMON_TOKEN=dbd_dev_a ADMIN_TOKEN=dba_dev_a
# Revocations are a run of their own: they also try ids that other responses have shown, which are those of these three tokens.
try schemathesis.toml "${SCHEMATHESIS_CASES:-120}" --exclude-operation-id revokeToken
try schemathesis.toml "${SCHEMATHESIS_CASES:-120}" --include-operation-id revokeToken --phases examples,coverage,fuzzing
# Tokens of the wrong scope. Every call is refused, so the warnings about refused calls are off.
USER_TOKEN=dbd_dev_a DAEMON_TOKEN=dbu_dev_a ADMIN_TOKEN=dbd_dev_a try schemathesis.toml 20 --phases examples,coverage,fuzzing --warnings off
# Tenant isolation: responses to one workspace's client must not be available to the other's.
try isolation.toml 30 --include-tag clients

kill -0 "${pids[0]}" # the server still runs
if grep -A 5 panicked "$work/log"; then exit 1; fi
