//! Layer-wise learning rate decay: the nearer a tensor of a classifier is to the pixels, the slower it learns.
//!
//! ```text
//! layer 0          patch_embed                      rate · decay^(depth + 1)
//! layer i + 1      blocks.i                         rate · decay^(depth − i)
//! layer depth + 1  fc_norm, head                    rate
//! ```
//!
//! What is frozen learns at rate 0, which leaves it as it is to the bit: weight decay acts with the tensor's
//! own rate.

use crate::weights::Layout;

/// The layer that a tensor belongs to in a classifier of `depth` blocks (official `get_num_layer_for_vit`).
pub fn layer_of(name: &str, depth: usize) -> usize {
    let below = ["cls_token", "mask_token", "pos_embed"].contains(&name) || name.starts_with("patch_embed");
    let block = name.strip_prefix("blocks.").and_then(|rest| rest.split('.').next()?.parse::<usize>().ok());
    match block {
        _ if below => 0,
        Some(block) => block + 1,
        None => depth + 1,
    }
}

/// What the rate of layer `layer` is multiplied by; a `decay` from 1 up treats all layers alike.
pub fn scale(layer: usize, depth: usize, decay: f64) -> f64 {
    if decay >= 1.0 { 1.0 } else { decay.powi((depth + 1 - layer.min(depth + 1)) as i32) }
}

/// What the rate of each tensor of `layout` is multiplied by.
#[doc(alias("layer-wise learning rate decay", "LLRD"))]
pub fn scales(layout: &Layout, depth: usize, decay: f64) -> Vec<f64> {
    layout.0.iter().map(|entry| scale(layer_of(&entry.name, depth), depth, decay)).collect()
}

/// Sets the scales of all tensors below the head to 0.
pub fn freeze_encoder(scales: &mut [f64], layout: &Layout, depth: usize) {
    for (scale, entry) in scales.iter_mut().zip(&layout.0) {
        if layer_of(&entry.name, depth) <= depth {
            *scale = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::Entry;

    #[test]
    fn layers_have_their_published_scales() {
        for (depth, decay, embedding, first) in [
            (12, 0.75, 0.0237573, 0.0316764),
            (12, 0.65, 0.00369721, 0.00568801),
            (24, 0.75, 0.000752543, 0.00100339),
            (40, 0.9, 0.0133028, 0.0147809),
        ] {
            let close = |found: f64, wanted: f64| (found / wanted - 1.0).abs() < 1e-5;
            assert!(close(scale(0, depth, decay), embedding) && close(scale(1, depth, decay), first));
            assert!(close(scale(depth, depth, decay), decay) && scale(depth + 1, depth, decay) == 1.0);
        }
        assert_eq!(scale(0, 12, 1.0), 1.0);
    }

    #[test]
    fn a_frozen_encoder_learns_nothing() {
        let names = ["patch_embed.proj.bias", "blocks.1.norm1.weight", "fc_norm.weight", "head.bias"];
        let entry = |name: &str| Entry { name: name.to_owned(), shape: vec![1] };
        let layout = Layout(names.map(entry).to_vec());
        let mut scales = scales(&layout, 2, 0.5);
        assert_eq!(scales, [0.125, 0.5, 1.0, 1.0]);
        freeze_encoder(&mut scales, &layout, 2);
        assert_eq!(scales, [0.0, 0.0, 1.0, 1.0]);
    }
}
