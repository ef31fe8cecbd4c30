//! The rule by which trained weights are met.

use trainer::weights::HostTensor;

/// An element passes within `absolute` or within `relative` of the golden value.
#[derive(Clone, Copy)]
pub struct Rule {
    pub absolute: f64,
    pub relative: f64,
}

/// A tensor that was trained, and what rounding may have done to each of its elements.
pub struct Trained<'a> {
    pub found: &'a HostTensor,
    pub golden: &'a HostTensor,
    pub before: &'a HostTensor,
    /// As it would be trained with roundings of another kind.
    pub twin: &'a HostTensor,
    pub undetermined: &'a [f64],
}

/// What was found of a tensor: differences by what they are differences of, and what broke the rule.
pub struct Judged {
    pub differences: Vec<(&'static str, f64)>,
    pub failures: Vec<String>,
}

/// Weights are rounded to some 1e-8 at each update.
const MEAN_ABSOLUTE: f64 = 1e-7;
/// A rate that is a thousandth too large moves weights five times further off.
const MEAN_RELATIVE: f64 = 2e-4;

impl Rule {
    pub fn passes(self, difference: f64, golden: f64) -> bool {
        difference <= self.absolute || difference <= self.relative * golden.abs()
    }
}

impl Trained<'_> {
    /// Each element by its rule, or no further off than rounding may have moved it, or the whole tensor within a
    /// thousandth of its largest change. And those that rounding cannot have moved so far must agree on average,
    /// but for what the twin is off: wrong settings of the optimiser move all of them.
    pub fn judge(&self, rule: Rule) -> Judged {
        let [found, golden, before, twin] = [self.found, self.golden, self.before, self.twin].map(reals);
        let (differences, changes) = (apart(&found, &golden), apart(&golden, &before));
        let (furthest, change) = (largest(&differences), largest(&changes));
        let lost = differences.iter().any(|difference| difference.is_nan());
        let mut judged =
            Judged { differences: vec![("", if lost { f64::NAN } else { furthest })], failures: Vec::new() };
        if change > 0.0 {
            judged.differences.push((", of the tensor's largest change", furthest / change));
        }
        let beyond = |at: &usize| {
            !(rule.passes(differences[*at], golden[*at]) || differences[*at] <= self.undetermined[*at])
        };
        let beyond: Vec<usize> = (0..golden.len()).filter(beyond).collect();
        if let (Some(first), false) = (beyond.first(), furthest <= 1e-3 * change) {
            judged.failures.push(format!(
                "{} of {} elements are off, at most {furthest:e}, it changed by {change:e}; number {first} is {}, \
                 golden {}, undetermined by {:e}",
                beyond.len(),
                golden.len(),
                found[*first],
                golden[*first],
                self.undetermined[*first]
            ));
        }
        let determined: Vec<usize> =
            (0..golden.len()).filter(|at| self.undetermined[*at] <= rule.absolute).collect();
        if determined.is_empty() {
            return judged;
        }
        let mean =
            |values: &[f64]| determined.iter().map(|at| values[*at]).sum::<f64>() / determined.len() as f64;
        let (difference, change) = (mean(&differences), mean(&changes));
        let allowed = MEAN_ABSOLUTE + MEAN_RELATIVE * change + 4.0 * mean(&apart(&twin, &found));
        judged.differences.push((", mean", difference));
        judged.differences.push((", mean, of what is allowed", difference / allowed));
        if difference.is_nan() || difference > allowed {
            judged
                .failures
                .push(format!("elements are off by {difference:e} on average, they changed by {change:e}"));
        }
        judged
    }

    /// By how much each element is further off than rounding may have moved it.
    pub fn beyond_rounding(&self) -> Vec<f64> {
        let differences = apart(&reals(self.found), &reals(self.golden));
        differences
            .iter()
            .zip(self.undetermined)
            .map(|(off, may)| if off <= may { 0.0 } else { *off })
            .collect()
    }
}

fn reals(tensor: &HostTensor) -> Vec<f64> {
    tensor.values.iter().map(|value| f64::from(*value)).collect()
}

fn apart(one: &[f64], other: &[f64]) -> Vec<f64> {
    assert_eq!(one.len(), other.len());
    one.iter().zip(other).map(|(one, other)| (one - other).abs()).collect()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}
