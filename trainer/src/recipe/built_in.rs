//! The recipes that come with the command; each is a file in `recipes/` and a line here.

use super::{error::RecipeError, layers::distance};

/// A recipe by the name of its file.
macro_rules! recipe {
    ($name:literal) => {
        ($name, &[include_str!(concat!("../../../recipes/", $name, ".toml"))])
    };
}

/// A recipe for fine-tuning: what all of them share, and a file that changes it.
macro_rules! finetune {
    ($name:literal) => {
        (
            concat!("finetune-", $name),
            &[
                include_str!("../../../recipes/finetune/published.toml"),
                include_str!(concat!("../../../recipes/finetune/", $name, ".toml")),
            ],
        )
    };
}

/// A recipe's name and its layers, each laid over the one before.
type Layers = (&'static str, &'static [&'static str]);

const TABLE: &[Layers] = &[
    recipe!("tiny"),
    recipe!("laptop"),
    recipe!("tube-and-frame"),
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
    finetune!("s-k400"),
    finetune!("b-k400-800"),
    finetune!("b-k400"),
    finetune!("l-k400"),
    finetune!("h-k400"),
    finetune!("s-ssv2"),
    finetune!("b-ssv2-800"),
    finetune!("b-ssv2"),
    finetune!("b-ucf101"),
    finetune!("v2-b-k400"),
    finetune!("v2-b-k710"),
    finetune!("v2-b-ssv2"),
    finetune!("v2-l-k400"),
    finetune!("v2-l-ssv2"),
    finetune!("v2-h-k400"),
    finetune!("v2-h-k710"),
    finetune!("v2-h-k600"),
    finetune!("v2-h-ssv2"),
    finetune!("v2-g-k710"),
    finetune!("v2-g-k400"),
    finetune!("v2-g-k710-k400"),
    finetune!("v2-g-k710-k600"),
    finetune!("v2-g-ssv2"),
    finetune!("v2-g-k710-ucf101"),
    finetune!("v2-g-k710-hmdb51"),
    finetune!("small"),
];

pub(super) fn names() -> Vec<&'static str> {
    TABLE.iter().map(|(name, _)| *name).collect()
}

pub(super) fn layers(name: &str) -> Result<&'static [&'static str], RecipeError> {
    TABLE.iter().find(|(known, _)| *known == name).map(|(_, layers)| *layers).ok_or_else(|| {
        let mut names = names();
        names.sort_by_key(|known| distance(name, known));
        RecipeError::UnknownRecipe { name: name.to_owned(), names: names.join(", ") }
    })
}
