# shellcheck shell=bash
# What the scripts need, installed into .tools/, which git ignores: to be sourced. Versions are pinned where they are named.
# Debian packages are installed only where a command is missing, as root, with apt.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools=$root/.tools
mkdir -p "$tools"

# Quiet, and no call but to what the scripts started: without keys the SAM CLI asks nobody who it is.
export SAM_CLI_TELEMETRY=0 AWS_EC2_METADATA_DISABLED=true PIP_DISABLE_PIP_VERSION_CHECK=1

# need COMMAND PACKAGE…: installs Debian packages where a command is missing
need() {
  local command=$1
  shift
  command -v "$command" >/dev/null && return
  [ -n "${apt_updated:-}" ] || apt-get update -qq
  apt_updated=yes
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

# python NAME REQUIREMENT…: a virtual environment of that name with exactly these, made anew when they change
python() {
  local env=$tools/$1
  shift
  [ "$(cat "$env/requirements" 2>/dev/null)" = "$*" ] && return
  need python3 python3 python3-venv
  # Debian has the module apart from the command, and no command that goes by its name.
  python3 -c 'import ensurepip' 2>/dev/null || need ensurepip python3-venv
  rm -rf "$env"
  python3 -m venv "$env"
  "$env/bin/pip" install -q "$@"
  echo "$*" >"$env/requirements"
}

# The SAM CLI, and cargo-lambda with the linker that it needs.
sam_tools() {
  need cc gcc libc6-dev
  need objdump binutils
  python sam aws-sam-cli==1.170.0 cargo-lambda==1.9.2
  export PATH=$tools/sam/bin:$PATH
}

# An emulator of AWS that needs no image: it runs the functions' binaries as processes.
emulator_tools() {
  need curl curl ca-certificates
  python ministack ministack==1.5.33 aws-sam-translator==1.115.0 cryptography==50.0.2
}

# start_emulator ADDRESS PORT FOLDER: starts it and waits for it; its process id is in $emulator, its log in the folder. With AUTH=true it
# enforces IAM.
start_emulator() {
  if curl -s -o /dev/null "http://$1:$2/"; then
    echo "$1:$2 is in use" >&2
    return 1
  fi
  (
    cd "$3" || exit
    # It routes by the host's labels, so its name is a name.
    export BIND_HOST=$1 GATEWAY_PORT=$2 MINISTACK_HOST=localhost MINISTACK_REGION=us-east-1 AUTH=${AUTH:-false}
    export LAMBDA_EXECUTOR=local PERSIST_STATE=0 IOT_MTLS_ENABLED=0 SFTP_ENABLED=0
    exec "$tools/ministack/bin/ministack"
  ) >"$3/emulator.log" 2>&1 &
  # shellcheck disable=SC2034 # for the caller to stop
  emulator=$!
  wait_for 30 curl -sf "http://$1:$2/_ministack/health" || { cat "$3/emulator.log" >&2; kill "$emulator"; return 1; }
}

# bridge_address: where containers reach this machine; their own loopback is not its. Nothing outside the machine reaches it.
bridge_address() {
  local address
  # Older engines say only the network's range, of which the bridge has the first address.
  address=$(docker network inspect bridge --format '{{with index .IPAM.Config 0}}{{or .Gateway .Subnet}}{{end}}' | sed 's#\.0/[0-9]*$#.1#')
  [ -n "$address" ] || { echo 'Docker has no bridge network with an IPv4 address' >&2; return 1; }
  echo "$address"
}

# local_table URL FOLDER: the command in $cli, with the table that `sam local` takes for the template's. The SAM CLI gives
# containers a region and keys of its own, and resources their names in the template: so the table is `Table`.
local_table() {
  export DOORBELL_DYNAMODB_ENDPOINT=$1 DOORBELL_TABLE=Table AWS_DEFAULT_REGION=us-east-1
  cli=(env AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=defaultkey AWS_SECRET_ACCESS_KEY=defaultsecret target/debug/doorbell)
  "${cli[@]}" dev --store dynamodb --no-daemon --addr 127.0.0.1:0 >"$2/dev.log" 2>&1 &
  local dev=$!
  wait_for 30 grep 'Doorbell listens' "$2/dev.log" || { cat "$2/dev.log" >&2; kill "$dev"; return 1; }
  kill "$dev" && wait "$dev" || true # it was there to make the table
}

# lambda_architecture: this machine's processor, in Lambda's words
lambda_architecture() {
  case $(uname -m) in
    x86_64) echo x86_64 ;;
    aarch64 | arm64) echo arm64 ;;
    *) echo "Lambda has no processor like this one: $(uname -m)" >&2; return 1 ;;
  esac
}

# wait_for SECONDS COMMAND…: until it succeeds, or fails after so many seconds
wait_for() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || { echo "not in time: $*" >&2; return 1; }
    sleep 0.2
  done
}
