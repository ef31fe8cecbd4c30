//! Checks of what kind of answer a classifier's head gives, and of how much each class counts.

use schemas::ProblemType;

use super::{
    error::{RecipeError, invalid},
    finetuning_sections::{ClassWeights, Classifier, WeightRule},
    sections::Recipe,
};

/// Weights as they are written in a recipe.
fn shown(weights: &ClassWeights) -> String {
    match weights {
        ClassWeights::By(WeightRule::None) => "none".to_owned(),
        ClassWeights::By(WeightRule::Balanced) => "balanced".to_owned(),
        ClassWeights::Given(weights) => format!("{weights:?}"),
    }
}

impl Recipe {
    /// Why its weights do not serve a head of `answers` answers.
    pub(crate) fn other_weights(&self, answers: usize) -> RecipeError {
        let weights = &self.classifier.class_weights;
        let (why, hint) = match weights {
            ClassWeights::By(_) => {
                ("is a rule, and a training takes the list that comes of it".to_owned(), None)
            }
            ClassWeights::Given(given) => (
                format!("has {} weights for {answers} classes", given.len()),
                Some(format!("a list of {answers} numbers, balanced, or none")),
            ),
        };
        invalid("classifier.class_weights", shown(weights), why, hint)
    }

    /// Checks what goes with the kind of answer.
    pub(super) fn check_answers(&self) -> Result<(), RecipeError> {
        let Classifier { problem_type, class_weights, balanced_sampling, .. } = &self.classifier;
        if *problem_type == ProblemType::Regression {
            let why = || "is about classes, and `classifier.problem_type = regression` has none".to_owned();
            if !class_weights.is_none() {
                return Err(invalid("classifier.class_weights", shown(class_weights), why(), None));
            }
            if *balanced_sampling {
                return Err(invalid("classifier.balanced_sampling", true, why(), None));
            }
        }
        if let ClassWeights::Given(weights) = class_weights {
            let usable = weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0);
            if !usable || !weights.iter().any(|weight| *weight > 0.0) {
                let why = "are not numbers from 0 up, of which one is above 0".to_owned();
                return Err(invalid("classifier.class_weights", shown(class_weights), why, None));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(settings: &[&str]) -> Recipe {
        let mut recipe = Recipe::default();
        settings.iter().for_each(|setting| recipe.set(setting).unwrap());
        recipe
    }

    #[test]
    fn what_is_as_ever_is_not_written_down_and_everything_can_be_set() {
        let plain = Recipe::default();
        assert!(!plain.to_toml().contains("problem_type") && !plain.to_toml().contains("class_weights"));
        let settings = plain.settings();
        for key in ["problem_type", "class_weights", "balanced_sampling"] {
            assert!(settings.iter().any(|(name, _)| *name == format!("classifier.{key}")), "{key}");
        }
        let keys = plain.left_out().into_iter().map(|(key, _)| key);
        assert_eq!(keys.filter(|key| key.starts_with("classifier.")).count(), 3);
        let changed = with(&[
            "classifier.problem_type=multi_label_classification",
            "classifier.class_weights=[1, 2.5]",
            "classifier.balanced_sampling=true",
        ]);
        assert_eq!(changed.classifier.class_weights, ClassWeights::Given(vec![1.0, 2.5]));
        assert_eq!(Recipe::from_toml(&changed.to_toml()).unwrap(), changed);
        let balanced = with(&["classifier.class_weights=balanced"]);
        assert_eq!(balanced.classifier.class_weights, ClassWeights::By(WeightRule::Balanced));
        let mut back = balanced;
        back.set("classifier.class_weights=none").unwrap();
        assert_eq!(back.to_toml(), plain.to_toml());
    }

    #[test]
    fn settings_of_answers_that_do_not_fit_are_refused() {
        let refused = with(&["classifier.problem_type=regression", "classifier.class_weights=balanced"]);
        let why = refused.check().unwrap_err().to_string();
        assert!(why.starts_with("`classifier.class_weights = balanced` is about classes"), "{why}");
        assert!(
            with(&["classifier.problem_type=regression", "classifier.balanced_sampling=true"])
                .check()
                .is_err()
        );
        assert!(with(&["classifier.class_weights=[0, 0]"]).check().is_err());
        assert!(with(&["classifier.class_weights=[1, -1]"]).check().is_err());
        let why = Recipe::default().set("classifier.class_weights=heavy").unwrap_err().to_string();
        assert!(why.contains("none, balanced, or a list"), "{why}");
        let why = Recipe::default().set("classifier.problem_type=multi").unwrap_err().to_string();
        assert!(why.contains("multi_label_classification"), "{why}");
    }
}
