//! Whose names the tensors of a container have, once the prefixes of wrappers are taken off.
//!
//! ```text
//! metadata `format`                               tubelet
//! embeddings.patch_embeddings.projection          Hugging Face's VideoMAE
//! patch_embed.proj, patch_embed.projection        official, as also VideoMAE V2 and mmaction2 have them
//! ```
//!
//! Data-parallel, `torch.compile`, DeepSpeed, Lightning, fine-tuning and V2's Hugging Face folders each put a word
//! before every name. A word that all names share is no part of a name either, whatever it is.

use super::{
    CheckpointError,
    container::Container,
    format::{FORMAT_KEY, Format},
    hugging_face,
    tensor_table::TensorTable,
};

/// How the format of every version of tubelet's own file begins.
const OURS: &str = "tubelet-checkpoint/";
/// What wrappers put before every name.
const WRAPPERS: [&str; 4] = ["module.", "_orig_mod.", "backbone.", "model."];
/// Words that names of the model itself begin with: they stay, even where all names share them.
const OWN: [&str; 6] = ["encoder", "decoder", "videomae", "blocks", "patch_embed", "embeddings"];

/// Takes off the prefixes of wrappers, and says whose names the rest are.
pub(super) fn settle(container: &mut Container) -> Result<Format, CheckpointError> {
    // One of a later version says so itself.
    if container.metadata.get(FORMAT_KEY).is_some_and(|format| format.starts_with(OURS)) {
        return Ok(Format::Tubelet);
    }
    unwrap(&mut container.table)?;
    Ok(if hugging_face::has_its_names(&container.table) { Format::HuggingFace } else { Format::Official })
}

fn unwrap(table: &mut TensorTable) -> Result<(), CheckpointError> {
    table.rename(|name| unwrapped(name).to_owned())?;
    while let Some(word) = shared(table) {
        table.rename(|name| unwrapped(&name[word.len() + 1..]).to_owned())?;
    }
    Ok(())
}

/// The name without the wrappers' prefixes.
fn unwrapped(name: &str) -> &str {
    match WRAPPERS.iter().find_map(|wrapper| name.strip_prefix(wrapper)) {
        Some(inner) => unwrapped(inner),
        None => name,
    }
}

/// The word that all names begin with, if it is none of the model's own.
fn shared(table: &TensorTable) -> Option<String> {
    let (word, _) = table.names().next()?.split_once('.')?;
    let all = table.names().all(|name| name.split_once('.').is_some_and(|(first, _)| first == word));
    (all && !OWN.contains(&word)).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::Path};

    use super::*;
    use crate::checkpoint::tensor_table::{Elements, StoredTensor};

    fn settled(names: &[&str]) -> Vec<String> {
        let tensor =
            || StoredTensor { shape: vec![], elements: Elements::F32, read: Box::new(|| Ok(Vec::new())) };
        let tensors: BTreeMap<String, _> = names.iter().map(|name| ((*name).to_owned(), tensor())).collect();
        let mut table = TensorTable::new(Path::new("file"), 0, tensors);
        unwrap(&mut table).unwrap();
        table.names().map(str::to_owned).collect()
    }

    #[test]
    fn wrappers_are_taken_off_in_any_order_and_the_model_s_own_names_are_left() {
        for (name, bare) in [
            ("_orig_mod.encoder.norm.weight", "encoder.norm.weight"),
            ("module._orig_mod.mask_token", "mask_token"),
            ("backbone.blocks.0.norm1.bias", "blocks.0.norm1.bias"),
            ("model.module.fc_norm.bias", "fc_norm.bias"),
            ("encoder_to_decoder.weight", "encoder_to_decoder.weight"),
        ] {
            assert_eq!(unwrapped(name), bare);
        }
    }

    #[test]
    fn a_word_that_all_names_share_is_taken_off_unless_it_is_the_model_s() {
        assert_eq!(settled(&["net.model.blocks.0.a", "net.model.head.b"]), ["blocks.0.a", "head.b"]);
        assert_eq!(settled(&["net.encoder.norm.a", "loss.weight"]), ["loss.weight", "net.encoder.norm.a"]);
        assert_eq!(settled(&["encoder.norm.a", "encoder.blocks.b"]), ["encoder.blocks.b", "encoder.norm.a"]);
        assert_eq!(settled(&["head.a"]), ["a"], "a table that holds nothing else is no model anyway");
        assert!(settled(&[]).is_empty());
    }
}
