//! Settings of a recipe as the numbers of 32 bits that the pipeline takes.

/// The setting, or as much as there can be: a large number never becomes a small one. `Recipe::check` refuses what is
/// anywhere near.
pub fn narrow(setting: usize) -> u32 {
    u32::try_from(setting).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use pipeline::sampling::pretraining::Pace;
    use trainer::Recipe;

    use super::*;
    use crate::{
        data::{labelled, masked},
        memory, recipe_choice,
    };

    #[test]
    fn large_settings_stay_large() {
        assert_eq!(
            [7, u32::MAX as usize, 1 << 32, usize::MAX].map(narrow),
            [7, u32::MAX, u32::MAX, u32::MAX]
        );
    }

    /// A recipe with one setting changed; nothing where that is refused.
    fn with(key: &str, value: &str) -> Option<Recipe> {
        let mut recipe = Recipe::built_in("tiny").unwrap();
        recipe.set(&format!("{key}={value}")).ok()?;
        recipe_choice::check(&recipe).ok().map(|()| recipe)
    }

    #[test]
    fn every_number_of_a_recipe_is_refused_or_works_whatever_it_is() {
        const VALUES: [&str; 11] = [
            "0",
            "1",
            "2147483648",
            "4294967297",
            "1000000000000",
            "9223372036854775807",
            "9223372036854775808",
            "-1",
            "nan",
            "inf",
            "1e300",
        ];
        let settings = Recipe::built_in("tiny").unwrap().settings();
        let numbers: Vec<_> = settings.iter().filter(|(_, value)| value.parse::<f64>().is_ok()).collect();
        assert!(numbers.len() > 50, "{}", numbers.len());
        let mut refused = 0;
        for (key, _) in numbers {
            for value in VALUES {
                let Some(recipe) = with(key, value) else {
                    refused += 1;
                    continue;
                };
                let masked = masked::settings(&recipe, narrow(recipe.clip.clips_per_video)).unwrap();
                assert!(
                    recipe.clip.target_fps > 0.0 || masked.pace == Pace::Stride(recipe.clip.stride as u32)
                );
                assert_eq!(masked.short_side as usize, recipe.clip.short_side, "{key} = {value}");
                assert_eq!(
                    (masked.batch * masked.repeats * masked.batches_per_update) as usize,
                    recipe.optimiser.batch
                );
                let training = labelled::training_settings(&recipe).unwrap();
                assert_eq!(training.clips_per_video as usize, recipe.clip.clips_per_video, "{key} = {value}");
                recipe.learning_rate(1000, 1_000_000);
                recipe.steps_per_epoch(1 << 32).unwrap();
                // A mask may hide everything, which is told; nothing here may panic.
                let _ = memory::of_step(&recipe);
            }
        }
        assert!(refused > 300, "{refused}");
    }
}
