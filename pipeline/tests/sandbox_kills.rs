//! Decoding processes that somebody kills: the same pictures, and nothing is left behind.
#![cfg(all(feature = "video", target_os = "linux"))]

use std::{fs, path::Path, sync::atomic::Ordering::Relaxed, thread};

use pipeline::{
    FrameRank,
    sandbox::serve,
    video::{Limits, VideoReader},
};

use crate::processes::{Ends, Watched, children_of, kill_children, kills, pieces_of_memory, start_children};

#[path = "shared/processes.rs"]
mod processes;

/// The process that decodes: this test, run alone by its parents.
#[test]
#[ignore = "it serves a parent"]
fn child() {
    serve::serve();
}

#[test]
fn kills_at_any_moment_cost_nothing_and_leave_nothing() {
    start_children();
    let film = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/bottles.webm");
    let mut here = VideoReader::new(Limits { sandbox: false, ..Limits::default() });
    let own = here.open(&film).unwrap();
    let wanted: Vec<_> = (0..own.facts.frames).step_by(4).map(FrameRank).collect();
    let expected = here.decode(&own, &wanted).unwrap();

    let watched = Watched::default();
    let handles = fs::read_dir("/proc/self/fd").unwrap().count();
    thread::scope(|scope| {
        let _ends = Ends(&watched);
        scope.spawn(|| kill_children(&watched));
        while watched.killed.load(Relaxed) < kills() {
            let mut there = VideoReader::new(Limits { sandbox: true, ..Limits::default() });
            let open = there.open(&film).unwrap();
            watched.answered.fetch_add(1, Relaxed);
            for _ in 0..3 {
                assert!(there.decode(&open, &wanted).unwrap() == expected, "other pictures");
                watched.answered.fetch_add(1, Relaxed);
            }
        }
    });
    let (killed, answered) = (watched.killed.load(Relaxed), watched.answered.load(Relaxed));
    println!("{killed} kills, {answered} requests answered, all alike");
    assert_eq!(children_of(std::process::id()), [0; 0], "children are left");
    assert_eq!(pieces_of_memory(), 0, "shared memory is left");
    assert_eq!(fs::read_dir("/proc/self/fd").unwrap().count(), handles, "handles are left");
}
