//! The rules by which golden numbers are met, and the largest differences found.

use std::collections::BTreeMap;

use trainer::weights::HostTensor;

use crate::trained::{Rule, Trained};

/// Largest differences so far, by quantity, and what broke the rule.
pub struct Tolerance {
    rule: Rule,
    worst: BTreeMap<String, f64>,
    failures: Vec<String>,
}

impl Tolerance {
    /// An element passes within `absolute` or within `relative` of the golden value.
    pub fn new(absolute: f64, relative: f64) -> Self {
        Self { rule: Rule { absolute, relative }, worst: BTreeMap::new(), failures: Vec::new() }
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
        if !self.rule.passes(difference, golden) {
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

    /// Weights after training.
    pub fn trained(&mut self, quantity: &str, name: &str, tensor: &Trained) {
        let judged = tensor.judge(self.rule);
        for (of_what, difference) in judged.differences {
            self.note(&format!("{quantity}{of_what}"), difference);
        }
        for why in judged.failures {
            self.fail(format!("{quantity} {name}: {why}"));
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
/// The first of the failures, a line each.
pub fn shown(failures: &[String]) -> String {
    let first: Vec<&str> = failures.iter().take(20).map(String::as_str).collect();
    format!("{} failures, the first:\n{}", failures.len(), first.join("\n"))
}

fn same_length(quantity: &str, found: &HostTensor, golden: &HostTensor) {
    let elements = |tensor: &HostTensor| tensor.shape.iter().product::<usize>();
    assert_eq!(elements(found), elements(golden), "{quantity}: {:?} {:?}", found.shape, golden.shape);
}
