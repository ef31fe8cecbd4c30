//! The recipes that come with the command; each is a file in `recipes/` and a line here.

use super::{RecipeError, layers::distance};

const TABLE: &[(&str, &str)] = &[
    ("tiny", include_str!("../../../recipes/tiny.toml")),
    ("vit-b-k400-800", include_str!("../../../recipes/vit-b-k400-800.toml")),
];

pub(super) fn names() -> Vec<&'static str> {
    TABLE.iter().map(|(name, _)| *name).collect()
}

pub(super) fn text(name: &str) -> Result<&'static str, RecipeError> {
    TABLE.iter().find(|(known, _)| *known == name).map(|(_, text)| *text).ok_or_else(|| {
        let mut names = names();
        names.sort_by_key(|known| distance(name, known));
        RecipeError::UnknownRecipe { name: name.to_owned(), names: names.join(", ") }
    })
}
