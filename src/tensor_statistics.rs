//! What is in the tensors of a file of weights, and what is odd about them.

use std::path::Path;

use trainer::{
    checkpoint::{self, Hints, SavedModel},
    weights::HostTensor,
};

use crate::{error::Result, input_file, weights::explain};

/// A file of weights, tensor by tensor.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// The model.
    pub model: SavedModel,
    /// A line a tensor, in the order of their names.
    pub tensors: Vec<TensorLine>,
}

/// What is in a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorLine {
    /// Its name.
    pub name: String,
    /// Its lengths.
    pub shape: Vec<usize>,
    /// Mean, standard deviation, least and largest value.
    pub statistics: [f64; 4],
    /// What a trained tensor should not be, if it is.
    pub oddity: Option<String>,
    /// Whether all its values are finite.
    pub is_finite: bool,
}

/// Looks into a run, a checkpoint, an official .pth or a Hugging Face folder. Here alone NaN and infinite values are
/// read: to be named.
///
/// # Errors
/// Usage error: no such file, or something about the model that it does not say. When it cannot be read.
pub fn inspect(file: &Path, hints: Hints) -> Result<Inspected> {
    input_file::check_file_or_folder(file)?;
    let model = checkpoint::read_to_inspect(file, hints).map_err(explain)?;
    let line = |(name, tensor): (&String, &HostTensor)| TensorLine {
        name: name.clone(),
        shape: tensor.shape.clone(),
        statistics: statistics(&tensor.values),
        oddity: oddity(tensor),
        is_finite: tensor.not_finite().is_none(),
    };
    Ok(Inspected { tensors: model.weights.iter().map(line).collect(), model })
}

/// Mean, standard deviation, least and largest value.
fn statistics(values: &[f32]) -> [f64; 4] {
    let count = values.len().max(1) as f64;
    let mean = values.iter().copied().map(f64::from).sum::<f64>() / count;
    let variance = values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count;
    let least = values.iter().copied().fold(f32::INFINITY, f32::min);
    let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    [mean, variance.sqrt(), least.into(), largest.into()]
}

/// What a trained tensor should not be.
fn oddity(tensor: &HostTensor) -> Option<String> {
    match tensor.not_finite() {
        Some(found) => Some(format!("not finite: {found}")),
        None if tensor.values.iter().all(|&value| value == 0.0) => Some("all zero".to_owned()),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tensor_should_not_be_is_named() {
        let oddity =
            |values: &[f32]| oddity(&HostTensor { shape: vec![values.len()], values: values.to_vec() });
        assert_eq!(oddity(&[1.0, f32::NAN]).unwrap(), "not finite: NaN at 1, 1 of its 2 values");
        assert_eq!(oddity(&[0.0; 4]).unwrap(), "all zero");
        assert_eq!(oddity(&[0.0, 1.0]), None);
    }

    #[test]
    fn statistics_are_of_the_whole_tensor() {
        assert_eq!(statistics(&[1.0, 3.0]), [2.0, 1.0, 1.0, 3.0]);
    }
}
