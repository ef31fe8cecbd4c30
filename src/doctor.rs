//! What this installation can read, and what it computes with: the words of `tubelet doctor`.
//!
//! `examine.rs` looks; nothing is decoded and nothing is changed. `packages` knows which package of a distribution brings
//! what is missing.

mod cpu;
mod examine;
#[cfg_attr(not(feature = "video"), allow(dead_code, reason = "a build without video lacks nothing"))]
mod packages;
mod system;

use serde::Serialize;

pub use self::{
    examine::doctor,
    packages::{Package, install_line},
    system::System,
};

/// What [`doctor`] found.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnosis {
    /// Version of tubelet.
    pub version: &'static str,
    /// Whether this build reads videos at all, and not only shards of frames.
    pub video: bool,
    /// Version of the GStreamer that is linked; none in a build without video, and where it cannot be initialised.
    pub gstreamer: Option<String>,
    /// The family of systems that this one is of, whose package names are given first; none where it is of none of them.
    pub system: Option<System>,
    /// One entry a codec and a container, and the encoder; empty in a build without video.
    pub formats: Vec<Format>,
    /// What the processor has of the instructions that are used.
    pub cpu: Cpu,
    /// Names that `--device` takes in this build; `N` stands for the number of a GPU.
    pub devices: Vec<&'static str>,
    /// LibTorch; none in a build without it.
    pub libtorch: Option<Libtorch>,
}

/// A codec, a container or an encoder, and what serves it.
#[derive(Clone, Debug, Serialize)]
pub struct Format {
    /// What people call it, such as `H.264`.
    pub name: &'static str,
    /// What is done with it.
    pub kind: FormatKind,
    /// What serves it and is there. A container that tubelet reads by itself needs nothing.
    pub installed: Vec<Installed>,
    /// What it needs and lacks.
    pub missing: Vec<Missing>,
}

/// What is done with a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FormatKind {
    /// Pictures of this codec are decoded.
    Codec,
    /// Files of this container are taken apart.
    Container,
    /// Pictures are encoded into packet shards.
    Encoder,
}

/// An element or a library that is there.
#[derive(Clone, Debug, Serialize)]
pub struct Installed {
    /// Name of the GStreamer element, or of the library.
    pub name: &'static str,
    /// The plugin that has the element, and its version; none for a library.
    pub plugin: Option<String>,
    /// The plugin's version.
    pub version: Option<String>,
}

/// An element that is not there.
#[derive(Clone, Debug, Serialize)]
pub struct Missing {
    /// Name of the GStreamer element.
    pub name: &'static str,
    /// GStreamer lists it, but its plugin does not load.
    pub does_not_load: bool,
    /// The package that brings it, one entry a family of systems; that of this system is the first.
    pub packages: Vec<Package>,
}

/// The processor.
#[derive(Clone, Debug, Serialize)]
pub struct Cpu {
    /// The architecture, such as `x86_64`.
    pub architecture: &'static str,
    /// Instructions that are used where they are there.
    pub features: Vec<CpuFeature>,
    /// Whether `--precision bf16` multiplies in bf16 on the device `flex`; otherwise it multiplies in f32.
    pub multiplies_bf16: bool,
}

/// Instructions of a processor.
#[derive(Clone, Debug, Serialize)]
pub struct CpuFeature {
    /// Their name, such as `AVX2`.
    pub name: &'static str,
    /// Whether the processor has them.
    pub present: bool,
    /// What uses them.
    pub used_for: &'static str,
}

/// LibTorch, as this process has loaded it.
#[derive(Clone, Debug, Serialize)]
pub struct Libtorch {
    /// The library's file, where the system tells.
    pub file: Option<String>,
    /// NVIDIA GPUs that it sees.
    pub cuda_devices: usize,
}

impl Diagnosis {
    /// Whether nothing is missing of what this build can use.
    pub fn is_complete(&self) -> bool {
        self.missing().next().is_none() && (self.gstreamer.is_some() || !self.video)
    }

    /// All that is missing; an element that two formats need comes twice.
    pub fn missing(&self) -> impl Iterator<Item = &Missing> {
        self.formats.iter().flat_map(|format| &format.missing)
    }
}
