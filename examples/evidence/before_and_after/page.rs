//! docs/evidence-before-and-after.md: the numbers in words, whatever they say.

use std::fmt::Write as _;

use super::{Arm, FRAMES, Measured};
use crate::{figures::Measure, work::Found};

/// Where it is written.
pub const NAME: &str = "docs/evidence-before-and-after.md";

/// Distances of the table.
const DISTANCES: std::ops::RangeInclusive<usize> = 1..=8;

/// The two tables: title, and what videos they are about.
const PARTS: [(&str, &str); 2] = [
    ("On made motion", "A thing drifts over a ground that stands still, in one of eight directions."),
    (
        "On real films",
        "Windows that pan over films while these play, in one of eight directions, by 2 or 3 pixels a frame. The films of the \
         test are seen nowhere else.",
    ),
];

/// The page of what was found on made videos, and on windows over real films.
pub fn text(parts: &[Found]) -> String {
    let mut page = format!(
        "# What comes before and after\n\n\
         Whether a model that is shown two frames of a clip paints the next eight better than copying the last of the two \
         does. The clips have {FRAMES} frames of 32×32 pixels; frames 0 and 1 are given, so frames 2 to 9 are 1 to 8 frames \
         away. The model is that of [the other experiment](../EVIDENCE.md) (a third of a million parameters, pixels as \
         targets), pre-trained on 2048 videos of 16 frames for 4000 steps of 32 clips, with four fifths hidden: by \
         `tube-and-frame`, which shows one of five time positions in half of the clips and a tube mask in the others, and by \
         `tube` alone, which never asks for a whole frame. Settings were not chosen; there is one.\n\n\
         Numbers are mean squared errors of pixels (0 to 1, times 1000) over 256 test videos that no model was trained \
         on: means over the seeds, with least and most in brackets. The copy and the mean need no model. *Nearer* is the share \
         of videos in which the model is nearer to the truth than the copy. A model is said to beat the copy at a distance \
         where it does so with every seed.\n",
    );
    for ((title, videos), found) in PARTS.iter().zip(parts) {
        let _ = write!(page, "\n## {title}\n\n{videos}\n\n{}\n\n{}", verdict(found), table(found));
    }
    page + "\n## What this does not show\n\n\
            - Nothing about larger models, larger frames or longer training: an encoder of a third of a million parameters, \
            trained for minutes.\n\
            - Squared error rewards a blurred guess where several things may come next. A picture with less error need not \
            look more like what came; look at some (`tubelet reconstruct --given first`).\n\
            - The made videos repeat themselves: a thing that leaves on one side comes in on the other, over a ground that stands \
            still. What moves is a small part of the picture, and the copy is right about the rest.\n\
            - The windows over real films pan, so that everything moves by a few pixels a frame, and following the \
            pan may be most of what the models win. It says little about films whose camera stands still.\n\
            - Two frames are given, which tell the direction of motion; one picture alone does not, and would leave less to be \
            won.\n\
            - Three seeds are few: a band from least to most is no interval.\n\n\
            Repeat it: `scripts/evidence.sh --before-and-after`, and `scripts/evidence.sh --before-and-after --real FOLDER` with at least six \
            films; `make evidence` does the first.\n"
}

/// What an arm measured at a distance, of each seed.
fn at(found: &Found, arm: Arm, distance: usize, number: fn(&Measured) -> f64) -> Measure {
    let of_arm = found.iter().filter(|(name, _)| name.strip_prefix(arm.name()).is_some_and(is_seed));
    let rows = of_arm.filter_map(|(_, value)| serde_json::from_value::<Vec<Measured>>(value.clone()).ok());
    Measure(rows.filter_map(|rows| rows.iter().find(|row| row.distance == distance).map(number)).collect())
}

/// `-1`: what stands behind an arm's name.
fn is_seed(rest: &str) -> bool {
    rest.strip_prefix('-').is_some_and(|seed| seed.parse::<u64>().is_ok())
}

fn verdict(found: &Found) -> String {
    if found.is_empty() {
        return "Not measured yet.".to_owned();
    }
    let sentence = |arm: Arm| {
        let beats = |distance: &usize| {
            let (model, copy) =
                (at(found, arm, *distance, |row| row.model), at(found, arm, *distance, |row| row.copy));
            !model.0.is_empty() && model.0.iter().zip(&copy.0).all(|(model, copy)| model < copy)
        };
        let distances: Vec<String> = DISTANCES.filter(beats).map(|distance| distance.to_string()).collect();
        match distances.is_empty() {
            true => format!("Trained by `{}`, it does not beat the copy at any distance.", arm.name()),
            false => format!(
                "Trained by `{}`, it beats the copy at distances {}.",
                arm.name(),
                distances.join(", ")
            ),
        }
    };
    Arm::ALL.map(sentence).join(" ")
}

fn table(found: &Found) -> String {
    let mut table = "| frames away | `tube-and-frame` | nearer, % | `tube` | nearer, % | copy | mean |\n\
                     | --- | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for distance in DISTANCES {
        let [mixed, tube] = Arm::ALL.map(|arm| {
            let model = thousandths(&at(found, arm, distance, |row| row.model));
            format!("{model} | {}", at(found, arm, distance, |row| row.nearer).percent())
        });
        let control = |number| {
            thousandths(&Measure(
                at(found, Arm::TubeAndFrame, distance, number).0.into_iter().take(1).collect(),
            ))
        };
        let (copy, mean) = (control(|row| row.copy), control(|row| row.mean));
        let _ = writeln!(table, "| {distance} | {mixed} | {tube} | {copy} | {mean} |");
    }
    table
}

/// A thousand times the mean, and from least to most where there are several seeds.
fn thousandths(measure: &Measure) -> String {
    let of = |value: f64| format!("{:.2}", 1e3 * value);
    match measure.0.len() {
        0 => "–".to_owned(),
        1 => of(measure.mean()),
        _ => format!("{} ({} to {})", of(measure.mean()), of(measure.least()), of(measure.most())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(errors: [(&str, f64); 3]) -> Found {
        let rows = |model: f64| {
            let row = Measured { distance: 2, model, copy: 0.004, mean: 0.005, nearer: 0.5 };
            serde_json::to_value(vec![row]).unwrap()
        };
        errors.into_iter().map(|(name, model)| (name.to_owned(), rows(model))).collect()
    }

    #[test]
    fn a_model_beats_the_copy_where_it_does_so_with_every_seed() {
        let wins = found([("tube-and-frame-1", 0.003), ("tube-and-frame-2", 0.002), ("tube-1", 0.1)]);
        assert!(
            verdict(&wins).contains("`tube-and-frame`, it beats the copy at distances 2."),
            "{}",
            verdict(&wins)
        );
        assert!(verdict(&wins).contains("`tube`, it does not beat"));
        assert!(
            table(&wins)
                .contains("| 2 | 2.50 (2.00 to 3.00) | 50.0 (50.0 to 50.0) | 100.00 | 50.0 | 4.00 | 5.00 |")
        );
        assert!(table(&wins).contains("| 3 | – | – | – | – | – | – |"));
        let loses = found([("tube-and-frame-1", 0.003), ("tube-and-frame-2", 0.005), ("tube-1", 0.1)]);
        assert!(verdict(&loses).contains("`tube-and-frame`, it does not beat"));
    }
}
