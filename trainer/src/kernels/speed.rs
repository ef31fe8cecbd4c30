//! How fast products are computed.

use std::time::Instant;

use burn::tensor::{Distribution, Tensor};

use super::{Precision, in_precision, linear};
use crate::device::Device;

/// Multiplications and additions a second, in billions, of a linear layer of `[rows, inputs]` and `[outputs, inputs]` on a
/// device, as it is tried again and again for some seconds: the best try.
#[doc(alias("FLOPS", "GFLOPS", "matmul"))]
pub fn product_speed(device: &Device, precision: Precision, lengths: [usize; 3], seconds: f64) -> f64 {
    let [rows, inputs, outputs] = lengths;
    let drawn = |shape| Tensor::<2>::random(shape, Distribution::Uniform(-1.0, 1.0), device.tensors());
    let (values, weight) = (drawn([rows, inputs]), drawn([outputs, inputs]));
    device.finish();
    in_precision(precision, || {
        let (begin, mut best) = (Instant::now(), f64::INFINITY);
        while best.is_infinite() || begin.elapsed().as_secs_f64() < seconds {
            let start = Instant::now();
            let product = linear(values.clone(), weight.clone(), None);
            device.finish();
            best = best.min(start.elapsed().as_secs_f64());
            drop(product);
        }
        2.0 * lengths.iter().product::<usize>() as f64 / best / 1e9
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_has_a_speed_in_each_precision() {
        for precision in [Precision::F32, Precision::Bf16] {
            let speed = product_speed(&Device::flex(), precision, [64, 32, 48], 0.0);
            assert!(speed.is_finite() && speed > 0.0, "{speed} in {precision}");
        }
    }
}
