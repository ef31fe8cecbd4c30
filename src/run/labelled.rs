//! The two parts of a fine-tuning's videos, as the run knows them: what is held out stays held out, whatever has come
//! to its folder since.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use pipeline::dataset::labels::{Classes, Split};
use schemas::run_state::{Part, RunState, RunVideo};

use super::{begun::Begun, videos};
use crate::{
    data::labels::{
        labelled_videos::LabelledVideos,
        parts::{Parts, Rule, SplitAsked},
        settings::LabelSettings,
    },
    error::{Result, Usage},
    observer::Observer,
    words::listed,
};

/// The videos of a run that goes on. `data` and `split` may say where they are now, and nothing else.
///
/// # Errors
/// Usage error: videos are missing, or something else is asked for than the run was begun with.
pub fn parts_again(
    begun: &Begun,
    labels: &LabelSettings,
    data: &[PathBuf],
    split: Option<&str>,
    seed: u64,
    observer: &dyn Observer,
) -> Result<Parts> {
    let Some((state, known)) = &begun.known else {
        return of_older_run(begun, labels, data, split, seed, observer);
    };
    let named = named_split(state, split)?;
    let classes = Classes::of(state.classes.iter().map(|class| class.name.clone()).collect());
    let of = |given: &[PathBuf], part: Option<Part>| -> Result<(LabelledVideos, LabelledVideos)> {
        let found = LabelledVideos::open(given, observer)?;
        let names = found.names();
        let again = videos::again(known, part, &names)?;
        videos::note_left_out(&again.others, &names, observer);
        let all: Vec<&RunVideo> =
            known.iter().filter(|video| part.is_none_or(|part| video.part == part)).collect();
        let of_part = |part: Part| -> Result<LabelledVideos> {
            let places = (0..all.len()).filter(|&at| all[at].part == part);
            let (videos, rows): (Vec<&RunVideo>, Vec<usize>) =
                places.map(|at| (all[at], again.rows[at])).unzip();
            with_classes(found.rows(&rows), &videos, &classes, labels)
        };
        Ok((of_part(Part::Train)?, of_part(Part::Test)?))
    };
    let (train, test) = match (named, begun.test_data()) {
        (Some((train, test)), _) => {
            (of(&[train], Some(Part::Train))?.0, Some(of(&[test], Some(Part::Test))?.1))
        }
        (None, Some(test)) => {
            if !data.is_empty() {
                return Err(Usage::new("the run's split consists of two lists, so --data cannot be used")
                    .hint("--split train=LIST,test=LIST says where they are now")
                    .into());
            }
            (of(&begun.data(&[]), Some(Part::Train))?.0, Some(of(&[test], Some(Part::Test))?.1))
        }
        (None, None) => {
            let (train, test) = of(&begun.data(data), None)?;
            (train, state.split.is_some().then_some(test))
        }
    };
    let split = state.split.as_ref().map(|it| SplitAsked { text: it.asked.clone(), seed: it.seed });
    let origin = "as the run was begun with".to_owned();
    Ok(Parts { train, test, classes, origin, notes: Vec::new(), split })
}

/// The videos that a run holds out, or trains on, and its classes: where they are now, `data`, or where they were.
///
/// # Errors
/// Usage error: the run has no split, or videos are missing.
pub fn held_out(
    begun: &Begun,
    part: Part,
    data: &[PathBuf],
    observer: &dyn Observer,
) -> Result<(LabelledVideos, Classes)> {
    let run = pipeline::names::shown(begun.folder.path());
    let Some((state, known)) = &begun.known else {
        return Err(Usage::new(format!(
            "{run} has no run.json, as runs of older versions: its split is not known"
        ))
        .hint("`tubelet evaluate --model RUN --data VIDEOS` tests on the videos that you give")
        .into());
    };
    if state.split.is_none() && part == Part::Test {
        return Err(Usage::new(format!("{run} was started without --split, so no videos are held out"))
            .hint("`tubelet evaluate --model RUN --data VIDEOS` tests on the videos that you give")
            .into());
    }
    let given = match (begun.test_data(), data.is_empty()) {
        (Some(test), true) if part == Part::Test => vec![test],
        _ => begun.data(data),
    };
    let found = LabelledVideos::open(&given, observer)?;
    let rows = videos::again(known, Some(part), &found.names())?.rows;
    let classes = Classes::of(state.classes.iter().map(|class| class.name.clone()).collect());
    let of_part: Vec<&RunVideo> = known.iter().filter(|video| video.part == part).collect();
    let videos = with_classes(found.rows(&rows), &of_part, &classes, &LabelSettings::default())?;
    Ok((videos, classes))
}

/// The lists of a split that names two, if one is asked for; refuses another split than the run's.
fn named_split(state: &RunState, asked: Option<&str>) -> Result<Option<(PathBuf, PathBuf)>> {
    let Some(asked) = asked else { return Ok(None) };
    let parse = |text: &str| text.parse::<Split>().map_err(|why| Usage::new(why.to_string()));
    let parsed = parse(asked)?;
    let begun = state.split.as_ref().map(|split| parse(&split.asked)).transpose()?;
    match (begun, parsed) {
        (Some(Split::Named { .. }), Split::Named { train, test }) => Ok(Some((train, test))),
        (Some(begun), parsed) if begun == parsed => Ok(None),
        _ => {
            let begun = state.split.as_ref().map_or("no split", |split| split.asked.as_str());
            Err(Usage::new(format!("the run began with {begun}, but --split says {asked}"))
                .hint("leave out --split, or start a new run with another --out")
                .into())
        }
    }
}

/// Videos with the classes that the run gave them; refuses others where lists or arguments say others.
fn with_classes(
    videos: LabelledVideos,
    known: &[&RunVideo],
    classes: &Classes,
    labels: &LabelSettings,
) -> Result<LabelledVideos> {
    if known.is_empty() {
        return Ok(videos);
    }
    if known.iter().all(|video| video.labels.is_some()) {
        return with_labels(videos, known, classes, labels);
    }
    let numbers: HashMap<&str, usize> = classes.names().iter().map(String::as_str).zip(0..).collect();
    let number = |video: &&RunVideo| i32::try_from(*numbers.get(video.class.as_deref()?)?).ok();
    let begun: Vec<Option<i32>> = known.iter().map(number).collect();
    if let Some(said) = labels.said(&videos, classes)? {
        let name = |number: &Option<i32>| {
            let number = number.and_then(|number| usize::try_from(number).ok());
            number.map_or_else(|| "none".to_owned(), |number| classes.name(number))
        };
        let pairs = known.iter().zip(begun.iter().zip(&said)).filter(|(_, (begun, said))| begun != said);
        let differing: Vec<String> = pairs
            .map(|(video, (begun, said))| format!("{} is {}, not {}", video.video, name(begun), name(said)))
            .collect();
        refuse("classes", &differing)?;
    }
    Ok(videos.with_classes(begun))
}

/// Videos with the several labels, or the numbers, that the run gave them; refuses others where a table says others.
fn with_labels(
    mut videos: LabelledVideos,
    known: &[&RunVideo],
    classes: &Classes,
    labels: &LabelSettings,
) -> Result<LabelledVideos> {
    let begun: Vec<Arc<[f32]>> =
        known.iter().map(|video| video.labels.clone().unwrap_or_default().into()).collect();
    if let Some(said) = labels.answers_said(&videos, classes)? {
        let others = known.iter().zip(begun.iter().zip(&said)).filter(|(_, (begun, said))| begun != said);
        let differing: Vec<String> = others
            .map(|(video, (begun, said))| format!("{} has {begun:?}, not {said:?}", video.video))
            .collect();
        refuse("labels", &differing)?;
    }
    videos.set_labels(begun);
    Ok(videos)
}

/// Refuses videos that are said to have other classes, or labels, than the run gave them.
fn refuse(what: &str, differing: &[String]) -> Result<()> {
    if differing.is_empty() {
        return Ok(());
    }
    Err(Usage::new(format!("the run was begun with other {what}: {}", listed(differing)))
        .hint("start a new run with another --out")
        .into())
}

/// A run whose folder does not say its split: drawn as runs of its version were, from the videos as they are now.
fn of_older_run(
    begun: &Begun,
    labels: &LabelSettings,
    data: &[PathBuf],
    split: Option<&str>,
    seed: u64,
    observer: &dyn Observer,
) -> Result<Parts> {
    let file = begun.folder.classes_path();
    let known = if Path::new(&file).exists() { Some(Classes::read(&file)?) } else { None };
    let parts = labels.parts_by(Rule::Rows, data, split, seed, known.clone(), observer)?;
    if known.is_some_and(|known| known != parts.classes) {
        let file = pipeline::names::shown(&file);
        return Err(Usage::new(format!("the classes differ from those of the run, {file}")).into());
    }
    Ok(parts)
}
