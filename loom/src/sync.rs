//! What `pipeline/src/sync.rs` has, made of loom's locks: each is a place where loom may let another thread go on.

pub(crate) use loom::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread_local,
};
pub(crate) use std::sync::PoisonError;

use std::collections::VecDeque;

/// The queue's end at which jobs are taken out; clones share it, as crossbeam's do.
pub(crate) struct Receiver<T>(Arc<Queue<T>>);

/// The only other end; dropping it ends the queue once it is empty.
pub(crate) struct Sender<T>(Arc<Queue<T>>);

struct Queue<T> {
    state: Mutex<(VecDeque<T>, bool)>,
    changed: Condvar,
}

pub(crate) fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    let queue = Arc::new(Queue { state: Mutex::new((VecDeque::new(), false)), changed: Condvar::new() });
    (Sender(queue.clone()), Receiver(queue))
}

impl<T> Sender<T> {
    pub(crate) fn send(&self, value: T) {
        self.0.state.lock().unwrap().0.push_back(value);
        self.0.changed.notify_one();
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap().1 = true;
        self.0.changed.notify_all();
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Receiver<T> {
    pub(crate) fn recv(&self) -> Result<T, ()> {
        let mut state = self.0.state.lock().unwrap();
        loop {
            if let Some(value) = state.0.pop_front() {
                return Ok(value);
            }
            if state.1 {
                return Err(());
            }
            state = self.0.changed.wait(state).unwrap();
        }
    }
}

/// One value from one thread to another, as tokio's.
pub(crate) mod oneshot {
    use super::{Arc, Condvar, Mutex};

    struct Slot<T> {
        state: Mutex<State<T>>,
        changed: Condvar,
    }

    struct State<T> {
        value: Option<T>,
        is_sent_or_never: bool,
        is_closed: bool,
    }

    pub(crate) struct Sender<T>(Arc<Slot<T>>);
    pub(crate) struct Receiver<T>(Arc<Slot<T>>);

    pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
        let state = State { value: None, is_sent_or_never: false, is_closed: false };
        let slot = Arc::new(Slot { state: Mutex::new(state), changed: Condvar::new() });
        (Sender(slot.clone()), Receiver(slot))
    }

    impl<T> Sender<T> {
        pub(crate) fn send(self, value: T) -> Result<(), T> {
            let mut state = self.0.state.lock().unwrap();
            if state.is_closed {
                return Err(value);
            }
            state.value = Some(value);
            Ok(())
        }

        pub(crate) fn is_closed(&self) -> bool {
            self.0.state.lock().unwrap().is_closed
        }
    }

    impl<T> Drop for Sender<T> {
        fn drop(&mut self) {
            self.0.state.lock().unwrap().is_sent_or_never = true;
            self.0.changed.notify_all();
        }
    }

    impl<T> Receiver<T> {
        /// Waits for the value, or until the sender was dropped without one.
        pub(crate) fn wait(self) -> Option<T> {
            let mut state = self.0.state.lock().unwrap();
            while !state.is_sent_or_never {
                state = self.0.changed.wait(state).unwrap();
            }
            state.value.take()
        }
    }

    impl<T> Drop for Receiver<T> {
        fn drop(&mut self) {
            self.0.state.lock().unwrap().is_closed = true;
        }
    }
}
