#!/usr/bin/env bash
# Installs the service of `doorbell daemon` on a systemd of its own, for the machine and for a user, and checks that it runs, restarts,
# survives a reboot, logs, and is gone after `uninstall`. The systemd runs in namespaces over a copy-on-write view of this machine's
# files: it changes none of them, and sees no network but its own loopback.
# usage: tests/service/run.sh [PROGRAM]     default: the program that the suites test
# Needs root, namespaces, cgroup v2 and a systemd. Where one is missing it says so and ends with 0.
set -euo pipefail

skip() { echo "tests/service/run.sh: skipped: $*"; exit 0; }

# The name of the inner stage, in namespaces of its own.
readonly inner=doorbell-service-inner
if [ "${1:-}" != "$inner" ]; then
  cd "$(dirname "$0")/../.."
  [ "$(uname -s)" = Linux ] || skip 'systemd is a program of Linux'
  [ "$(id -u)" = 0 ] || skip 'namespaces need root here'
  for command in unshare nsenter pivot_root setpriv findmnt systemctl systemd-run systemd-analyze journalctl loginctl useradd; do
    command -v "$command" >/dev/null || skip "$command is missing"
  done
  systemd=
  for path in /usr/lib/systemd/systemd /lib/systemd/systemd; do [ -x "$path" ] && systemd=$path && break; done
  [ -n "$systemd" ] || skip 'systemd is missing'
  cgroups=$(findmnt --noheadings --output TARGET --types cgroup2 | head -n 1)
  [ -n "$cgroups" ] || skip 'cgroup v2 is not mounted'
  cgroup=$cgroups/doorbell-service-$$
  mkdir "$cgroup" 2>/dev/null || skip "no cgroup can be made in $cgroups"
  # Ends what is left in the cgroup, which is only what this script started.
  # shellcheck disable=SC2329 # called by the trap
  remove_cgroup() {
    if [ -e "$cgroup/cgroup.kill" ]; then echo 1 >"$cgroup/cgroup.kill"; fi
    for _ in $(seq 50); do
      find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null && break
      sleep 0.1
    done
  }
  trap remove_cgroup EXIT
  reason=$(unshare --mount --pid --fork --net --uts --ipc --cgroup mount -t tmpfs tmpfs /mnt 2>&1) ||
    skip "namespaces are not permitted: $reason"
  program=${1:-}
  if [ -z "$program" ]; then
    cargo build --locked --workspace --bin doorbell-under-test
    program=target/debug/doorbell-under-test
  fi
  program=$(realpath "$program")
  unshare --mount --net --uts --ipc "$0" "$inner" "$program" "$cgroup" "$systemd"
  exit
fi

program=$2 cgroup=$3 systemd=$4
readonly wait_s=60
work=/mnt
root=$work/root
init=

mount -t tmpfs -o mode=755 tmpfs "$work"
mkdir "$root" "$work/upper" "$work/work"
mount -t overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" overlay "$root" 2>/dev/null ||
  skip 'the kernel has no overlay file system'
ip link set lo up 2>/dev/null || true
install -m 755 "$program" "$root/usr/local/bin/doorbell"
# Only what systemd itself needs, and a login manager: no service of this machine.
rm -rf "$root"/etc/systemd/system/*.wants "$root/etc/systemd/system/default.target" "$root/etc/systemd/user"
rm -rf "$root/var/lib/systemd/linger" "$root/var/log/journal" "$root/run" "$root/var/lib/doorbell"
mkdir -p "$root/run" "$root/etc/systemd/system" "$root/var/log/journal"
for unit in getty.target systemd-udevd.service systemd-networkd.service e2scrub_reap.service remote-fs.target; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
: >"$root/etc/fstab"
echo '[{"id":"example","label":"Example"}]' >"$root/etc/models.json"

# Starts systemd, as a boot does. Returns when it has started its units.
boot() {
  (
    echo "$BASHPID" >"$cgroup/cgroup.procs"
    # shellcheck disable=SC2016 # the inner shell expands it
    exec unshare --mount --pid --fork --cgroup --kill-child bash -euo pipefail -c '
      root=$1 systemd=$2
      mount -t proc proc "$root/proc"
      mount -t sysfs -o ro sysfs "$root/sys"
      mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
      mount -t tmpfs -o mode=755 tmpfs "$root/dev"
      mount -t tmpfs -o mode=755 tmpfs "$root/run"
      for device in null zero full random urandom tty; do
        touch "$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
      done
      mkdir "$root/dev/pts" "$root/dev/shm" "$root/mnt/old"
      mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
      ln -s pts/ptmx "$root/dev/ptmx"
      ln -s /proc/self/fd "$root/dev/fd"
      cd "$root"
      pivot_root . mnt/old
      umount -l /mnt/old
      rmdir /mnt/old
      # As a container manager does: systemd mounts the credentials of services, which only propagation shows to them.
      mount --make-rshared /
      exec env -i container=doorbell-test PATH=/usr/sbin:/usr/bin:/sbin:/bin "$systemd" \
        --unit=multi-user.target --log-target=null --show-status=no
    ' boot "$root" "$systemd"
  ) </dev/null >"$work/boot.log" 2>&1 &
  booted=$!
  wait_for 'systemd starts' has_init
  wait_for 'systemd has booted' has_booted
  # The server is a part of the test, not of the machine.
  machine systemd-run --quiet --unit doorbell-dev --setenv=HOME=/root doorbell dev --no-daemon --data /var/lib/doorbell-dev.db
  wait_for 'the server answers' machine doorbell runtimes
}

# The child of unshare is the init of the new namespace.
has_init() { init=$(pgrep -P "$booted" -f -- "$systemd"); }
has_booted() { [[ $(machine systemctl is-system-running 2>/dev/null) =~ ^(running|degraded)$ ]]; }

machine() {
  nsenter --target "$init" --mount --pid --cgroup --uts --ipc --net -- \
    env -i HOME=/root PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin "$@"
}

user() {
  local id
  id=$(machine id -u alice)
  machine setpriv --reuid alice --regid alice --init-groups env --chdir /home/alice -i HOME=/home/alice USER=alice \
    PATH=/home/alice/bin:/usr/local/bin:/usr/bin:/bin "XDG_RUNTIME_DIR=/run/user/$id" "$@"
}

step() { printf '\n== %s (%ss)\n' "$*" "$SECONDS"; }

fail() {
  echo "FAILED: $*" >&2
  [ -s "$work/boot.log" ] && tail -n 20 "$work/boot.log" >&2
  [ -n "$init" ] && machine journalctl --no-pager --lines 60 >&2
  exit 1
}

# wait_for WHAT COMMAND…: until it succeeds
wait_for() {
  local what=$1 end=$((SECONDS + wait_s))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || { "$@" || true; fail "$what, within $wait_s s"; }
    sleep 0.2
  done
  echo "ok: $what"
}

# check WHAT COMMAND…
check() {
  local what=$1
  shift
  "$@" || fail "$what"
  echo "ok: $what"
}

# ends_with CODE COMMAND…
ends_with() {
  local expected=$1 code=0
  shift
  "$@" >/dev/null 2>&1 || code=$?
  [ "$code" = "$expected" ] || { echo "exit code $code instead of $expected: $*" >&2; return 1; }
}

contains() {
  local text=$1 output
  shift
  output=$("$@" 2>&1) || true
  [[ $output == *$text* ]] || { printf 'without %q: %s\n' "$text" "$output" >&2; return 1; }
}

# is_used SUBJECT: whether the API was called with the token of this subject
is_used() {
  machine doorbell token list --json | grep -A 9 "\"subject\": \"$1\"" | grep -q last_used_at
}

pid_of() { "$1" doorbell daemon status "${@:2}" --json | sed -n 's/^ *"pid": \([0-9]*\),$/\1/p'; }

# other_process OLD LEVEL…: whether it runs again as another process
other_process() {
  local old=$1
  shift
  "$1" doorbell daemon status "${@:2}" >/dev/null && [ "$(pid_of "$@")" != "$old" ]
}

# lifecycle AS LEVEL…: what every service does
lifecycle() {
  local old
  wait_for 'the daemon is connected' "$1" doorbell daemon status "${@:2}"
  "$1" doorbell daemon status "${@:2}"
  check 'the runtime is online' contains ' online ' machine doorbell runtimes
  wait_for 'logs show that it is online' contains online "$1" doorbell daemon logs "${@:2}"
  old=$(pid_of "$@")
  machine kill -KILL "$old"
  wait_for 'a killed daemon is started again' other_process "$old" "$@"
  "$1" doorbell daemon stop "${@:2}"
  check 'a stopped daemon does not run' ends_with 3 "$1" doorbell daemon status "${@:2}"
  check 'its runtime is offline' contains ' offline ' machine doorbell runtimes
  "$1" doorbell daemon start "${@:2}"
  wait_for 'a started daemon is connected' "$1" doorbell daemon status "${@:2}"
  machine systemctl stop doorbell-dev
  wait_for 'without its server it runs and is not connected' ends_with 1 "$1" doorbell daemon status "${@:2}"
}

reboot() {
  step 'reboot'
  # As a container's runtime does: systemd ends its units and then itself.
  machine kill -RTMIN+4 1
  for _ in $(seq 300); do kill -0 "$booted" 2>/dev/null || break; sleep 0.1; done
  ! kill -0 "$booted" 2>/dev/null || fail 'systemd does not end'
  wait "$booted" || true
  boot
}

step 'boot'
boot
machine systemctl --version | head -n 1

step 'service of the machine'
check 'without root it is refused' ends_with 1 machine setpriv --reuid 65534 --regid 65534 --clear-groups \
  doorbell daemon install --system
check 'a token in the options is refused' ends_with 1 machine doorbell daemon install --system --token dbd_example
check 'nothing is installed yet' machine test ! -e /etc/systemd/system/doorbell.service
join() {
  local code
  code=$(machine doorbell enrol 2>/dev/null)
  machine env DOORBELL_STATE_DIR=/var/lib/doorbell doorbell join "$code" --url http://127.0.0.1:3000 "$@"
}
check 'the machine is enrolled' join
check 'it is installed' machine sh -c 'cd /etc && doorbell daemon install --system --file models.json --interval 1s'
machine cat /etc/systemd/system/doorbell.service
output=$(machine systemd-analyze verify /etc/systemd/system/doorbell.service 2>&1) || fail "$output"
[ -z "$output" ] || fail "systemd-analyze verify: $output"
machine systemd-analyze security --no-pager --threshold=40 doorbell.service | tail -n 1
lifecycle machine --system
reboot
wait_for 'the daemon runs after a reboot' machine doorbell daemon status --system
daemon=$(pid_of machine --system)
check 'it has no capabilities' contains 'CapBnd:	0000000000000000' machine cat "/proc/$daemon/status"
check 'it cannot gain privileges' contains 'NoNewPrivs:	1' machine cat "/proc/$daemon/status"
check 'it is not root' contains 0 machine sh -c "[ \$(stat -c %u /proc/$daemon) != 0 ] && echo 0"
check 'it cannot write the system' contains 'Read-only file system' \
  machine nsenter --target "$daemon" --mount -- touch /etc/doorbell-test
check 'its state is its own' contains '700' machine stat -L -c %a /var/lib/doorbell
check 'the running service is enrolled again' join --force
machine systemctl restart doorbell.service
wait_for 'it reads the new enrolment' machine doorbell daemon status --system

daemon=$(pid_of machine --system)
machine rm /var/lib/doorbell/daemon.toml
machine sh -c 'doorbell token create --scope daemon --subject example >/root/token && chmod 600 /root/token' 2>/dev/null
check 'it is installed with a token file of root' machine doorbell daemon install --system --token-file /root/token \
  --file /etc/models.json
wait_for 'it gets the token as a credential' other_process "$daemon" machine --system
wait_for 'the credential is used' is_used example
check 'the token is in no unit' ends_with 1 machine grep -q dbd_ /etc/systemd/system/doorbell.service

machine doorbell daemon uninstall --system
check 'its unit is gone' machine test ! -e /etc/systemd/system/doorbell.service
check 'it does not run' ends_with 3 machine doorbell daemon status --system
check 'its state stays' machine test -e /var/lib/doorbell/status.json

step 'service of a user'
machine useradd --create-home alice
machine loginctl enable-linger alice
wait_for 'the systemd of the user runs' user systemctl --user is-system-running
user sh -c 'umask 077 && doorbell token create --scope daemon --subject alice >token' 2>/dev/null
check 'it is installed' user sh -c 'doorbell daemon install --file ../../etc/models.json --interval 1s --token-file token'
user cat /home/alice/.config/systemd/user/doorbell.service
output=$(user systemd-analyze --user verify /home/alice/.config/systemd/user/doorbell.service 2>&1) || fail "$output"
[ -z "$output" ] || fail "systemd-analyze verify: $output"
lifecycle user
reboot
wait_for 'the daemon runs after a reboot' user doorbell daemon status
wait_for 'the token of the file is used' is_used alice
daemon=$(pid_of user)
check 'it cannot gain privileges' contains 'NoNewPrivs:	1' machine cat "/proc/$daemon/status"
# Older versions of systemd ignore the sandbox of a user's service without a word.
if [ "$(machine readlink "/proc/$daemon/ns/mnt")" = "$(machine readlink /proc/1/ns/mnt)" ]; then
  echo 'note: this systemd gives services of users no sandbox'
else
  check 'it cannot write outside the home' ends_with 1 machine nsenter --target "$daemon" --mount --user \
    --preserve-credentials -- touch /var/tmp/doorbell-test
fi
user doorbell daemon uninstall
check 'its unit is gone' machine test ! -e /home/alice/.config/systemd/user/doorbell.service
check 'it does not run' ends_with 3 user doorbell daemon status

step 'done'
kill -KILL "$init"
wait "$booted" 2>/dev/null || true
