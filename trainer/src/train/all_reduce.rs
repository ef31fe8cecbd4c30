//! The mean of gradients over all processes of a training, by way of the host's memory.

use std::{iter, mem};

use burn::tensor::{Tensor, TensorData};

use super::{
    forward_backward::Gradients,
    set_losses::SetLosses,
    world::{World, WorldError},
};
use crate::weights::floats;

/// Numbers that are summed at once, or a single tensor where that has more: small ones would each wait for the network.
const AT_ONCE: usize = 8 << 20;

impl Gradients {
    /// Loss and gradients over all processes, each weighed by what it counted.
    ///
    /// # Errors
    /// When the processes cannot go on together.
    #[doc(alias = "DistributedDataParallel")]
    pub fn over(self, world: &dyn World) -> Result<Self, WorldError> {
        if world.place().size == 1 {
            return Ok(self);
        }
        let Self { loss, tensors, counted, sets } = self;
        let mut means = Vec::with_capacity(tensors.len() + 1);
        let (mut bucket, mut tensors_in_it) = (Vec::new(), Vec::new());
        let (names, of_sets) = sets.map(SetLosses::into_parts).unzip();
        let mut all = iter::once(loss).chain(tensors).chain(of_sets).peekable();
        while let Some(tensor) = all.next() {
            let device = tensor.device();
            let values = floats(tensor);
            tensors_in_it.push((values.len(), device));
            bucket.extend(values);
            if bucket.len() < AT_ONCE && all.peek().is_some() {
                continue;
            }
            world.mean(&mut bucket, counted as u64)?;
            let mut rest = bucket.as_slice();
            for (length, device) in mem::take(&mut tensors_in_it) {
                let (values, behind) = rest.split_at(length);
                rest = behind;
                means.push(Tensor::from_data(TensorData::new(values.to_vec(), [length]), &device));
            }
            bucket.clear();
        }
        let mut tensors = means.split_off(1);
        let sets = names.and_then(|names| Some(SetLosses::of_parts(names, tensors.pop()?)));
        let loss = means.pop().expect("because the loss was the first of them");
        Ok(Self { loss, tensors, counted, sets })
    }
}
