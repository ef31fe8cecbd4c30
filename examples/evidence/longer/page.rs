//! docs/evidence-longer.md: the numbers in a table.

use std::fmt::Write as _;

use super::{ARMS, Arm, Scale};
use crate::{figures::Measure, work::Found};

/// Where it is written.
pub const NAME: &str = "docs/evidence-longer.md";

/// The page of what was found.
pub fn text(scale: &Scale, accuracies: &Found, costs: &Found) -> String {
    let mut page = format!(
        "# Longer clips\n\n\
         What clips of 16, 32 and 64 frames give, and what they cost: on the made videos of [the other experiment](../EVIDENCE.md), \
         of 68 frames here, in which a thing drifts in one of eight directions. Each is pre-trained for {} steps of 32 clips on \
         {} videos, fine-tuned for {} steps on {} labelled videos a class and tested on {} videos, with the frames, strides and \
         seeds of the row. Settings were not chosen; there is one. Accuracy is the mean over the seeds, with least and most \
         in brackets; chance is 12.5 %. Seconds and memory are those of a step of pre-training of 32 clips, alone on one thread of the \
         machine, which gives the memory of the whole process.\n",
        scale.pretraining,
        scale.unlabelled,
        scale.finetuning,
        scale.labels,
        scale.test * crate::scene::DIRECTIONS,
    );
    for (title, arms) in ["Equal span: 64 frames of the video", "Equal stride: every frame"].iter().zip(ARMS)
    {
        let _ = write!(page, "\n## {title}\n\n{}", table(&arms, accuracies, costs));
    }
    page + "\n## What this does not show\n\n\
            - Which of two rows is better, where their brackets meet: with so short a training and three seeds, chance decides \
            more than the length of the clips does. A fine-tuning either finds the motion within its steps or does not.\n\
            - Nothing about videos in which something happens late, or slowly: here two frames tell the class. Longer clips can \
            only win by seeing the same motion more often.\n\
            - Nothing about equal time: a longer clip has as many steps as a shorter one, and each takes longer.\n\
            - Nothing about larger models or frames, where attention over more tokens is a smaller or larger part of the work.\n\n\
            Repeat it: `scripts/evidence.sh --longer`; `make evidence` does it too.\n"
}

fn table(arms: &[Arm], accuracies: &Found, costs: &Found) -> String {
    let mut table = "| frames | stride | tokens | accuracy, % | seconds a step | memory, MB |\n\
                     | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for arm in arms {
        let top1 = |value: &serde_json::Value| value["top1"].as_f64();
        let prefix = format!("finetune-{}-", arm.name());
        let of_arm = accuracies.iter().filter(|(name, _)| name.starts_with(&prefix));
        let accuracy = Measure(of_arm.filter_map(|(_, value)| top1(value)).collect());
        let cost = costs.get(&format!("cost-{}", arm.name()));
        let number = |key: &str, digits: usize| {
            let found = cost.and_then(|cost| cost[key].as_f64());
            found.map_or_else(|| "–".to_owned(), |found| format!("{found:.digits$}"))
        };
        // Cubes of two frames, sixteen a time position.
        let tokens = arm.frames / 2 * 16;
        let _ = writeln!(
            table,
            "| {} | {} | {tokens} | {} | {} | {} |",
            arm.frames,
            arm.stride,
            accuracy.percent(),
            number("step_seconds", 2),
            number("peak_rss_mb", 0),
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_has_what_its_arm_gave_and_cost() {
        let accuracies = Found::from([
            ("finetune-16x4-1".to_owned(), json!({ "top1": 0.5 })),
            ("finetune-16x4-2".to_owned(), json!({ "top1": 0.7 })),
        ]);
        let costs =
            Found::from([("cost-16x4".to_owned(), json!({ "step_seconds": 0.25, "peak_rss_mb": 210 }))]);
        let table = table(&ARMS[0], &accuracies, &costs);
        assert!(table.contains("| 16 | 4 | 128 | 60.0 (50.0 to 70.0) | 0.25 | 210 |"), "{table}");
        assert!(table.contains("| 64 | 1 | 512 | – | – | – |"), "{table}");
    }
}
