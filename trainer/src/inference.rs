//! What a trained model is used for: classes, vectors, features for probes, and pictures of what it predicts.

pub mod classifier;
pub mod classify;
pub mod embed;
pub mod error_by_distance;
pub mod frozen_encoder;
mod given_cubes;
mod picture;
pub mod reconstruct;
