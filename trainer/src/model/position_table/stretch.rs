//! A table of positions for one grid of tokens, stretched to another grid.
//!
//! ```text
//! [t, h, w, D] ─ bicubic ─▶ [t, h', w', D] ─ linear ─▶ [t', h', w', D]        the other order gives other rows
//! ```
//!
//! Both as PyTorch's `interpolate` with `align_corners` false and without antialias: an output's centre falls
//! on the input at `(place + ½)·from/to − ½`, and rows beyond the border repeat the border.

/// PyTorch's constant of the bicubic kernel.
const A: f64 = -0.75;

/// Which rows of an axis, and how much of each, make a row of the stretched axis.
type Taps = Vec<(usize, f64)>;

/// The stretched entries, in row-major order.
pub(super) fn stretch(entries: Vec<f32>, from: [usize; 3], to: [usize; 3], dim: usize) -> Vec<f32> {
    let [time, height, width] = from;
    let wide = along(&entries, time * height, width, dim, &cubic(width, to[2]));
    let high = along(&wide, time, height, to[2] * dim, &cubic(height, to[1]));
    along(&high, 1, time, to[1] * to[2] * dim, &linear(time, to[0]))
}

/// Stretches the middle axis of `[outer, length, inner]`.
fn along(values: &[f32], outer: usize, length: usize, inner: usize, taps: &[Taps]) -> Vec<f32> {
    let place = |at: usize, inside: usize, taps: &Taps| {
        let tap =
            |(row, weight): &(usize, f64)| f64::from(values[(at * length + row) * inner + inside]) * weight;
        taps.iter().map(tap).sum::<f64>() as f32
    };
    (0..outer)
        .flat_map(|at| taps.iter().map(move |taps| (at, taps)))
        .flat_map(|(at, taps)| (0..inner).map(move |inside| (at, inside, taps)))
        .map(|(at, inside, taps)| place(at, inside, taps))
        .collect()
}

/// Where the centre of output `place` falls on the input.
fn centre(place: usize, from: usize, to: usize) -> f64 {
    (place as f64 + 0.5) * from as f64 / to as f64 - 0.5
}

fn clamped(row: f64, length: usize) -> usize {
    row.clamp(0.0, (length - 1) as f64) as usize
}

fn cubic(from: usize, to: usize) -> Vec<Taps> {
    let near = |t: f64| ((A + 2.0) * t - (A + 3.0)) * t * t + 1.0;
    let far = |t: f64| ((A * t - 5.0 * A) * t + 8.0 * A) * t - 4.0 * A;
    let taps = |place| {
        let at = centre(place, from, to);
        let (first, t) = (at.floor(), at - at.floor());
        [(-1.0, far(t + 1.0)), (0.0, near(t)), (1.0, near(1.0 - t)), (2.0, far(2.0 - t))]
            .map(|(row, weight)| (clamped(first + row, from), weight))
            .to_vec()
    };
    (0..to).map(taps).collect()
}

fn linear(from: usize, to: usize) -> Vec<Taps> {
    let taps = |place| {
        let at = centre(place, from, to).max(0.0);
        let (first, t) = (at.floor(), at - at.floor());
        vec![(clamped(first, from), 1.0 - t), (clamped(first + 1.0, from), t)]
    };
    (0..to).map(taps).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_stretched_to_itself_is_unchanged() {
        let entries: Vec<f32> = (0..2 * 3 * 4 * 5).map(|at| (at as f32).sin()).collect();
        assert_eq!(stretch(entries.clone(), [2, 3, 4], [2, 3, 4], 5), entries);
    }

    #[test]
    fn what_is_the_same_everywhere_stays_so_and_time_is_a_straight_line() {
        let flat = stretch(vec![0.25; 2 * 2 * 2], [2, 2, 2], [3, 5, 4], 1);
        assert!(flat.iter().all(|value| (value - 0.25).abs() < 1e-6));
        // Centres of four frames on two: −.25, .25, .75, 1.25.
        assert_eq!(stretch(vec![0.0, 1.0], [2, 1, 1], [4, 1, 1], 1), [0.0, 0.25, 0.75, 1.0]);
    }

    #[test]
    fn the_bicubic_kernel_is_pytorch_s() {
        // torch.nn.functional.interpolate(tensor([[[[0., 1, 0, 0]]]]), (1, 8), mode="bicubic")
        let found = stretch(vec![0.0, 1.0, 0.0, 0.0], [1, 1, 4], [1, 1, 8], 1);
        let wanted =
            [-0.10546875, 0.26171875, 0.87890625, 0.87890625, 0.26171875, -0.10546875, -0.03515625, 0.0];
        assert!(found.iter().zip(wanted).all(|(found, wanted): (&f32, f32)| (found - wanted).abs() < 1e-6));
    }
}
