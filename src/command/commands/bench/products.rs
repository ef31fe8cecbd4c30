//! `tubelet bench products`: how fast matrices are multiplied.

use anyhow::Result;
use trainer::{
    Device,
    kernels::{Precision, product_speed},
};

use crate::device;

/// Rows, inputs and outputs: a linear layer of ViT-B's decoder width on two clips of all tokens.
const LENGTHS: [usize; 3] = [3136, 768, 3072];

/// Time a matrix product as a training step has them, in f32 and in bf16
///
/// `gflops` counts multiplications and additions, in billions a second on all threads; `by` says how they are computed.
///
/// Example: tubelet bench products --device flex
#[derive(clap::Args)]
pub struct Arguments {
    /// Where to compute
    #[arg(long, default_value = "flex")]
    device: String,
    /// Seconds that each product is tried for
    #[arg(long, value_name = "S", default_value_t = 2.0)]
    seconds: f64,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let device = device::named(&arguments.device)?;
    let seconds = arguments.seconds.clamp(0.0, 1e6);
    let of = |precision| {
        let speed = product_speed(&device, precision, LENGTHS, seconds);
        serde_json::json!({ "by": Device::products(device.name(), precision), "gflops": speed })
    };
    println!(
        "{}",
        serde_json::json!({ "lengths": LENGTHS, "f32": of(Precision::F32), "bf16": of(Precision::Bf16) })
    );
    Ok(())
}
