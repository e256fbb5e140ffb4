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
  [ -n "${apt_updated:-}" ] || apt-get update -qq
  apt_updated=yes
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

# python NAME REQUIREMENT…: creates the virtual environment .tools/NAME, or recreates it if the requirements have changed
python() {
  local env=$tools/$1
  shift
  [ "$(cat "$env/requirements" 2>/dev/null)" = "$*" ] && return
  need python3 python3 python3-venv
  # Debian packages venv separately from python3, without a command of that name.
  python3 -c 'import ensurepip' 2>/dev/null || need ensurepip python3-venv
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
  if curl -s -o /dev/null "http://$1:$2/"; then
    echo "$1:$2 is in use" >&2
    return 1
  fi
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

# LocalStack's community edition, in .tools/localstack. Its dependencies are those of its own lock file: with newer ones it does not start.
localstack_tools() {
  local version=4.14.0 env=$tools/localstack interpreter
  [ "$(cat "$env/version" 2>/dev/null)" = "$version" ] && return
  need curl curl ca-certificates
  # Its packages name older versions of Python, and its code needs this one. The second is pyenv's, whose command may be of another version.
  interpreter=${DOORBELL_PYTHON:-$(find "${HOME:-/root}/.pyenv/versions" -path '*/3.13.*/bin/python' 2>/dev/null | sort -V | tail -n 1)}
  [ -n "$interpreter" ] || interpreter=$(command -v python3.13) || {
    echo 'LocalStack needs Python 3.13, which Debian 13 has as python3.13: install it, or name it with DOORBELL_PYTHON' >&2
    return 1
  }
  rm -rf "$env"
  "$interpreter" -m venv "$env"
  "$env/bin/pip" download -q --no-deps --no-binary :all: -d "$env/source" "localstack-core==$version"
  tar -C "$env/source" -xzf "$env/source/localstack_core-$version.tar.gz" --strip-components=1
  "$env/bin/pip" install -q -r "$env/source/requirements-runtime.txt" "localstack-core==$version"
  rm -rf "$env/source"
  echo "$version" >"$env/version"
}

# start_localstack PORT FOLDER: starts LocalStack on loopback with the services that the template needs, waits until it is ready and sets
# $localstack to its process id. Its log is in FOLDER.
start_localstack() {
  if curl -s -o /dev/null "http://127.0.0.1:$1/"; then
    echo "127.0.0.1:$1 is in use" >&2
    return 1
  fi
  (
    # LocalStack would call itself there.
    unset AWS_ENDPOINT_URL
    export GATEWAY_LISTEN=127.0.0.1:$1 FILESYSTEM_ROOT=$2/localstack TMPDIR=$2
    # Its default server listens on all addresses, and so does its DNS server.
    export GATEWAY_SERVER=hypercorn DNS_ADDRESS=0
    # This machine may be a container.
    export OVERRIDE_IN_DOCKER=0
    export DISABLE_EVENTS=1 SKIP_SSL_CERT_DOWNLOAD=1 CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES=1
    export SERVICES=lambda,iam,sts,s3,cloudformation,logs,cloudwatch,sns STRICT_SERVICE_LOADING=1 EAGER_SERVICE_LOADING=1
    exec "$tools/localstack/bin/python" "$root/localstack/processes.py"
  ) >"$2/localstack.log" 2>&1 &
  # shellcheck disable=SC2034 # used by the caller
  localstack=$!
  wait_for 180 grep -q '^Ready' "$2/localstack.log" || { cat "$2/localstack.log" >&2; end "$localstack"; return 1; }
}

# end PID: ends a child process. LocalStack may take minutes to stop, or never stops if it has not started completely.
end() {
  kill "$1" 2>/dev/null || return 0
  wait_for 10 not_running "$1" 2>/dev/null || kill -KILL "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}
not_running() { ! kill -0 "$1" 2>/dev/null || [ "$(ps -o stat= -p "$1" | cut -c 1)" = Z ]; }

# bridge_address: the address at which containers reach this machine. It is not reachable from outside.
bridge_address() {
  local address
  # Older engines report only the subnet; the bridge has its first address.
  address=$(docker network inspect bridge --format '{{with index .IPAM.Config 0}}{{or .Gateway .Subnet}}{{end}}' | sed 's#\.0/[0-9]*$#.1#')
  [ -n "$address" ] || { echo 'Docker has no bridge network with an IPv4 address' >&2; return 1; }
  echo "$address"
}

# local_table URL FOLDER: creates the table for `sam local` and sets $cli to the command `doorbell` with its credentials. The SAM CLI
# uses default keys and region in containers, and resource names of the template as ids: the table's name is `Table`.
local_table() {
  export DOORBELL_DYNAMODB_ENDPOINT=$1 DOORBELL_TABLE=Table AWS_DEFAULT_REGION=us-east-1
  cli=(env AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=defaultkey AWS_SECRET_ACCESS_KEY=defaultsecret target/debug/doorbell)
  "${cli[@]}" dev --store dynamodb --no-daemon --addr 127.0.0.1:0 >"$2/dev.log" 2>&1 &
  local dev=$!
  wait_for 30 grep 'Doorbell listens' "$2/dev.log" || { cat "$2/dev.log" >&2; kill "$dev"; return 1; }
  kill "$dev" && wait "$dev" || true # started only to create the table
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
