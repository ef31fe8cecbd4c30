//! A second model, in plain loops over f64, written from the method's description alone: the trainer
//! meets its losses, and its gradients by finite differences, on shapes that no golden folder has.

mod batches;

use std::collections::BTreeMap;

use batches::{MadeClip, cube, record_batch};
use schemas::{ClipBatch, ClipGeometry};
use trainer::{
    Device,
    batch::masked::{MaskedClips, PIXEL_MEAN, PIXEL_STD},
    kernels::Target,
    model::{Mode, ModelShape, NormEpsilons, Stack, VideoMae, init_weights, layout, stages::Memory},
    random::Draws,
    train::forward_backward::forward_backward,
    weights::{HostTensor, Weights},
};

type Rows = Vec<Vec<f64>>;

/// The second model.
struct Plain {
    shape: ModelShape,
    target: Target,
    weights: BTreeMap<String, Vec<f64>>,
}

impl Plain {
    fn loss(&self, clips: &[MadeClip]) -> f64 {
        let (mut sum, mut counted) = (0.0, 0);
        for clip in clips {
            let predicted = self.paint(clip);
            for (token, predicted) in clip.target.iter().zip(&predicted) {
                let wanted = self.wanted(&cube(&clip.frames, self.shape.geometry, *token));
                let squares =
                    wanted.iter().zip(predicted).map(|(wanted, predicted)| (wanted - predicted).powi(2));
                sum += squares.sum::<f64>() / wanted.len() as f64;
                counted += 1;
            }
        }
        sum / f64::from(counted)
    }

    /// Time, row, column, colour.
    fn wanted(&self, cube: &[u8]) -> Vec<f64> {
        let pixels = cube.len() / 3;
        let value = |pixel: usize, colour: usize| {
            let levels: Vec<f64> =
                cube[colour * pixels..][..pixels].iter().map(|level| f64::from(*level) / 255.0).collect();
            let mean = levels.iter().sum::<f64>() / pixels as f64;
            let squares = levels.iter().map(|level| (level - mean).powi(2)).sum::<f64>();
            match self.target {
                Target::Normalised => {
                    (levels[pixel] - mean) / ((squares / (pixels as f64 - 1.0)).sqrt() + 1e-6)
                }
                Target::Raw => levels[pixel],
            }
        };
        (0..pixels)
            .flat_map(|pixel| (0..3).map(move |colour| (pixel, colour)))
            .map(|(p, c)| value(p, c))
            .collect()
    }

    fn paint(&self, clip: &MadeClip) -> Rows {
        let (encoder, decoder) = (self.shape.encoder, self.shape.decoder);
        let pixels = clip.visible.iter().map(|token| {
            let bytes = cube(&clip.frames, self.shape.geometry, *token);
            let colour = |at: usize| at / (bytes.len() / 3);
            let normal = |(at, level): (usize, &u8)| {
                (f64::from(*level) / 255.0 - f64::from(PIXEL_MEAN[colour(at)]))
                    / f64::from(PIXEL_STD[colour(at)])
            };
            bytes.iter().enumerate().map(normal).collect()
        });
        let embedded = self.linear(&pixels.collect::<Rows>(), "encoder.patch_embed.proj");
        let tokens = placed(embedded, &clip.visible, encoder.dim);
        let tokens = self.norm(&self.blocks(tokens, "encoder.", encoder), "encoder.norm");
        let mut tokens = placed(self.linear(&tokens, "encoder_to_decoder"), &clip.visible, decoder.dim);
        let masked: Vec<usize> = clip.target.iter().chain(&clip.context).copied().collect();
        tokens.extend(placed(vec![self.weights["mask_token"].clone(); masked.len()], &masked, decoder.dim));
        let tokens = self.blocks(tokens, "decoder.", decoder);
        let wanted = tokens[clip.visible.len()..][..clip.target.len()].to_vec();
        self.linear(&self.norm(&wanted, "decoder.norm"), "decoder.head")
    }

    fn blocks(&self, mut tokens: Rows, prefix: &str, stack: Stack) -> Rows {
        for block in 0..stack.depth {
            let name = format!("{prefix}blocks.{block}");
            let normed = self.norm(&tokens, &format!("{name}.norm1"));
            tokens = sum(&tokens, &self.attention(&normed, &format!("{name}.attn"), stack));
            let normed = self.norm(&tokens, &format!("{name}.norm2"));
            let mut hidden = self.linear(&normed, &format!("{name}.mlp.fc1"));
            hidden.iter_mut().flatten().for_each(|x| *x *= 0.5 * (1.0 + erf(*x / 2f64.sqrt())));
            tokens = sum(&tokens, &self.linear(&hidden, &format!("{name}.mlp.fc2")));
        }
        tokens
    }

    fn attention(&self, tokens: &Rows, name: &str, stack: Stack) -> Rows {
        let (dim, width) = (stack.dim, stack.dim / stack.heads);
        let mut qkv = self.linear(tokens, &format!("{name}.qkv"));
        for row in &mut qkv {
            for at in 0..dim {
                row[at] += self.weights[&format!("{name}.q_bias")][at];
                row[2 * dim + at] += self.weights[&format!("{name}.v_bias")][at];
            }
        }
        let mut gathered = vec![vec![0.0; dim]; tokens.len()];
        for head in 0..stack.heads {
            let part = |row: &[f64], number: usize| row[number * dim + head * width..][..width].to_vec();
            for (query, gathered) in qkv.iter().zip(&mut gathered) {
                let query = part(query, 0);
                let score = |row: &Vec<f64>| dot(&query, &part(row, 1)) / (width as f64).sqrt();
                let shares: Vec<f64> = qkv.iter().map(|row| score(row).exp()).collect();
                let total: f64 = shares.iter().sum();
                for (share, row) in shares.iter().zip(&qkv) {
                    for (at, value) in part(row, 2).into_iter().enumerate() {
                        gathered[head * width + at] += share / total * value;
                    }
                }
            }
        }
        self.linear(&gathered, &format!("{name}.proj"))
    }

    fn linear(&self, rows: &Rows, name: &str) -> Rows {
        let weight = &self.weights[&format!("{name}.weight")];
        let bias = self.weights.get(&format!("{name}.bias"));
        let of_row = |row: &Vec<f64>| {
            let outputs = weight.chunks_exact(row.len()).enumerate();
            outputs.map(|(at, weight)| dot(weight, row) + bias.map_or(0.0, |bias| bias[at])).collect()
        };
        rows.iter().map(of_row).collect()
    }

    fn norm(&self, rows: &Rows, name: &str) -> Rows {
        let [weight, bias] = ["weight", "bias"].map(|part| &self.weights[&format!("{name}.{part}")]);
        let of_row = |row: &Vec<f64>| {
            let count = row.len() as f64;
            let mean = row.iter().sum::<f64>() / count;
            let variance = row.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
            let values = row.iter().zip(weight).zip(bias);
            values.map(|((x, weight), bias)| (x - mean) / (variance + 1e-6).sqrt() * weight + bias).collect()
        };
        rows.iter().map(of_row).collect()
    }
}

fn placed(rows: Rows, tokens: &[usize], dim: usize) -> Rows {
    let position = |token: usize, at: usize| {
        let angle = token as f64 / 10000f64.powf((at / 2 * 2) as f64 / dim as f64);
        // The table is rounded to f32 once.
        f64::from(if at.is_multiple_of(2) { angle.sin() } else { angle.cos() } as f32)
    };
    let place = |(row, token): (Vec<f64>, &usize)| {
        row.into_iter().enumerate().map(|(at, value)| value + position(*token, at)).collect()
    };
    rows.into_iter().zip(tokens).map(place).collect()
}

fn sum(left: &Rows, right: &Rows) -> Rows {
    let rows = left.iter().zip(right);
    rows.map(|(left, right)| left.iter().zip(right).map(|(left, right)| left + right).collect()).collect()
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

/// The error function by its power series; beyond 4 it is ±1 within 2e-8.
fn erf(x: f64) -> f64 {
    if x.abs() > 4.0 {
        return x.signum();
    }
    let mut term = x;
    let mut sum = x;
    for n in 1..100 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

/// Clips under a tube mask and, if `decoder` is given, V2's running cell that hides `decoder` of four
/// places; clip number k has map k.
fn clips(geometry: ClipGeometry, decoder: Option<usize>) -> Vec<MadeClip> {
    let [_, rows, columns] = geometry.grid();
    let clip = |number: usize| {
        let mut draws = Draws::keyed(9, "clip", &[number as u64]);
        let bytes = geometry.tokens() * geometry.cube();
        let frames = (0..bytes).map(|_| (draws.unit() * 256.0) as u8).collect();
        let places = rows * columns;
        let is_seen = |token: usize| (token % places + number) % places < places / 5;
        let is_open = |token: usize| {
            let (t, y, x) = (token / (rows * columns), token / columns % rows, token % columns);
            let place = 2 * (y % 2) + x % 2;
            decoder.is_none_or(|hidden| (place + number + t + 1) % 4 >= hidden)
        };
        let tokens = 0..geometry.tokens();
        let pick = |keep: &dyn Fn(usize) -> bool| tokens.clone().filter(|token| keep(*token)).collect();
        MadeClip {
            number: number as u64,
            frames,
            visible: pick(&is_seen),
            target: pick(&|token| !is_seen(token) && is_open(token)),
            context: pick(&|token| decoder.is_some() && is_seen(token) && is_open(token)),
        }
    };
    (0..2).map(clip).collect()
}

fn check(shape: ModelShape, target: Target, decoder: Option<usize>) {
    let clips = clips(shape.geometry, decoder);
    let batch = ClipBatch::try_from(record_batch(shape.geometry, &clips)).unwrap();
    let mut tensors = init_weights::draw(&shape, 4, &Device::flex()).download();
    // Biases and norms away from 0 and 1, so that a forgotten one shows.
    for (name, tensor) in &mut tensors {
        let mut draws = Draws::keyed(4, name, &[]);
        tensor.values.iter_mut().for_each(|value| *value += draws.within(0.2) as f32);
    }
    let floats = |tensor: &HostTensor| tensor.values.iter().map(|value| f64::from(*value)).collect();
    let weights = tensors.iter().map(|(name, tensor)| (name.clone(), floats(tensor))).collect();
    let mut plain = Plain { shape, target, weights };
    let wanted = plain.loss(&clips);

    let devices = if cfg!(feature = "tch") { vec!["flex", "tch"] } else { vec!["flex"] };
    for device in devices.iter().map(|name| Device::parse(name).unwrap()) {
        let uploaded = MaskedClips::upload(&batch, shape.geometry, &device).unwrap();
        let table = Weights::fit(layout::pretraining(&shape), tensors.clone(), &device).unwrap();
        let model = VideoMae::new(shape, &device);
        let gradients = forward_backward(&model, &table, &uploaded, target, Mode::Fixed, Memory::Everything);
        let name = device.name();
        assert!(
            (gradients.loss() / wanted - 1.0).abs() < 1e-6,
            "{name}: loss {}, wanted {wanted}",
            gradients.loss()
        );
        let gradients = table.with_values(gradients.tensors).download();
        for (tensor, gradient) in gradients {
            let largest = gradient.values.iter().fold(0f32, |largest, value| largest.max(value.abs()));
            let at = gradient.values.iter().position(|value| value.abs() == largest).unwrap();
            let slope = slope(&mut plain, &clips, &tensor, at);
            let found = f64::from(gradient.values[at]);
            assert!(
                (found - slope).abs() < 2e-4 * slope.abs() + 1e-8,
                "{name}: {tensor}: {found}, wanted {slope}"
            );
        }
    }
}

/// The derivative of the loss by one weight, from two losses.
fn slope(plain: &mut Plain, clips: &[MadeClip], tensor: &str, at: usize) -> f64 {
    const STEP: f64 = 1e-4;
    let before = plain.weights[tensor][at];
    let [up, down] = [STEP, -STEP].map(|step| {
        plain.weights.get_mut(tensor).unwrap()[at] = before + step;
        plain.loss(clips)
    });
    plain.weights.get_mut(tensor).unwrap()[at] = before;
    (up - down) / (2.0 * STEP)
}

fn shape(frames: usize, height: usize, width: usize, tubelet: usize, patch: usize) -> ModelShape {
    ModelShape {
        geometry: ClipGeometry::new(frames, height, width, tubelet, patch).unwrap(),
        encoder: Stack { dim: 12, depth: 2, heads: 3, hidden: 17 },
        decoder: Stack { dim: 10, depth: 1, heads: 2, hidden: 13 },
        epsilons: NormEpsilons::default(),
        encoder_norm: true,
    }
}

#[test]
fn a_model_of_clips_that_are_not_square_is_the_plain_one() {
    check(shape(6, 12, 20, 2, 4), Target::Normalised, None);
}

#[test]
fn clips_that_count_different_numbers_of_targets_are_weighed_as_in_the_plain_model() {
    // Three time positions: a running cell of four hides different numbers of targets in the two clips.
    let shape = shape(6, 8, 12, 2, 2);
    let counts: Vec<usize> = clips(shape.geometry, Some(2)).iter().map(|clip| clip.target.len()).collect();
    assert_ne!(counts[0], counts[1]);
    check(shape, Target::Normalised, Some(2));
}

#[test]
fn raw_targets_and_other_tubelets_are_those_of_the_plain_model() {
    check(shape(6, 8, 8, 3, 2), Target::Raw, Some(1));
}
