//! Weighted sums in whole numbers, a product at a time.

/// `sum + weight × value`, for sums that are known to fit. A check of each, which release builds have elsewhere, would keep
/// loops of them out of vectors.
#[inline(always)]
pub(super) fn add_weighted(sum: i32, weight: i32, value: i32) -> i32 {
    sum.wrapping_add(weight.wrapping_mul(value))
}
