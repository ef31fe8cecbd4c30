//! How settings are laid over each other: text and `key=value` to a recipe, and back to text.
//!
//! A recipe is turned into a table that has every key, the new settings are put in, and the table is
//! turned back. A key that the table does not have is unknown; a value of another kind is refused.

use toml::{Table, Value};

use super::{error::RecipeError, run_section, sections::Recipe};

/// Section, key and value of the settings that are written down only where they are another: a recipe that does not
/// know them has the text, and the digest, that it always had.
fn as_ever() -> impl Iterator<Item = (&'static str, &'static str, Value)> {
    let of_others = [
        ("clip", "verified_in", Value::String(String::new())),
        ("classifier", "problem_type", Value::String("single_label_classification".to_owned())),
        ("classifier", "class_weights", Value::String("none".to_owned())),
        ("classifier", "balanced_sampling", Value::Boolean(false)),
    ];
    of_others.into_iter().chain(run_section::as_ever().map(|(key, value)| ("run", key, value)))
}

impl Recipe {
    /// The defaults with what `text` (TOML) names changed.
    ///
    /// # Errors
    /// When the text is no TOML, or names a setting that does not exist or takes something else.
    pub fn from_toml(text: &str) -> Result<Self, RecipeError> {
        let mut recipe = Self::default();
        recipe.lay(text)?;
        Ok(recipe)
    }

    /// Changes what `text` (TOML) names.
    ///
    /// # Errors
    /// As [`Self::from_toml`]; the recipe is then as it was.
    pub fn lay(&mut self, text: &str) -> Result<(), RecipeError> {
        let table: Table =
            text.parse().map_err(|why: toml::de::Error| RecipeError::Syntax { why: why.to_string() })?;
        let mut changed = self.clone();
        for (section, settings) in table {
            let Value::Table(settings) = settings else {
                return Err(changed.unknown(section));
            };
            for (key, value) in settings {
                changed.put(&format!("{section}.{key}"), value)?;
            }
        }
        *self = changed;
        Ok(())
    }

    /// Changes one setting, given as `section.key=value`. A value that is no TOML is taken as text.
    ///
    /// # Errors
    /// When there is no `=`, no such setting, or it takes something else.
    pub fn set(&mut self, setting: &str) -> Result<(), RecipeError> {
        let Some((key, value)) = setting.split_once('=') else {
            return Err(RecipeError::Syntax { why: format!("`{setting}` is not `section.key=value`") });
        };
        let (key, value) = (key.trim(), value.trim());
        let mut table = format!("value = {value}").parse::<Table>().unwrap_or_default();
        if table.len() > 1 {
            let why = format!("`{}` is more than one `section.key=value`", setting.escape_debug());
            return Err(RecipeError::Syntax { why });
        }
        self.put(key, table.remove("value").unwrap_or_else(|| Value::String(value.to_owned())))
    }

    /// The whole recipe as TOML, every setting named but those of [`Self::left_out`].
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("because a recipe is tables of numbers, words and switches")
    }

    /// Every setting as `section.key` and its value in TOML, in the order of the text.
    pub fn settings(&self) -> Vec<(String, String)> {
        let sections = self.table().into_iter();
        sections
            .flat_map(|(section, settings)| {
                let settings = if let Value::Table(settings) = settings { settings } else { Table::new() };
                settings.into_iter().map(move |(key, value)| (format!("{section}.{key}"), value.to_string()))
            })
            .collect()
    }

    /// The settings that [`Self::to_toml`] leaves out, as [`Self::settings`] has them.
    pub fn left_out(&self) -> Vec<(String, String)> {
        let text: Table = self.to_toml().parse().expect("because a recipe's text is TOML");
        let is_written =
            |key: &str| key.split_once('.').is_some_and(|(section, name)| text[section].get(name).is_some());
        self.settings().into_iter().filter(|(key, _)| !is_written(key)).collect()
    }

    fn put(&mut self, key: &str, value: Value) -> Result<(), RecipeError> {
        let mut table = self.table();
        let slot = key
            .split_once('.')
            .and_then(|(section, name)| table.get_mut(section)?.as_table_mut()?.get_mut(name))
            .ok_or_else(|| self.unknown(key.to_owned()))?;
        *slot = match (&slot, value) {
            // `ratio = 1` means 1.0.
            (Value::Float(_), Value::Integer(whole)) => Value::Float(whole as f64),
            (_, value) => value,
        };
        let shown = slot.to_string();
        *self = Self::try_from_table(table).map_err(|why| RecipeError::Kind {
            key: key.to_owned(),
            value: shown,
            why,
        })?;
        Ok(())
    }

    /// Every setting, also those that [`Self::to_toml`] leaves out where they are as ever.
    fn table(&self) -> Table {
        let mut table =
            Table::try_from(self).expect("because a recipe is tables of numbers, words and switches");
        for (section, key, value) in as_ever() {
            if let Some(Value::Table(settings)) = table.get_mut(section)
                && !settings.contains_key(key)
            {
                settings.insert(key.to_owned(), value);
            }
        }
        table
    }

    fn try_from_table(table: Table) -> Result<Self, String> {
        table.try_into().map_err(|why: toml::de::Error| why.message().to_owned())
    }

    fn unknown(&self, key: String) -> RecipeError {
        let keys = self.settings().into_iter().map(|(key, _)| key);
        let nearest = keys.min_by_key(|known| distance(&key, known)).unwrap_or_default();
        RecipeError::UnknownKey { key, nearest }
    }
}

/// Letters to insert, delete or exchange to get from one word to the other (Levenshtein).
pub(super) fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, other) in to.iter().enumerate() {
            let exchanged = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = exchanged.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Size;

    #[test]
    fn a_recipe_read_from_its_own_text_is_the_same() {
        let mut recipe = Recipe::default();
        recipe.set("model.size=tiny").unwrap();
        recipe.set("mask.ratio = 0.75").unwrap();
        let again = Recipe::from_toml(&recipe.to_toml()).unwrap();
        assert_eq!(again, recipe);
        assert_eq!(again.digest(), recipe.digest());
        assert_ne!(again.digest(), Recipe::default().digest());
    }

    #[test]
    fn later_layers_change_only_what_they_name() {
        let mut recipe = Recipe::from_toml("[model]\nsize = \"tiny\"\n[clip]\nsize = 112").unwrap();
        recipe.lay("[clip]\nstride = 2").unwrap();
        assert_eq!((recipe.model.size, recipe.clip.size, recipe.clip.stride), (Size::Tiny, 112, 2));
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_one() {
        let refused = Recipe::default().set("optimizer.batch=8").unwrap_err();
        assert_eq!(refused.to_string(), "there is no setting `optimizer.batch`");
        assert_eq!(refused.hint().unwrap(), "the nearest one is `optimiser.batch`");
        assert!(matches!(Recipe::from_toml("frames = 16"), Err(RecipeError::UnknownKey { .. })));
    }

    #[test]
    fn a_value_of_another_kind_is_refused_and_nothing_changes() {
        let mut recipe = Recipe::default();
        assert!(matches!(recipe.set("clip.frames=many"), Err(RecipeError::Kind { .. })));
        assert!(matches!(recipe.set("clip.frames=-1"), Err(RecipeError::Kind { .. })));
        assert!(matches!(recipe.set("model.size=enormous"), Err(RecipeError::Kind { .. })));
        assert!(recipe.lay("[clip]\nframes = 8\nstrid = 2").is_err());
        assert_eq!(recipe, Recipe::default());
    }

    #[test]
    fn a_setting_that_holds_another_is_refused() {
        let mut recipe = Recipe::default();
        let refused = recipe.set("clip.frames=8\nclip.size = 96").unwrap_err();
        assert!(
            refused.to_string().contains(r"`clip.frames=8\nclip.size = 96` is more than one"),
            "{refused}"
        );
        assert_eq!(recipe, Recipe::default());
    }

    #[test]
    fn a_whole_number_does_for_a_fraction() {
        let mut recipe = Recipe::default();
        recipe.set("optimiser.clip_norm=1").unwrap();
        assert_eq!(recipe.optimiser.clip_norm, 1.0);
    }
}
