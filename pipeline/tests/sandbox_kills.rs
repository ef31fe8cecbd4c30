//! Decoding processes that somebody kills: the same pictures, and nothing is left behind.
#![cfg(all(feature = "video", target_os = "linux"))]

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    thread,
    time::Duration,
};

use pipeline::{
    FrameRank,
    sandbox::serve,
    video::{Limits, VideoReader},
};
use rustix::process::{Pid, Signal, kill_process};

use crate::processes::{children_of, start_children};

#[path = "shared/processes.rs"]
mod processes;

/// The process that decodes: this test, run alone by its parents.
#[test]
#[ignore = "it serves a parent"]
fn child() {
    serve::serve();
}

/// How many kills: 20, or as many as TUBELET_KILLS says.
fn kills() -> u32 {
    std::env::var("TUBELET_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(20)
}

/// Kills children at drawn moments until there were enough; gives how many there were.
fn kill_children(done: &AtomicU32, most: u32) {
    let mut draw = 0x9E37_79B9_7F4A_7C15_u64;
    while done.load(Relaxed) < most {
        draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // A child takes some time to start; whoever kills it each time before it decodes is told so.
        thread::sleep(Duration::from_millis(100 + (draw >> 33) % 700));
        let child = children_of(std::process::id()).first().and_then(|&child| Pid::from_raw(child as i32));
        if child.is_some_and(|child| kill_process(child, Signal::KILL).is_ok()) {
            done.fetch_add(1, Relaxed);
        }
    }
}

/// Lines of a file of the system about this process that speak of shared memory for pictures.
fn pieces_of_memory() -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let handles = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let handles = handles.filter_map(|handle| fs::read_link(handle.path()).ok());
    let is_ours = |name: &str| name.contains("tubelet-pictures");
    let maps = maps.lines().filter(|line| is_ours(line)).count();
    maps + handles.filter(|target| target.to_str().is_some_and(is_ours)).count()
}

#[test]
fn kills_at_any_moment_cost_nothing_and_leave_nothing() {
    start_children();
    let film = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/bottles.webm");
    let mut here = VideoReader::new(Limits { sandbox: false, ..Limits::default() });
    let own = here.open(&film).unwrap();
    let wanted: Vec<_> = (0..own.facts.frames).step_by(4).map(FrameRank).collect();
    let expected = here.decode(&own, &wanted).unwrap();

    let (killed, failed) = (AtomicU32::new(0), AtomicBool::new(false));
    let handles = fs::read_dir("/proc/self/fd").unwrap().count();
    let mut rounds = 0;
    thread::scope(|scope| {
        scope.spawn(|| kill_children(&killed, kills()));
        while killed.load(Relaxed) < kills() {
            let mut there = VideoReader::new(Limits { sandbox: true, ..Limits::default() });
            let open = there.open(&film).unwrap();
            for _ in 0..3 {
                assert!(there.decode(&open, &wanted).unwrap() == expected, "other pictures");
                rounds += 1;
            }
        }
        failed.store(false, Relaxed);
    });
    assert!(rounds > 0);
    println!("{} kills, {rounds} times {} pictures, all the same", killed.load(Relaxed), wanted.len());
    assert_eq!(children_of(std::process::id()), [0; 0], "children are left");
    assert_eq!(pieces_of_memory(), 0, "shared memory is left");
    assert_eq!(fs::read_dir("/proc/self/fd").unwrap().count(), handles, "handles are left");
}
