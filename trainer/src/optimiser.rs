//! How gradients change weights: AdamW, the learning rate of each step, and each layer's share of it.

pub mod adamw;
pub mod layer_decay;
pub mod learning_rate;
