//! How far rounding alone may move weights that AdamW trains.
//!
//! AdamW divides a gradient by its own size. Where a gradient is no larger than its rounding error, the update is
//! undetermined, sign and all; where it is larger, only the share of that error is. δ is what a gradient may be
//! off by, m and v are the moments:
//!
//! ```text
//! off₁ ← β₁ off₁ + (1 − β₁) δ            |Δm|  ≤ off₁
//! off₂² ← β₂ off₂² + (1 − β₂) δ²         |Δ√v| ≤ off₂: √v is a norm of the gradients, which obeys the triangle
//! n = m/(1 − β₁ᵗ), d = √v/√(1 − β₂ᵗ) + ε, n/d the update in units of the rate; off₁' and off₂' divided likewise
//! |Δ(n/d)| ≤ (off₁' + |n|/d · off₂')/(d − off₂')      and at most 2: from one sign to the other
//! ```
//!
//! δ is rounding, and from the second step on what weights that are off do to the gradients: a twin that is trained
//! with gradients shaken by rounding measures it.

use trainer::optimiser::adamw::Betas;

/// δ as a share of a tensor's largest gradient: 64 units in the last place of f32. PyTorch's f32 gradients of small
/// models differ from its f64 ones by 1e-6 to 8e-6 of it.
const OF_TENSOR: f64 = 1.0 / (1 << 17) as f64;
/// δ as a share of the largest gradient of all tensors, two units: for tensors whose gradients nearly cancel, as
/// those of queries and keys of a single token do.
pub const OF_ALL: f64 = 1.0 / (1 << 22) as f64;

/// What rounding may have done to the weights so far, tensor by tensor.
pub struct Undetermined {
    betas: Betas,
    updates: i32,
    tensors: Vec<Tracked>,
}

#[derive(Clone, Default)]
struct Tracked {
    first: Vec<f64>,
    second: Vec<f64>,
    first_off: f64,
    second_off_squared: f64,
    weights: Vec<f64>,
    average: Vec<f64>,
}

impl Undetermined {
    /// Before the first update nothing is undetermined.
    pub fn new(betas: Betas) -> Self {
        Self { betas, updates: 0, tensors: Vec::new() }
    }

    /// An update by these gradients, each tensor at its own rate. `twins` are the gradients of weights that earlier
    /// roundings may have led to: their distance adds to δ. They come back shaken by δ.
    pub fn update(&mut self, gradients: &[Vec<f32>], twins: &[Vec<f32>], rates: &[f64]) -> Vec<Vec<f32>> {
        self.updates += 1;
        self.tensors.resize_with(gradients.len(), Tracked::default);
        let largest = |values: &mut dyn Iterator<Item = f32>| {
            values.fold(0f64, |most, value| most.max(f64::from(value.abs())))
        };
        let of_all = OF_ALL * largest(&mut gradients.iter().flatten().copied());
        let tensors = self.tensors.iter_mut().zip(gradients).zip(twins).zip(rates);
        let shaken = tensors.map(|(((tensor, gradients), twins), rate)| {
            let rounding = of_all.max(OF_TENSOR * largest(&mut gradients.iter().copied()));
            let apart = largest(&mut gradients.iter().zip(twins).map(|(one, other)| one - other));
            tensor.update(gradients, rounding + apart, *rate, self.betas, self.updates);
            let mut signs = Signs(self.updates as u64);
            twins.iter().map(|twin| twin + signs.next() * rounding as f32).collect()
        });
        shaken.collect()
    }

    /// The average of the weights is updated too.
    pub fn average(&mut self, decay: f64) {
        for tensor in &mut self.tensors {
            tensor.average.resize(tensor.weights.len(), 0.0);
            for (average, newest) in tensor.average.iter_mut().zip(&tensor.weights) {
                *average = decay * *average + (1.0 - decay) * newest;
            }
        }
    }

    /// How far each weight of a tensor may be off.
    pub fn of_weights(&self, tensor: usize) -> &[f64] {
        &self.tensors[tensor].weights
    }

    /// How far each average may be off.
    pub fn of_averages(&self, tensor: usize) -> &[f64] {
        &self.tensors[tensor].average
    }
}

/// Signs without a pattern (splitmix64).
struct Signs(u64);

impl Signs {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        if mixed >> 63 == 0 { 1.0 } else { -1.0 }
    }
}

impl Tracked {
    fn update(&mut self, gradients: &[f32], off: f64, rate: f64, betas: Betas, time: i32) {
        let Betas { beta1, beta2, epsilon, .. } = betas;
        for values in [&mut self.first, &mut self.second, &mut self.weights] {
            values.resize(gradients.len(), 0.0);
        }
        self.first_off = beta1 * self.first_off + (1.0 - beta1) * off;
        self.second_off_squared = beta2 * self.second_off_squared + (1.0 - beta2) * off * off;
        let [bias1, bias2] = [1.0 - beta1.powi(time), (1.0 - beta2.powi(time)).sqrt()];
        let (first_off, second_off) = (self.first_off / bias1, self.second_off_squared.sqrt() / bias2);
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((gradient, (first, second)), weight) in gradients.iter().zip(moments).zip(&mut self.weights) {
            let gradient = f64::from(*gradient);
            *first = beta1 * *first + (1.0 - beta1) * gradient;
            *second = beta2 * *second + (1.0 - beta2) * gradient * gradient;
            let (above, below) = (first.abs() / bias1, second.sqrt() / bias2 + epsilon);
            let least = (below - second_off).max(epsilon);
            *weight += rate * ((first_off + above / below * second_off) / least).min(2.0);
        }
    }
}

#[test]
fn a_gradient_of_rounding_leaves_its_weight_undetermined_and_a_large_one_does_not() {
    let betas = Betas { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };
    let mut undetermined = Undetermined::new(betas);
    let gradients = [vec![1.0, 1e-3, 1e-6, 0.0]];
    undetermined.update(&gradients, &gradients, &[0.01]);
    let [large, small, least, none] = undetermined.of_weights(0) else { panic!("four weights") };
    assert!(*large < 0.01 * 2e-5 && *small < 0.01 * 2e-2, "{large} {small}");
    assert!(*least == 0.02 && *none == 0.02, "{least} {none}");
}
