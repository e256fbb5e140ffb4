//! The descendants of a program on Linux, including those that left its process group.
//!
//! `setsid` and daemons leave the group, and a process whose parent has exited is a child of init. So a descendant is a process
//! with the request's id in its environment, or a child of one; `/proc` shows both. A process that has left the group, lost its
//! parent and cleared its environment before the search is not found, nor is one of another user. Linux has a stronger means,
//! cgroups, but a daemon without privileges usually may not create them.
//!
//! Signals go through a pidfd (Linux 5.3), so that a reused process id does not hit another process.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};

use doorbell_protocol::RequestId;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, pidfd_send_signal, waitid,
};

use super::variables::REQUEST_VARIABLE;

/// How much of an environment is searched. The variable is one of the first, unless a program adds others before it.
const ENVIRON_BYTES: u64 = 256 << 10;

/// The most searches for processes that were started during the last one.
const ROUNDS: usize = 10;

/// A process in `/proc`.
struct Process {
    pid: i32,
    parent: i32,
    group: i32,
    /// In clock ticks since boot. With the process id, it identifies the process.
    started: u64,
}

/// A process that was found, whether it still runs or not.
struct Descendant {
    pid: i32,
    started: u64,
    was_in_group: bool,
    handle: OwnedFd,
}

/// The descendants of a program, without the program itself.
pub(super) struct Descendants(Vec<Descendant>);

impl Descendants {
    /// Searches `/proc` for the descendants of `leader`. Blocks for some milliseconds.
    pub(super) fn find(leader: Pid, request: RequestId) -> Self {
        let leader = leader.as_raw_nonzero().get();
        let processes = processes();
        let mut children: HashMap<i32, Vec<&Process>> = HashMap::new();
        for process in &processes {
            children.entry(process.parent).or_default().push(process);
        }
        let mark = format!("{REQUEST_VARIABLE}={request}");
        let marked = processes.iter().filter(|process| process.has_variable(&mark));
        let mut open: Vec<&Process> =
            marked.chain(children.get(&leader).into_iter().flatten().copied()).collect();
        let mut seen = HashSet::from([leader]);
        let mut found = Vec::new();
        while let Some(process) = open.pop() {
            if seen.insert(process.pid) {
                found.extend(process.open(leader));
                open.extend(children.get(&process.pid).into_iter().flatten());
            }
        }
        Self(found)
    }

    /// Sends SIGTERM to the descendants that a signal to the group does not reach.
    pub(super) fn terminate_outside_of_group(&self) {
        for descendant in self.0.iter().filter(|descendant| !descendant.was_in_group) {
            descendant.signal(Signal::TERM);
        }
    }

    /// Kills each, because those that were in the group may have left it since.
    fn kill_each(&self) {
        self.0.iter().for_each(|descendant| descendant.signal(Signal::KILL));
    }

    /// Kills these descendants, the group of `leader`, and the descendants that were started since the search; returns all of
    /// them. `leader` must not have been waited for.
    pub(super) fn kill(mut self, leader: Pid, request: RequestId) -> Self {
        // Finds children of the leader before it is gone.
        self.extend(Self::find(leader, request));
        // Fails if no process of the group is left.
        let _ = kill_process_group(leader, Signal::KILL);
        self.kill_each();
        for _ in 0..ROUNDS {
            let more = Self::find(leader, request);
            more.kill_each();
            if !self.extend(more) {
                break;
            }
        }
        self
    }

    /// Whether none is running. Zombies are not.
    pub(super) fn have_ended(&self) -> bool {
        self.0.iter().all(|descendant| !is_running(descendant.pid, descendant.started))
    }

    /// Whether there was one that is new.
    fn extend(&mut self, more: Self) -> bool {
        let known: HashSet<i32> = self.0.iter().map(|descendant| descendant.pid).collect();
        let before = self.0.len();
        self.0.extend(more.0.into_iter().filter(|descendant| !known.contains(&descendant.pid)));
        self.0.len() > before
    }

    /// Reaps the zombies that became children of this process: it may be init, in a container.
    pub(super) fn reap(&self) {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        for descendant in &self.0 {
            let _ = waitid(WaitId::PidFd(descendant.handle.as_fd()), options);
        }
    }
}

impl Descendant {
    /// Does nothing if the process has ended.
    fn signal(&self, signal: Signal) {
        let _ = pidfd_send_signal(&self.handle, signal);
    }
}

impl Process {
    /// Reads `/proc/<pid>/stat` (`man 5 proc_pid_stat`); `None` for a process that has ended, zombies included.
    fn read(pid: i32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field is the program's name in parentheses, and may contain blanks and parentheses.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let &[state, parent, group, ..] = fields.as_slice() else { return None };
        if matches!(state, "Z" | "X") {
            return None;
        }
        let started = fields.get(19)?.parse().ok()?;
        Some(Self { pid, parent: parent.parse().ok()?, group: group.parse().ok()?, started })
    }

    fn has_variable(&self, variable: &str) -> bool {
        let mut environ = Vec::new();
        // Fails for processes of other users, unless the daemon is root.
        let read = File::open(format!("/proc/{}/environ", self.pid))
            .and_then(|file| file.take(ENVIRON_BYTES).read_to_end(&mut environ));
        read.is_ok() && environ.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes())
    }

    /// Opens a handle; `None` if the process has ended.
    fn open(&self, leader: i32) -> Option<Descendant> {
        let Self { pid, group, started, .. } = *self;
        let handle = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
        // The handle may be of another process that got the id since.
        is_running(pid, started).then_some(Descendant { pid, started, was_in_group: group == leader, handle })
    }
}

fn is_running(pid: i32, started: u64) -> bool {
    Process::read(pid).is_some_and(|now| now.started == started)
}

fn processes() -> Vec<Process> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| Process::read(entry.file_name().to_str()?.parse().ok()?)).collect()
}
