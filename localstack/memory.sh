#!/usr/bin/env bash
# Measures a function at several memory sizes. Lambda assigns CPU in proportion to memory, one core at 1,769 MB (AWS, "Configure
# Lambda function memory"); Docker limits the container to the same share. Prints the median of the first call in a new container,
# of a warm call, and the peak memory of the process. DynamoDB is an emulator on this machine, so the times are the function's own.
# usage: localstack/memory.sh [FUNCTION [EVENT]]      e.g. localstack/memory.sh HeartbeatFunction heartbeat; needs Docker and a build
set -euo pipefail
. "$(dirname "$0")/tools.sh"
cd "$root"
sam_tools
emulator_tools
localstack/base-image.sh
function=${1:-HeartbeatFunction} event=${2:-heartbeat} runs=5
image=public.ecr.aws/lambda/provided:al2023-$(lambda_architecture)
rie=$(echo "$tools"/sam/lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-"$(lambda_architecture)")
work=$(mktemp -d)
emulator=
container=
stop() {
  [ -z "$container" ] || docker rm -f "$container" >/dev/null
  [ -z "$emulator" ] || kill "$emulator"
  rm -rf "$work"
}
trap stop EXIT

bridge=$(bridge_address)
start_emulator "$bridge" 4568 "$work"
local_table "http://$bridge:4568" "$work"

# call: invokes the function and prints the duration in milliseconds
call() {
  curl -s -o "$work/answer" -w '%{time_total}' -d @"tests/events/$event.json" \
    "http://$address:8080/2015-03-31/functions/function/invocations" | awk '{ printf "%.1f\n", $1 * 1000 }'
}
median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }
# Uses the container's address: a published port accepts connections before the function listens.
listens() { (exec 3<>"/dev/tcp/$address/8080"); }

printf '%-8s %14s %14s %14s\n' 'MB' 'first call' 'warm call' 'peak memory'
for memory in 128 256 512 1024; do
  : >"$work/first"
  : >"$work/warm"
  for _ in $(seq "$runs"); do
    container=$(docker run -d --memory "${memory}m" --cpus "$(awk "BEGIN { printf \"%.3f\", $memory / 1769 }")" \
      -v "$root/.aws-sam/build/$function:/var/task:ro" -v "$rie:/rie:ro" --entrypoint /rie \
      -e DOORBELL_TABLE -e DOORBELL_STACK=local -e DOORBELL_DYNAMODB_ENDPOINT -e AWS_REGION=us-east-1 \
      -e AWS_ACCESS_KEY_ID=defaultkey -e AWS_SECRET_ACCESS_KEY=defaultsecret "$image" /var/task/bootstrap)
    address=$(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$container")
    wait_for 20 listens
    call >>"$work/first"
    for _ in 1 2 3 4 5; do call; done | median >>"$work/warm"
    process=$(docker top "$container" -eo pid,comm | awk '$2 == "bootstrap" { print $1 }')
    peak=$(awk '/VmHWM/ { printf "%.1f MB", $2 / 1024 }' "/proc/$process/status")
    docker rm -f "$container" >/dev/null
    container=
  done
  printf '%-8s %11s ms %11s ms %14s\n' "$memory" "$(median <"$work/first")" "$(median <"$work/warm")" "$peak"
done
