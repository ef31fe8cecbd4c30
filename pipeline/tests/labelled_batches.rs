//! Labelled batches of real films: the same for any number of workers and wherever they begin; views from one
//! decode are those decoded one by one; a film that cannot be read has no row and is reported.
#![cfg(feature = "video")]

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use pipeline::{
    FrameRank, Slot,
    augment::Augment,
    clips::{
        augmented::TrainingSettings,
        views::{Fit, ViewSettings},
    },
    dataset::VideoList,
    loader::{Workers, channel, labelled},
    profile::Profile,
    sampling::{
        FrameRule,
        labelled::{LabelledSampling, Pass, Spread},
    },
    source::{ClipSource, videos},
    video::Limits,
    video_entry::VideoEntry,
};
use schemas::{ClipGeometry, LabelledBatch, labelled_batch::View};

fn films() -> Vec<VideoEntry> {
    let samples = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples"));
    let names = ["big_buck_bunny.mp4", "bottles.webm", "cars.mp4", "flower.mp4"];
    let entry = |(label, name): (i32, &str)| VideoEntry::whole(samples.join(name), Some(label));
    (0..).zip(names).map(entry).collect()
}

fn geometry() -> ClipGeometry {
    ClipGeometry::new(8, 64, 64, 2, 16).unwrap()
}

fn source(films: Vec<VideoEntry>, rule: impl Into<FrameRule>) -> Arc<dyn ClipSource> {
    Arc::new(videos::VideoSource::new(VideoList::new(films), rule, Limits::default()))
}

fn workers(count: usize) -> Workers {
    Workers { count, budget_bytes: 256 << 20, seconds_per_clip: 60 }
}

fn training(spread: Spread) -> TrainingSettings {
    TrainingSettings {
        geometry: geometry(),
        spread,
        augment: Augment::default(),
        clips_per_video: 1,
        repeats: 2,
        batch: 2,
        batches_per_update: 1,
        balanced: false,
        seed: 5,
    }
}

fn training_batches(settings: TrainingSettings, from: u64, threads: usize) -> Vec<arrow_array::RecordBatch> {
    let profile = Arc::new(Profile::default());
    let source = source(films(), settings.sampling());
    let stream =
        labelled::training(source, settings, from, workers(threads), Arc::new(|_| Ok(())), profile.clone());
    channel::spawn(stream.unwrap(), 16 << 20, profile).unwrap().take(4).map(Result::unwrap).collect()
}

fn sampling(pass: Pass) -> LabelledSampling {
    LabelledSampling { frames: 8, spread: Spread::Dense { stride: 3 }, pass }
}

/// The rows of the views of `slots`, and the films that were reported.
fn views(
    films: Vec<VideoEntry>,
    pass: Pass,
    settings: ViewSettings,
    slots: Vec<Slot>,
    threads: usize,
) -> (Vec<LabelledBatch>, Vec<PathBuf>) {
    let profile = Arc::new(Profile::default());
    let reported = Arc::new(Mutex::new(Vec::new()));
    let report = reported.clone();
    let on_failure = move |line: schemas::quarantine::QuarantineLine| {
        report.lock().unwrap().push(PathBuf::from(line.video));
        Ok(())
    };
    let source = source(films, sampling(pass));
    let stream =
        labelled::views(source, settings, slots, 4, workers(threads), Arc::new(on_failure), profile.clone());
    let batches = channel::spawn(stream.unwrap(), 16 << 20, profile).unwrap();
    let batches = batches.map(|batch| LabelledBatch::try_from(batch.unwrap()).unwrap()).collect();
    let reported = reported.lock().unwrap().clone();
    (batches, reported)
}

fn five_by_three() -> ViewSettings {
    ViewSettings {
        geometry: geometry(),
        clips: 5,
        crops: 3,
        short_side: 0,
        slots_per_video: 1,
        fit: Fit::Windows,
    }
}

/// Every row of the batches: video, view, frames and pixels.
fn rows(batches: &[LabelledBatch]) -> Vec<(u64, View, Vec<u32>, Vec<u8>)> {
    let bytes = geometry().tokens() * geometry().cube();
    let of_batch = |batch: &LabelledBatch| -> Vec<_> {
        let row = |clip: usize| {
            let cubes = batch.cubes()[clip * bytes..][..bytes].to_vec();
            (batch.row(clip), batch.view(clip), batch.frames(clip).to_vec(), cubes)
        };
        (0..batch.len()).map(row).collect()
    };
    batches.iter().flat_map(of_batch).collect()
}

#[test]
fn one_two_and_five_workers_give_the_same_training_batches() {
    for spread in [Spread::Dense { stride: 3 }, Spread::Segments { short: Default::default() }] {
        let one = training_batches(training(spread), 0, 1);
        for threads in [2, 5] {
            assert_eq!(one, training_batches(training(spread), 0, threads), "{threads} workers");
        }
        assert_eq!(one[1..], training_batches(training(spread), 1, 2)[..3], "begun at batch 1");
        let batch = LabelledBatch::try_from(one[0].clone()).unwrap();
        assert_eq!((batch.len(), batch.row(0), batch.row(1) == batch.row(2)), (4, batch.row(1), false));
        assert_eq!(batch.label(0), Some(batch.row(0) as i32));
    }
}

#[test]
fn views_from_one_decode_are_those_decoded_one_by_one() {
    let (together, reported) =
        views(films(), Pass::Test { clips: 5 }, five_by_three(), (0..4).map(Slot).collect(), 2);
    let together = rows(&together);
    assert_eq!((together.len(), reported.len()), (4 * 15, 0));
    let mut alone = pipeline::video::VideoReader::new(Limits::default());
    for (number, film) in films().iter().enumerate() {
        let video = alone.open(&film.path).unwrap();
        let expected = pipeline::sampling::dense::test(video.facts.frames, 8, 3, 5);
        for (clip, expected) in expected.iter().enumerate() {
            let windows: Vec<_> = together
                .iter()
                .filter(|(row, view, ..)| (*row, usize::from(view.clip)) == (number as u64, clip))
                .collect();
            assert_eq!(windows.len(), 3);
            for (_, view, frames, cubes) in windows {
                assert!(frames.iter().eq(expected.iter().map(|rank| &rank.0)), "{frames:?}");
                let single = single_view(&mut alone, &video, expected, usize::from(view.crop));
                assert!(*cubes == single, "{} clip {clip} crop {}", film.path.display(), view.crop);
            }
        }
    }
}

/// One view, its frames decoded for it alone and cut by the plain functions.
fn single_view(
    reader: &mut pipeline::video::VideoReader,
    video: &pipeline::video::OpenVideo,
    ranks: &[FrameRank],
    crop: usize,
) -> Vec<u8> {
    use pipeline::{augment::opencv, sampling::labelled, transform, tubelets};
    let decoded = reader.decode(video, ranks).unwrap();
    let tokens: Vec<u16> = (0..geometry().tokens() as u16).collect();
    let mut cubes = vec![0; geometry().tokens() * geometry().cube()];
    for (number, rank) in ranks.iter().enumerate() {
        let (_, picture) = decoded.iter().find(|(at, _)| at == rank).unwrap();
        let whole = transform::whole_frame(picture, video.facts.orientation, 0);
        let size = labelled::resized((whole.width, whole.height), 64);
        let frame = opencv::resize(&whole, size);
        let window = labelled::windows(size, (64, 64), 3)[crop];
        let mut lines = transform::lines::Lines::default();
        lines.cut_from(&frame.pixels, frame.width, window);
        tubelets::put_frame(geometry(), &lines, number, &tokens, &mut cubes);
    }
    cubes
}

#[test]
fn a_film_that_cannot_be_read_has_no_row_and_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.mp4");
    std::fs::write(&broken, "not found").unwrap();
    let mut films = films();
    films.insert(1, VideoEntry::whole(broken.clone(), Some(9)));
    for threads in [1, 2, 5] {
        let settings = ViewSettings { clips: 1, crops: 1, ..five_by_three() };
        let (batches, reported) =
            views(films.clone(), Pass::Validation, settings, (0..5).map(Slot).collect(), threads);
        let numbers: Vec<_> = rows(&batches).iter().map(|(row, ..)| *row).collect();
        assert_eq!(numbers, [0, 2, 3, 4], "no other film takes its place");
        assert_eq!(reported, [broken.clone()]);
    }
}

#[test]
fn views_go_on_at_any_slot() {
    let all = |slots| rows(&views(films(), Pass::Test { clips: 2 }, two_by_one(), slots, 2).0);
    assert_eq!(all(vec![Slot(2), Slot(3)]), all((0..4).map(Slot).collect())[4..]);
}

fn two_by_one() -> ViewSettings {
    ViewSettings { clips: 2, crops: 1, ..five_by_three() }
}
