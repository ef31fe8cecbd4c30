//! The kernels on the CPU that have unsafe code, and what multiplies by them.

pub(crate) mod precision;
pub(crate) mod cpu {
    #[cfg(target_arch = "x86_64")]
    mod bf16;
    pub(crate) mod buffer;
    #[cfg(target_arch = "x86_64")]
    mod cpu_maker;
    pub(crate) mod gelu;
    pub(crate) mod layer_norm;
    pub(crate) mod linear;
    pub(crate) mod matrix;
    pub(crate) mod product;
    mod product_f32;
    pub(crate) mod square_sum;
    mod vector;
}

/// Lengths that no tile divides: whatever is read or written beyond a buffer's end is found.
mod lengths;
