//! A model's weights: a table of named tensors, as a published checkpoint has them.
//!
//! ```text
//! layout   names and shapes that a model of some shape has, in the order of the official file
//! weights  the same with values; each tensor is kept flat (its elements in row-major order)
//! ```
//!
//! A table can only be made by fitting tensors to a layout, so whoever holds one need not ask whether a
//! name is there. The optimiser, the average of the weights and the checkpoint treat all tensors alike;
//! the model takes them out as matrices and vectors.

use std::collections::{BTreeMap, HashMap};

use burn::tensor::{Gradients, Tensor, TensorData};

use crate::device::Device;

/// Name and shape of one tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Official name, such as `encoder.blocks.0.attn.qkv.weight`.
    pub name: String,
    /// Official shape, such as `[3·768, 768]`.
    pub shape: Vec<usize>,
}

impl Entry {
    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether weight decay leaves it alone: one-dimensional, a bias, or the mask token.
    ///
    /// The mask token is `[1, 1, D]` and is exempt by name. The name is compared without the prefix
    /// `_orig_mod.` that a run under `torch.compile` leaves behind: the official rule compares the whole
    /// name and then decays the token by mistake.
    pub fn is_undecayed(&self) -> bool {
        let name = self.name.trim_start_matches("_orig_mod.");
        self.shape.len() == 1
            || name.ends_with(".bias")
            || ["mask_token", "cls_token", "pos_embed"].contains(&name)
    }
}

/// Names and shapes in the order of the official file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout(pub Vec<Entry>);

impl Layout {
    /// Parameters in all.
    pub fn parameters(&self) -> usize {
        self.0.iter().map(Entry::elements).sum()
    }

    /// Checks that tensors of these names and shapes are exactly those of the layout.
    ///
    /// # Errors
    /// When a tensor is missing, left over, or of another shape: all of them are listed.
    pub fn check<'a>(&self, tensors: impl IntoIterator<Item = (&'a str, &'a [usize])>) -> Result<(), Misfit> {
        let mut tensors: BTreeMap<&str, &[usize]> = tensors.into_iter().collect();
        let mut misfit = Misfit::default();
        for Entry { name, shape } in &self.0 {
            match tensors.remove(name.as_str()) {
                None => misfit.missing.push(name.clone()),
                Some(found) if found != shape => {
                    misfit.reshaped.push((name.clone(), found.to_vec(), shape.clone()));
                }
                Some(_) => {}
            }
        }
        misfit.unused = tensors.into_keys().map(str::to_owned).collect();
        if misfit.is_nothing() { Ok(()) } else { Err(misfit) }
    }

    /// Parameters of the tensors whose names begin with `prefix`.
    pub fn parameters_of(&self, prefix: &str) -> usize {
        self.0.iter().filter(|entry| entry.name.starts_with(prefix)).map(Entry::elements).sum()
    }
}

/// How tensors differ from what a model of some shape has.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the tensors are not those of this model:{}", self.list())]
pub struct Misfit {
    /// Names that the model has and that were not given.
    pub missing: Vec<String>,
    /// Names that were given and that the model does not have.
    pub unused: Vec<String>,
    /// Names whose shapes differ: name, shape given, shape wanted.
    pub reshaped: Vec<(String, Vec<usize>, Vec<usize>)>,
}

impl Misfit {
    fn is_nothing(&self) -> bool {
        self.missing.is_empty() && self.unused.is_empty() && self.reshaped.is_empty()
    }

    fn list(&self) -> String {
        let mut lines = String::new();
        for name in &self.missing {
            lines += &format!("\n  missing: {name}");
        }
        for name in &self.unused {
            lines += &format!("\n  unused: {name}");
        }
        for (name, given, wanted) in &self.reshaped {
            lines += &format!("\n  wrong shape: {name} is {given:?}, wanted {wanted:?}");
        }
        lines
    }
}

/// Values with a shape, on the host; what files are read into and written from.
#[derive(Clone, Debug, PartialEq)]
pub struct HostTensor {
    /// Shape.
    pub shape: Vec<usize>,
    /// Elements in row-major order.
    pub values: Vec<f32>,
}

/// Values of a tensor that are no numbers: NaN, or infinite.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{value} at {at}, {count} of its {of} values")]
pub struct NotFinite {
    /// The first of them.
    pub value: f32,
    /// Its place among the tensor's values, from 0.
    pub at: usize,
    /// How many there are.
    pub count: usize,
    /// Values of the tensor.
    pub of: usize,
}

impl NotFinite {
    /// What of `values` is no number; none where all are.
    pub fn among(values: &[f32]) -> Option<Self> {
        let at = values.iter().position(|value| !value.is_finite())?;
        let count = values[at..].iter().filter(|value| !value.is_finite()).count();
        Some(Self { value: values[at], at, count, of: values.len() })
    }
}

impl HostTensor {
    /// What of its values is no number; none where all are.
    pub fn not_finite(&self) -> Option<NotFinite> {
        NotFinite::among(&self.values)
    }
}

/// The table itself, on a device.
#[derive(Clone, Debug)]
pub struct Weights {
    layout: Layout,
    places: HashMap<String, usize>,
    values: Vec<Tensor<1>>,
}

impl Weights {
    /// Fits `tensors` to `layout` and puts them on `device`.
    ///
    /// # Errors
    /// When a tensor is missing, left over, or of another shape: all of them are listed.
    pub fn fit(
        layout: Layout,
        mut tensors: BTreeMap<String, HostTensor>,
        device: &Device,
    ) -> Result<Self, Misfit> {
        layout.check(tensors.iter().map(|(name, tensor)| (name.as_str(), tensor.shape.as_slice())))?;
        let values = layout.0.iter().map(|entry| {
            let tensor = tensors.remove(&entry.name).expect("because the tensors are those of the layout");
            upload(tensor.values, device)
        });
        let values = values.collect();
        Ok(Self::new(layout, values))
    }

    /// The table whose tensor number `n` is `draw(entry n)`.
    pub fn draw(layout: Layout, device: &Device, mut draw: impl FnMut(&Entry) -> Vec<f32>) -> Self {
        let values = layout.0.iter().map(|entry| upload(draw(entry), device)).collect();
        Self::new(layout, values)
    }

    /// The same table with other values, in the order of the layout.
    pub fn with_values(&self, values: Vec<Tensor<1>>) -> Self {
        Self { values, ..self.clone() }
    }

    fn new(layout: Layout, values: Vec<Tensor<1>>) -> Self {
        let places = layout.0.iter().enumerate().map(|(place, entry)| (entry.name.clone(), place)).collect();
        Self { layout, places, values }
    }

    /// The tensors of `layout` among these, under whose names here `prefix` stands.
    ///
    /// # Panics
    /// When one of them is not here.
    pub fn part(&self, prefix: &str, layout: Layout) -> Self {
        let values = layout.0.iter().map(|entry| self.vector(&format!("{prefix}{}", entry.name))).collect();
        Self::new(layout, values)
    }

    /// Names and shapes.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// All tensors, flat, in the order of the layout.
    pub fn values(&self) -> &[Tensor<1>] {
        &self.values
    }

    /// Hands all tensors to `change` and puts what it returns in their place. Each tensor is the only
    /// handle to its memory, unless somebody keeps a clone of the table, so it can be changed in place.
    pub fn replace(mut self, change: impl FnOnce(Vec<Tensor<1>>) -> Vec<Tensor<1>>) -> Self {
        self.values = change(self.values);
        self
    }

    /// Gives the tensors away, in the order of the layout.
    pub fn into_values(self) -> Vec<Tensor<1>> {
        self.values
    }

    /// Whether there is a tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// The one-dimensional tensor of this name.
    pub(crate) fn vector(&self, name: &str) -> Tensor<1> {
        self.values[self.place(name)].clone()
    }

    /// The tensor of this name as a matrix: its first length by all others together.
    pub(crate) fn matrix(&self, name: &str) -> Tensor<2> {
        let place = self.place(name);
        let entry = &self.layout.0[place];
        let rows = entry.shape[0];
        self.values[place].clone().reshape([rows, entry.elements() / rows])
    }

    fn place(&self, name: &str) -> usize {
        *self.places.get(name).unwrap_or_else(|| panic!("the model asks for `{name}`, not in its layout"))
    }

    /// The same values as leaves of a graph, so that a loss computed from them has gradients.
    pub fn tracked(&self) -> Self {
        self.with_values(self.values.iter().map(|values| values.clone().autodiff().require_grad()).collect())
    }

    /// Takes out the gradients of tracked weights, flat, in the order of the layout; none for a tensor that
    /// the loss does not depend on.
    pub fn take_gradients(&self, gradients: &mut Gradients) -> Vec<Option<Tensor<1>>> {
        self.values.iter().map(|values| values.grad_remove(gradients)).collect()
    }

    /// Zeros in the place of gradients that are not there.
    pub fn or_zeros(&self, gradients: Vec<Option<Tensor<1>>>) -> Vec<Tensor<1>> {
        let zeros = |values: &Tensor<1>| values.clone().inner().zeros_like();
        let pairs = gradients.into_iter().zip(&self.values);
        pairs.map(|(gradient, values)| gradient.unwrap_or_else(|| zeros(values))).collect()
    }

    /// Copies the table to the host.
    pub fn download(&self) -> BTreeMap<String, HostTensor> {
        download(&self.layout, &self.values)
    }
}

/// Copies values that belong to `layout` to the host, by name.
pub(crate) fn download(layout: &Layout, values: &[Tensor<1>]) -> BTreeMap<String, HostTensor> {
    let host = |(entry, values): (&Entry, &Tensor<1>)| {
        let tensor = HostTensor { shape: entry.shape.clone(), values: floats(values.clone()) };
        (entry.name.clone(), tensor)
    };
    layout.0.iter().zip(values).map(host).collect()
}

/// The elements of a tensor, on the host.
pub(crate) fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as::<f32>().expect("because the trainer's tensors hold f32 and the device is there")
}

fn upload(values: Vec<f32>, device: &Device) -> Tensor<1> {
    let length = values.len();
    Tensor::from_data(TensorData::new(values, [length]), device.tensors())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, shape: &[usize]) -> Entry {
        Entry { name: name.to_owned(), shape: shape.to_vec() }
    }

    fn zeros(shape: &[usize]) -> HostTensor {
        HostTensor { shape: shape.to_vec(), values: vec![0.0; shape.iter().product()] }
    }

    #[test]
    fn every_tensor_that_does_not_fit_is_listed() {
        let layout = Layout(vec![entry("a", &[2]), entry("b", &[2, 3]), entry("c", &[1])]);
        let given = [("a", zeros(&[2])), ("b", zeros(&[3, 2])), ("d", zeros(&[4]))];
        let given = given.map(|(name, tensor)| (name.to_owned(), tensor)).into();
        let misfit = Weights::fit(layout, given, &Device::flex()).unwrap_err();
        assert_eq!(misfit.missing, ["c"]);
        assert_eq!(misfit.unused, ["d"]);
        assert_eq!(misfit.reshaped, [("b".to_owned(), vec![3, 2], vec![2, 3])]);
        assert!(misfit.to_string().ends_with("wrong shape: b is [3, 2], wanted [2, 3]"));
    }

    #[test]
    fn the_mask_token_is_not_decayed_under_any_prefix() {
        for name in ["mask_token", "_orig_mod.mask_token"] {
            assert!(entry(name, &[1, 1, 384]).is_undecayed());
        }
        assert!(entry("encoder.blocks.0.attn.q_bias", &[768]).is_undecayed());
        assert!(!entry("encoder.blocks.0.attn.qkv.weight", &[2304, 768]).is_undecayed());
    }
}
