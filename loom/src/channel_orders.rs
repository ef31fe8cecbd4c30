//! The channel of batches: the forwarding thread takes room and sends, the trainer's thread receives and gives back.

use loom::thread;

use crate::{
    room::Room,
    sync::{Arc, AtomicU64, Relaxed, unbounded},
};

/// Sends batches of these sizes through a channel of four bytes and receives `received` of them before the receiver is
/// dropped; gives how many the forwarding thread sent.
fn forwarded(sizes: &'static [u64], received: usize) -> usize {
    let room = Arc::new(Room::new(4));
    let in_flight = Arc::new(AtomicU64::new(0));
    let (sender, batches) = unbounded();
    let (forward_room, forward_flight) = (room.clone(), in_flight.clone());
    let forward = thread::spawn(move || {
        let mut sent = 0;
        for &bytes in sizes {
            if !forward_room.take(bytes) {
                break;
            }
            let before = forward_flight.fetch_add(bytes, Relaxed);
            assert!(before == 0 || before + bytes <= 4, "{before} and {bytes} bytes lie in a channel of 4");
            sender.send(bytes);
            sent += 1;
        }
        sent
    });
    let mut order = Vec::new();
    for _ in 0..received {
        let Ok(bytes) = batches.recv() else { break };
        order.push(bytes);
        in_flight.fetch_sub(bytes, Relaxed);
        room.give(bytes);
    }
    room.close();
    assert_eq!(order, &sizes[..order.len()], "batches come in order");
    assert_eq!(order.len(), received.min(sizes.len()));
    forward.join().unwrap()
}

#[test]
fn all_batches_arrive_in_order_and_within_the_bound() {
    loom::model(|| assert_eq!(forwarded(&[2, 3, 1], 3), 3));
}

#[test]
fn a_batch_larger_than_the_bound_goes_alone() {
    loom::model(|| assert_eq!(forwarded(&[1, 9, 1], 3), 3));
}

#[test]
fn a_dropped_receiver_ends_the_forwarding_thread() {
    loom::model(|| assert!((1..=3).contains(&forwarded(&[3, 3, 3], 1))));
    loom::model(|| assert!(forwarded(&[5, 5], 0) <= 2));
}
