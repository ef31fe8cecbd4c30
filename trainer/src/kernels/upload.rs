//! Whole numbers to the device. To a GPU they go through pinned memory: the copy waits in line behind what
//! the GPU is computing, and the caller does not wait at all.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};

#[cfg(feature = "tch")]
use super::libtorch;

/// Bytes of this shape.
pub fn upload_bytes<const R: usize>(bytes: &[u8], shape: [usize; R], device: &Device) -> Tensor<R, Int> {
    #[cfg(feature = "tch")]
    if let Some(card) = libtorch::card(device) {
        return Tensor::from_dispatch(libtorch::upload(bytes, &shape, card));
    }
    Tensor::from_data(TensorData::new(bytes.to_vec(), shape), (device, DType::U8))
}

/// Numbers of tokens, `[n]`.
pub fn upload_tokens(tokens: Vec<i64>, device: &Device) -> Tensor<1, Int> {
    let shape = [tokens.len()];
    #[cfg(feature = "tch")]
    if let Some(card) = libtorch::card(device) {
        return Tensor::from_dispatch(libtorch::upload(&tokens, &shape, card));
    }
    Tensor::from_data(TensorData::new(tokens, shape), device)
}
