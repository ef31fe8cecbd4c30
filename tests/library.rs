//! What the library does, called as a Rust program or the Python module calls it: without the command.

#![cfg(feature = "video")]

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, atomic::AtomicBool},
};

use pipeline::{FrameRank, Slot, sampling::labelled::Pass};
use schemas::{
    ClipBatch, LabelledBatch, PixelLayout, WholeClips,
    frame_shard::StoredPixels,
    settings::{Skip, Verify},
};
use trainer::{
    checkpoint::{Format, Hints, Kind},
    recipe::By,
};
use tubelet::{
    ClipReading, ClipSegment, Conversion, Embeddings, Evaluation, Event, Finetuning, FrameReader, Outcome,
    Predicting, Preprocessing, Pretraining, Probing, RecipeChoice, Reconstructing, Scanning,
    data::{Loading, labelled, labels::settings::LabelSettings, masked, preprocess::settings::Store},
    inference::{
        embed::{End, search::Searching},
        model::ModelSettings,
        predict::Seen,
        probe::settings::ProbeKind,
        shown::{Given, Shown},
    },
};

#[path = "../examples/train_from_a_folder.rs"]
#[allow(dead_code)] // its `main`
mod train_from_a_folder;

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")
}

fn go_on() -> AtomicBool {
    AtomicBool::new(false)
}

/// A recipe of a model that trains in seconds.
fn small() -> RecipeChoice {
    let set = [
        "clip.size=64",
        "optimiser.batch=2",
        "model.encoder_depth=1",
        "model.decoder_depth=1",
        "schedule.warmup_epochs=0",
        "schedule.warmup_steps=0",
        "run.log_every=1",
        "augment.flip=0",
        "views.clips=2",
        "views.crops=1",
    ];
    RecipeChoice { set: set.map(String::from).to_vec(), ..RecipeChoice::named("tiny") }
}

/// The sample videos in two class folders, a run of one step of pre-training and one of fine-tuning.
struct Made {
    folder: tempfile::TempDir,
}

impl Made {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let made = Made { folder: tempfile::tempdir().unwrap() };
        for (class, film) in [("a", "flower.mp4"), ("a", "cars.mp4"), ("b", "bottles.webm")] {
            let class = made.path("films").join(class);
            std::fs::create_dir_all(&class).unwrap();
            std::fs::copy(samples().join(film), class.join(film)).unwrap();
        }
        let mut wanted = Pretraining::new([made.path("films")], made.path("run"));
        (wanted.run.recipe, wanted.run.steps) = (small(), Some(1));
        tubelet::pretrain(&wanted, &go_on(), &()).unwrap();
        let mut wanted = Finetuning::new([made.path("films")], made.path("run"), made.path("classifier"));
        (wanted.run.recipe, wanted.run.steps) = (small(), Some(1));
        tubelet::finetune(&wanted, &go_on(), &()).unwrap();
        made
    })
}

fn classifier() -> ModelSettings {
    ModelSettings { workers: 1, ..ModelSettings::new(made().path("classifier")) }
}

#[test]
fn a_program_of_ten_lines_trains_from_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let trained = train_from_a_folder::train(samples().to_str().unwrap(), run.to_str().unwrap()).unwrap();
    let Outcome::Done { checkpoint } = trained.outcome else { panic!("{:?}", trained.outcome) };
    assert!(checkpoint.is_file() && checkpoint.ends_with("checkpoint-5.safetensors"));
}

#[test]
fn masked_batches_are_the_same_for_any_number_of_threads_and_from_any_of_them_on() {
    let recipe = small().resolve(|| unreachable!("because it is named")).unwrap();
    let dataset = tubelet::open(&[samples()], &()).unwrap();
    let batches = |first: u64, workers: usize, count: usize| -> Vec<ClipBatch> {
        let loading = Loading::begin(None, dataset.videos(), 0.0).unwrap();
        let batches = masked::batches(&dataset, &recipe, first, workers, &loading).unwrap();
        batches.take(count).map(|batch| ClipBatch::try_from(batch.unwrap()).unwrap()).collect()
    };
    let (one, three, later) = (batches(0, 1, 3), batches(0, 3, 3), batches(1, 2, 2));
    assert_eq!(one.len(), 3);
    for (at, batch) in one.iter().enumerate() {
        assert!(batch.record_batch() == three[at].record_batch(), "batch {at}");
    }
    assert!(
        one[1].record_batch() == later[0].record_batch() && one[2].record_batch() == later[1].record_batch()
    );
}

#[test]
fn labelled_batches_and_views_have_the_classes_of_their_folders() {
    let recipe = small().resolve(|| unreachable!("because it is named")).unwrap();
    let (videos, found) = LabelSettings::default().videos(&[made().path("films")], None, &()).unwrap();
    assert_eq!(found.classes.names(), ["a", "b"]);
    let loading = Loading::begin(None, videos.len(), 0.0).unwrap();
    let source = labelled::source(&videos, &recipe, Pass::Train).unwrap();
    let mut batches = labelled::training(source, &recipe, 0, 1, &loading).unwrap();
    let batch = LabelledBatch::try_from(batches.next().unwrap().unwrap()).unwrap();
    let is_b = |batch: &LabelledBatch, row: usize| batch.video(row).ends_with("bottles.webm");
    for row in 0..batch.len() {
        assert_eq!(batch.label(row), Some(i32::from(is_b(&batch, row))));
    }
    let wanted = labelled::Wanted::test(&recipe);
    let source = labelled::source(&videos, &recipe, wanted.pass).unwrap();
    let failures = labelled::Failures::default();
    let views = labelled::views(source, &recipe, wanted, vec![Slot(2)], 1, 1, &failures).unwrap();
    let views: Vec<_> = views.map(|batch| LabelledBatch::try_from(batch.unwrap()).unwrap()).collect();
    assert_eq!(views.len(), 2, "two clips of one video");
    assert!(views.iter().all(|view| is_b(view, 0) && view.label(0) == Some(1)));
}

#[test]
fn a_scan_without_a_file_gives_its_rows_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(samples().join("flower.mp4"), folder.path().join("flower.mp4")).unwrap();
    std::fs::write(folder.path().join("text.mp4"), "no video").unwrap();
    let done = Mutex::new(Vec::new());
    let scanned = tubelet::scan(&Scanning::new([folder.path()]), &go_on(), &|event: Event<'_>| {
        if let Event::Progress { done: count, .. } = event {
            done.lock().unwrap().push(count);
        }
    });
    let scanned = scanned.unwrap();
    assert_eq!(scanned.stopped_of, None);
    let verdicts: Vec<&str> = scanned.rows.iter().map(|row| row.verdict.as_str()).collect();
    assert_eq!(verdicts, ["good", "not-a-video"]);
    assert_eq!(*done.lock().unwrap(), [1, 2]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_scan_that_is_stopped_says_so_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = Some(folder.path().join("manifest.parquet"));
    let wanted = Scanning { out, workers: 1, ..Scanning::new([samples()]) };
    let scanned = tubelet::scan(&wanted, &AtomicBool::new(true), &()).unwrap();
    assert_eq!((scanned.rows.len(), scanned.stopped_of), (1, Some(4)));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_usage_error_is_told_from_a_failure_and_has_its_hint() {
    let absent = tubelet::scan(&Scanning::new(["/no/such/folder"]), &go_on(), &()).unwrap_err();
    assert!(absent.usage().is_some(), "{absent}");
    let mut wanted = Pretraining::new([samples()], "never-made");
    wanted.run.recipe = RecipeChoice { set: vec!["model.siz=small".to_owned()], ..small() };
    let refused = tubelet::pretrain(&wanted, &go_on(), &()).unwrap_err();
    assert_eq!(refused.hint(), Some("the nearest one is `model.size`"));
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.mp4");
    std::fs::write(&text, "no video").unwrap();
    let Err(failed) = FrameReader::open(&text, Verify::Clip, Skip::Unwanted) else { panic!("it opens") };
    let tubelet::Error::Video { path, cause } = &failed else { panic!("{failed:?}") };
    assert_eq!((path, cause.verdict()), (&text, "not-a-video"));
    assert!(failed.usage().is_none());
}

#[test]
fn frames_are_decoded_by_their_ranks() {
    let film = samples().join("flower.mp4");
    let mut reader = FrameReader::open(&film, Verify::Clip, Skip::Unwanted).unwrap();
    let frames = reader.decode(&[FrameRank(5), FrameRank(0), FrameRank(5)]).unwrap();
    assert_eq!(frames.keys().copied().collect::<Vec<_>>(), [FrameRank(0), FrameRank(5)]);
    let rgb = reader.upright(&frames[&FrameRank(0)]);
    assert_eq!((rgb.width, rgb.height), (reader.video().facts.width, reader.video().facts.height));
    assert_eq!(rgb.pixels.len(), 3 * (rgb.width * rgb.height) as usize);
}

/// Mean level of each colour in the largest square in the middle of a frame.
fn means(pixels: &[u8], width: usize, height: usize) -> [f64; 3] {
    let side = width.min(height);
    let (left, top) = ((width - side) / 2, (height - side) / 2);
    [0, 1, 2].map(|colour| {
        let level = |y, x| f64::from(pixels[((top + y) * width + left + x) * 3 + colour]);
        let sum: f64 = (0..side).flat_map(|y| (0..side).map(move |x| level(y, x))).sum();
        sum / (side * side) as f64
    })
}

#[test]
fn clips_are_read_by_path_and_time_and_those_that_fail_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.mp4");
    std::fs::write(&text, "no video").unwrap();
    let film = samples().join("flower.mp4");
    let segment = |path: &Path, start, end| ClipSegment { path: path.to_owned(), start, end };
    let clips = vec![
        segment(&film, None, None),
        segment(&film, Some(0.5), Some(1.0)),
        segment(&text, None, None),
        segment(&film, Some(1e4), None),
        segment(&samples().join("absent.mp4"), Some(0.0), None),
    ];
    let wanted = ClipReading { recipe: small(), layout: PixelLayout::Nthwc, ..ClipReading::new(clips) };
    let batch = tubelet::read_clips(&wanted, &go_on(), &()).unwrap();
    let alone = ClipReading { workers: 1, ..wanted.clone() };
    assert!(batch == tubelet::read_clips(&alone, &go_on(), &()).unwrap());
    let batch = WholeClips::try_from(batch).unwrap();
    let verdicts: Vec<_> =
        (0..5).map(|row| batch.failure(row).map(|(verdict, _)| verdict.unwrap())).collect();
    let expected = [None, None, Some("not-a-video"), Some("no-such-frame"), Some("cannot-open")];
    assert_eq!(verdicts, expected);
    assert!(batch.failure(3).unwrap().1.contains("are shown from 0.000 to "), "{:?}", batch.failure(3));
    let mut reader = FrameReader::open(&film, Verify::Clip, Skip::Unwanted).unwrap();
    let times = reader.video().facts.times.clone();
    let (first, behind) =
        (times.partition_point(|it| it.0 < 500_000_000), times.partition_point(|it| it.0 < 1_000_000_000));
    // The recipe has 16 frames, every second one.
    let expected: Vec<u32> = (0..16).map(|k| (first + 2 * k).min(behind - 1) as u32).collect();
    assert_eq!(batch.frames(1), expected);
    assert_eq!(batch.frames(0)[0] as usize, (times.len() - 31) / 2);
    let frame_bytes = 64 * 64 * 3;
    for number in [0, 5] {
        let rank = FrameRank(batch.frames(1)[number]);
        let decoded = reader.decode(&[rank]).unwrap();
        let frame = reader.upright(&decoded[&rank]);
        let found = means(&batch.pixels()[(16 + number) * frame_bytes..][..frame_bytes], 64, 64);
        let expected = means(&frame.pixels, frame.width as usize, frame.height as usize);
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1.0), "{found:?} {expected:?}");
    }
    assert!(batch.pixels()[2 * 16 * frame_bytes..].iter().all(|level| *level == 0));
    let stopped =
        WholeClips::try_from(tubelet::read_clips(&alone, &AtomicBool::new(true), &()).unwrap()).unwrap();
    assert_eq!((stopped.failure(0), stopped.failure(1).unwrap().0), (None, None));
    let endless = ClipReading::new(vec![segment(&film, Some(f64::NAN), None)]);
    assert!(tubelet::read_clips(&endless, &go_on(), &()).unwrap_err().usage().is_some());
}

#[test]
fn a_training_that_is_stopped_before_its_first_step_leaves_a_run_that_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut wanted = Pretraining::new([samples()], folder.path().join("run"));
    (wanted.run.recipe, wanted.run.steps) = (small(), Some(1));
    let told = Mutex::new(Vec::new());
    let observer = |event: Event<'_>| match event {
        Event::Stoppable => told.lock().unwrap().push("stoppable".to_owned()),
        Event::Begin { total, what } => told.lock().unwrap().push(format!("{total} {what}")),
        Event::Step { line, .. } => told.lock().unwrap().push(format!("step {}", line.step)),
        Event::End => told.lock().unwrap().push("end".to_owned()),
        _ => {}
    };
    let stopped = tubelet::pretrain(&wanted, &AtomicBool::new(true), &observer).unwrap();
    assert!(matches!(stopped.outcome, Outcome::Stopped { step: 0, .. }), "{:?}", stopped.outcome);
    assert_eq!(std::mem::take(&mut *told.lock().unwrap()), ["stoppable", "1 steps", "end"]);
    wanted.run.resume = true;
    let done = tubelet::pretrain(&wanted, &go_on(), &observer).unwrap();
    assert!(matches!(done.outcome, Outcome::Done { .. }) && done.losses.is_some());
    assert_eq!(*told.lock().unwrap(), ["stoppable", "1 steps", "step 1", "end"]);
}

#[test]
fn shards_are_made_once_and_give_the_same_clips() {
    let folder = tempfile::tempdir().unwrap();
    let mut wanted = Preprocessing::new([samples()], Store::Frames, folder.path().join("shards"));
    (wanted.recipe, wanted.pixels) = (small(), Some(StoredPixels::Planes));
    let made = tubelet::preprocess(&wanted, &go_on(), &()).unwrap();
    assert_eq!((made.what, made.written, made.stopped, made.nothing), ("clips", 4, false, false));
    assert_eq!(tubelet::preprocess(&wanted, &go_on(), &()).unwrap().written, 0);
    let recipe = small().resolve(|| unreachable!("because it is named")).unwrap();
    let first = |given: PathBuf| {
        let dataset = tubelet::open(&[given], &()).unwrap();
        let batch = masked::one_batch(&dataset, &recipe, 0).unwrap();
        ClipBatch::try_from(batch).unwrap().visible_cubes().to_vec()
    };
    assert!(first(samples()) == first(wanted.out), "the pixels differ");
}

#[test]
fn a_test_and_answers_to_single_videos_agree() {
    let films = made().path("films");
    let wanted = Evaluation { model: classifier(), ..Evaluation::new("", [&films]) };
    let tested = tubelet::evaluate(&wanted, &go_on(), &()).unwrap();
    assert_eq!((tested.wanted, tested.stopped_after, tested.by), (3, None, By::Prob));
    assert_eq!(tested.predictions.predictions.len(), 3 * 2);
    let (mut clips, mut answers) = (0, Vec::new());
    let wanted = Predicting { model: classifier(), ..Predicting::new("", [&films]) };
    let found = tubelet::predict(&wanted, &go_on(), &(), |seen| {
        match seen {
            Seen::Clips { batch, .. } => clips += batch.len(),
            Seen::Video(video) => answers.push((video.whole().unwrap().probabilities, video.clips().len())),
        }
        Ok(())
    });
    let found = found.unwrap();
    assert_eq!((clips, answers.len(), found.stopped), (6, 3, false));
    assert!(
        answers.iter().all(|(share, clips)| *clips == 2 && (share.iter().sum::<f64>() - 1.0).abs() < 1e-6)
    );
    let logits = |it: &schemas::predictions::Predictions| {
        it.predictions.iter().map(|view| view.logits.clone()).collect::<Vec<_>>()
    };
    assert_eq!(logits(&found.predictions), logits(&tested.predictions));
}

#[test]
fn what_is_done_with_answers_may_fail_and_ends_them() {
    let wanted = Predicting { model: classifier(), ..Predicting::new("", [made().path("films")]) };
    let failed = tubelet::predict(&wanted, &go_on(), &(), |_| Err(tubelet::Error::of_caller("enough")));
    assert_eq!(failed.unwrap_err().to_string(), "enough");
}

#[test]
fn vectors_are_made_once_and_searched() {
    let (films, folder) = (made().path("films"), tempfile::tempdir().unwrap());
    let out = folder.path().join("vectors.parquet");
    let wanted = Embeddings { model: classifier(), ..Embeddings::new("", [&films], &out) };
    let made = tubelet::embed(&wanted, &go_on(), &()).unwrap();
    assert_eq!((made.rows, made.videos, made.end, made.failed.len()), (3, 3, End::Done, 0));
    assert_eq!(tubelet::embed(&wanted, &go_on(), &()).unwrap().end, End::Before);
    let film = films.join("a/flower.mp4");
    let wanted = Searching { videos: vec![film.clone()], model: classifier(), within: out, nearest: 2 };
    let found = tubelet::search(&wanted, &()).unwrap();
    assert_eq!((found.len(), &found[0].path, found[0].hits.len()), (1, &film, 2));
    assert!(found[0].hits[0].similarity >= found[0].hits[1].similarity);
}

#[test]
fn a_probe_says_how_often_it_is_right() {
    let (films, folder) = (made().path("films"), tempfile::tempdir().unwrap());
    let list = |name: &str, lines: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, lines).unwrap();
        path.display().to_string()
    };
    let films = films.display();
    let train = list("train.txt", &format!("{films}/a/flower.mp4 0\n{films}/b/bottles.webm 1\n"));
    let test = list("test.txt", &format!("{films}/a/cars.mp4 0\n"));
    let mut wanted = Probing::new(ProbeKind::Knn, made().path("run"), [""; 0]);
    wanted.split = Some(format!("train={train},test={test}"));
    wanted.cache = Some(folder.path().join("cache"));
    let found = tubelet::probe(&wanted, &()).unwrap().expect("the only process answers");
    assert_eq!((found.train, found.test, found.classes, found.rows.len()), (2, 1, 2, 1));
    assert!([0.0, 1.0].contains(&found.rows[0].top1.share) && found.failed.is_empty());
}

#[test]
fn weights_are_converted_and_a_clip_is_reconstructed() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("hugging_face");
    let input = made().path("run");
    let hints = Hints::default();
    let wanted =
        Conversion { input, output: output.clone(), format: Format::HuggingFace, hints, classes: None };
    let model = tubelet::convert(&wanted, &()).unwrap();
    assert!(model.kind == Kind::Pretraining && output.join("config.json").is_file());
    let wanted = Reconstructing {
        model: made().path("run"),
        hints,
        recipe: RecipeChoice::default(),
        video: Some(samples().join("flower.mp4")),
        shown: Shown::default(),
        honest: true,
        clip: 0,
        device: "flex".to_owned(),
    };
    let picture = folder.path().join("picture.png");
    let found = tubelet::reconstruct(&wanted, &()).unwrap();
    found.save(&picture, false).unwrap();
    assert_eq!(found.rows[0].frames.len(), 16);
    assert!(picture.is_file());
    assert!(found.errors.is_none());
    let after = Reconstructing { shown: Shown::Given(Given::First), ..wanted.clone() };
    let errors = tubelet::reconstruct(&after, &()).unwrap().errors.unwrap();
    assert_eq!(
        errors.iter().map(|row| row.distance).collect::<Vec<_>>(),
        (1..=14).map(Some).collect::<Vec<_>>()
    );
    let classifier = Reconstructing { model: made().path("classifier"), ..wanted };
    assert!(tubelet::reconstruct(&classifier, &()).err().is_some_and(|why| why.usage().is_some()));
}
