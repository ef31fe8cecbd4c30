//! Loops that the compiler turns into vector instructions of the CPU at hand.
//!
//! A loop's body is written once and compiled for AVX-512, for AVX2 and for the baseline; which one runs is
//! asked of the CPU at run time. A product is fused with a sum where `mul_add` says so and nowhere else, so all three
//! give the same bits (the baseline of x86-64 has no such instruction and calls a slow function).
//!
//! Only what is inlined into a loop is compiled with it: plain loops over the lanes are, while the closure of
//! `array::map` may become a function of its own, for the baseline.

/// Values that are added side by side: the width of an AVX-512 register.
pub(super) const LANES: usize = 16;

/// Defines a function whose body is compiled for several CPUs.
macro_rules! vectorised {
    ($(#[$about:meta])* $seen:vis fn $name:ident($($argument:ident: $kind:ty),* $(,)?) $(-> $result:ty)? $body:block) => {
        $(#[$about])*
        #[allow(unsafe_code)] // calling a function compiled for a CPU feature that was found
        $seen fn $name($($argument: $kind),*) $(-> $result)? {
            #[inline(always)]
            fn body($($argument: $kind),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,fma")]
                fn avx512($($argument: $kind),*) $(-> $result)? { body($($argument),*) }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($argument: $kind),*) $(-> $result)? { body($($argument),*) }

                if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("fma") {
                    // SAFETY: the CPU has AVX-512 and FMA, as was found on the line above.
                    return unsafe { avx512($($argument),*) };
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    // SAFETY: the CPU has AVX2 and FMA, as was found on the line above.
                    return unsafe { avx2($($argument),*) };
                }
            }
            body($($argument),*)
        }
    };
}
pub(super) use vectorised;

/// e to the power of `x`, within 2 units in the last place; below -87 as at -87, above 88 as at 88.
///
/// `x = n·ln 2 + r` with |r| ≤ ln 2/2; e^r by its series to r⁶ with coefficients for the least largest error
/// (Cephes `expf`), times 2ⁿ by adding n to the exponent's bits.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    /// Adding it rounds to a whole number, which then stands in the lowest bits.
    const ROUND: f32 = 12_582_912.0; // 1.5 · 2²³
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let rounded = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = rounded - ROUND;
    let r = n.mul_add(-LN_2_LOW, n.mul_add(-LN_2_HIGH, x));
    let series = 1.987_569_1e-4f32;
    let series = series.mul_add(r, 1.398_2e-3);
    let series = series.mul_add(r, 8.333_452e-3);
    let series = series.mul_add(r, 4.166_579_6e-2);
    let series = series.mul_add(r, 1.666_666_5e-1);
    let series = series.mul_add(r, 0.5);
    let power = (series * r).mul_add(r, r) + 1.0;
    f32::from_bits(power.to_bits().wrapping_add(rounded.to_bits() << 23))
}

/// The sum of `values` in a fixed order: [`LANES`] sums side by side, then these in pairs.
#[inline(always)]
pub(super) fn sum(values: impl Iterator<Item = [f32; LANES]>, rest: impl Iterator<Item = f32>) -> f32 {
    let mut sums = [0f32; LANES];
    for lanes in values {
        for (sum, value) in sums.iter_mut().zip(lanes) {
            *sum += value;
        }
    }
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
    }
    sums[0] + rest.sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_within_two_units_in_the_last_place() {
        let worst = (-8_600..8_700).map(|step| step as f32 / 100.0).map(|x| {
            let exact = f64::from(x).exp();
            ((f64::from(exp(x)) - exact) / exact).abs()
        });
        let worst = worst.fold(0.0, f64::max);
        assert!(worst < 2.0 * f64::from(f32::EPSILON), "{worst:e}");
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(-1000.0) < 2e-38);
    }
}
