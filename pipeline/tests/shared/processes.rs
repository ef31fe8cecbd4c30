//! Tests that decode in processes of their own: how these are started, and which there are.
#![allow(dead_code, reason = "not every test needs all of it")]

use std::fs;

use pipeline::sandbox::{Launch, start_by};

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
