//! The rules by which golden numbers are met, and the largest differences found.

use std::collections::BTreeMap;

use trainer::weights::HostTensor;

use super::Golden;
use crate::trained::{Rule, Trained, undetermined::OF_ALL};

/// Largest differences so far, by quantity.
pub struct Tolerance {
    rule: Rule,
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
            rule: Rule { absolute: of("abs"), relative: of("rel") },
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
        if difference > self.rule.absolute {
            worst.relative = worst.relative.max(difference / golden.abs());
        }
        if !self.rule.passes(difference, golden) && self.failures.len() < 20 {
            self.failures.push(format!("{quantity}: {found}, golden {golden}"));
        }
    }

    /// Rules 1 and 2 for the gradients of all tensors, named alike in `golden`. Where those of a tensor cancel, as
    /// those of queries do when there is one token to look at, what is left is rounding of the larger ones.
    pub fn check_gradients(
        &mut self,
        quantity: &str,
        found: BTreeMap<String, HostTensor>,
        golden: &BTreeMap<String, HostTensor>,
    ) {
        let size = |tensor: &HostTensor| tensor.values.iter().fold(0f32, |most, value| most.max(value.abs()));
        let of_all = OF_ALL * f64::from(golden.values().map(size).fold(0f32, f32::max));
        for (name, found) in found {
            let golden = &golden[&name];
            let pairs = found.values.iter().zip(&golden.values);
            // A difference that is no number is the largest.
            let off = pairs.map(|(found, golden)| f64::from((found - golden).abs()));
            let off = off.fold(0f64, |most, off| if off > most || off.is_nan() { off } else { most });
            let largest = f64::from(size(golden));
            let worst = self.worst.entry(quantity.to_owned()).or_default();
            if off > of_all {
                worst.of_tensor = worst.of_tensor.max(off / largest.max(of_all));
            }
            if off.is_nan() || off > of_all.max(self.gradient_per_tensor * largest) {
                self.failures
                    .push(format!("{quantity}: {name} is off by {off:e}, its largest is {largest:e}"));
            }
            self.check(quantity, found, golden);
        }
    }

    /// Rules 1 and 3 for weights after training, but for what rounding may have moved.
    pub fn check_trained(&mut self, quantity: &str, name: &str, tensor: &Trained) {
        let judged = tensor.judge(self.rule);
        for (of_what, difference) in judged.differences {
            let worst = self.worst.entry(format!("{quantity}{of_what}")).or_default();
            worst.absolute = worst.absolute.max(difference);
        }
        self.failures.extend(judged.failures.iter().map(|why| format!("{quantity} {name}: {why}")));
        let mut beyond = tensor.beyond_rounding();
        beyond.sort_by(f64::total_cmp);
        let quantile = beyond[(beyond.len() - 1) * 95 / 100];
        let worst = self.worst.entry(quantity.to_owned()).or_default();
        worst.quantile = worst.quantile.max(quantile);
        if quantile.is_nan() || quantile > self.step5_p95 {
            self.failures.push(format!("{quantity} {name}: the 95 % quantile is {quantile:e}"));
        }
    }

    /// What broke a rule.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    /// Prints the largest differences; the rules that were broken.
    pub fn report(self) -> Vec<String> {
        for (quantity, worst) in &self.worst {
            let Worst { absolute, relative, of_tensor, quantile } = worst;
            println!(
                "  {quantity:37} abs {absolute:.1e}  rel where abs > {:.0e}: {relative:.1e}  \
                 of tensor's largest {of_tensor:.1e}  p95 {quantile:.1e}",
                self.rule.absolute
            );
        }
        self.failures
    }
}
