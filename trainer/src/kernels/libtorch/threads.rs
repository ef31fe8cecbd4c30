//! How many threads LibTorch uses beside ours.

use std::sync::OnceLock;

use crate::kernels::{
    cpu::product::outdoes_mkl,
    precision::{Kernels, Precision},
};

/// Where our own loops do the products, LibTorch keeps to one thread: little is left for it to do, and its threads
/// spin for a while after each of its operations, on the CPUs that our loops need. (A step of ViT-B on two
/// CPUs took 3.49 s with them and 2.76 without.)
pub(in super::super) fn share_threads(kernels: Kernels, precision: Precision) {
    static ALL: OnceLock<i32> = OnceLock::new();
    let all = *ALL.get_or_init(tch::get_num_threads);
    let ours = kernels == Kernels::Own && precision == Precision::F32 && outdoes_mkl();
    tch::set_num_threads(if ours { 1 } else { all });
}
