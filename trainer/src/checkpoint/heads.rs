//! How many attention heads a stack has: no tensor's shape tells it.
//!
//! The published models are known by their widths; for others a person must say.

use std::path::Path;

use super::CheckpointError;
use crate::model::Stack;

/// Width of a head in the published small, base and large models.
const PUBLISHED_WIDTH: usize = 64;

/// Numbers of heads as a person gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// Of the encoder.
    pub encoder: usize,
    /// Of the decoder. Where it is left out: as published for the decoder's width, or else as many as the
    /// encoder has.
    pub decoder: Option<usize>,
}

/// Heads that the official code gives a stack of width `dim`: one for every 64, but 16 in the huge and the
/// giant encoder and 8 in the huge one's decoder (their classes in `modeling_pretrain.py`).
pub(super) fn official(dim: usize) -> Option<usize> {
    match dim {
        1280 | 1408 => Some(16),
        640 => Some(8),
        _ if dim > 0 && dim.is_multiple_of(PUBLISHED_WIDTH) => Some(dim / PUBLISHED_WIDTH),
        _ => None,
    }
}

/// Heads of an encoder and a decoder of these widths, in a file that does not say them.
pub(super) fn choose(
    path: &Path,
    given: Option<Heads>,
    encoder: usize,
    decoder: Option<usize>,
) -> Result<(usize, usize), CheckpointError> {
    let unknown = |stack, dim| CheckpointError::HeadsUnknown { path: path.to_owned(), stack, dim };
    let of_encoder = given.map(|given| given.encoder).or_else(|| official(encoder));
    let of_encoder = of_encoder.ok_or_else(|| unknown("encoder", encoder))?;
    let Some(decoder) = decoder else { return Ok((of_encoder, 0)) };
    let of_decoder = given
        .and_then(|given| given.decoder)
        .or_else(|| official(decoder))
        .or_else(|| given.map(|given| given.encoder));
    Ok((of_encoder, of_decoder.ok_or_else(|| unknown("decoder", decoder))?))
}

/// Checks that what a person says is what the file says.
pub(super) fn agree(
    path: &Path,
    given: Option<Heads>,
    encoder: Stack,
    decoder: Stack,
) -> Result<(), CheckpointError> {
    let Some(given) = given else { return Ok(()) };
    let of_decoder = given.decoder.filter(|_| decoder.depth > 0).unwrap_or(decoder.heads);
    for (stack, found, given) in
        [("encoder", encoder.heads, given.encoder), ("decoder", decoder.heads, of_decoder)]
    {
        if found != given {
            return Err(CheckpointError::HeadsDiffer { path: path.to_owned(), stack, found, given });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Size;

    #[test]
    fn every_published_size_is_known_by_its_width() {
        for (_, size) in &Size::ALL[1..] {
            for stack in [size.encoder(), size.decoder(4)] {
                assert_eq!(official(stack.dim), Some(stack.heads), "{stack:?}");
            }
        }
        assert_eq!(official(48), None);
        assert_eq!(official(0), None);
    }

    #[test]
    fn one_number_is_meant_for_the_encoder_and_for_a_decoder_of_no_published_width() {
        let given = |encoder, decoder| Some(Heads { encoder, decoder });
        let path = Path::new("file");
        assert_eq!(choose(path, None, 384, Some(192)).unwrap(), (6, 3));
        assert_eq!(choose(path, given(16, None), 384, Some(192)).unwrap(), (16, 3));
        assert_eq!(choose(path, given(2, None), 16, Some(8)).unwrap(), (2, 2));
        assert_eq!(choose(path, given(2, Some(4)), 16, Some(8)).unwrap(), (2, 4));
        let refused = choose(path, None, 384, Some(8)).unwrap_err();
        assert!(matches!(refused, CheckpointError::HeadsUnknown { stack: "decoder", dim: 8, .. }));
    }
}
