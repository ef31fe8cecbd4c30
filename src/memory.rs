//! Whether a step fits into this machine's memory; where it does not, what would.
//!
//! Nothing tells a process that it has asked for too much: Linux promises memory freely and kills whoever
//! uses it when there is none. So a step is counted beforehand, from the recipe alone.

use trainer::{
    Device, Recipe,
    kernels::Kernels,
    model::{
        layout,
        memory::{Branches, MemoryEstimate, StepSize},
    },
};

use crate::{data::masked::token_counts, error::Result, machine, observer::Observer, words::bytes};

/// What a step of pre-training takes, by part.
///
/// # Errors
/// When the recipe is wrong.
pub fn of_step(recipe: &Recipe) -> Result<MemoryEstimate> {
    let shape = recipe.model_shape()?;
    let tokens = token_counts(recipe)?;
    let (clips, parts) = recipe.accumulation()?;
    let whole = recipe.model.kernels == Kernels::Own && recipe.model.drop_path == 0.0;
    let step = StepSize {
        clips,
        visible: tokens.visible,
        masked: tokens.predicted,
        counted: tokens.counted,
        memory: recipe.memory(),
        branches: if whole { Branches::Whole } else { Branches::InParts },
        parts,
        averages: recipe.optimiser.ema > 0.0,
    };
    Ok(MemoryEstimate::of_pretraining(&shape, layout::pretraining(&shape).parameters(), step))
}

/// Tells the user when a step is likely to need more memory than there is, and which smaller one fits.
///
/// # Errors
/// When the recipe is wrong.
pub fn note_when_short(recipe: &Recipe, device: &Device, observer: &dyn Observer) -> Result<()> {
    let Some(free) = machine::free_memory().filter(|_| device.is_cpu()) else { return Ok(()) };
    if let Some(advice) = advice(recipe, free)? {
        observer.note(advice);
    }
    Ok(())
}

/// What to say when `free` bytes are too few; none when they are enough.
fn advice(recipe: &Recipe, free: u64) -> Result<Option<String>> {
    let wanted = of_step(recipe)?.total();
    if wanted <= free {
        return Ok(None);
    }
    let short = format!("warning: a step takes about {}, and {} are free here", bytes(wanted), bytes(free));
    let Some((smaller, takes)) = smaller(recipe, free)? else {
        let least = "no smaller micro-batch fits; a smaller model may";
        return Ok(Some(format!("{short}\n\nhint: {least}")));
    };
    let (micro_batch, _) = smaller.accumulation()?;
    let mut hint = format!("`--set optimiser.micro_batch={micro_batch}");
    if smaller.model.gradient_checkpointing && !recipe.model.gradient_checkpointing {
        hint += " --set model.gradient_checkpointing=true";
    }
    Ok(Some(format!("{short}\n\nhint: {hint}` takes about {}", bytes(takes))))
}

/// The recipe with the largest micro-batch that fits, blocks computed again only if nothing else does, and
/// what its step takes. The clips of an update stay the same.
fn smaller(recipe: &Recipe, free: u64) -> Result<Option<(Recipe, u64)>> {
    let (micro_batch, _) = recipe.accumulation()?;
    let (batch, repeats) = (recipe.optimiser.batch, recipe.clip.repeats);
    let fits = |clips: &usize| batch.is_multiple_of(*clips) && clips.is_multiple_of(repeats);
    for again in [recipe.model.gradient_checkpointing, true] {
        for clips in (1..=micro_batch).rev().filter(fits) {
            let mut smaller = recipe.clone();
            smaller.optimiser.micro_batch = clips;
            smaller.model.gradient_checkpointing = again;
            let takes = of_step(&smaller)?.total();
            if takes <= free {
                return Ok(Some((smaller, takes)));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(batch: usize) -> Recipe {
        let mut recipe = Recipe::built_in("vit-b-k400-800").unwrap();
        recipe.optimiser.batch = batch;
        recipe.optimiser.micro_batch = 0;
        recipe
    }

    #[test]
    fn a_step_that_fits_is_not_spoken_of() {
        assert_eq!(advice(&base(2), 3_000_000_000).unwrap(), None);
    }

    #[test]
    fn the_largest_micro_batch_that_fits_is_named() {
        let said = advice(&base(64), 6_000_000_000).unwrap().unwrap();
        assert!(said.contains("6.00 GB are free here"), "{said}");
        assert!(said.contains("optimiser.micro_batch=16`"), "{said}");
    }

    #[test]
    fn blocks_are_computed_again_where_no_micro_batch_fits_otherwise() {
        let mut recipe = base(64);
        recipe.clip.repeats = 4;
        let free = of_step(&{
            let mut least = recipe.clone();
            least.optimiser.micro_batch = 4;
            least.model.gradient_checkpointing = true;
            least
        });
        let said = advice(&recipe, free.unwrap().total()).unwrap().unwrap();
        // Of more micro-batches more sums wait, so that the smallest is not the one that takes least.
        assert!(
            said.contains("micro_batch=") && said.contains(" --set model.gradient_checkpointing=true`"),
            "{said}"
        );
        assert!(advice(&recipe, 1 << 30).unwrap().unwrap().contains("no smaller micro-batch fits"));
    }
}
