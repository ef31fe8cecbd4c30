//! The recipes that come with the command; each is a file in `recipes/` and a line here.

use super::{RecipeError, layers::distance};

/// A recipe by the name of its file.
macro_rules! recipe {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../recipes/", $name, ".toml")))
    };
}

const TABLE: &[(&str, &str)] = &[
    recipe!("tiny"),
    recipe!("laptop"),
    recipe!("one-gpu"),
    recipe!("vit-s-k400-1600"),
    recipe!("vit-b-k400-800"),
    recipe!("vit-b-k400-1600"),
    recipe!("vit-l-k400-1600"),
    recipe!("vit-h-k400-1600"),
    recipe!("vit-s-ssv2-2400"),
    recipe!("vit-b-ssv2-800"),
    recipe!("vit-b-ssv2-2400"),
    recipe!("vit-l-ssv2-2400"),
    recipe!("vit-b-ucf101-3200"),
    recipe!("vit-b-hmdb51-4800"),
    recipe!("v2-vit-b-800"),
    recipe!("v2-vit-l-1200"),
    recipe!("v2-vit-h-1200"),
    recipe!("v2-vit-g-1200"),
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
