# shellcheck shell=bash
# Functions of the scripts, to be sourced. Tools are installed into .tools/ (ignored by git) with pinned versions; a Debian
# package is installed (as root, with apt) only if its command is missing.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools=$root/.tools
mkdir -p "$tools"

# No telemetry, no lookup of credentials from instance metadata, no version check.
export SAM_CLI_TELEMETRY=0 AWS_EC2_METADATA_DISABLED=true PIP_DISABLE_PIP_VERSION_CHECK=1

# need COMMAND PACKAGE…: installs Debian packages if the command is missing
need() {
  local command=$1
  shift
  command -v "$command" >/dev/null && return
  # One script after the other: of two calls of `apt-get update` at once, one fails.
  (
    flock 9
    [ -n "${apt_updated:-}" ] || apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "$@"
  ) 9>"$tools/apt.lock"
  apt_updated=yes
}

# need_venv: Python, and its module that creates virtual environments
need_venv() {
  need python3 python3 python3-venv
  # Debian packages venv separately from python3, without a command of that name.
  python3 -c 'import ensurepip' 2>/dev/null || need ensurepip python3-venv
}

# python NAME REQUIREMENT…: creates the virtual environment .tools/NAME, or recreates it if the requirements have changed
python() {
  local env=$tools/$1
  shift
  [ "$(cat "$env/requirements" 2>/dev/null)" = "$*" ] && return
  need_venv
  rm -rf "$env"
  python3 -m venv "$env"
  "$env/bin/pip" install -q "$@"
  echo "$*" >"$env/requirements"
}

# The SAM CLI, and cargo-lambda with its linker (ziglang).
sam_tools() {
  need cc gcc libc6-dev
  need objdump binutils
  python sam aws-sam-cli==1.170.0 cargo-lambda==1.9.2
  export PATH=$tools/sam/bin:$PATH
}

# ministack, an AWS emulator that needs no container: it runs the functions' binaries as processes.
emulator_tools() {
  need curl curl ca-certificates
  python ministack ministack==1.5.33 aws-sam-translator==1.115.0 cryptography==50.0.2
}

# start_emulator ADDRESS PORT FOLDER: starts ministack, waits until it is healthy and sets $emulator to its process id. Its log is in
# FOLDER. AUTH=true enforces IAM.
start_emulator() {
  is_free "$1:$2" || return 1
  (
    cd "$3" || exit
    # ministack routes by the labels of the host name, so an IP address does not work here.
    export BIND_HOST=$1 GATEWAY_PORT=$2 MINISTACK_HOST=localhost MINISTACK_REGION=us-east-1 AUTH=${AUTH:-false}
    export LAMBDA_EXECUTOR=local PERSIST_STATE=0 IOT_MTLS_ENABLED=0 SFTP_ENABLED=0
    exec "$tools/ministack/bin/ministack"
  ) >"$3/emulator.log" 2>&1 &
  # shellcheck disable=SC2034 # used by the caller
  emulator=$!
  wait_for 30 curl -sf "http://$1:$2/_ministack/health" || { cat "$3/emulator.log" >&2; kill "$emulator"; return 1; }
}

# is_free ADDRESS: fails if something listens there
is_free() {
  if curl -s -o /dev/null "http://$1/"; then
    echo "$1 is in use: stop what listens there" >&2
    return 1
  fi
}

# end PID [SECONDS]: ends a child process, after 10 s with SIGKILL. LocalStack may take minutes to stop, or never stops if it has not started
# completely.
end() {
  kill "$1" 2>/dev/null || return 0
  wait_for "${2:-10}" not_running "$1" 2>/dev/null || kill -KILL "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}
not_running() { ! kill -0 "$1" 2>/dev/null || [ "$(ps -o stat= -p "$1" | cut -c 1)" = Z ]; }

# end_session PID: ends a child process that leads a session, and what is left of the session
end_session() {
  local processes
  end "$1"
  mapfile -t processes < <(ps -o pid= -s "$1")
  [ "${#processes[@]}" = 0 ] || kill -KILL "${processes[@]// /}" 2>/dev/null || true
}

# output NAME: prints an output of the stack
output() {
  sam list stack-outputs --stack-name doorbell --output json |
    "$tools/sam/bin/python" -c 'import json, sys; print(*[o["OutputValue"] for o in json.load(sys.stdin) if o["OutputKey"] == sys.argv[1]])' "$1"
}

# bridge_address: the address at which containers reach this machine. It is not reachable from outside.
bridge_address() {
  local address
  # Older engines report only the subnet; the bridge has its first address.
  address=$(docker network inspect bridge --format '{{with index .IPAM.Config 0}}{{or .Gateway .Subnet}}{{end}}' | sed 's#\.0/[0-9]*$#.1#')
  [ -n "$address" ] || { echo 'Docker has no bridge network with an IPv4 address' >&2; return 1; }
  echo "$address"
}

# create_table FOLDER: creates the table that the environment names, as `doorbell dev` does when it starts. Its log is in FOLDER.
create_table() {
  target/debug/doorbell dev --store dynamodb --no-daemon --addr 127.0.0.1:0 >"$1/table.log" 2>&1 &
  local dev=$!
  wait_for 30 grep 'Doorbell listens' "$1/table.log" || { cat "$1/table.log" >&2; end "$dev"; return 1; }
  end "$dev"
}

# local_table URL FOLDER: creates the table for `sam local`. The SAM CLI uses default keys and region in containers, and resource names of the
# template as ids: the table's name is `Table`.
local_table() {
  export DOORBELL_DYNAMODB_ENDPOINT=$1 DOORBELL_TABLE=Table AWS_DEFAULT_REGION=us-east-1
  # Not exported: the SAM CLI would look up the account of the keys.
  AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=defaultkey AWS_SECRET_ACCESS_KEY=defaultsecret create_table "$2"
}

# start_gateway URL FOLDER: starts `doorbell dev --functions URL` for the suite `stack`, waits until it listens, sets $gateway to its process
# id and exports DOORBELL_URL. Its log is in FOLDER.
start_gateway() {
  target/debug/doorbell dev --functions "$1" --addr 127.0.0.1:0 --cors-origin https://app.example >"$2/gateway.log" 2>&1 &
  # shellcheck disable=SC2034 # used by the caller
  gateway=$!
  wait_for 30 grep -q 'Doorbell listens' "$2/gateway.log" || { cat "$2/gateway.log" >&2; end "$gateway"; return 1; }
  export DOORBELL_URL
  DOORBELL_URL=$(sed -n 's/^Doorbell listens on \([^ ]*\).*/\1/p' "$2/gateway.log")
}

# stack_tokens FOLDER: creates the tokens of the suite `stack` in the table that the environment names, and exports them. Logs are in FOLDER.
stack_tokens() {
  export DOORBELL_WORKSPACE_A=00000000-0000-4000-8000-0000000000aa DOORBELL_WORKSPACE_B=00000000-0000-4000-8000-0000000000bb
  local scope side workspace variable token
  for side in A B; do
    workspace=DOORBELL_WORKSPACE_$side
    for scope in user daemon admin; do
      variable=DOORBELL_${scope^^}_$side
      token=$(target/debug/doorbell token create --store dynamodb --scope "$scope" --workspace "${!workspace}" --subject "suite $scope" \
        2>>"$1/tokens") || { cat "$1/tokens" >&2; return 1; }
      export "$variable=$token"
    done
  done
}

# lambda_architecture: this machine's processor by Lambda's name
lambda_architecture() {
  case $(uname -m) in
    x86_64) echo x86_64 ;;
    aarch64 | arm64) echo arm64 ;;
    *) echo "no Lambda architecture for this processor: $(uname -m)" >&2; return 1 ;;
  esac
}

# wait_for SECONDS COMMAND…: repeats the command until it succeeds; fails after the timeout
wait_for() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || { echo "timed out: $*" >&2; return 1; }
    sleep 0.2
  done
}
