//! config.json: the settings that decide what is computed. What is left out is as `VideoMAEConfig` has it.
//!
//! Both names of the biases' switch are written, `qkv_bias` and `qv_bias`: versions differ in which they
//! read, and none minds the other.

use std::{collections::BTreeMap, fs::File, io::Read as _, path::Path};

use schemas::{ProblemType, geometry::CHANNELS};
use serde::{Deserialize, Serialize};

use crate::{
    Recipe,
    checkpoint::{CheckpointError, Kind, SavedModel},
    kernels::Target,
    model::layout::LastNorm,
};

/// Longest config.json that is read; a thousand named classes take 60 kB.
const LIMIT: u64 = 1 << 24;

/// The settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Config {
    model_type: String,
    architectures: Vec<String>,
    pub(super) image_size: Length,
    patch_size: Length,
    num_channels: usize,
    pub(super) num_frames: usize,
    pub(super) tubelet_size: usize,
    pub(super) hidden_size: usize,
    pub(super) num_hidden_layers: usize,
    pub(super) num_attention_heads: usize,
    pub(super) intermediate_size: usize,
    hidden_act: String,
    hidden_dropout_prob: f64,
    attention_probs_dropout_prob: f64,
    initializer_range: f64,
    pub(super) layer_norm_eps: f64,
    /// What `fc_norm` was made with. `transformers` keeps it and computes with 1e-5; a person may set
    /// `model.fc_norm.eps` to it.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    fc_norm_eps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qkv_bias: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qv_bias: Option<bool>,
    pub(super) use_mean_pooling: bool,
    pub(super) decoder_hidden_size: usize,
    pub(super) decoder_num_hidden_layers: usize,
    pub(super) decoder_num_attention_heads: usize,
    pub(super) decoder_intermediate_size: usize,
    norm_pix_loss: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    id2label: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label2id: Option<BTreeMap<String, usize>>,
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    num_labels: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem_type: Option<String>,
    dtype: String,
    #[serde(skip_serializing)]
    transformers_version: Option<String>,
}

/// A length, or a height and a width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Length {
    One(usize),
    Two([usize; 2]),
}

impl Length {
    /// Height and width.
    pub(super) fn sides(self) -> [usize; 2] {
        match self {
            Self::One(side) => [side, side],
            Self::Two(sides) => sides,
        }
    }
}

impl Default for Config {
    /// `VideoMAEConfig`'s own.
    fn default() -> Self {
        Self {
            model_type: "videomae".to_owned(),
            architectures: Vec::new(),
            image_size: Length::One(224),
            patch_size: Length::One(16),
            num_channels: CHANNELS,
            num_frames: 16,
            tubelet_size: 2,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: "gelu".to_owned(),
            hidden_dropout_prob: 0.0,
            attention_probs_dropout_prob: 0.0,
            initializer_range: 0.02,
            layer_norm_eps: 1e-12,
            fc_norm_eps: None,
            qkv_bias: None,
            qv_bias: None,
            use_mean_pooling: true,
            decoder_hidden_size: 384,
            decoder_num_hidden_layers: 4,
            decoder_num_attention_heads: 6,
            decoder_intermediate_size: 1536,
            norm_pix_loss: true,
            id2label: None,
            label2id: None,
            num_labels: None,
            problem_type: None,
            dtype: "float32".to_owned(),
            transformers_version: None,
        }
    }
}

impl Config {
    /// Reads it from `path`.
    pub(super) fn read(path: &Path) -> Result<Self, CheckpointError> {
        let mut text = String::new();
        File::open(path)
            .and_then(|file| file.take(LIMIT).read_to_string(&mut text))
            .map_err(|cause| CheckpointError::File { path: path.to_owned(), cause })?;
        serde_json::from_str(&text)
            .map_err(|why| CheckpointError::Damaged { path: path.to_owned(), cause: why.to_string() })
    }

    /// The same with cubes of this side.
    pub(super) fn with_patch(self, patch: usize) -> Self {
        Self { patch_size: Length::One(patch), ..self }
    }

    /// What `kind` is with what only the settings say: whether an encoder alone has its last norm.
    pub(super) fn completed(&self, kind: Kind) -> Kind {
        match kind {
            Kind::Encoder { last_norm: LastNorm::Present } if self.use_mean_pooling => {
                Kind::Encoder { last_norm: LastNorm::Absent }
            }
            other => other,
        }
    }

    /// Refuses settings that make something else of the weights than VideoMAE. `last_norm` says whether there is
    /// the norm behind the encoder among them.
    pub(super) fn check(&self, path: &Path, kind: Kind, last_norm: bool) -> Result<(), CheckpointError> {
        let refuse = |key, found: String, why: &str| {
            Err(CheckpointError::Config { path: path.to_owned(), key, found, why: why.to_owned() })
        };
        if self.model_type != "videomae" {
            let why = "videomae is read, and VideoMAE V2's own with its own names";
            return refuse("model_type", self.model_type.clone(), why);
        }
        if self.num_channels != CHANNELS {
            return refuse("num_channels", self.num_channels.to_string(), "pixels have 3 colours");
        }
        if self.hidden_act != "gelu" {
            return refuse("hidden_act", self.hidden_act.clone(), "VideoMAE's is gelu (by erf)");
        }
        for (key, bias) in [("qkv_bias", self.qkv_bias), ("qv_bias", self.qv_bias)] {
            if bias == Some(false) {
                return refuse(key, "false".to_owned(), "VideoMAE's queries and values have a bias");
            }
        }
        match (kind, self.use_mean_pooling) {
            (Kind::Pretraining, true) if last_norm => refuse(
                "use_mean_pooling",
                "true".to_owned(),
                "a model in pre-training then loses the norm behind its encoder, which the file has; false keeps it",
            ),
            (Kind::Classifier { .. }, false) => refuse(
                "use_mean_pooling",
                "false".to_owned(),
                "a classifier then looks at the first token alone, which is not supported",
            ),
            _ => Ok(()),
        }
    }

    /// Side of a cube.
    pub(super) fn patch(&self, path: &Path) -> Result<usize, CheckpointError> {
        match self.patch_size.sides() {
            [rows, columns] if rows == columns => Ok(rows),
            sides => Err(CheckpointError::Config {
                path: path.to_owned(),
                key: "patch_size",
                found: format!("{sides:?}"),
                why: "cubes are as high as wide".to_owned(),
            }),
        }
    }

    /// Names of the classes, in their order; none where they are only numbered.
    pub(super) fn labels(&self, path: &Path, kind: Kind) -> Result<Vec<String>, CheckpointError> {
        let (Kind::Classifier { classes }, Some(named)) = (kind, &self.id2label) else {
            return Ok(Vec::new());
        };
        let labels: Option<Vec<String>> =
            (0..named.len()).map(|class| named.get(&class.to_string()).cloned()).collect();
        match labels {
            Some(labels) if labels.len() == classes => {
                let numbered = labels.iter().enumerate().all(|(class, label)| *label == numbered(class));
                Ok(if numbered { Vec::new() } else { labels })
            }
            _ => Err(CheckpointError::Config {
                path: path.to_owned(),
                key: "id2label",
                found: format!("a list of {}", named.len()),
                why: format!("the classifier has {classes} classes, numbered from 0"),
            }),
        }
    }

    /// What kind of answer a classifier gives. Where it is not said, `transformers` takes a head of one answer for
    /// regression, and any other for one class a video.
    pub(super) fn problem_type(
        &self,
        path: &Path,
        kind: Kind,
        assumed: &mut Vec<String>,
    ) -> Result<ProblemType, CheckpointError> {
        let Kind::Classifier { classes } = kind else { return Ok(ProblemType::default()) };
        match &self.problem_type {
            None if classes == 1 => {
                assumed
                    .push("problem_type regression, as transformers takes a head of one answer".to_owned());
                Ok(ProblemType::Regression)
            }
            None => Ok(ProblemType::default()),
            Some(word) => ProblemType::of_word(word).ok_or_else(|| CheckpointError::Config {
                path: path.to_owned(),
                key: "problem_type",
                found: word.clone(),
                why: format!("it is one of {}", ProblemType::ALL.map(ProblemType::word).join(", ")),
            }),
        }
    }

    /// What wrote the folder.
    pub(super) fn made_by(&self) -> String {
        match &self.transformers_version {
            Some(version) => format!("transformers {version}"),
            None => "transformers".to_owned(),
        }
    }

    /// What config.json says of a training, as a recipe: whether targets are raw pixels.
    pub(super) fn recipe(&self) -> String {
        if self.norm_pix_loss { String::new() } else { "[model]\ntarget = \"raw\"\n".to_owned() }
    }

    /// The settings of `model`.
    pub(super) fn of(model: &SavedModel) -> Self {
        let (geometry, encoder, decoder) = (model.shape.geometry, model.shape.encoder, model.shape.decoder);
        let (architecture, use_mean_pooling) = match model.kind {
            Kind::Pretraining => ("VideoMAEForPreTraining", !model.shape.encoder_norm),
            Kind::Classifier { .. } | Kind::Encoder { last_norm: LastNorm::OfMean } => {
                ("VideoMAEForVideoClassification", true)
            }
            Kind::Encoder { last_norm } => ("VideoMAEModel", last_norm == LastNorm::Absent),
        };
        let mut config = Self {
            architectures: vec![architecture.to_owned()],
            image_size: match [geometry.height(), geometry.width()] {
                [height, width] if height == width => Length::One(height),
                sides => Length::Two(sides),
            },
            patch_size: Length::One(geometry.patch()),
            num_frames: geometry.frames(),
            tubelet_size: geometry.tubelet(),
            hidden_size: encoder.dim,
            num_hidden_layers: encoder.depth,
            num_attention_heads: encoder.heads,
            intermediate_size: encoder.hidden,
            layer_norm_eps: model.shape.epsilons.blocks,
            qkv_bias: Some(true),
            qv_bias: Some(true),
            use_mean_pooling,
            ..Self::default()
        };
        match model.kind {
            Kind::Pretraining => {
                config.decoder_hidden_size = decoder.dim;
                config.decoder_num_hidden_layers = decoder.depth;
                config.decoder_num_attention_heads = decoder.heads;
                config.decoder_intermediate_size = decoder.hidden;
                let recipe = Recipe::from_toml(&model.about.recipe);
                config.norm_pix_loss = !recipe.is_ok_and(|recipe| recipe.model.target == Target::Raw);
            }
            Kind::Classifier { classes } => {
                let name = |class: usize| model.labels.get(class).cloned().unwrap_or_else(|| numbered(class));
                let labels = (0..classes).map(|class| (class, name(class)));
                config.id2label =
                    Some(labels.clone().map(|(class, name)| (class.to_string(), name)).collect());
                config.label2id = Some(labels.map(|(class, name)| (name, class)).collect());
                config.num_labels = Some(classes);
                config.problem_type = Some(model.problem_type.word().to_owned());
                config.fc_norm_eps = Some(model.shape.epsilons.last);
            }
            Kind::Encoder { last_norm: LastNorm::OfMean } => {
                config.id2label = Some(BTreeMap::new());
                config.label2id = Some(BTreeMap::new());
                config.num_labels = Some(0);
                config.fc_norm_eps = Some(model.shape.epsilons.last);
            }
            Kind::Encoder { .. } => {}
        }
        config
    }

    pub(super) fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("because its maps have names for keys");
        format!("{text}\n")
    }
}

/// What `transformers` calls a class that has no name.
fn numbered(class: usize) -> String {
    format!("LABEL_{class}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Config {
        serde_json::from_str(text).unwrap()
    }

    fn refused(text: &str, kind: Kind) -> String {
        parse(text).check(Path::new("config.json"), kind, true).unwrap_err().to_string()
    }

    #[test]
    fn what_is_left_out_is_as_transformers_has_it() {
        let config = parse("{}");
        assert_eq!(config, Config::default());
        assert_eq!((config.layer_norm_eps, config.use_mean_pooling), (1e-12, true));
    }

    #[test]
    fn a_pre_training_model_that_loses_its_norm_is_refused() {
        let why = refused("{}", Kind::Pretraining);
        assert!(why.starts_with("config.json: `use_mean_pooling` is true: "), "{why}");
        let without = parse("{}").check(Path::new("config.json"), Kind::Pretraining, false);
        assert!(without.is_ok(), "one that never had it is as its config says");
        let classifier = Kind::Classifier { classes: 5 };
        assert!(refused(r#"{"use_mean_pooling": false}"#, classifier).contains("first token"));
    }

    #[test]
    fn another_activation_or_no_biases_are_refused() {
        let classifier = Kind::Classifier { classes: 5 };
        assert!(refused(r#"{"hidden_act": "gelu_new"}"#, classifier).contains("gelu_new"));
        assert!(refused(r#"{"qv_bias": false}"#, classifier).contains("`qv_bias` is false"));
        assert!(
            refused(r#"{"model_type": "vit"}"#, classifier).contains("`model_type` is vit: videomae is read")
        );
    }

    #[test]
    fn pictures_may_be_oblong_but_cubes_may_not() {
        let config = parse(r#"{"image_size": [224, 448], "patch_size": [16, 16]}"#);
        assert_eq!(config.image_size.sides(), [224, 448]);
        assert_eq!(config.patch(Path::new("")).unwrap(), 16);
        assert!(parse(r#"{"patch_size": [16, 8]}"#).patch(Path::new("")).is_err());
    }

    #[test]
    fn raw_targets_are_a_recipe_s() {
        let target = |text: &str| Recipe::from_toml(&parse(text).recipe()).unwrap().model.target;
        assert_eq!(target(r#"{"norm_pix_loss": false}"#), Target::Raw);
        assert_eq!(target("{}"), Target::Normalised);
    }

    #[test]
    fn the_kind_of_answer_is_read_and_where_it_is_not_said_taken_as_transformers_does() {
        let kind = |text: &str, classes| {
            let mut assumed = Vec::new();
            let kind = Kind::Classifier { classes };
            (parse(text).problem_type(Path::new("config.json"), kind, &mut assumed), assumed.len())
        };
        for word in ProblemType::ALL {
            let (found, assumed) = kind(&format!(r#"{{"problem_type": "{word}"}}"#), 1);
            assert_eq!((found.unwrap(), assumed), (word, 0));
        }
        assert!(matches!(kind("{}", 2), (Ok(ProblemType::SingleLabelClassification), 0)));
        assert!(matches!(kind(r#"{"problem_type": null}"#, 1), (Ok(ProblemType::Regression), 1)));
        let refused = kind(r#"{"problem_type": "ranking"}"#, 2).0.unwrap_err().to_string();
        assert!(refused.contains("`problem_type` is ranking") && refused.contains("regression"), "{refused}");
    }

    #[test]
    fn as_many_labels_as_classes() {
        let config = parse(r#"{"id2label": {"0": "walk", "1": "run"}}"#);
        let labels = |classes| config.labels(Path::new(""), Kind::Classifier { classes });
        assert_eq!(labels(2).unwrap(), ["walk", "run"]);
        assert!(labels(3).is_err());
    }
}
