//! Other code's spellings of the official names.
//!
//! ```text
//! mmaction2   patch_embed.projection   blocks.i.mlp.layers.0.0   blocks.i.mlp.layers.1   cls_head.fc_cls
//! official    patch_embed.proj         blocks.i.mlp.fc1          blocks.i.mlp.fc2        head
//! ```
//!
//! mmaction2 saves the table of positions along. It is fixed, so it must be the one that every model has; a table
//! that was learnt makes another model.

use crate::{
    checkpoint::{CheckpointError, tensor_table::TensorTable},
    model::position_table,
};

/// Parts of names: theirs, and the official one.
const PARTS: [(&str, &str); 4] = [
    ("patch_embed.projection.", "patch_embed.proj."),
    (".mlp.layers.0.0.", ".mlp.fc1."),
    (".mlp.layers.1.", ".mlp.fc2."),
    ("cls_head.fc_cls.", "head."),
];
/// Tables of positions, by name.
const POSITIONS: [&str; 2] = ["pos_embed", "encoder.pos_embed"];
/// Largest difference of a position from the formula: they are computed in f64 or f32, by other libraries.
const TOLERANCE: f32 = 1e-4;

/// Gives tensors their official names and leaves out a table of positions that is the fixed one.
pub(super) fn translate(table: &mut TensorTable) -> Result<(), CheckpointError> {
    table.rename(official)?;
    for name in POSITIONS {
        let Some(&[1, tokens, width]) = table.shape(name) else { continue };
        let Some(found) = table.remove(name)? else { continue };
        let fixed = position_table::sines(tokens, width);
        let apart = found.values.iter().zip(&fixed).map(|(found, fixed)| (found - fixed).abs());
        if apart.fold(0f32, f32::max) > TOLERANCE {
            return Err(
                table.no_model(format!("its positions `{name}` are learnt, and VideoMAE's are fixed"))
            );
        }
    }
    Ok(())
}

fn official(name: &str) -> String {
    PARTS.iter().fold(name.to_owned(), |name, (theirs, ours)| name.replacen(theirs, ours, 1))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::Path};

    use super::*;
    use crate::weights::HostTensor;

    #[test]
    fn mmaction_s_names_are_official_ones() {
        for (theirs, ours) in [
            ("patch_embed.projection.weight", "patch_embed.proj.weight"),
            ("blocks.11.mlp.layers.0.0.bias", "blocks.11.mlp.fc1.bias"),
            ("blocks.0.mlp.layers.1.weight", "blocks.0.mlp.fc2.weight"),
            ("cls_head.fc_cls.weight", "head.weight"),
            ("blocks.0.attn.qkv.weight", "blocks.0.attn.qkv.weight"),
        ] {
            assert_eq!(official(theirs), ours);
        }
    }

    #[test]
    fn the_fixed_table_of_positions_is_left_out_and_a_learnt_one_refused() {
        let table = |values: Vec<f32>| {
            let mut table = TensorTable::new(Path::new("file"), 4096, BTreeMap::new());
            table.insert("pos_embed", HostTensor { shape: vec![1, 6, 8], values }).unwrap();
            table
        };
        let mut values = position_table::sines(6, 8);
        let mut fixed = table(values.clone());
        translate(&mut fixed).unwrap();
        assert_eq!(fixed.names().count(), 0);
        values[5] += 0.01;
        let refused = translate(&mut table(values)).unwrap_err().to_string();
        assert!(refused.contains("`pos_embed` are learnt"), "{refused}");
    }
}
