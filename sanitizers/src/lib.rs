//! Tests of the files with unsafe code, compiled alone: `draws`, `picture`, `transform` of the pipeline, `allocator` and
//! `kernels/cpu` of the trainer.
#![cfg(test)]
// The files have more than is tried here.
#![allow(dead_code, unused_imports)]

mod allocator;
mod draws;
mod kernels;
mod picture;
mod transform;
