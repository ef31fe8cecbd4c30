//! What settings mean for the tensors beside them, and which are refused.

use std::path::Path;

use schemas::{ProblemType, geometry::CHANNELS};

use super::{Config, numbered};
use crate::{
    checkpoint::{CheckpointError, Kind},
    model::layout::LastNorm,
};

impl Config {
    /// What `kind` is with what only the settings say: whether an encoder alone has its last norm.
    pub(in super::super) fn completed(&self, kind: Kind) -> Kind {
        match kind {
            Kind::Encoder { last_norm: LastNorm::Present } if self.use_mean_pooling => {
                Kind::Encoder { last_norm: LastNorm::Absent }
            }
            other => other,
        }
    }

    /// Refuses settings that make something else of the weights than VideoMAE. `last_norm` says whether there is
    /// the norm behind the encoder among them.
    pub(in super::super) fn check(
        &self,
        path: &Path,
        kind: Kind,
        last_norm: bool,
    ) -> Result<(), CheckpointError> {
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
    pub(in super::super) fn patch(&self, path: &Path) -> Result<usize, CheckpointError> {
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
    pub(in super::super) fn labels(&self, path: &Path, kind: Kind) -> Result<Vec<String>, CheckpointError> {
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
    pub(in super::super) fn problem_type(
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
