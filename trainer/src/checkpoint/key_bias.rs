//! Biases of keys, which VideoMAE's attention does not have and other code trains along.
//!
//! ```text
//! softmax over keys of  q·(k + b) = q·k + q·b        q·b is the same for every key: the softmax does not see it
//! ```
//!
//! Such a bias has no gradient but rounding's, so an optimiser leaves values of about 1e-7 in it. It is left out,
//! whatever it is, and the model computes the same.

use super::{CheckpointError, tensor_table::TensorTable};
use crate::weights::HostTensor;

/// How names of a key's bias end: Hugging Face's, and those of forks of the official code.
const ENDS: [&str; 2] = [".attention.attention.key.bias", ".attn.k_bias"];
/// How the name of a bias of queries, keys and values together ends, and those that it becomes.
const JOINT: &str = ".attn.qkv.bias";
const PARTS: [&str; 2] = [".attn.q_bias", ".attn.v_bias"];

/// Takes the keys' biases out of `table`; says so where one is not zero.
pub(super) fn leave_out(table: &mut TensorTable) -> Result<Option<String>, CheckpointError> {
    let ending = |ends: &[&str], table: &TensorTable| -> Vec<String> {
        table.names().filter(|name| ends.iter().any(|end| name.ends_with(end))).map(str::to_owned).collect()
    };
    let mut largest = 0f32;
    let mut note = |bias: &[f32]| largest = bias.iter().fold(largest, |most, value| most.max(value.abs()));
    for name in ending(&ENDS, table) {
        note(&table.remove(&name)?.map(|tensor| tensor.values).unwrap_or_default());
    }
    for name in ending(&[JOINT], table) {
        let Some(HostTensor { shape, values }) = table.remove(&name)? else { continue };
        let [length] = shape[..] else {
            return Err(table.no_model(format!("its `{name}` is {shape:?}, not [3·D]")));
        };
        let part = length / 3;
        if part * 3 != length {
            return Err(table.no_model(format!("its `{name}` has {length} values, not 3·D")));
        }
        let block = name.strip_suffix(JOINT).unwrap_or(&name);
        note(&values[part..2 * part]);
        for (end, values) in PARTS.into_iter().zip([&values[..part], &values[2 * part..]]) {
            table.insert(
                &format!("{block}{end}"),
                HostTensor { shape: vec![part], values: values.to_vec() },
            )?;
        }
    }
    Ok((largest > 0.0).then(|| {
        format!(
            "its keys' biases, {largest:.1e} at most, are left out: the softmax gives the same without them"
        )
    }))
}
