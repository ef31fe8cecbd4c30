//! Where to compute, by name.

use trainer::Device;

use crate::error::{Result, Usage};

/// The device of this name.
///
/// # Errors
/// Usage error: this build has no such device.
pub fn named(name: &str) -> Result<Device> {
    Ok(Device::parse(name).map_err(|why| Usage::new(why.to_string()))?)
}
