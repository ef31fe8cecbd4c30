//! Why settings make no recipe, and what would do instead.

/// Why settings make no recipe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// The text is not TOML, or a setting not `key=value`.
    #[error("the recipe cannot be read: {why}")]
    Syntax {
        /// What is wrong, and where.
        why: String,
    },
    /// There is no such setting.
    #[error("there is no setting `{key}`")]
    UnknownKey {
        /// What was given.
        key: String,
        /// The setting whose name is nearest.
        nearest: String,
    },
    /// There is no built-in recipe of this name.
    #[error("there is no built-in recipe `{}`", schemas::secrets::address_without_secrets(name))]
    UnknownRecipe {
        /// What was asked for.
        name: String,
        /// The names there are.
        names: String,
    },
    /// A setting is of another kind: text for a number, or a word that it does not know.
    #[error("`{key} = {value}` is not a valid value: {why}")]
    Kind {
        /// Which setting.
        key: String,
        /// What was given.
        value: String,
        /// What it takes.
        why: String,
    },
    /// A setting is out of range or does not go with another.
    #[error("`{key} = {value}` {why}")]
    Invalid {
        /// Which setting.
        key: String,
        /// Its value.
        value: String,
        /// What is wrong with it.
        why: String,
        /// What would do.
        hint: Option<String>,
    },
}

impl RecipeError {
    /// What would do, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownKey { nearest, .. } => Some(format!("the nearest one is `{nearest}`")),
            Self::UnknownRecipe { names, .. } => Some(format!("the built-in recipes are {names}")),
            Self::Invalid { hint, .. } => hint.clone(),
            Self::Syntax { .. } | Self::Kind { .. } => None,
        }
    }
}

/// A setting that is out of range or does not go with another.
pub(super) fn invalid(key: &str, value: impl ToString, why: String, hint: Option<String>) -> RecipeError {
    RecipeError::Invalid { key: key.to_owned(), value: value.to_string(), why, hint }
}

/// "14 and 16 do": what divides `length` and is of a sensible size.
pub(super) fn divisors(length: usize) -> Option<String> {
    let found: Vec<String> =
        (4..=32).filter(|by| length.is_multiple_of(*by)).map(|by| by.to_string()).collect();
    let (last, others) = found.split_last()?;
    Some(if others.is_empty() {
        format!("{last} does")
    } else {
        format!("{} and {last} do", others.join(", "))
    })
}
