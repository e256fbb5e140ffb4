//! The file of `doorbell dev --data` and `doorbell token --data`: errors of an unusable file, and its loss while in use.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use doorbell_test_support::client::{Client, Workspace};
use doorbell_test_support::{ApiResponse, Caller};
use rusqlite::Connection;
use serde_json::json;
use tokio::process::Command;

use crate::support::dev::Dev;
use crate::support::machine::Machine;
use crate::support::process::Running;

const FILE: &str = "doorbell.db";

/// The commands that open the file.
const COMMANDS: [&[&str]; 2] = [
    &["dev", "--addr", "127.0.0.1:0", "--no-daemon", "--data", FILE],
    &["token", "list", "--store", "embedded", "--data", FILE],
];

/// Asserts that every command ends with this error and a hint.
async fn assert_error(machine: &Machine, problem: &str, hint: &str) {
    for command in COMMANDS {
        let ended = machine.run(command).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
        let error = format!("error: {FILE} {problem}");
        assert!(ended.stderr.starts_with(&error), "expected {error:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(&format!("\nhelp: {hint}")), "{}", ended.stderr);
    }
}

/// Asserts the error, and that the file is unchanged.
async fn assert_refused(machine: &Machine, problem: &str, hint: &str) {
    let before = fs::read(machine.path(FILE)).ok();
    assert_error(machine, problem, hint).await;
    assert_eq!(fs::read(machine.path(FILE)).ok(), before, "the file was changed");
}

/// A machine with the file of a `doorbell dev` that has ended.
async fn machine_after_dev() -> Machine {
    let machine = Machine::new();
    let dev = Dev::start(&machine, &["--no-daemon", "--data", FILE]).await;
    dev.process.terminate().await;
    machine
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn new_files_are_for_their_owner_only() {
    let machine = Machine::new();
    let _dev = Dev::start(&machine, &["--no-daemon", "--data", FILE]).await;
    for name in [FILE, "doorbell.db-wal", "doorbell.db-shm"] {
        assert_eq!(mode(&machine.path(name)), 0o600, "{name}");
    }
}

#[tokio::test]
async fn existing_file_keeps_its_mode() {
    let machine = machine_after_dev().await;
    fs::set_permissions(machine.path(FILE), fs::Permissions::from_mode(0o640)).unwrap();
    let _dev = Dev::start(&machine, &["--no-daemon", "--data", FILE]).await;
    assert_eq!(mode(&machine.path(FILE)), 0o640);
}

#[tokio::test]
async fn directory_has_remedy() {
    let machine = Machine::new();
    fs::create_dir(machine.path(FILE)).unwrap();
    assert_refused(&machine, "is a directory\n", "name a file in it with --data").await;
}

#[tokio::test]
async fn missing_directory_has_remedy() {
    let ended = Machine::new().run(&["dev", "--addr", "127.0.0.1:0", "--data", "missing/doorbell.db"]).await;
    let expected = "error: missing/doorbell.db cannot be created: No such file or directory (os error 2)\n\
         help: check that its directory exists";
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
}

/// The commands that need what a file already holds.
fn readers() -> [Vec<&'static str>; 3] {
    let request = "0193510a2b3c7d4e8f90a1b2c3d4e5f6";
    [&["why", request][..], &["token", "list"], &["token", "revoke", "1f0c9a2b7d3e"]]
        .map(|command| [command, &["--store", "embedded", "--data", FILE]].concat())
}

#[tokio::test]
async fn missing_file_is_not_created_to_read_it() {
    for command in readers() {
        let machine = Machine::new();
        let ended = machine.run(&command).await;
        let text = "error: doorbell.db does not exist\nhelp: name the file of a `doorbell dev --data`\n";
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), text), "{command:?}");
        assert!(!machine.path(FILE).exists(), "{command:?}");
    }
}

#[tokio::test]
async fn empty_file_gets_no_table_to_read_it() {
    for command in readers() {
        let machine = Machine::new().with_file(FILE, "");
        let ended = machine.run(&command).await;
        let text = "error: doorbell.db is empty\nhelp: name the file of a `doorbell dev --data`\n";
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), text), "{command:?}");
        assert_eq!(machine.read(FILE), "", "{command:?}");
    }
}

#[tokio::test]
async fn dangling_link_has_remedy() {
    let machine = Machine::new();
    std::os::unix::fs::symlink("missing.db", machine.path(FILE)).unwrap();
    let problem = "is a link to a file that does not exist\n";
    assert_error(&machine, problem, "remove the link, or name another file with --data").await;
    assert!(!machine.path("missing.db").exists());
}

#[tokio::test]
async fn text_file_is_not_a_database() {
    let machine = Machine::new().with_file(FILE, "# Notes\nDo not overwrite me.\n");
    assert_refused(&machine, "is not a database\n", "name another file with --data").await;
}

#[tokio::test]
async fn other_program_database_is_kept() {
    let machine = Machine::new();
    let other = Connection::open(machine.path(FILE)).unwrap();
    other.execute_batch("CREATE TABLE bookmarks (url TEXT)").unwrap();
    drop(other);
    assert_refused(&machine, "is a database of another program\n", "name another file with --data").await;
}

/// Of the same engine, but without our table.
#[tokio::test]
async fn other_table_database_is_kept() {
    let machine = machine_after_dev().await;
    let other = Connection::open(machine.path(FILE)).unwrap();
    other.execute_batch("UPDATE _tables SET table_name = 'orders'; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(other);
    assert_refused(&machine, "is a database of another program\n", "name another file with --data").await;
}

#[tokio::test]
async fn damaged_file_is_corrupt() {
    let machine = machine_after_dev().await;
    let mut bytes = fs::read(machine.path(FILE)).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].fill(0xa5);
    fs::write(machine.path(FILE), &bytes).unwrap();
    assert_refused(&machine, "is corrupt: ", "restore it from a copy").await;
}

#[tokio::test]
async fn truncated_file_is_corrupt() {
    let machine = machine_after_dev().await;
    let bytes = fs::read(machine.path(FILE)).unwrap();
    fs::write(machine.path(FILE), &bytes[..bytes.len() / 2]).unwrap();
    assert_refused(&machine, "is corrupt: ", "restore it from a copy").await;
}

/// Also for root, who may write the file.
#[tokio::test]
async fn read_only_file_has_remedy() {
    let machine = machine_after_dev().await;
    fs::set_permissions(machine.path(FILE), fs::Permissions::from_mode(0o400)).unwrap();
    assert_refused(&machine, "is read-only\n", "make it writable").await;
}

#[tokio::test]
async fn locked_file_is_in_use() {
    let machine = machine_after_dev().await;
    let other = Connection::open(machine.path(FILE)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Without reading the file: closing it again would release this process's locks (POSIX, `fcntl`).
    assert_error(&machine, "is in use by another process\n", "end the process that holds its lock").await;
}

/// Several processes may use the file at once; only a lock that is never released is an error.
#[tokio::test]
async fn file_can_be_shared() {
    let machine = Machine::new();
    let _dev = Dev::start(&machine, &["--no-daemon", "--data", FILE]).await;
    let _second = Dev::start(&machine, &["--no-daemon", "--data", FILE]).await;
    assert_eq!(machine.run(COMMANDS[1]).await.code, Some(0));
}

/// A server on a deleted file would acknowledge writes that are lost.
#[tokio::test]
async fn deleted_or_replaced_file_ends_dev() {
    let copy = fs::read(machine_after_dev().await.path(FILE)).unwrap();
    for replacement in [None, Some(copy)] {
        let machine = Machine::new();
        let dev = Dev::start(&machine, &["--data", FILE, "--interval", "0.1"]).await;
        fs::remove_file(machine.path(FILE)).unwrap();
        if let Some(copy) = replacement {
            fs::write(machine.path(FILE), copy).unwrap();
        }
        let ended = dev.process.end().await;
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        let expected =
            "error: doorbell.db was deleted or replaced while it was in use\nhelp: start the server again";
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    }
}

/// `doorbell dev` on a file system of this size in a namespace of its own.
fn on_small_disk(machine: &Machine, size: &str) -> Command {
    let script = format!(
        r#"mount -t tmpfs -o size={size} tmpfs disk && exec "$0" dev --addr 127.0.0.1:0 --no-daemon --data disk/{FILE}"#
    );
    fs::create_dir(machine.path("disk")).unwrap();
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", &script]);
    command.arg(machine.command(&[]).as_std().get_program());
    command.current_dir(machine.path(""));
    command
}

#[tokio::test]
#[ignore = "mounts a file system: needs unshare(1) and user namespaces"]
async fn full_disk_has_remedy() {
    let machine = Machine::new();
    let ended = Running::start(on_small_disk(&machine, "60k")).end().await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let expected = "error: disk/doorbell.db cannot be written: the disk is full\nhelp: free some space";
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);
}

/// The contract's 500, and the reason in the log.
#[tokio::test]
#[ignore = "mounts a file system: needs unshare(1) and user namespaces"]
async fn disk_that_fills_up_is_logged() {
    let machine = Machine::new();
    let dev = Dev::of_process(Running::start(on_small_disk(&machine, "200k"))).await;
    let client = Client::new(&dev.url, Workspace::of_dev());
    for daemon in 0..1_000 {
        let body = json!({"workspace_id": client.a.id, "daemon_id": daemon.to_string(), "runtimes": [{"type": "codex"}]});
        let response = client.post(Caller::DaemonA, "/api/daemon/register", body).await;
        if response.status != 200 {
            assert_eq!(response, ApiResponse::error(500, "failed to register runtimes"));
            dev.process.wait_for_stderr("the embedded store failed").await;
            dev.process.wait_for_stderr("database or disk is full").await;
            return;
        }
    }
    panic!("the disk does not fill up");
}
