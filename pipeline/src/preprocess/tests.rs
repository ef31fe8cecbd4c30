//! Keys whose thread panics or is stuck.

use std::thread;

use schemas::frame_shard::{FrameShardFacts, StoredPixels};

use super::*;

fn facts() -> FrameShardFacts {
    FrameShardFacts {
        seed: 0,
        videos: 5,
        clips_per_video: 1,
        clips_per_shard: 3,
        frames: 4,
        stride: 1,
        short_side: 0,
        pixels: StoredPixels::Rgb,
        source: "made".to_owned(),
        made_by: "a test".to_owned(),
    }
}

#[test]
fn a_panic_and_a_stuck_thread_are_failures_of_their_keys_and_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("quarantine.jsonl");
    let quarantine = Quarantine::open(Some(&list), 5, 1.0).unwrap();
    let maker = || -> KeyMaker {
        Box::new(|key| match key {
            1 => panic!("key 1 is odd"),
            3 => loop {
                thread::park();
            },
            _ => Ok(Vec::new()),
        })
    };
    let making = Making {
        workers: 2,
        patience: Duration::from_secs(1),
        name: &|key| format!("video-{key}"),
        maker: Arc::new(maker),
        slice: None,
    };
    let mut behind = Vec::new();
    let filled = fill(folder.path(), &facts(), &making, &quarantine, &AtomicBool::new(false), |keys| {
        behind.push(keys)
    });
    assert_eq!(filled.unwrap(), Filled { written: 3, failed: 2, stopped: false });
    assert_eq!(behind, [1, 2, 3, 4, 5]);
    let written = std::fs::read_to_string(&list).unwrap();
    let lines: Vec<serde_json::Value> =
        written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |line: usize| {
        let line = &lines[line];
        [&line["video"], &line["verdict"], &line["reason"]].map(|value| value.as_str().unwrap().to_owned())
    };
    assert_eq!(lines.len(), 2);
    assert_eq!(of(0), ["video-1", "panicked", "reading it panicked: key 1 is odd"]);
    assert_eq!(of(1)[..2], ["video-3", "time-limit"]);
}
