//! Attention of all tokens of a clip to all tokens of the clip.
//!
//! Shapes: B clips, N tokens, H heads, W width of a head, D = H·W.

use burn::{
    backend::Dispatch,
    tensor::{Tensor, activation::softmax},
};

use super::fused::{Fused as _, brings_kernels};

/// Queries, keys and values side by side `[B, N, 3D]` (inside each, head after head) to what each token
/// gathers `[B, N, D]`. Queries are scaled by `W^-½` before the product, as the official code does.
pub fn attention(qkv: Tensor<3>, heads: usize) -> Tensor<3> {
    if brings_kernels(&qkv) {
        Tensor::from_dispatch(Dispatch::fused_attention(qkv.into_dispatch(), heads))
    } else {
        composed(qkv, heads)
    }
}

/// The plain version: all N×N shares of every head are kept for the backward pass.
pub(super) fn composed(qkv: Tensor<3>, heads: usize) -> Tensor<3> {
    let [clips, tokens, triple] = qkv.dims();
    let width = triple / 3 / heads;
    let parts = qkv.reshape([clips, tokens, 3, heads, width]);
    let part = |number: usize| -> Tensor<4> {
        parts.clone().narrow(2, number, 1).squeeze_dim::<4>(2).swap_dims(1, 2) // B H N W
    };
    let (queries, keys, values) = (part(0), part(1), part(2));
    let scores = (queries * (width as f64).powf(-0.5)).matmul(keys.swap_dims(2, 3)); // B H N N
    let gathered = softmax(scores, 3).matmul(values); // B H N W
    gathered.swap_dims(1, 2).reshape([clips, tokens, heads * width])
}
