//! Tests under every order of threads, of the pipeline's own files.
#![cfg(test)]
// The files have more than is tried here.
#![allow(dead_code)]

mod sync;

#[path = "../../pipeline/src/heartbeat.rs"]
mod heartbeat;
#[path = "../../pipeline/src/loader/room.rs"]
mod room;
#[path = "../../pipeline/src/worker_pool/worker.rs"]
mod worker;

mod channel_orders;
mod heartbeat_orders;
mod worker_orders;
