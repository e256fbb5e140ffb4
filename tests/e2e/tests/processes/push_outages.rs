//! Outages of the push channel and of a daemon, in real time: no request is lost, and a daemon that is gone is shown offline.
//!
//! The real functions behind the local gateway, the local broker, and the real daemon, in process or as a process of its own. Each test prints
//! its worst time.

mod broker;
mod daemon_process;
mod proxy;
mod stage;
