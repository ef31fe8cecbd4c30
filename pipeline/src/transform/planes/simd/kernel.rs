//! The pass over columns by steps, written once for every kind of vector register.

/// Makes `filter_columns` out of what the module that calls it has: `GROUP`, `Steps`, `WideStep`, `WideMix`
/// and `put`.
macro_rules! filter_columns_with {
    ($feature:literal) => {
        /// The rows of `to` from `top` on. Numbers of steps known when compiled leave no loop inside.
        #[target_feature(enable = $feature)]
        pub fn filter_columns(
            steps: &[Steps; 2],
            mix: &Mix,
            planes: usize,
            top: usize,
            to: &mut Lines,
            scratch: &Scratch,
        ) {
            let chroma = if planes == 3 { steps[1].of_group } else { 0 };
            match (steps[0].of_group, chroma) {
                (1, 0) => by_steps::<1, 0>(steps, mix, top, to, scratch),
                (2, 0) => by_steps::<2, 0>(steps, mix, top, to, scratch),
                (_, 0) => by_steps::<3, 0>(steps, mix, top, to, scratch),
                (1, _) => by_steps::<1, 1>(steps, mix, top, to, scratch),
                (2, 1) => by_steps::<2, 1>(steps, mix, top, to, scratch),
                (2, _) => by_steps::<2, 2>(steps, mix, top, to, scratch),
                (_, 1) => by_steps::<3, 1>(steps, mix, top, to, scratch),
                (_, 2) => by_steps::<3, 2>(steps, mix, top, to, scratch),
                (_, _) => by_steps::<3, 3>(steps, mix, top, to, scratch),
            }
        }

        /// `LUMA` and `CHROMA` are the steps of a group; without chroma `CHROMA` is 0.
        #[target_feature(enable = $feature)]
        fn by_steps<const LUMA: usize, const CHROMA: usize>(
            [luma, chroma]: &[Steps; 2],
            mix: &Mix,
            top: usize,
            to: &mut Lines,
            scratch: &Scratch,
        ) {
            let (width, rows) = (to.width(), ROWS.min(to.height() - top));
            let out = &mut to.samples_mut()[top * 3 * width..][..rows * 3 * width];
            // What the loads below rely on: a step reads at most `reach` samples of a row and its slack.
            assert!(luma.of_group == LUMA && scratch.rows[0].holds(luma.reach));
            if CHROMA > 0 {
                let hold = scratch.rows[1..].iter().all(|rows| rows.holds(chroma.reach));
                assert!(chroma.of_group == CHROMA && hold);
            }
            let mix = WideMix::of(mix);
            let [of_luma, of_cb, of_cr] = &scratch.rows;
            for group in 0..width.div_ceil(GROUP) {
                let luma =
                    std::array::from_fn::<_, LUMA, _>(|at| WideStep::of(&luma.steps[group * LUMA + at]));
                let chroma = std::array::from_fn::<_, CHROMA, _>(|at| {
                    WideStep::of(&chroma.steps[group * CHROMA + at])
                });
                for row in 0..rows {
                    // SAFETY: there are `ROWS` rows, and each holds what any step reads.
                    let samples = unsafe {
                        [
                            filter(&luma, of_luma.from_row(row)),
                            filter(&chroma, of_cb.from_row(row)),
                            filter(&chroma, of_cr.from_row(row)),
                        ]
                    };
                    put(mix.levels(samples), &mut out[row * 3 * width..][..3 * width], width, group);
                }
            }
        }

        /// A group's outputs of the row that begins at `row`; none without steps.
        ///
        /// # Safety
        /// The row must hold the samples that the steps read.
        #[inline]
        #[target_feature(enable = $feature)]
        unsafe fn filter<const STEPS: usize>(steps: &[WideStep; STEPS], row: *const i16) -> Register {
            if STEPS == 0 {
                return zero();
            }
            let mut sum = rounding();
            for step in steps {
                // SAFETY: as the caller promises.
                sum = unsafe { step.add(row, sum) };
            }
            to_samples(sum)
        }
    };
}

pub(super) use filter_columns_with;
