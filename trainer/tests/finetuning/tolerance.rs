//! The rules by which golden numbers are met, and the largest differences found.

use std::collections::BTreeMap;

use trainer::weights::HostTensor;

/// Largest differences so far, by quantity, and what broke the rule.
pub struct Tolerance {
    absolute: f64,
    relative: f64,
    worst: BTreeMap<String, f64>,
    failures: Vec<String>,
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

impl Tolerance {
    /// An element passes within `absolute` or within `relative` of the golden value.
    pub fn new(absolute: f64, relative: f64) -> Self {
        Self { absolute, relative, worst: BTreeMap::new(), failures: Vec::new() }
    }

    pub fn check(&mut self, quantity: &str, found: &HostTensor, golden: &HostTensor) {
        same_length(quantity, found, golden);
        for (found, golden) in found.values.iter().zip(&golden.values) {
            self.number(quantity, f64::from(*found), f64::from(*golden));
        }
    }

    pub fn number(&mut self, quantity: &str, found: f64, golden: f64) {
        let difference = (found - golden).abs();
        self.note(quantity, difference);
        if !self.passes(difference, golden) {
            self.fail(format!("{quantity}: {found}, golden {golden}"));
        }
    }

    /// Sums of products: an element also passes within [`OF_SUM`] of the sum of its products' sizes.
    pub fn sums(&mut self, quantity: &str, found: &HostTensor, golden: &HostTensor, sizes: &[f64]) {
        same_length(quantity, found, golden);
        for ((found, golden), size) in found.values.iter().zip(&golden.values).zip(sizes) {
            let (found, golden) = (f64::from(*found), f64::from(*golden));
            if (found - golden).abs() <= OF_SUM * size {
                self.note(quantity, (found - golden).abs());
            } else {
                self.number(quantity, found, golden);
            }
        }
    }

    fn passes(&self, difference: f64, golden: f64) -> bool {
        difference <= self.absolute || difference <= self.relative * golden.abs()
    }

    /// Weights after training. Each element by its rule, or no further off than rounding may have moved it, or the
    /// whole tensor within a thousandth of its largest change. And those that rounding cannot have moved so far must
    /// agree on average, but for what the twin is off: wrong settings of the optimiser move all of them.
    pub fn trained(&mut self, quantity: &str, name: &str, tensor: &Trained) {
        let Trained { found, golden, before, twin, undetermined } = *tensor;
        same_length(name, found, golden);
        let real =
            |tensor: &HostTensor| -> Vec<f64> { tensor.values.iter().map(|x| f64::from(*x)).collect() };
        let [found, golden, before, twin] = [found, golden, before, twin].map(real);
        let apart = |one: &[f64], other: &[f64]| -> Vec<f64> {
            one.iter().zip(other).map(|(one, other)| (one - other).abs()).collect()
        };
        let (differences, changes) = (apart(&found, &golden), apart(&golden, &before));
        let largest = |values: &[f64]| values.iter().copied().fold(0f64, f64::max);
        let (furthest, change) = (largest(&differences), largest(&changes));
        self.note(quantity, if differences.iter().any(|x| x.is_nan()) { f64::NAN } else { furthest });
        if change > 0.0 {
            self.note(&format!("{quantity}, of the tensor's largest change"), furthest / change);
        }
        let beyond = |at: &usize| {
            !(self.passes(differences[*at], golden[*at]) || differences[*at] <= undetermined[*at])
        };
        let beyond: Vec<usize> = (0..golden.len()).filter(beyond).collect();
        if let (Some(first), false) = (beyond.first(), furthest <= 1e-3 * change) {
            self.fail(format!(
                "{quantity} {name}: {} of {} elements are off, at most {furthest:e}, it changed by {change:e}; \
                 number {first} is {}, golden {}, undetermined by {:e}",
                beyond.len(),
                golden.len(),
                found[*first],
                golden[*first],
                undetermined[*first]
            ));
        }
        let determined: Vec<usize> =
            (0..golden.len()).filter(|at| undetermined[*at] <= self.absolute).collect();
        if determined.is_empty() {
            return;
        }
        let mean =
            |values: &[f64]| determined.iter().map(|at| values[*at]).sum::<f64>() / determined.len() as f64;
        let (difference, change) = (mean(&differences), mean(&changes));
        self.note(&format!("{quantity}, mean"), difference);
        let allowed = MEAN_ABSOLUTE + MEAN_RELATIVE * change + 4.0 * mean(&apart(&twin, &found));
        self.note(&format!("{quantity}, mean, of what is allowed"), difference / allowed);
        if difference.is_nan() || difference > allowed {
            self.fail(format!(
                "{quantity} {name}: elements are off by {difference:e} on average, they changed by {change:e}"
            ));
        }
    }

    fn note(&mut self, quantity: &str, difference: f64) {
        let worst = self.worst.entry(quantity.to_owned()).or_default();
        *worst = worst.max(if difference.is_nan() { f64::INFINITY } else { difference });
    }

    fn fail(&mut self, failure: String) {
        self.failures.push(failure);
    }

    /// What broke a rule.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    /// Prints the largest differences; what broke a rule.
    pub fn report(self) -> Vec<String> {
        for (quantity, worst) in &self.worst {
            println!("  {quantity:45} {worst:.1e}");
        }
        self.failures
    }

    /// Prints the largest differences, and fails if a rule was broken.
    pub fn demand(self) {
        let failures = self.report();
        assert!(failures.is_empty(), "{}", shown(&failures));
    }
}

/// Four units in the last place of f32. PyTorch's own convolution is off by up to 2.3 units of the sum of sizes
/// (2304 to 3072 products of patches of 16 pixels, against f64), this model's product by .5.
const OF_SUM: f64 = 4.0 / (1 << 24) as f64;
/// Weights are rounded to some 1e-8 at each update.
const MEAN_ABSOLUTE: f64 = 1e-7;
/// A rate that is a thousandth too large moves weights five times further off.
const MEAN_RELATIVE: f64 = 2e-4;

/// The first of the failures, a line each.
pub fn shown(failures: &[String]) -> String {
    let first: Vec<&str> = failures.iter().take(20).map(String::as_str).collect();
    format!("{} failures, the first:\n{}", failures.len(), first.join("\n"))
}

fn same_length(quantity: &str, found: &HostTensor, golden: &HostTensor) {
    let elements = |tensor: &HostTensor| tensor.shape.iter().product::<usize>();
    assert_eq!(elements(found), elements(golden), "{quantity}: {:?} {:?}", found.shape, golden.shape);
}
