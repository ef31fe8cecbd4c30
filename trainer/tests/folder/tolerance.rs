//! The rules by which golden numbers are met, and the largest differences found.

use std::collections::BTreeMap;

use trainer::weights::HostTensor;

use super::Golden;

/// Largest differences so far, by quantity.
pub struct Tolerance {
    absolute: f64,
    relative: f64,
    gradient_per_tensor: f64,
    step5_p95: f64,
    worst: BTreeMap<String, Worst>,
    failures: Vec<String>,
}

#[derive(Default)]
struct Worst {
    absolute: f64,
    /// Relative difference among elements that the absolute rule alone would not pass.
    relative: f64,
    /// Largest difference over the tensor's largest value.
    of_tensor: f64,
    /// Largest 95 % quantile of a tensor's differences.
    quantile: f64,
}

impl Tolerance {
    pub fn new(golden: &Golden) -> Self {
        let of = |name: &str| golden.tolerances[name];
        Self {
            absolute: of("abs"),
            relative: of("rel"),
            gradient_per_tensor: of("grad_per_tensor"),
            step5_p95: of("step5_p95"),
            worst: BTreeMap::new(),
            failures: Vec::new(),
        }
    }

    /// Rule 1, element by element. Elements whose golden value is NaN are left out.
    pub fn check(&mut self, quantity: &str, found: HostTensor, golden: &HostTensor) {
        assert_eq!(found.shape, golden.shape, "{quantity}");
        for (found, golden) in found.values.into_iter().zip(&golden.values) {
            if !golden.is_nan() {
                self.check_number(quantity, f64::from(found), f64::from(*golden));
            }
        }
    }

    /// Rule 1 for one number.
    pub fn check_number(&mut self, quantity: &str, found: f64, golden: f64) {
        let difference = (found - golden).abs();
        let worst = self.worst.entry(quantity.to_owned()).or_default();
        worst.absolute = worst.absolute.max(difference);
        if difference > self.absolute {
            worst.relative = worst.relative.max(difference / golden.abs());
        }
        let passes = difference <= self.absolute || difference <= self.relative * golden.abs();
        if !passes && self.failures.len() < 20 {
            self.failures.push(format!("{quantity}: {found}, golden {golden}"));
        }
    }

    /// Rules 1 and 2.
    pub fn check_gradient(&mut self, quantity: &str, found: HostTensor, golden: &HostTensor) {
        let differences =
            found.values.iter().zip(&golden.values).map(|(found, golden)| (found - golden).abs());
        let largest = golden.values.iter().fold(0f32, |largest, value| largest.max(value.abs()));
        let share = f64::from(differences.fold(0f32, f32::max) / largest.max(f32::MIN_POSITIVE));
        let worst = self.worst.entry(quantity.to_owned()).or_default();
        worst.of_tensor = worst.of_tensor.max(share);
        if share.is_nan() || share > self.gradient_per_tensor {
            self.failures.push(format!("{quantity}: a tensor is off by {share:e} of its largest gradient"));
        }
        self.check(quantity, found, golden);
    }

    /// Rules 1 and 3.
    pub fn check_weight(&mut self, quantity: &str, found: HostTensor, golden: &HostTensor) {
        let pairs = found.values.iter().zip(&golden.values);
        let mut differences: Vec<f64> =
            pairs.map(|(found, golden)| f64::from((found - golden).abs())).collect();
        differences.sort_by(f64::total_cmp);
        let quantile = differences[(differences.len() - 1) * 95 / 100];
        let worst = self.worst.entry(quantity.to_owned()).or_default();
        worst.quantile = worst.quantile.max(quantile);
        if quantile.is_nan() || quantile > self.step5_p95 {
            self.failures.push(format!("{quantity}: the 95 % quantile of a tensor is {quantile:e}"));
        }
        self.check(quantity, found, golden);
    }

    /// Prints the largest differences; the rules that were broken.
    pub fn report(self) -> Vec<String> {
        for (quantity, worst) in &self.worst {
            let Worst { absolute, relative, of_tensor, quantile } = worst;
            println!(
                "  {quantity:15} abs {absolute:.1e}  rel where abs > {:.0e}: {relative:.1e}  \
                 of tensor's largest {of_tensor:.1e}  p95 {quantile:.1e}",
                self.absolute
            );
        }
        self.failures
    }
}
