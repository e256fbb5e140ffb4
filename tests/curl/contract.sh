#!/usr/bin/env bash
# The wire contract with curl alone, against a real `doorbell dev --no-daemon`: every status code and every text.
# usage: tests/curl/contract.sh [path of doorbell]      takes under three minutes, most of it real time-outs
set -euo pipefail
cd "$(dirname "$0")/../.."
doorbell=${1:-target/debug/doorbell}
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT

workspace_a=00000000-0000-4000-8000-00000000000a
workspace_b=00000000-0000-4000-8000-00000000000b
nobody=11111111-2222-4333-8444-555555555555
no_request=01930000000070008000000000000001
checks=0

# serve NAME ARGUMENTS…: starts a `doorbell dev` of its own and sets $api to its URL
serve() {
  local log=$work/$1
  shift
  "$doorbell" dev --addr 127.0.0.1:0 --no-daemon "$@" >"$log" 2>&1 &
  pids+=($!)
  for _ in $(seq 200); do
    api=$(sed -n 's/^Doorbell listens on \(http:[^ ]*\).*/\1/p' "$log")
    [ -n "$api" ] && curl -sf -o /dev/null "$api/healthz" && return
    sleep 0.05
  done
  cat "$log" >&2
  exit 1
}

# call TOKEN METHOD PATH [CURL ARGUMENTS…]: sets $status and $body
call() {
  local token=$1 method=$2 path=$3
  shift 3
  status=$(curl -s -o "$work/body" -D "$work/headers" -w '%{http_code}' -X "$method" \
    ${token:+-H "Authorization: Bearer $token"} -H 'Content-Type: application/json' "$@" "$api$path")
  body=$(cat "$work/body")
}

# expect STATUS BODY: what the last call must have come to. BODY is a pattern of the shell's.
expect() {
  # shellcheck disable=SC2053
  if [ "$status" != "$1" ] || [[ $body != $2 ]]; then
    printf 'line %s: expected %s %s\n          got %s %s\n' "${BASH_LINENO[0]}" "$1" "$2" "$status" "$body" >&2
    exit 1
  fi
  checks=$((checks + 1))
}

# refused STATUS TEXT: an error body, to the letter
refused() { expect "$1" "{\"error\":\"$2\"}"; }

field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" <<<"$body"; }

register() {
  call dbd_dev_a POST /api/daemon/register -d "{\"workspace_id\":\"$workspace_a\",\"daemon_id\":\"my-laptop\",
    \"runtimes\":[{\"name\":\"Codex\",\"type\":\"codex\",\"version\":\"0.169.0\",\"status\":\"online\",\"profile_id\":\"\"}]}"
}
beat() { call dbd_dev_a POST /api/daemon/heartbeat -d "{\"runtime_id\":\"$runtime\"}"; }
ring() {
  call dbu_dev_a POST "/api/runtimes/$runtime/models"
  expect 200 '{"id":"*","runtime_id":"*","status":"pending","supported":true,"created_at":"*Z","updated_at":"*Z"}'
  request=$(field id)
}
poll() { call dbu_dev_a GET "/api/runtimes/$runtime/models/$request"; }
report() { call dbd_dev_a POST "/api/daemon/runtimes/$runtime/models/$request/result" -d "$1"; }

serve embedded

echo 'register'
register
expect 200 "{\"runtimes\":[{\"id\":\"*\",\"workspace_id\":\"$workspace_a\",\"daemon_id\":\"my-laptop\",\"name\":\"Codex\",\"provider\":\"codex\",\"status\":\"online\",\"last_seen_at\":\"*Z\",\"created_at\":\"*Z\",\"updated_at\":\"*Z\"}\],\"repos\":\[\],\"repos_version\":\"\",\"settings\":{}}"
runtime=$(field id)
register
[ "$(field id)" = "$runtime" ] || { echo 'registering again gave another id' >&2; exit 1; }
path=/api/daemon/register
runtimes='"runtimes":[{"type":"codex"}]'
call dbd_dev_a POST $path -d "{\"workspace_id\":\"$workspace_a\",$runtimes}";      refused 400 'daemon_id is required'
call dbd_dev_a POST $path -d "{\"daemon_id\":\"d\",$runtimes}";                    refused 400 'workspace_id is required'
call dbd_dev_a POST $path -d "{\"daemon_id\":\"d\",\"workspace_id\":\"$workspace_a\"}"
refused 400 'at least one runtime or failed profile is required'
call dbd_dev_a POST $path -d "{\"daemon_id\":\"d\",\"workspace_id\":\"x\",$runtimes}"; refused 400 'invalid workspace_id'
call dbd_dev_a POST $path -d 'no json';                                            refused 400 'invalid request body'
call dbd_dev_a POST $path -d "{\"daemon_id\":\"d\",\"workspace_id\":\"$workspace_b\",$runtimes}"
refused 404 'workspace not found'

echo 'runtimes'
call dbu_dev_a GET /api/runtimes;                                 expect 200 "\[{\"id\":\"$runtime\",*\"status\":\"online\"*}\]"
call dbu_dev_a GET "/api/runtimes?workspace_id=$workspace_a";     expect 200 "\[{\"id\":\"$runtime\",*}\]"
call dbu_dev_b GET /api/runtimes;                                 expect 200 '\[\]'
call dbu_dev_a GET '/api/runtimes?workspace_id=x';                refused 400 'invalid workspace_id'
call dbu_dev_a GET "/api/runtimes?workspace_id=$workspace_b";     refused 404 'workspace not found'

echo 'initiate, poll, heartbeat, report'
ring
poll;                                     expect 200 "{\"id\":\"$request\",*\"status\":\"pending\"*}"
beat;                                     expect 200 "{\"status\":\"ok\",\"pending_model_list\":{\"id\":\"$request\"}}"
beat;                                     expect 200 '{"status":"ok"}'
poll;                                     expect 200 "{\"id\":\"$request\",*\"status\":\"running\"*}"
[[ $body != *started* ]] || { echo 'the start of the run is on the wire' >&2; exit 1; }
models='[{"id":"gpt-6","label":"GPT-6","provider":"openai","default":true,"thinking":{"supported_levels":[{"value":"low","label":"Low","description":"…"}],"default_level":"low"},"service_tiers":[{"id":"priority","name":"Fast","description":"…"}],"unknown":{"kept":[1,2]}}]'
report "{\"status\":\"completed\",\"models\":$models}"; expect 200 '{"status":"ok"}'
poll
[[ $body == *"\"models\":$models"* ]] || { echo "the models did not pass through: $body" >&2; exit 1; }
expect 200 '{*"status":"completed"*"supported":true*}'
report '{"status":"failed","error":"late"}';      expect 200 '{"status":"ok"}'
poll;                                             expect 200 '{*"status":"completed"*}'
ring; report '{"status":"failed","error":"codex is not logged in"}'; expect 200 '{"status":"ok"}'
poll;                                             expect 200 '{*"status":"failed"*"error":"codex is not logged in"*}'
ring; report '{"status":"completed","models":[],"supported":false}'; expect 200 '{"status":"ok"}'
poll;                                             expect 200 '{*"status":"completed","supported":false*}'

echo 'what is not there, or not ours'
call dbu_dev_a POST /api/runtimes/nonsense/models;                refused 400 'invalid runtime_id'
call dbu_dev_a POST "/api/runtimes/${runtime^^}/models";          refused 400 'invalid runtime_id'
call dbu_dev_a POST "/api/runtimes/%7B$runtime%7D/models";        refused 400 'invalid runtime_id'
call dbu_dev_a POST "/api/runtimes/$nobody/models";               refused 404 'runtime not found'
call dbu_dev_b POST "/api/runtimes/$runtime/models";              refused 404 'runtime not found'
call dbu_dev_b GET "/api/runtimes/$runtime/models/$request";      refused 404 'request not found'
call dbu_dev_a GET "/api/runtimes/$runtime/models/$no_request";   refused 404 'request not found'
call dbu_dev_a GET "/api/runtimes/$nobody/models/$request";       refused 404 'request not found'
path=/api/daemon/heartbeat
call dbd_dev_a POST $path -d '[';                                 refused 400 'invalid request body'
call dbd_dev_a POST $path -d '{}';                                refused 400 'runtime_id is required'
call dbd_dev_a POST $path -d '{"runtime_id":"x"}';                refused 400 'invalid runtime_id'
call dbd_dev_a POST $path -d "{\"runtime_id\":\"$nobody\"}";      refused 404 'runtime not found'
call dbd_dev_b POST $path -d "{\"runtime_id\":\"$runtime\"}";     refused 404 'not found'
path=/api/daemon/runtimes
failed='{"status":"failed","error":"no"}'
call dbd_dev_a POST "$path/x/models/$request/result" -d "$failed";            refused 400 'invalid runtime_id'
call dbd_dev_a POST "$path/$runtime/models/$request/result" -d '{';           refused 400 'invalid request body'
call dbd_dev_a POST "$path/$runtime/models/$request/result" -d '{"status":"completed","models":[{"label":"no id"}]}'
refused 400 'invalid request body'
call dbd_dev_a POST "$path/$runtime/models/$no_request/result" -d "$failed";  refused 404 'request not found'
call dbd_dev_b POST "$path/$runtime/models/$request/result" -d "$failed";     refused 404 'request not found'
call dbd_dev_a POST /api/nothing;                                             refused 404 'not found'
call dbd_dev_a PUT /api/daemon/heartbeat;                                     refused 405 'method not allowed'

echo 'tokens and scopes'
call '' GET /api/runtimes;                refused 401 'a valid bearer token is required'
call dbu_nobody GET /api/runtimes;        refused 401 'a valid bearer token is required'
call dbd_dev_a GET /api/runtimes;         refused 403 'the token lacks the scope \\"user\\"'
call dbu_dev_a POST /api/daemon/heartbeat -d '{}'; refused 403 'the token lacks the scope \\"daemon\\"'

echo 'sizes'
head -c $((1024 * 1024 + 1)) /dev/zero | tr '\0' ' ' >"$work/large"
call dbu_dev_a POST "/api/runtimes/$runtime/models" --data-binary "@$work/large"; refused 413 'request body too large'
call dbd_dev_a POST /api/daemon/heartbeat --data-binary "@$work/large";           refused 413 'request body too large'
ring
{ printf '{"status":"completed","models":[{"id":"a","label":"'; head -c 500000 /dev/zero | tr '\0' x; printf '"}]}'; } >"$work/report"
call dbd_dev_a POST "/api/daemon/runtimes/$runtime/models/$request/result" --data-binary "@$work/report"
refused 413 'report too large'
poll; expect 200 '{*"status":"failed"*"error":"the daemon'"'"'s report is too large to store: *"*}'

echo 'deregister'
call dbd_dev_a POST /api/daemon/deregister -d '{}';               refused 400 'runtime_ids is required'
call dbd_dev_b POST /api/daemon/deregister -d "{\"runtime_ids\":[\"$runtime\",\"$nobody\"]}"; expect 200 '{"status":"ok"}'
call dbu_dev_a GET /api/runtimes;                                 expect 200 '*"status":"online"*'
call dbd_dev_a POST /api/daemon/deregister -d "{\"runtime_ids\":[\"$runtime\"]}"; expect 200 '{"status":"ok"}'
call dbu_dev_a GET /api/runtimes;                                 expect 200 '*"status":"offline"*'
call dbu_dev_a POST "/api/runtimes/$runtime/models";              refused 503 'runtime is offline'
register

echo 'pace'
for _ in $(seq 75); do
  call dbu_dev_a POST "/api/runtimes/$runtime/models"
  [ "$status" = 200 ] || break
done
refused 429 'too many requests for this runtime'
grep -qi '^retry-after: [1-9]' "$work/headers" || { echo 'no Retry-After' >&2; exit 1; }

echo 'a store that cannot say'
embedded=$api
python3 - >"$work/port" <<'PY' &
import http.server, json
class Denying(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        target = self.headers["x-amz-target"]
        self.rfile.read(int(self.headers["content-length"]))
        setup = target.endswith(("CreateTable", "DescribeTable", "UpdateTimeToLive"))
        made = {"Table": {"TableStatus": "ACTIVE"}}
        denied = {"__type": "com.amazon.coral.service#AccessDeniedException"}
        body = json.dumps(made if setup else denied).encode()
        self.send_response(200 if setup else 400)
        self.send_header("content-type", "application/x-amz-json-1.0")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Denying)
print(server.server_port, flush=True)
server.serve_forever()
PY
pids+=($!)
for _ in $(seq 100); do [ -s "$work/port" ] && break; sleep 0.05; done
AWS_ENDPOINT_URL=http://127.0.0.1:$(cat "$work/port")
export AWS_ENDPOINT_URL AWS_REGION=us-east-1
export AWS_ACCESS_KEY_ID=example AWS_SECRET_ACCESS_KEY=example
serve denied --store dynamodb
call dbu_dev_a POST "/api/runtimes/$nobody/models";               refused 500 'failed to enqueue model list request'
call dbu_dev_a GET "/api/runtimes/$nobody/models/$no_request";    refused 500 'failed to load request'
call dbu_dev_a GET /api/runtimes;                                 refused 500 'failed to list runtimes'
call dbd_dev_a POST /api/daemon/heartbeat -d "{\"runtime_id\":\"$nobody\"}"; refused 500 'heartbeat failed'
path="/api/daemon/runtimes/$nobody/models/$no_request/result"
call dbd_dev_a POST "$path" -d '{"status":"completed"}';          refused 500 'failed to persist completion'
call dbd_dev_a POST "$path" -d "$failed";                         refused 500 'failed to persist failure'
api=$embedded

echo 'time-outs and retention, in real time'
sleep 31 # until the pace lets a ring in again, and what is pending has lapsed
beat
[ "$status" = 200 ] && [[ $body != *pending_model_list* ]] || { echo "a lapsed request was handed out: $body" >&2; exit 1; }
ring; pending=$request
ring; running=$request
beat; expect 200 "{\"status\":\"ok\",\"pending_model_list\":{\"id\":\"$pending\"}}"
report '{"status":"failed","error":"not this one"}'; expect 200 '{"status":"ok"}' # answers $running
ring; lapsing=$request
sleep 31
request=$lapsing; poll; expect 200 '{*"status":"timeout"*"error":"daemon did not respond within 30 seconds"*}'
report '{"status":"completed","models":[]}'; expect 200 '{"status":"ok"}'
poll; expect 200 '{*"status":"timeout"*}'
sleep 31
request=$pending; poll; expect 200 '{*"status":"timeout"*"error":"daemon did not finish within 60 seconds"*}'
call dbu_dev_a POST "/api/runtimes/$runtime/models"; refused 503 'runtime is offline'
sleep 60
request=$running; poll; refused 404 'request not found'

echo "$checks passed, 0 failed"
