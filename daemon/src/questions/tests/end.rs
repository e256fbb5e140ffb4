//! Time limit, cancellation, and what happens to the processes of a program.

use std::time::Duration;

use super::*;

/// Starts a child, one in a group of its own, one that also lost its parent, one that also cleared its environment, and prints
/// the ids of all as progress. All ignore SIGTERM.
#[cfg(target_os = "linux")]
const FAMILY: &str = r#"
trap '' TERM
sleep 1000 & child=$!
setsid sleep 1000 & session=$!
(setsid sh -c 'echo $$ > orphan; exec sleep 1000' &)
env -i "$(command -v setsid)" "$(command -v sleep)" 1000 & bare=$!
while ! test -s orphan; do sleep 0.01; done
while test "$(tr '\0' ' ' < /proc/$session/cmdline)" != 'sleep 1000 '; do sleep 0.01; done
while test "$(tr '\0' ' ' < /proc/$bare/cmdline)" != "$(command -v sleep) 1000 "; do sleep 0.01; done
echo "{\"progress\":[$$,$child,$session,$(cat orphan),$bare]}"
"#;

/// The state of a process, such as `Z` for a zombie; `None` if there is none.
#[cfg(target_os = "linux")]
fn state(pid: i64) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

#[cfg(target_os = "linux")]
fn is_running(pid: i64) -> bool {
    state(pid).is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Waits for the ids that the program printed as progress.
async fn pids(receiver: &mut watch::Receiver<Option<Json>>) -> Vec<i64> {
    receiver.wait_for(Option::is_some).await.unwrap().as_ref().unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn time_limit_ends_every_descendant() {
    let machine = Machine::with_script(&format!("{FAMILY} wait")).with_keys("timeout_s = 900");
    let question = machine.question();
    let (progress, mut receiver) = watch::channel(None);
    let stop = CancellationToken::new();
    let run = question.run(next_request(), None, &progress, &stop);
    let started = async {
        let pids = pids(&mut receiver).await;
        assert!(pids.len() == 5 && pids.iter().all(|pid| is_running(*pid)));
        // The clock jumps to the time limit, and goes on: processes take time to end.
        tokio::time::pause();
        tokio::time::advance(question.timeout()).await;
        tokio::time::resume();
        pids
    };
    let (error, pids) = tokio::join!(run, started);
    let text = "q did not end in time and was ended: its \"timeout_s\" is 900; ask for less, or raise it";
    assert_eq!(error.unwrap_err().to_string(), text);
    assert_eq!(pids.iter().filter(|pid| is_running(**pid)).count(), 0);
    assert_eq!(state(pids[0]), None);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn cancel_ends_every_descendant() {
    let machine = Machine::with_script(&format!("{FAMILY} wait"));
    let question = machine.question();
    let (progress, mut receiver) = watch::channel(None);
    let stop = CancellationToken::new();
    let run = question.run(next_request(), None, &progress, &stop);
    let cancel = async {
        let pids = pids(&mut receiver).await;
        stop.cancel();
        pids
    };
    let (error, pids) = tokio::join!(run, cancel);
    assert_eq!(error.unwrap_err().to_string(), "q was cancelled");
    assert_eq!(pids.iter().filter(|pid| is_running(**pid)).count(), 0);
}

/// Orphans become children of this process, as they do in a container whose init is the daemon.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn adopted_descendants_leave_no_zombie() {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).unwrap();
    let machine = Machine::with_script(&format!("{FAMILY} wait"));
    let question = machine.question();
    let (progress, mut receiver) = watch::channel(None);
    let stop = CancellationToken::new();
    let run = question.run(next_request(), None, &progress, &stop);
    let cancel = async {
        let pids = pids(&mut receiver).await;
        stop.cancel();
        pids
    };
    let (_, pids) = tokio::join!(run, cancel);
    assert_eq!(pids.into_iter().filter_map(state).collect::<String>(), "");
}

/// The child leaves the group and clears its environment after it has been found, and then loses its parent.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn descendant_that_leaves_group_at_sigterm_is_ended() {
    let body = r#"
sh -c "trap 'exec env -i $(command -v setsid) $(command -v sleep) 1000' TERM; echo ready > ready; while :; do sleep 0.01; done" &
child=$!
trap 'while test "$(cut -d " " -f 5 /proc/$child/stat)" != $child; do sleep 0.01; done; exit' TERM
while ! test -s ready; do sleep 0.01; done
echo "{\"progress\":[$child]}"
while :; do sleep 0.01; done
"#;
    let machine = Machine::with_script(body);
    let question = machine.question();
    let (progress, mut receiver) = watch::channel(None);
    let stop = CancellationToken::new();
    let cancel = async {
        let pids = pids(&mut receiver).await;
        stop.cancel();
        pids
    };
    let (_, pids) = tokio::join!(question.run(next_request(), None, &progress, &stop), cancel);
    assert!(!is_running(pids[0]));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn endless_output_ends_every_descendant() {
    let machine = Machine::with_script(&format!("{FAMILY} yes"));
    let question = machine.question();
    let (progress, mut receiver) = watch::channel(None);
    let error = question.run(next_request(), None, &progress, &CancellationToken::new()).await.unwrap_err();
    let text = "q was ended: its program printed more than 1048576 bytes, so it must print less";
    assert_eq!(error.to_string(), text);
    assert_eq!(pids(&mut receiver).await.iter().filter(|pid| is_running(**pid)).count(), 0);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn drop_ends_every_descendant() {
    let machine = Machine::with_script(&format!("{FAMILY} wait"));
    let question = machine.question();
    let (progress, mut receiver) = watch::channel(None);
    let stop = CancellationToken::new();
    let pids = tokio::select! {
        _ = question.run(next_request(), None, &progress, &stop) => panic!("the program has ended"),
        pids = pids(&mut receiver) => pids,
    };
    // The kernel ends killed processes soon.
    let ended = async {
        while pids.iter().any(|pid| is_running(*pid)) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ended).await.expect("a process is still running");
}

#[tokio::test]
async fn program_may_clean_up_when_cancelled() {
    let body = "trap 'touch cleaned; exit' TERM; echo '{\"progress\":[1]}'; while :; do sleep 0.01; done";
    let machine = Machine::with_script(body);
    let question = machine.question();
    let (progress, mut receiver) = watch::channel(None);
    let stop = CancellationToken::new();
    let cancel = async {
        pids(&mut receiver).await;
        stop.cancel();
    };
    let (error, ()) = tokio::join!(question.run(next_request(), None, &progress, &stop), cancel);
    assert_eq!(error.unwrap_err().to_string(), "q was cancelled");
    assert!(machine.home().join("cleaned").exists());
}

#[tokio::test]
async fn process_left_behind_delays_no_answer() {
    // It ends when the test removes the folder.
    let body = "(while test -e script; do sleep 0.1; done) & echo '[1]'";
    assert_eq!(Machine::with_script(body).outcome(None).await, "[1]");
}

#[tokio::test]
async fn cancelled_request_starts_no_program() {
    let machine = Machine::with_script("touch ran; sleep 1000");
    let stop = CancellationToken::new();
    stop.cancel();
    let (progress, _) = watch::channel(None);
    let error = machine.question().run(next_request(), None, &progress, &stop).await.unwrap_err();
    assert_eq!(error.to_string(), "q was cancelled");
    assert!(!machine.home().join("ran").exists());
}
