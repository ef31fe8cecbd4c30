//! The first paragraphs of EVIDENCE.md: where pre-training did not help, where it did, and what order gave.
//!
//! Two accuracies are told apart where the seeds' spreads are, each widened by the 95 % interval that so many
//! test videos give. Which paragraph a comparison stands in follows from that alone.

use trainer::evaluation::wilson;

use crate::{
    claims::{self, ORDER_BLIND},
    experiment::{Arm, Experiment},
    figures::{Curve, Figures, Measure},
    scale::REAL,
};

/// How a number lies beside another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// All of it above.
    Ahead,
    /// All of it below.
    Behind,
    /// Neither.
    Meet,
}

impl Beside {
    /// How `ours` lies beside `theirs`, each of `videos` tests a seed.
    pub fn of(ours: &Measure, theirs: &Measure, videos: u64) -> Self {
        let (ours, theirs) = (range(ours, videos), range(theirs, videos));
        match () {
            () if ours.0 > theirs.1 => Self::Ahead,
            () if ours.1 < theirs.0 => Self::Behind,
            () => Self::Meet,
        }
    }
}

/// From the lower end of the least seed's interval to the upper end of the most.
fn range(measure: &Measure, videos: u64) -> (f64, f64) {
    let interval = |share: f64| wilson((share * videos as f64).round() as u64, videos);
    (interval(measure.least()).low, interval(measure.most()).high)
}

/// The paragraphs before the first heading.
pub fn paragraphs(experiment: &Experiment, figures: &Figures) -> String {
    let (mut helped, mut not) = (Vec::new(), Vec::new());
    compare_arms(experiment, figures, &mut helped, &mut not);
    helped.extend(sooner(experiment, figures));
    compare_probes(figures, &mut helped, &mut not);
    let (order, given) = order(experiment, figures);
    if !given && !order.is_empty() {
        not.push(
            "Nothing of what it gave is shown to come from the order of frames, hence from motion."
                .to_owned(),
        );
    }
    let paragraph = |head: &str, sentences: &[String]| match sentences {
        [] => format!("**{head}** In no comparison that was made here.\n\n"),
        said => format!("**{head}** {}\n\n", said.join(" ")),
    };
    let mut text = paragraph("Where pre-training did not help, or is not shown to.", &not);
    text += &paragraph("Where it helped.", &helped);
    if !order.is_empty() {
        text += &paragraph("What the order of frames gave to it.", &order);
    }
    text + &standing(experiment, figures)
}

/// What pre-training gave beside each of `others`: a sentence for those that it is ahead of, one for the rest.
fn compare(
    what: &str,
    ours: &Measure,
    others: &[(String, &Measure)],
    videos: u64,
    helped: &mut Vec<String>,
    not: &mut Vec<String>,
) {
    let (mut behind_it, mut others_of) = (Vec::new(), Vec::new());
    for (name, theirs) in others.iter().filter(|(_, theirs)| !theirs.0.is_empty()) {
        let said = format!("{} % {name}", theirs.percent());
        match Beside::of(ours, theirs, videos) {
            Beside::Ahead => behind_it.push(said),
            Beside::Behind => others_of.push(format!("{said} (which is ahead)")),
            Beside::Meet => others_of.push(format!("{said} (not told apart)")),
        }
    }
    for (sentences, said) in [(helped, behind_it), (not, others_of)] {
        if !said.is_empty() {
            sentences.push(format!("{what}: {} % with it, {}.", ours.percent(), said.join(", ")));
        }
    }
}

/// The accuracies at the end of pre-trained classifiers beside those from scratch.
fn compare_arms(experiment: &Experiment, figures: &Figures, helped: &mut Vec<String>, not: &mut Vec<String>) {
    for &labels in &experiment.scale.labels {
        let Some(trained) = figures.arm(Arm::PreTrained, labels) else { continue };
        let other = |arm: Arm| {
            let named = match arm {
                Arm::ScratchLonger => format!("from scratch in {} steps", experiment.steps(arm)),
                _ => "from scratch".to_owned(),
            };
            Some((named, &figures.arm(arm, labels)?.last))
        };
        let others: Vec<_> = [Arm::Scratch, Arm::ScratchLonger].into_iter().filter_map(other).collect();
        let what = format!("{labels} labels a class");
        compare(&what, &trained.last, &others, figures.tested, helped, not);
    }
}

/// How soon the bar was reached with the most labels, and what that leaves out.
fn sooner(experiment: &Experiment, figures: &Figures) -> Option<String> {
    let scale = &experiment.scale;
    let reached = |arm| Some(&figures.arm(arm, scale.most())?.reached);
    let (trained, scratch) = (reached(Arm::PreTrained)?, reached(Arm::Scratch)?);
    let longer = reached(Arm::ScratchLonger);
    let mean = |steps: &[Option<f64>]| -> Option<f64> {
        let all: Option<Vec<_>> = steps.iter().copied().collect();
        all.filter(|all| !all.is_empty()).map(|all| Measure(all).mean())
    };
    let ours = mean(trained)?;
    let mut said = format!(
        "With {} labels a class {:.0} % are reached {} steps of fine-tuning; from scratch, in runs of {} steps: {}",
        scale.most(),
        100.0 * scale.bar,
        claims::when(trained),
        scale.finetuning,
        claims::when(scratch)
    );
    if let Some(longer) = longer {
        said += &format!("; in runs of {}: {}", experiment.steps(Arm::ScratchLonger), claims::when(longer));
    }
    said += ".";
    if let Some(theirs) = longer.and_then(|longer| mean(longer)) {
        let all = scale.pretraining as f64 + ours;
        if all > theirs {
            said += &format!(
                " The {} steps of pre-training are not counted in that; with them it took longer than from scratch.",
                scale.pretraining
            );
        }
    }
    Some(said)
}

/// Probes of the pre-trained encoder beside their other rows.
fn compare_probes(figures: &Figures, helped: &mut Vec<String>, not: &mut Vec<String>) {
    for probe in figures.probes.iter().filter(|probe| probe.probe != ORDER_BLIND) {
        let [trained, random, pixels] = &probe.rows;
        if !trained.0.is_empty() {
            let others = [("of random weights".to_owned(), random), ("of raw pixels".to_owned(), pixels)];
            let what = format!("{} of the frozen encoder", probe.called());
            compare(&what, trained, &others, figures.tested, helped, not);
        }
    }
}

/// Pre-training on frames in order beside the same frames in another order; and whether order was ever ahead.
fn order(experiment: &Experiment, figures: &Figures) -> (Vec<String>, bool) {
    let (mut said, mut ahead) = (Vec::new(), 0);
    for &labels in &experiment.scale.labels {
        let [Some(trained), Some(shuffled)] =
            [Arm::PreTrained, Arm::ShuffledTime].map(|arm| figures.arm(arm, labels))
        else {
            continue;
        };
        let beside = Beside::of(&trained.last, &shuffled.last, figures.tested);
        ahead += usize::from(beside == Beside::Ahead);
        said.push(format!(
            "{labels} labels a class: {} % in order, {} % in another ({}).",
            trained.last.percent(),
            shuffled.last.percent(),
            match beside {
                Beside::Ahead => "in order is ahead",
                Beside::Behind => "in order is behind",
                Beside::Meet => "not told apart",
            },
        ));
    }
    if said.is_empty() {
        return (said, false);
    }
    let [ours, theirs] = [Arm::PreTrained, Arm::ShuffledTime]
        .map(|arm| figures.arm(arm, experiment.scale.most()).map(|arm| claims::words(&arm.reached)));
    if let (Some(ours), Some(theirs)) = (ours, theirs) {
        said.push(format!(
            "Steps to {:.0} % with the most: {ours} and {theirs}.",
            100.0 * experiment.scale.bar
        ));
    }
    said.extend(painting(figures));
    let first = "The same pre-training on the same videos with the frames of each in another order.";
    let last = match ahead {
        0 if experiment.scale.form == REAL => "That order gave anything is not shown.",
        0 => {
            "Beforehand a loss was expected, as the part that is due to motion; none is shown, and why not was not \
              measured."
        }
        _ => {
            "Where in order is ahead, that distance is what the order of frames, hence motion, gave; elsewhere nothing \
              of that is shown."
        }
    };
    said.insert(0, first.to_owned());
    said.push(last.to_owned());
    (said, ahead > 0)
}

/// How well hidden pixels are painted at the end of both pre-trainings.
fn painting(figures: &Figures) -> Option<String> {
    let [ours, theirs] = figures.losses.each_ref().map(|runs| {
        let last = |run: &Curve| {
            let tenth = &run[run.len() - run.len().div_ceil(10)..];
            tenth.iter().map(|(_, loss)| loss).sum::<f64>() / tenth.len().max(1) as f64
        };
        Measure(runs.iter().map(last).collect())
    });
    if ours.0.is_empty() || theirs.0.is_empty() {
        return None;
    }
    let met = ours.least() <= theirs.most() && theirs.least() <= ours.most();
    Some(format!(
        "Mean loss of pre-training over its last tenth: {:.4} ({:.4} to {:.4}) in order, {:.4} ({:.4} to {:.4}) in \
         another{}.",
        ours.mean(),
        ours.least(),
        ours.most(),
        theirs.mean(),
        theirs.least(),
        theirs.most(),
        if met { " (these meet: that order helped to paint is not shown)" } else { "" }
    ))
}

/// What holds, whether all is done, and how numbers are written.
fn standing(experiment: &Experiment, figures: &Figures) -> String {
    let scale = &experiment.scale;
    let missed = figures.claims.iter().filter(|claim| !claim.holds).count();
    let mut text = match missed {
        _ if scale.form == REAL => String::new(),
        0 => format!("All {} statements required beforehand hold (below). ", figures.claims.len()),
        some => format!(
            "Of the {} statements required beforehand {some} do not hold (below). ",
            figures.claims.len()
        ),
    };
    if let (all, open @ 1..) = experiment.bench.counts() {
        text += &format!(
            "**{open} of {all} parts of the experiment are not finished**; where a number has fewer seeds than {}, it \
             says so. ",
            scale.seeds.len()
        );
    }
    let several = match scale.seeds.len() {
        1 => "Numbers are of one seed".to_owned(),
        seeds => format!("Numbers are means of {seeds} seeds, with least and most in brackets"),
    };
    let real = match scale.form {
        "full" => {
            " The same on windows over real films: [docs/evidence-real.md](docs/evidence-real.md). Two further questions: [what a \
             model paints behind a frame](docs/evidence-before-and-after.md), and [what longer clips give and \
             cost](docs/evidence-longer.md)."
        }
        _ => "",
    };
    format!(
        "{text}{several}. Two of them are \"told apart\" where these, widened by the 95 % intervals of {} test videos, do \
         not meet. Chance is {:.1} %.{real}\n\n",
        figures.tested,
        100.0 * crate::figures::CHANCE
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_that_meet_are_not_told_apart() {
        let beside = |ours: &[f64], theirs: &[f64]| {
            Beside::of(&Measure(ours.to_vec()), &Measure(theirs.to_vec()), 512)
        };
        assert_eq!(beside(&[0.6, 0.9], &[0.2, 0.5]), Beside::Ahead);
        assert_eq!(beside(&[0.2, 0.5], &[0.6, 0.9]), Beside::Behind);
        assert_eq!(beside(&[0.5, 0.9], &[0.2, 0.6]), Beside::Meet);
        assert_eq!(beside(&[0.61, 0.9], &[0.2, 0.6]), Beside::Meet, "one point apart");
        assert_eq!(beside(&[0.50], &[0.52]), Beside::Meet, "512 videos do not tell 2 points");
        assert_eq!(beside(&[0.9], &[0.5]), Beside::Ahead);
    }
}
