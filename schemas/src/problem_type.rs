//! What kind of answer a head gives: the words are Hugging Face's `problem_type`.
//!
//! ```text
//! single_label_classification    one class a video          softmax     cross entropy
//! multi_label_classification     any number of classes      sigmoid     binary cross entropy of each
//! regression                     one or several numbers     as it is    mean squared error
//! ```

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

/// What kind of answer a head gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemType {
    /// One class of several; the classes' probabilities sum to 1.
    #[default]
    SingleLabelClassification,
    /// Any number of classes, also none; each has a probability of its own.
    MultiLabelClassification,
    /// Numbers as they are.
    Regression,
}

impl ProblemType {
    /// All kinds.
    pub const ALL: [Self; 3] =
        [Self::SingleLabelClassification, Self::MultiLabelClassification, Self::Regression];

    /// Whether a video has one class: what is not written down where it is so.
    pub fn is_single_label(&self) -> bool {
        *self == Self::SingleLabelClassification
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::SingleLabelClassification => "single_label_classification",
            Self::MultiLabelClassification => "multi_label_classification",
            Self::Regression => "regression",
        }
    }

    /// The kind of this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl Display for ProblemType {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_config_json() {
        for kind in ProblemType::ALL {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
            assert_eq!(ProblemType::of_word(kind.word()), Some(kind));
        }
        assert_eq!(ProblemType::of_word("multi_label"), None);
    }
}
