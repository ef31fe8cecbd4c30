//! EVIDENCE.md and its curves: the numbers in words, whatever they say.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result};
use schemas::whole_file;

use crate::{
    chart::{self, Line, Panel},
    claims,
    experiment::{Arm, Experiment},
    figures::{ArmFigures, CHANCE, Figures},
    scale::REAL,
    scene::NAMES,
    summary,
    videos::{CLIP, LONG},
};

/// Names of the arms in tables and legends.
const fn called(arm: Arm) -> &'static str {
    match arm {
        Arm::PreTrained => "pre-trained",
        Arm::Scratch => "from scratch",
        Arm::ScratchLonger => "from scratch, with the steps of pre-training too",
        Arm::ShuffledTime => "pre-trained on frames in another order",
    }
}

/// The claims, a line each.
pub fn verdicts(figures: &Figures) -> String {
    let line = |claim: &claims::Claim| {
        format!("{}  {}: {}", if claim.holds { "holds " } else { "MISSED" }, claim.asked, claim.found)
    };
    figures.claims.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// EVIDENCE.md, or what stands in its place, and its pictures: paths and contents.
pub struct Page(Vec<(String, String)>);

impl Page {
    /// Writes all of it under `folder`.
    ///
    /// # Errors
    /// When something cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        for (name, text) in &self.0 {
            let path = folder.join(name);
            let cannot = || format!("cannot write {}", path.display());
            fs::create_dir_all(path.parent().unwrap_or(folder)).with_context(cannot)?;
            whole_file::write(&path, text.as_bytes()).with_context(cannot)?;
        }
        Ok(())
    }
}

/// The page of an experiment: the full one is EVIDENCE.md, others stand beside the pictures.
pub fn page(experiment: &Experiment, figures: &Figures) -> Page {
    let form = experiment.scale.form;
    let (name, docs) = match form {
        "full" => ("EVIDENCE.md".to_owned(), "docs/"),
        _ => (format!("docs/evidence-{form}.md"), ""),
    };
    let stem = if form == "full" { "evidence".to_owned() } else { format!("evidence-{form}") };
    let pictures = charts(experiment, figures).map(|(what, svg)| (format!("docs/{stem}-{what}.svg"), svg));
    let mut text = text(experiment, figures);
    for what in [ACCURACY, LOSS] {
        text = text.replace(&format!("({what})"), &format!("({docs}{stem}-{what}.svg)"));
    }
    Page([(name, text)].into_iter().chain(pictures).collect())
}

/// Names of the pictures.
const ACCURACY: &str = "accuracy";
const LOSS: &str = "loss";

/// The pictures: what they show, and SVG.
fn charts(experiment: &Experiment, figures: &Figures) -> [(&'static str, String); 2] {
    let scale = &experiment.scale;
    let quarters = || (0..=4).map(|at| (f64::from(at) * 0.25, format!("{} %", 25 * at))).collect();
    let panel = |&labels: &usize| Panel {
        title: format!("{labels} labels a class"),
        across: "steps of fine-tuning".to_owned(),
        from_to: (
            scale.every as f64 / 2.0,
            scale.arms.iter().map(|&arm| experiment.steps(arm)).max().unwrap_or(1) as f64,
        ),
        ratios: true,
        low_high: (0.0, 1.0),
        marks: quarters(),
        bars: vec![CHANCE, scale.bar],
        lines: scale
            .arms
            .iter()
            .enumerate()
            .filter_map(|(kind, &arm)| Some(Line { kind, runs: figures.arm(arm, labels)?.curves.clone() }))
            .collect(),
    };
    let panels: Vec<_> = scale.labels.iter().map(panel).collect();
    let names: Vec<_> = scale.arms.iter().map(|&arm| called(arm)).collect();
    let accuracy = chart::draw(&panels, &names);
    let most = figures.losses.iter().flatten().flatten().map(|(_, loss)| *loss).fold(0.0, f64::max);
    let highest = most.min(0.04);
    let loss = Panel {
        title: "loss of pre-training".to_owned(),
        across: "steps of pre-training".to_owned(),
        from_to: (0.0, scale.pretraining as f64),
        ratios: false,
        low_high: (0.0, highest),
        marks: (0..=4)
            .map(|at| highest * f64::from(at) / 4.0)
            .map(|mark| (mark, format!("{mark:.3}")))
            .collect(),
        bars: Vec::new(),
        lines: (0..2).map(|kind| Line { kind, runs: figures.losses[kind].clone() }).collect(),
    };
    let loss = chart::draw(&[loss], &["frames in order", "frames of each video in another order"]);
    [(ACCURACY, accuracy), (LOSS, loss)]
}

/// The page's text.
fn text(experiment: &Experiment, figures: &Figures) -> String {
    let title = match experiment.scale.form {
        REAL => "# Does pre-training teach anything about real pictures?\n\n",
        _ => "# Does pre-training teach anything?\n\n",
    };
    let mut text = title.to_owned();
    text += &summary::paragraphs(experiment, figures);
    text += &asked(experiment);
    text += &required(experiment, figures);
    text += &learning(experiment, figures);
    text += &controls(figures);
    text += &probes(figures);
    text += &settings(experiment, figures);
    text += &limits(experiment);
    text
}

fn asked(experiment: &Experiment) -> String {
    let scale = &experiment.scale;
    let side = crate::scene::SIDE;
    let shown = match scale.form {
        REAL => format!(
            "The videos are windows of {side}×{side} pixels that pan over real films while these play, in one of eight \
             directions, by 2 or 3 pixels a frame. The middle of a window's way is drawn from the places where a way \
             in any direction fits. The films are divided first: those of the test are seen nowhere else, not in \
             pre-training either. What moves in the films themselves moves in all classes."
        ),
        _ => format!(
            "In each video ({side}×{side} pixels) a textured thing drifts over a still texture in one of eight \
             directions, by 2 or 3 pixels a frame, and what leaves on one side comes in on the other. The start is \
             uniform. So one frame tells nothing; a video backwards is a video of the opposite class; and the frames \
             without their order tell the axis at most, so who is blind to order gets 50 % at most."
        ),
    };
    format!(
        "## What was asked\n\n\
         Whether an encoder that learned to paint hidden parts of videos without labels makes a classifier of motion \
         learn faster, and whether it is motion that it learned. {shown} Frames are pushed through a GStreamer appsrc, \
         encoded as H.264 with B-frames in groups of four, and decoded again by the pipeline like any other file.\n\n\
         Pre-training: {unlabelled} videos of {LONG} frames without labels, windows of {CLIP}, half of the tubes \
         hidden, {pretraining} steps of 32 (`examples/evidence/pretrain.toml`). Fine-tuning: {finetuning} steps of \
         32 on {labels} labelled videos a class (`finetune.toml`). Test: {test} videos, the same for all, by one view \
         each; the last weights are tested, never the best. {grid} A seed draws the training videos, the first \
         weights, order and masks.\n\n",
        unlabelled = scale.unlabelled,
        pretraining = scale.pretraining,
        finetuning = scale.finetuning,
        labels = and(&scale.labels),
        test = scale.test * NAMES.len(),
        grid = match scale.grid.len() {
            1 => "All arms have the same rate and layer decay.".to_owned(),
            tries => format!(
                "Each arm takes the best of {tries} settings of rate and layer decay, chosen on {} further videos of \
                 the training kind at the first seed.",
                scale.held_out * NAMES.len()
            ),
        },
    )
}

fn and(numbers: &[usize]) -> String {
    let words: Vec<_> = numbers.iter().map(usize::to_string).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

fn required(experiment: &Experiment, figures: &Figures) -> String {
    let head = if experiment.scale.form == REAL {
        "## What is required of rendered videos\n\nNothing was required of these; the same statements are shown.\n"
    } else {
        "## What was required\n"
    };
    let mut text = format!("{head}\n| | asked beforehand | found |\n| --- | --- | --- |\n");
    for claim in &figures.claims {
        let verdict = if claim.holds { "holds" } else { "**does not hold**" };
        let _ = writeln!(text, "| {verdict} | {} | {} |", claim.asked, claim.found);
    }
    text + "\n"
}

fn learning(experiment: &Experiment, figures: &Figures) -> String {
    let bar = 100.0 * experiment.scale.bar;
    let tests = match distances(figures) {
        Some((least, most)) => format!(
            "Tests lie {least:.0} to {most:.0} steps apart, furthest in the longest runs; \"steps to\" is the first test \
             that is not below, so it is late by less than that."
        ),
        None => String::new(),
    };
    let mut text = format!(
        "## Learning\n\n\
         ![Accuracy on the test videos over steps](accuracy)\n\n\
         *Mean of the seeds, band from least to most; dotted lines are chance and {bar:.0} %. Steps are on a scale of \
         equal ratios.* {tests} The rate falls to its end over the steps of each row, so a longer run is not a shorter \
         one that goes on.\n\n\
         | labels a class | begins | steps | accuracy at the end, % | steps to {bar:.0} % |\n\
         | --- | --- | --- | --- | --- |\n"
    );
    for arm in &figures.arms {
        let ArmFigures { arm: kind, labels, last, .. } = arm;
        let _ = writeln!(
            text,
            "| {labels} | {} | {} | {}{} | {} |",
            called(*kind),
            experiment.steps(*kind),
            last.percent(),
            if last.0.len() < experiment.scale.seeds.len() {
                format!(", {} of {} seeds", last.0.len(), experiment.scale.seeds.len())
            } else {
                String::new()
            },
            claims::words(&arm.reached)
        );
    }
    text + "\n![Loss of pre-training](loss)\n\n*Mean squared error of hidden pixels, 0 to 1, on the training clips.*\n\n"
}

/// Least and most steps from one test to the next.
fn distances(figures: &Figures) -> Option<(f64, f64)> {
    let runs = figures.arms.iter().flat_map(|arm| &arm.curves);
    let apart = runs.flat_map(|curve| curve.windows(2).map(|pair| pair[1].0 - pair[0].0));
    apart.fold(None, |range, step| {
        let (least, most) = range.unwrap_or((step, step));
        Some((least.min(step), most.max(step)))
    })
}

fn controls(figures: &Figures) -> String {
    let [plain, reversed, opposite, copies, permuted, blind] = &figures.tests;
    let rows = [
        ("test videos", "high", plain),
        ("backwards, against the old label", "0", reversed),
        ("backwards, against the opposite label", "as the first row", opposite),
        ("copies of one frame", "chance", copies),
        ("trained with permuted labels", "chance", permuted),
        ("trained and tested on frames in another order", "at most 50", blind),
    ];
    let mut text = format!(
        "## Controls\n\nOf the pre-trained classifier with the most labels, on {} videos each, made anew as files.\n\n\
         | | should be, % | accuracy, % |\n| --- | --- | --- |\n",
        figures.tested
    );
    for (name, expected, measure) in rows {
        let _ = writeln!(text, "| {name} | {expected} | {} |", measure.percent());
    }
    text += "\nConfusion on the test videos, all seeds together (row: true class, column: answer):\n\n";
    let _ = writeln!(text, "| | {} |", NAMES.join(" | "));
    let _ = writeln!(text, "| --- |{}", " --- |".repeat(NAMES.len()));
    for (name, row) in NAMES.iter().zip(&figures.confusion) {
        let cells: Vec<_> = row.iter().map(u64::to_string).collect();
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    }
    text + "\n"
}

fn probes(figures: &Figures) -> String {
    let mut text = "## Probes\n\n\
         The frozen encoder, read by something small; beside it the same encoder with random weights, and pixels. k-NN \
         and linear probe choose their setting on held-out training videos; the attentive probe has one, and sees \
         every video 40 times. No gap was required.\n\n\
         | probe | pre-trained, % | random weights, % | pixels, % |\n| --- | --- | --- | --- |\n"
        .to_owned();
    for probe in &figures.probes {
        let rows: Vec<_> = probe.rows.iter().map(|row| row.percent()).collect();
        let _ = writeln!(text, "| {} | {} |", probe.called(), rows.join(" | "));
    }
    let [[place, colour], [random_place, random_colour]] = &figures.readouts;
    let _ = writeln!(
        text,
        "\nWhat a probe with attention finds in tokens: of the **random** encoder a linear map of a single token \
         explains {} % of the variance of its cube's mean colour and {} % of that of its place (time, row, column), on \
         videos it was not fitted on; of the pre-trained encoder {} % and {} %. So much is there before any training. \
         The row of pixels has means of parts of each cube, and no place; but a cube holds two successive frames, so \
         some of the motion is inside of it.",
        random_colour.percent(),
        random_place.percent(),
        colour.percent(),
        place.percent()
    );
    text + "\n"
}

fn settings(experiment: &Experiment, figures: &Figures) -> String {
    let scale = &experiment.scale;
    if scale.grid.len() < 2 {
        return String::new();
    }
    let heads: Vec<_> =
        scale.grid.iter().map(|setting| format!("{:.0e}, {}", setting.rate, setting.decay)).collect();
    let mut text = format!(
        "## Settings that were chosen\n\nAccuracy in % on held-out training videos at the first seed, by rate and layer \
         decay; the best is taken for all seeds. Scratch with more steps takes the setting of scratch; the arm of \
         shuffled time that of the pre-trained one.\n\n\
         | labels a class | begins | {} | taken |\n| --- | --- |{} --- |\n",
        heads.join(" | "),
        " --- |".repeat(heads.len())
    );
    for (arm, labels, tries) in &figures.grid {
        let cells: Vec<_> = tries.iter().map(|share| format!("{:.1}", 100.0 * share)).collect();
        let taken =
            figures.arm(*arm, *labels).map(|arm| format!("{:.0e}, {}", arm.setting.rate, arm.setting.decay));
        let _ = writeln!(
            text,
            "| {labels} | {} | {} | {} |",
            called(*arm),
            cells.join(" | "),
            taken.unwrap_or_default()
        );
    }
    text + "\n"
}

fn limits(experiment: &Experiment) -> String {
    let command = match experiment.scale.form {
        "quick" => "scripts/evidence.sh --quick",
        REAL => "scripts/evidence.sh --real FOLDER",
        _ => "make evidence",
    };
    format!(
        "## What this does not show\n\n\
         - Nothing about Kinetics, Something-Something or any published number: one made-up task, frames of {side} \
         pixels, an encoder of a third of a million parameters.\n\
         - Nothing about other sizes, mask ratios, targets or lengths of training. They come from trials on videos of \
         this kind in which accuracies were looked at, as do the epochs of the attentive probe, and are the same for \
         all arms. The rule of what is told apart was made stricter after results had been seen, never looser.\n\
         - {seeds_are}\n\
         {chosen}\
         {films}\
         - When a model from scratch leaves chance depends on rate, schedule and luck; other settings may move it.\n\
         - A probe's number depends on the probe and on how long it is trained; a row says something beside the other \
         rows only.\n\n\
         Repeat it: `{command}`. Every run is kept with its recipe, so each number can be taken again.\n",
        side = crate::scene::SIDE,
        seeds_are = match experiment.scale.seeds.len() {
            1 => "One seed has no spread.".to_owned(),
            seeds => format!("{seeds} seeds are few: a band from least to most is no interval."),
        },
        films = match experiment.scale.form {
            REAL =>
                "- The test's windows lie on few films, a third of the folder's, so its intervals are narrower than they \
                 should be.\n",
            _ => "",
        },
        chosen = match experiment.scale.grid.len() {
            1 => "- Rate and layer decay are one setting that was not searched for each arm.\n",
            _ =>
                "- Settings are chosen at one seed, from a small grid, after the short length: where all of an arm's \
                 tries are near chance, its choice is little more than luck, and the long runs from scratch have it too.\n",
        },
    )
}
