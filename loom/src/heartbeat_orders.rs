//! Signs of life: the watchdog sees a thread's steps, and its waiting for a file, and no other thread's.

use loom::thread;

use crate::{
    heartbeat,
    sync::{Arc, AtomicBool, Relaxed, oneshot},
};

#[test]
fn steps_never_go_backwards_and_none_is_lost() {
    loom::model(|| {
        let (tell, told) = oneshot::channel();
        let thread = thread::spawn(move || {
            let _ = tell.send(heartbeat::of_this_thread());
            heartbeat::step();
            heartbeat::step();
        });
        let seen = told.wait().unwrap();
        heartbeat::step();
        let (first, second) = (seen.steps(), seen.steps());
        assert!(first <= second && second <= 2, "{first}, then {second}");
        thread.join().unwrap();
        assert_eq!(seen.steps(), 2);
        assert_eq!(heartbeat::of_this_thread().steps(), 1);
    });
}

#[test]
fn a_thread_that_hangs_in_reading_is_seen_to_read() {
    loom::model(|| {
        let has_bytes = Arc::new(AtomicBool::new(false));
        let (tell, told) = oneshot::channel();
        let (begin, begun) = oneshot::channel();
        let reader_bytes = has_bytes.clone();
        let thread = thread::spawn(move || {
            let _ = tell.send(heartbeat::of_this_thread());
            heartbeat::reading(|| {
                let _ = begin.send(());
                reader_bytes.load(Relaxed)
            })
        });
        let seen = told.wait().unwrap();
        begun.wait().unwrap();
        has_bytes.store(true, Relaxed);
        thread.join().unwrap();
        assert!(!seen.is_reading());
    });
}
