//! What identifies a clip of a batch, so that two loaders can be compared line by line.

use arrow_array::{
    Array, RecordBatch,
    cast::AsArray as _,
    types::{UInt16Type, UInt32Type, UInt64Type},
};
use schemas::{ClipBatch, LabelledBatch};
use trainer::{Recipe, batch::mixup::Mix};

use crate::error::Result;

/// Bytes of a digest that are shown.
const DIGEST_BYTES: usize = 8;

/// Metadata key of how each batch is mixed, a JSON list of [`Mixed`].
pub const MIX_KEY: &str = "tubelet.mix";

/// What identifies a masked clip: which frames of which video, what is cut out and hidden, and digests of its pixels.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct MaskedClip {
    /// The epoch that it was drawn in.
    pub epoch: u32,
    /// Its number in the epoch.
    pub clip: u64,
    /// The name of its video.
    pub video: String,
    /// The first frame.
    pub start_frame: u32,
    /// Ranks of its frames.
    pub frames: Vec<u32>,
    /// Left, top, width and height of what is cut out.
    pub crop: [u16; 4],
    /// Whether it is mirrored.
    pub flip: bool,
    /// Hidden tokens.
    pub hidden: usize,
    /// Digest of the lists of tokens.
    pub mask: String,
    /// Digest of the visible cubes.
    pub visible_pixels: String,
    /// Digest of the cubes that are predicted.
    pub target_pixels: String,
}

impl MaskedClip {
    /// That of a row of a batch.
    pub fn of(batch: &ClipBatch, row: usize) -> Self {
        let record = batch.record_batch();
        let visible = batch.geometry().cube() * batch.visible_tokens();
        let tokens: Vec<u8> = batch
            .visible(row)
            .iter()
            .chain(batch.target(row))
            .chain(batch.context(row))
            .flat_map(|token| token.to_le_bytes())
            .collect();
        Self {
            epoch: column(record, "epoch").as_primitive::<UInt32Type>().value(row),
            clip: column(record, "clip").as_primitive::<UInt64Type>().value(row),
            video: column(record, "video").as_string::<i32>().value(row).to_owned(),
            start_frame: column(record, "start_frame").as_primitive::<UInt32Type>().value(row),
            frames: column(record, "frames")
                .as_fixed_size_list()
                .value(row)
                .as_primitive::<UInt32Type>()
                .values()
                .to_vec(),
            crop: ["x", "y", "width", "height"].map(|side| {
                let crop = column(record, "crop").as_struct();
                let side =
                    crop.column_by_name(side).expect("because the batch was checked against its schema");
                side.as_primitive::<UInt16Type>().value(row)
            }),
            flip: column(record, "flip").as_boolean().value(row),
            hidden: batch.geometry().tokens() - batch.visible_tokens(),
            mask: digest(&tokens),
            visible_pixels: digest(&batch.visible_cubes()[row * visible..][..visible]),
            target_pixels: digest(batch.target_cubes(row)),
        }
    }
}

/// What identifies a labelled clip: which frames of which video, its class, and a digest of its pixels.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct LabelledClip {
    /// The epoch that it was drawn in.
    pub epoch: u32,
    /// Its number in the epoch.
    pub clip: u64,
    /// The name of its video.
    pub video: String,
    /// Its class.
    pub label: Option<i32>,
    /// Several labels, or numbers, where it has not one class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<f32>>,
    /// Ranks of its frames.
    pub frames: Vec<u32>,
    /// Left, top, width and height of what is erased.
    pub erased: Option<[u16; 4]>,
    /// Digest of all cubes.
    pub pixels: String,
}

impl LabelledClip {
    /// That of a row of a batch.
    pub fn of(batch: &LabelledBatch, row: usize) -> Self {
        let (epoch, clip) = batch.identity(row);
        let bytes = batch.geometry().tokens() * batch.geometry().cube();
        Self {
            epoch,
            clip,
            video: batch.video(row).to_owned(),
            label: batch.label(row),
            labels: batch.labels(row),
            frames: batch.frames(row).to_vec(),
            erased: batch.erase(row).map(|erased| [erased.left, erased.top, erased.width, erased.height]),
            pixels: digest(&batch.cubes()[row * bytes..][..bytes]),
        }
    }
}

/// How a batch is mixed with itself turned round.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Mixed {
    /// Weight of a clip's own target; 1 where nothing is mixed.
    pub lambda: f64,
    /// Top, bottom, left and right of the pixels that come from the other clip; without it all are mixed.
    #[serde(rename = "box")]
    pub region: Option<[usize; 4]>,
}

impl Mixed {
    /// Of micro-batch `number` of a training.
    ///
    /// # Errors
    /// When the recipe makes no clip.
    pub fn of(recipe: &Recipe, number: u64) -> Result<Self> {
        let (_, parts) = recipe.accumulation()?;
        let (step, part) = (number / parts as u64, number % parts as u64);
        Ok(match Mix::draw(recipe.augment.mixing(), recipe.geometry()?, recipe.run.seed, step, part) {
            Mix::Nothing => Self { lambda: 1.0, region: None },
            Mix::Mixup { lambda } => Self { lambda, region: None },
            Mix::Cutmix { region, lambda } => {
                Self { lambda, region: Some([region.top, region.bottom, region.left, region.right]) }
            }
        })
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> &'a dyn Array {
    batch.column_by_name(name).expect("because the batch was checked against its schema").as_ref()
}

fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).as_bytes()[..DIGEST_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
}
