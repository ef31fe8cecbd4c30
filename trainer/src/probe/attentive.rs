//! The attentive probe of V-JEPA: one learnt query looks at all tokens of the frozen encoder.
//!
//! ```text
//! x ← x + attention(norm1(x));  x ← x + mlp(norm2(x))               depth − 1 blocks over the tokens (V-JEPA 2)
//! q ← query + cross-attention(query, norm1(x));  q ← q + mlp(norm2(q))
//! logits = linear(q)
//! ```
//!
//! V-JEPA has depth 1, V-JEPA 2 depth 4. There is no projection behind the cross-attention: V-JEPA's
//! `xattn.proj` is never used and has no place here. LayerNorms add 1e-5 to the variance, PyTorch's default.
//!
//! Shapes: B videos, N tokens, D width, H heads, d = D/H, K classes.

use burn::tensor::{Tensor, activation::softmax};

use crate::{
    device::Device,
    kernels,
    random::{Draws, purpose},
    weights::{Entry, Layout, Weights},
};

/// PyTorch's default for LayerNorm.
const EPSILON: f64 = 1e-5;
/// Spread of first weights; cut at ±2, a hundred spreads away.
const SPREAD: f64 = 0.02;
/// Hidden values of an MLP over its width.
const MLP_RATIO: usize = 4;
const CROSS: &str = "pooler.cross_attention_block";

/// Lengths of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentiveProbe {
    /// Width of a token; `heads` divides it.
    pub dim: usize,
    /// Attention heads.
    pub heads: usize,
    /// Blocks, the pooling one included: at least 1.
    pub depth: usize,
    /// Classes.
    pub classes: usize,
}

impl AttentiveProbe {
    /// Names and shapes of its tensors, as V-JEPA 2 has them.
    pub fn layout(self) -> Layout {
        let Self { dim, classes, depth, .. } = self;
        let mut entries = vec![Entry { name: "pooler.query_tokens".to_owned(), shape: vec![1, 1, dim] }];
        let mut add = |name: String, shape: &[usize]| entries.push(Entry { name, shape: shape.to_vec() });
        let mut parts = |name: &str, parts: &[(&str, usize, usize)]| {
            for (part, output, input) in parts {
                let weight: &[usize] = if *input == 0 { &[*output] } else { &[*output, *input] };
                add(format!("{name}.{part}.weight"), weight);
                add(format!("{name}.{part}.bias"), &[*output]);
            }
        };
        let hidden = MLP_RATIO * dim;
        let mlp = [("norm2", dim, 0), ("mlp.fc1", hidden, dim), ("mlp.fc2", dim, hidden)];
        parts(CROSS, &[("norm1", dim, 0), ("xattn.q", dim, dim), ("xattn.kv", 2 * dim, dim)]);
        parts(CROSS, &mlp);
        for block in 0..depth - 1 {
            let name = format!("pooler.blocks.{block}");
            parts(&name, &[("norm1", dim, 0), ("attn.qkv", 3 * dim, dim), ("attn.proj", dim, dim)]);
            parts(&name, &mlp);
        }
        add("linear.weight".to_owned(), &[classes, dim]);
        add("linear.bias".to_owned(), &[classes]);
        Layout(entries)
    }

    /// First weights: normal of spread .02, biases 0, norms 1; what closes a residual branch is divided as
    /// the official code does, by the root of twice the number of blocks so far.
    pub fn draw(self, seed: u64, device: &Device) -> Weights {
        Weights::draw(self.layout(), device, |entry| {
            let mut draws = Draws::keyed(seed, &purpose::probe_weights(&entry.name), &[]);
            let share = self.first_share(&entry.name);
            let value = |_| match entry.shape.len() {
                1 if entry.name.contains("norm") && entry.name.ends_with(".weight") => 1.0,
                1 => 0.0,
                _ => (draws.normal_within(SPREAD, 2.0) * share) as f32,
            };
            (0..entry.elements()).map(value).collect()
        })
    }

    fn first_share(self, name: &str) -> f64 {
        let blocks = if name == format!("{CROSS}.mlp.fc2.weight") {
            (self.depth - 1).max(1)
        } else {
            let block = name.strip_prefix("pooler.blocks.").and_then(|rest| rest.split_once('.'));
            match block {
                Some((number, "attn.proj.weight" | "mlp.fc2.weight")) => {
                    number.parse::<usize>().map_or(1, |number| number + 1)
                }
                _ => return 1.0,
            }
        };
        (2.0 * blocks as f64).sqrt().recip()
    }

    /// Tokens `[B, N, D]` to logits `[B, K]`.
    pub fn classify(self, weights: &Weights, tokens: Tensor<3>) -> Tensor<2> {
        let tokens = (0..self.depth - 1).fold(tokens, |tokens, block| self.block(weights, tokens, block));
        let [clips, _, dim] = tokens.dims();
        let query = weights.vector("pooler.query_tokens").reshape([1, 1, dim]).repeat_dim(0, clips); // B 1 D
        let seen = norm(weights, &format!("{CROSS}.norm1"), tokens);
        let query = query.clone() + self.look(weights, query, seen);
        let query = query.clone() + mlp(weights, CROSS, query);
        linear(weights, "linear", query.squeeze_dim::<2>(1)) // B K
    }

    /// A self-attention block over the tokens.
    fn block(self, weights: &Weights, tokens: Tensor<3>, block: usize) -> Tensor<3> {
        let name = format!("pooler.blocks.{block}");
        let seen = norm(weights, &format!("{name}.norm1"), tokens.clone());
        let qkv = linear(weights, &format!("{name}.attn.qkv"), seen); // B N 3D
        let attended = kernels::attention(qkv, self.heads); // B N D
        let tokens = tokens + linear(weights, &format!("{name}.attn.proj"), attended);
        tokens.clone() + mlp(weights, &name, tokens)
    }

    /// What the query `[B, 1, D]` sees in tokens `[B, N, D]`.
    fn look(self, weights: &Weights, query: Tensor<3>, tokens: Tensor<3>) -> Tensor<3> {
        let ([clips, count, dim], heads) = (tokens.dims(), self.heads);
        let width = dim / heads;
        let query = linear(weights, &format!("{CROSS}.xattn.q"), query);
        let query = query.reshape([clips, 1, heads, width]).swap_dims(1, 2); // B H 1 d
        let pairs = linear(weights, &format!("{CROSS}.xattn.kv"), tokens); // B N 2D
        let part = |at: usize| {
            let part = pairs.clone().slice([0..clips, 0..count, at * dim..(at + 1) * dim]);
            part.reshape([clips, count, heads, width]).swap_dims(1, 2) // B H N d
        };
        let (keys, values) = (part(0), part(1));
        let scores = query.matmul(keys.swap_dims(2, 3)) * (width as f64).sqrt().recip(); // B H 1 N
        let seen: Tensor<4> = softmax(scores, 3).matmul(values); // B H 1 d
        seen.swap_dims(1, 2).reshape([clips, 1, dim])
    }
}

fn norm(weights: &Weights, name: &str, tokens: Tensor<3>) -> Tensor<3> {
    let part = |part| weights.vector(&format!("{name}.{part}"));
    kernels::layer_norm(tokens, part("weight"), part("bias"), EPSILON)
}

fn linear<const R: usize>(weights: &Weights, name: &str, tokens: Tensor<R>) -> Tensor<R> {
    let bias = weights.vector(&format!("{name}.bias"));
    kernels::linear(tokens, weights.matrix(&format!("{name}.weight")), Some(bias))
}

/// The MLP of a block, with the norm before it.
fn mlp(weights: &Weights, name: &str, tokens: Tensor<3>) -> Tensor<3> {
    let tokens = norm(weights, &format!("{name}.norm2"), tokens);
    let hidden = kernels::gelu(linear(weights, &format!("{name}.mlp.fc1"), tokens));
    linear(weights, &format!("{name}.mlp.fc2"), hidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_begin_smaller_the_more_blocks_there_are() {
        let probe = AttentiveProbe { dim: 64, heads: 2, depth: 4, classes: 3 };
        let weights = probe.draw(0, &Device::flex()).download();
        let spread = |name: &str| {
            let values = &weights[name].values;
            (values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
        };
        for (name, wanted) in [
            ("pooler.blocks.0.attn.proj.weight", 0.02 / 2f64.sqrt()),
            ("pooler.blocks.2.mlp.fc2.weight", 0.02 / 6f64.sqrt()),
            ("pooler.cross_attention_block.mlp.fc2.weight", 0.02 / 6f64.sqrt()),
            ("pooler.cross_attention_block.xattn.kv.weight", 0.02),
            ("pooler.blocks.1.norm1.weight", 1.0),
        ] {
            assert!((spread(name) / wanted - 1.0).abs() < 0.05, "{name}: {}", spread(name));
        }
    }
}
