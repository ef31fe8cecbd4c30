//! Tests that decode in processes of their own: how these are started, and which there are.
#![allow(dead_code, reason = "not every test needs all of it")]

use std::{
    fs,
    sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    thread,
    time::Duration,
};

use pipeline::sandbox::{Launch, start_by};
use rustix::process::{Pid, Signal, kill_process};

/// Lets readers start the test `child` of this program as their process.
pub fn start_children() {
    let program = std::env::current_exe().unwrap();
    // A library that misses what the filter takes away complains, and goes on as it can: here it must not.
    let mut arguments = vec!["G_DEBUG=fatal-criticals".into(), program.into_os_string()];
    arguments.extend(["child", "--exact", "--ignored", "--nocapture", "--test-threads=1"].map(Into::into));
    start_by(Launch { program: "/usr/bin/env".into(), arguments });
}

/// The processes whose parent is `parent`, those included that ended and were not waited for.
pub fn children_of(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let is_child = |process: &u32| {
        // The name may hold anything; the parent stands second behind it.
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let behind = stat.rsplit(") ").next().unwrap_or_default();
        behind.split(' ').nth(1) == Some(&parent.to_string())
    };
    processes.filter_map(|process| process.file_name().to_str()?.parse().ok()).filter(is_child).collect()
}

/// How many kills: 20, or as many as TUBELET_KILLS says.
pub fn kills() -> u32 {
    std::env::var("TUBELET_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(20)
}

/// What the thread that decodes and the one that kills tell each other.
#[derive(Default)]
pub struct Watched {
    pub killed: AtomicU32,
    /// Requests that were answered.
    pub answered: AtomicU32,
    is_over: AtomicBool,
}

/// Ends the killing, also when a test fails.
pub struct Ends<'a>(pub &'a Watched);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Relaxed);
    }
}

/// Kills children at drawn moments: while they start, open and decode, and once for each request at most. A machine on
/// which every child is killed before it answers gives no pictures, and the reader says so.
pub fn kill_children(watched: &Watched) {
    let (mut draw, mut answered) = (0x9E37_79B9_7F4A_7C15_u64, None);
    while !watched.is_over.load(Relaxed) {
        let now = Some(watched.answered.load(Relaxed));
        if now == answered {
            thread::sleep(Duration::from_millis(1));
            continue;
        }
        draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        thread::sleep(Duration::from_millis((draw >> 33) % 250));
        let child = children_of(std::process::id()).first().and_then(|&child| Pid::from_raw(child as i32));
        if child.is_some_and(|child| kill_process(child, Signal::KILL).is_ok()) {
            watched.killed.fetch_add(1, Relaxed);
            answered = Some(watched.answered.load(Relaxed));
        }
    }
}

/// Lines of a file of the system about this process that speak of memory shared with a child.
pub fn pieces_of_memory() -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let handles = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let handles = handles.filter_map(|handle| fs::read_link(handle.path()).ok());
    let is_ours = |name: &str| name.contains("memfd:tubelet-");
    let maps = maps.lines().filter(|line| is_ours(line)).count();
    maps + handles.filter(|target| target.to_str().is_some_and(is_ours)).count()
}
