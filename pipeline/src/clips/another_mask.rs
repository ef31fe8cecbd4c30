//! The clips of a batch under another mask: what a model is asked after the clips were made.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, UInt8Array, UInt16Array};
use arrow_schema::{ArrowError, DataType};
use schemas::{ClipBatch, clip_batch::schema};

use super::batch::{fixed, free, tokens};

/// The same clips with `visible` (ascending) as the tokens that the encoder sees, and all others as targets.
///
/// # Errors
/// When a clip of `batch` has no pixels of some token, as with a decoder mask, or a token is none of the clips'.
pub fn with_mask(batch: &ClipBatch, visible: &[u16]) -> Result<RecordBatch, ArrowError> {
    let geometry = batch.geometry();
    let is_visible = |token: &u16| visible.binary_search(token).is_ok();
    let target: Vec<u16> =
        (0..geometry.tokens()).map(|token| token as u16).filter(|token| !is_visible(token)).collect();
    let (mut visible_cubes, mut target_cubes) = (Vec::new(), Vec::new());
    for clip in 0..batch.len() {
        let cubes = all_cubes(batch, clip)?;
        let cube = |token: &u16| {
            cubes.get(usize::from(*token)).copied().ok_or_else(|| {
                ArrowError::InvalidArgumentError(format!("token {token} is not one of {}", cubes.len()))
            })
        };
        for token in visible {
            visible_cubes.extend_from_slice(cube(token)?);
        }
        for token in &target {
            target_cubes.extend_from_slice(cube(token)?);
        }
    }
    let repeated =
        |tokens: &[u16]| UInt16Array::from_iter_values((0..batch.len()).flat_map(|_| tokens.to_vec()));
    let lists = || (0..batch.len()).map(|_| target.as_slice());
    let lengths = lists().map(|tokens| tokens.len() * geometry.cube());
    let made: [(&str, ArrayRef); 5] = [
        ("visible", fixed(DataType::UInt16, visible.len(), repeated(visible))?),
        (
            "visible_cubes",
            fixed(DataType::UInt8, visible.len() * geometry.cube(), UInt8Array::from(visible_cubes))?,
        ),
        ("target", tokens(lists())?),
        ("target_cubes", free(DataType::UInt8, lengths, UInt8Array::from(target_cubes))?),
        ("context", tokens((0..batch.len()).map(|_| [].as_slice()))?),
    ];
    let schema = schema(geometry, visible.len());
    let column = |name: &str| {
        let made = made.iter().find(|(made, _)| *made == name).map(|(_, column)| Arc::clone(column));
        made.or_else(|| batch.record_batch().column_by_name(name).cloned())
    };
    let columns = schema.fields().iter().filter_map(|field| column(field.name())).collect();
    RecordBatch::try_new(schema, columns)
}

/// The cubes of a clip by token.
fn all_cubes(batch: &ClipBatch, clip: usize) -> Result<Vec<&[u8]>, ArrowError> {
    let cube = batch.geometry().cube();
    let seen = batch.visible_cubes().chunks_exact(cube).skip(clip * batch.visible_tokens());
    let hidden = batch.target_cubes(clip).chunks_exact(cube);
    let mut cubes: Vec<(u16, &[u8])> = batch.visible(clip).iter().copied().zip(seen).collect();
    cubes.extend(batch.target(clip).iter().copied().zip(hidden));
    if cubes.len() != batch.geometry().tokens() {
        let why =
            format!("clip {clip} has pixels of {} of {} tokens", cubes.len(), batch.geometry().tokens());
        return Err(ArrowError::InvalidArgumentError(why));
    }
    cubes.sort_unstable_by_key(|(token, _)| *token);
    Ok(cubes.into_iter().map(|(_, cube)| cube).collect())
}
