//! What runs predicted of the same clips, at several of their steps.

use super::{numbers::count, page::Page, run::RunFacts, thumbnail};

/// Pictures of all runs together; each is some tens of kilobytes.
const PICTURES: usize = 24;
/// Pictures of a run.
const OF_A_RUN: usize = 6;
/// Columns and rows of a picture at most.
const SIZE: [u32; 2] = [680, 1000];

/// The pictures of a run, evenly spread, the first and the last among them.
pub fn write(page: &mut Page, run: &RunFacts, runs: usize) {
    let most = (PICTURES / runs.max(1)).clamp(2, OF_A_RUN);
    let shown: Vec<(String, Option<String>)> = spread(run.pictures.len(), most)
        .into_iter()
        .map(|at| {
            let (step, path) = &run.pictures[at];
            (format!("step {}", count(*step)), thumbnail::of_picture(path, SIZE))
        })
        .collect();
    page.paragraph(
        "Four frames of each clip: as they are, as the encoder saw them, and as the model predicts them, with brightness \
         and contrast of each hidden cube given unless the recipe predicts raw pixels.",
    );
    page.pictures("sheets", &shown);
}

/// `most` places of `of`, evenly spread.
fn spread(of: usize, most: usize) -> Vec<usize> {
    if of <= most {
        return (0..of).collect();
    }
    (0..most).map(|place| place * (of - 1) / (most - 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_are_among_those_that_are_shown() {
        assert_eq!(spread(3, 6), [0, 1, 2]);
        assert_eq!(spread(11, 6), [0, 2, 4, 6, 8, 10]);
        assert_eq!(spread(0, 6), Vec::<usize>::new());
    }
}
