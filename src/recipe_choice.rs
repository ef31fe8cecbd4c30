//! Which recipe: a built-in one, a file, or one in hand, and what is changed of it.

use std::path::Path;

use schemas::regular_file;
use trainer::{Recipe, RecipeError};

use crate::{
    error::{Context as _, Result, Usage},
    input_file,
};

/// Where a recipe comes from.
#[derive(Clone, Debug, Default)]
pub enum RecipeSource {
    /// What fits: that of a run or a model, else the default of what is done.
    #[default]
    Fitting,
    /// A built-in recipe's name, or a TOML file.
    Named(String),
    /// This one.
    Given(Box<Recipe>),
}

/// A recipe and changes to it.
#[derive(Clone, Debug, Default)]
pub struct RecipeChoice {
    /// Where it comes from.
    pub source: RecipeSource,
    /// Changes such as `model.size=small`, in their order.
    pub set: Vec<String>,
    /// What the factors of matrix products are rounded to, `f32` or `bf16`; the same as `model.precision=…`.
    pub precision: Option<String>,
}

impl From<Recipe> for RecipeChoice {
    fn from(recipe: Recipe) -> Self {
        Self { source: RecipeSource::Given(Box::new(recipe)), ..Self::default() }
    }
}

impl RecipeChoice {
    /// A built-in recipe's name, or a TOML file.
    pub fn named(name: impl Into<String>) -> Self {
        Self { source: RecipeSource::Named(name.into()), ..Self::default() }
    }

    /// The recipe with its changes, not checked yet; `default` gives the one that fits.
    ///
    /// # Errors
    /// Usage error: an unknown name or key, a value that does not fit.
    pub fn resolve(&self, default: impl FnOnce() -> Result<Recipe>) -> Result<Recipe> {
        let mut recipe = match &self.source {
            RecipeSource::Fitting => default()?,
            RecipeSource::Given(recipe) => Recipe::clone(recipe),
            RecipeSource::Named(name) if Path::new(name).is_file() => {
                let text = regular_file::read_to_string(Path::new(name))
                    .with_context(|| format!("{name} cannot be read"))?;
                Recipe::from_toml(&text).map_err(|why| Usage::new(format!("{name}: {why}")))?
            }
            RecipeSource::Named(name) => built_in(name).or_else(|unknown| {
                input_file::check_file(Path::new(name))?;
                Err(unknown)
            })?,
        };
        for change in &self.set {
            recipe.set(change).map_err(wrong)?;
        }
        if let Some(precision) = &self.precision {
            recipe.set(&format!("model.precision={precision}")).map_err(wrong)?;
        }
        Ok(recipe)
    }

    /// Whether a setting is among those that are changed.
    pub fn sets(&self, key: &str) -> bool {
        self.set.iter().any(|change| change.split('=').next().is_some_and(|name| name.trim() == key))
    }
}

/// The built-in recipe of this name.
///
/// # Errors
/// Usage error: there is none.
pub fn built_in(name: &str) -> Result<Recipe> {
    Ok(Recipe::built_in(name).map_err(wrong)?)
}

/// Refuses a recipe whose settings do not fit each other.
///
/// # Errors
/// Usage error with what would do.
pub fn check(recipe: &Recipe) -> Result<()> {
    Ok(recipe.check().map_err(wrong)?)
}

/// A recipe that is wrong, with what would do.
pub fn wrong(why: RecipeError) -> Usage {
    let usage = Usage::new(why.to_string());
    match why.hint() {
        Some(hint) => usage.hint(hint),
        None => usage.hint("`tubelet inspect recipe tiny` shows every setting and its value"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_come_after_the_recipe_and_the_precision_last() {
        let mut choice = RecipeChoice::named("tiny");
        choice.set = vec!["run.seed=7".to_owned(), "model.precision=f32".to_owned()];
        choice.precision = Some("bf16".to_owned());
        let recipe = choice.resolve(|| unreachable!("because one is named")).unwrap();
        assert_eq!((recipe.run.seed, recipe.model.precision.to_string().as_str()), (7, "bf16"));
        assert!(choice.sets("run.seed") && !choice.sets("run"));
        let given = RecipeChoice::from(recipe.clone());
        assert_eq!(given.resolve(|| unreachable!("because one is given")).unwrap(), recipe);
    }

    #[test]
    fn a_wrong_key_is_a_usage_error_with_the_nearest_one() {
        let choice = RecipeChoice { set: vec!["model.siz=small".to_owned()], ..RecipeChoice::default() };
        let refused = choice.resolve(|| built_in("tiny")).unwrap_err();
        assert_eq!(refused.hint(), Some("the nearest one is `model.size`"));
        assert!(RecipeChoice::named("no-such").resolve(|| built_in("tiny")).unwrap_err().usage().is_some());
    }
}
