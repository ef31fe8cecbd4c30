//! Where tensors live and are computed: the names that a person may give, and the backend behind each.
//!
//! Beside `kernels/` this is the only file that names a backend. A device that exists but was left out
//! of this build is refused with the list of those that are in it.

use burn::tensor;

use crate::kernels::{self, Precision};

/// A place to compute, by the name it was asked for.
#[derive(Clone, Debug)]
pub struct Device {
    name: String,
    inner: tensor::Device,
}

/// Why a name is no device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// No such device, or it was left out of this build.
    #[error("this build has no device `{asked}`; it has {available}")]
    Unknown {
        /// What was asked for.
        asked: String,
        /// The names that would do.
        available: String,
    },
}

/// The names that [`Device::parse`] takes in this build. `N` stands for the number of a GPU.
pub fn available() -> Vec<&'static str> {
    let mut names = vec!["flex"];
    if cfg!(feature = "tch") {
        names.extend(["tch", "tch:cuda:N"]);
    }
    if cfg!(feature = "cuda") {
        names.push("cuda:N");
    }
    if cfg!(feature = "wgpu") {
        names.push("wgpu");
    }
    names
}

/// NVIDIA GPUs that LibTorch sees; none in a build without LibTorch.
pub fn libtorch_cuda_devices() -> Option<usize> {
    #[cfg(feature = "tch")]
    return usize::try_from(tch::Cuda::device_count()).ok();
    #[cfg(not(feature = "tch"))]
    None
}

impl Device {
    /// The CPU through Burn's own backend; always there.
    pub fn flex() -> Self {
        Self { name: "flex".to_owned(), inner: tensor::Device::flex() }
    }

    /// The device of this name: `flex`, `tch`, `tch:cuda:0`, `cuda:0` or `wgpu`.
    ///
    /// # Errors
    /// When there is no such device, or it was left out of this build.
    pub fn parse(name: &str) -> Result<Self, DeviceError> {
        let inner = match name.split(':').collect::<Vec<_>>()[..] {
            ["flex"] => Some(tensor::Device::flex()),
            ["tch"] => libtorch(None),
            ["tch", "cuda"] => libtorch(Some(0)),
            ["tch", "cuda", card] => card.parse().ok().and_then(|card| libtorch(Some(card))),
            ["cuda"] => cuda(0),
            ["cuda", card] => card.parse().ok().and_then(cuda),
            ["wgpu"] => wgpu(),
            _ => None,
        };
        match inner {
            Some(inner) => Ok(Self { name: name.to_owned(), inner }),
            None => Err(DeviceError::Unknown { asked: name.to_owned(), available: available().join(", ") }),
        }
    }

    /// The name of the device that process `local_rank` of a machine computes on, where all of them ask for `name`: a GPU
    /// without a number is the one of this number, of the `visible` ones that CUDA is told to use, where it is told.
    pub fn of_process(name: &str, local_rank: usize, visible: Option<&str>) -> String {
        let told = visible.map(|cards| cards.split(',').filter(|card| !card.trim().is_empty()).count());
        // Where each process is shown its own GPU only, that is number 0.
        let card = local_rank % told.filter(|count| *count > 0).unwrap_or(usize::MAX);
        if matches!(name, "cuda" | "tch:cuda") { format!("{name}:{card}") } else { name.to_owned() }
    }

    /// The number of the NVIDIA GPU that it is, if it is one.
    pub fn card(&self) -> Option<usize> {
        let name = self.name().strip_prefix("tch:").unwrap_or(self.name());
        let card = name.strip_prefix("cuda")?;
        card.strip_prefix(':').map_or(Some(0), |card| card.parse().ok())
    }

    /// The name it was asked for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it computes on the machine's own CPU, in its own memory.
    pub fn is_cpu(&self) -> bool {
        matches!(self.name(), "flex" | "tch")
    }

    /// Whether products in bf16 are computed as such; otherwise they are computed in f32.
    pub fn multiplies_bf16(&self) -> bool {
        self.name() != "flex" || kernels::cpu_bf16_instructions().is_some()
    }

    /// How the device of a name computes products of a precision on this machine, in words: `bf16 by AMX-BF16`. Runs are
    /// equal to the bit only where this is the same.
    pub fn products(name: &str, precision: Precision) -> String {
        match name {
            "flex" => kernels::cpu_products(precision),
            "tch" => kernels::libtorch_cpu_products(precision),
            other => format!("{precision} on {other}"),
        }
    }

    /// Waits until everything that was asked of the device is done, so that a clock means something.
    pub fn finish(&self) {
        // A failed computation shows again, with its reason, when its result is read.
        let _ = self.inner.sync();
    }

    pub(crate) fn tensors(&self) -> &tensor::Device {
        &self.inner
    }
}

/// Burn has announced that its LibTorch backend will go; the two functions that make its devices say so.
#[cfg(feature = "tch")]
#[allow(deprecated)]
fn libtorch(card: Option<usize>) -> Option<tensor::Device> {
    kernels::keep_libtorch_memory();
    Some(card.map_or_else(tensor::Device::libtorch, tensor::Device::libtorch_cuda))
}

#[cfg(not(feature = "tch"))]
fn libtorch(_card: Option<usize>) -> Option<tensor::Device> {
    None
}

#[cfg(feature = "cuda")]
fn cuda(card: usize) -> Option<tensor::Device> {
    Some(tensor::Device::cuda(card))
}

#[cfg(not(feature = "cuda"))]
fn cuda(_card: usize) -> Option<tensor::Device> {
    None
}

#[cfg(feature = "wgpu")]
fn wgpu() -> Option<tensor::Device> {
    Some(tensor::Device::wgpu(tensor::DeviceKind::DefaultDevice))
}

#[cfg(not(feature = "wgpu"))]
fn wgpu() -> Option<tensor::Device> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flex_is_always_there() {
        let device = Device::parse("flex").unwrap();
        assert_eq!(device.name(), "flex");
        assert!(device.is_cpu());
    }

    #[test]
    fn processes_of_a_machine_compute_on_gpus_of_their_own() {
        assert_eq!(Device::of_process("tch:cuda", 3, None), "tch:cuda:3");
        assert_eq!(Device::of_process("cuda", 3, Some("4,5")), "cuda:1");
        assert_eq!(Device::of_process("tch:cuda", 3, Some("7")), "tch:cuda:0");
        assert_eq!(Device::of_process("tch:cuda:2", 3, None), "tch:cuda:2");
        assert_eq!(Device::of_process("flex", 3, None), "flex");
        assert_eq!(Device::flex().card(), None);
    }

    #[test]
    fn an_unknown_device_is_refused_with_the_list_of_what_is_there() {
        let refused = Device::parse("abacus").unwrap_err().to_string();
        assert!(refused.contains("`abacus`") && refused.contains("flex"), "{refused}");
        assert!(Device::parse("cuda:many").is_err());
    }
}
