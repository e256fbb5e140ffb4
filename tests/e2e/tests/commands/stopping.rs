//! Ctrl-C and SIGTERM.

use rustix::process::Signal;

use crate::support::dev::Dev;
use crate::support::machine::Machine;
use crate::support::process::{Printed, all, until};

async fn stops_cleanly(options: &[&str], signal: Signal) {
    let dev = Dev::start(&Machine::new(), options).await;
    dev.process.prints("Ctrl-C stops it.").await;
    dev.process.signal(signal);
    assert_eq!(dev.process.end().await.code, Some(0), "{options:?}");
}

#[tokio::test]
async fn sigterm_ends_dev_cleanly() {
    stops_cleanly(&[], Signal::TERM).await;
    stops_cleanly(&["--no-daemon"], Signal::TERM).await;
}

#[tokio::test]
async fn ctrl_c_ends_dev_cleanly() {
    stops_cleanly(&[], Signal::INT).await;
    stops_cleanly(&["--store", "memory"], Signal::INT).await;
}

async fn is_offline_after(signal: Signal) {
    let dev = Dev::without_daemon().await;
    let daemon = dev.daemon(&Machine::new(), &[]).await;
    assert_eq!(dev.runtimes().await[0]["status"], "online");
    daemon.signal(signal);
    assert_eq!(daemon.end().await.code, Some(0));
    assert_eq!(dev.runtimes().await[0]["status"], "offline");
}

#[tokio::test]
async fn a_daemon_signs_off_at_sigterm() {
    is_offline_after(Signal::TERM).await;
}

#[tokio::test]
async fn a_daemon_signs_off_at_ctrl_c() {
    is_offline_after(Signal::INT).await;
}

/// A machine with an agent that never answers, and that agent's life: it says when it is asked, and ends when it does.
fn with_a_stuck_agent() -> (Machine, Printed) {
    let body = "exec 3> life; echo asked >&3; PATH=/usr/bin:/bin; exec sleep 600";
    let machine = Machine::new().with_program("stuck", body);
    let life = machine.pipe("life");
    (machine, life)
}

#[tokio::test]
async fn an_agent_that_is_being_asked_does_not_hold_up_the_end_and_does_not_outlive_it() {
    let (machine, life) = with_a_stuck_agent();
    let dev = Dev::start(&machine, &["--command", "stuck"]).await;
    until(&life, "asked").await;
    assert_eq!(dev.process.terminate().await.code, Some(0));
    all(life).await;
}

#[tokio::test]
async fn a_second_ctrl_c_does_not_wait() {
    let (dev, (machine, life)) = (Dev::without_daemon().await, with_a_stuck_agent());
    let daemon = dev.daemon(&machine, &["--command", "stuck"]).await;
    let _ring = Machine::new().start(&["models", "stuck", "--url", &dev.url]);
    until(&life, "asked").await;
    daemon.signal(Signal::INT);
    daemon.complains("stopping").await;
    daemon.signal(Signal::INT);
    let ended = daemon.end().await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("error: interrupted before this machine had signed off"), "{ended:?}");
    all(life).await;
}
