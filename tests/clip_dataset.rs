//! Clips for other trainers: the pixels, masks and order of pre-training and fine-tuning in every layout, for any number
//! of threads and ranks, from any batch on.

#![cfg(feature = "video")]

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::Duration,
};

use arrow_array::RecordBatch;
use pipeline::{Slot, sampling::labelled::Pass};
use schemas::{ClipBatch, ClipGeometry, LabelledBatch, PixelLayout, WholeClips, labelled_batch, whole_clips};
use tubelet::{
    ClipDataset, ClipKind, ClipLoading, Preprocessing, RecipeChoice, Waited,
    data::{Loading, labelled, labels::settings::LabelSettings, masked, preprocess::settings::Store},
};

const OTHER_LAYOUTS: [PixelLayout; 3] = [PixelLayout::Ncthw, PixelLayout::Ntchw, PixelLayout::Nthwc];

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")
}

/// Three clips of each of four films, two rows of each clip: six batches of four rows an epoch.
fn wanted(clips: ClipKind, layout: PixelLayout) -> ClipLoading {
    let set = [
        "clip.size=64",
        "clip.clips_per_video=3",
        "clip.repeats=2",
        "mask.decoder=running-cell",
        "augment.flip=0.5",
        "augment.erase=0.5",
        "views.crops=2",
        "run.seed=5",
    ];
    let recipe = RecipeChoice { set: set.map(String::from).to_vec(), ..RecipeChoice::named("tiny") };
    ClipLoading { recipe, clips, layout, batch: Some(4), workers: 2, ..ClipLoading::new([samples()]) }
}

fn open(wanted: &ClipLoading) -> ClipDataset {
    ClipDataset::open(wanted, &()).unwrap()
}

fn epoch(wanted: &ClipLoading, epoch: u32, first: u64) -> Vec<RecordBatch> {
    open(wanted).batches(epoch, first).unwrap().map(Result::unwrap).collect()
}

/// The cubes of `tokens` of the clip in row `row`, put together from its pixels.
fn cubes(batch: &WholeClips, row: usize, tokens: &[u16]) -> Vec<u8> {
    let whole_clips::WholeClipShape { geometry, layout, .. } = batch.shape();
    let clip = geometry.tokens() * geometry.cube();
    let pixels = &batch.pixels()[row * clip..][..clip];
    let [frames, height, width] = [geometry.frames(), geometry.height(), geometry.width()];
    let at = |colour: usize, t: usize, y: usize, x: usize| match layout {
        PixelLayout::Ncthw => ((colour * frames + t) * height + y) * width + x,
        PixelLayout::Ntchw => ((t * 3 + colour) * height + y) * width + x,
        PixelLayout::Nthwc => ((t * height + y) * width + x) * 3 + colour,
        PixelLayout::Cubes => unreachable!("because they need not be put together"),
    };
    let (tubelet, patch) = (geometry.tubelet(), geometry.patch());
    let [_, rows, columns] = geometry.grid();
    let mut found = Vec::new();
    for token in tokens.iter().map(|token| usize::from(*token)) {
        let (t, y, x) = (token / (rows * columns), token / columns % rows, token % columns);
        for byte in 0..geometry.cube() {
            let (column, line) = (byte % patch, byte / patch);
            let (line, time, colour) = (line % patch, line / patch % tubelet, line / patch / tubelet);
            found.push(pixels[at(colour, t * tubelet + time, y * patch + line, x * patch + column)]);
        }
    }
    found
}

fn all_tokens(geometry: ClipGeometry) -> Vec<u16> {
    (0..geometry.tokens() as u16).collect()
}

fn whole(batch: &RecordBatch) -> WholeClips {
    WholeClips::try_from(batch.clone()).unwrap()
}

/// A dataset may be shared by threads, and its batches go to another.
#[test]
fn datasets_and_batches_go_where_threads_want_them() {
    fn shared<T: Send + Sync>() {}
    fn sent<T: Send>() {}
    shared::<ClipDataset>();
    sent::<tubelet::ClipBatches>();
}

#[test]
fn masked_clips_are_those_of_pre_training_in_every_layout() {
    let cubes_of = wanted(ClipKind::Masked, PixelLayout::Cubes);
    let dataset = open(&cubes_of);
    assert_eq!((dataset.batches_per_epoch(), dataset.videos(), dataset.classes().len()), (6, 4, 0));
    let source = tubelet::open(&[samples()], &()).unwrap();
    let loading = Loading::begin(None, source.videos(), 0.0).unwrap();
    let trained = masked::batches(&source, dataset.recipe(), 6, 1, &loading).unwrap();
    let trained: Vec<RecordBatch> = trained.take(6).map(Result::unwrap).collect();
    assert!(epoch(&cubes_of, 1, 0) == trained, "cubes of epoch 1");
    for layout in OTHER_LAYOUTS {
        let found = epoch(&wanted(ClipKind::Masked, layout), 1, 0);
        assert_eq!(found.len(), 6);
        for (expected, found) in trained.iter().zip(&found) {
            let (expected, clips) = (ClipBatch::try_from(expected.clone()).unwrap(), whole(found));
            let visible = expected.visible_tokens() * expected.geometry().cube();
            for row in 0..4 {
                assert_eq!(clips.identity(row), expected.identity(row));
                assert_eq!(clips.visible(row), expected.visible(row));
                assert_eq!(
                    (clips.target(row), clips.context(row)),
                    (expected.target(row), expected.context(row))
                );
                assert!(!clips.context(row).is_empty());
                let seen = &expected.visible_cubes()[row * visible..][..visible];
                assert!(cubes(&clips, row, clips.visible(row)) == seen, "{layout} visible");
                assert!(
                    cubes(&clips, row, clips.target(row)) == expected.target_cubes(row),
                    "{layout} target"
                );
            }
            for column in ["video", "label", "frames", "times", "crop", "flip"] {
                let of = |batch: &RecordBatch| batch.column_by_name(column).unwrap().clone();
                assert_eq!(&of(found), &of(expected.record_batch()), "{column}");
            }
        }
    }
}

#[test]
fn whole_clips_are_the_masked_ones_without_masks() {
    for layout in OTHER_LAYOUTS {
        let [masked, bare] =
            [ClipKind::Masked, ClipKind::Whole].map(|kind| epoch(&wanted(kind, layout), 0, 4));
        assert_eq!((masked.len(), bare.len()), (2, 2));
        for (masked, bare) in masked.iter().zip(&bare) {
            assert!(whole(bare).visible(0).is_empty() && bare.num_columns() + 3 == masked.num_columns());
            assert!(bare.columns() == &masked.columns()[..bare.num_columns()], "{layout}");
        }
    }
    let in_cubes = whole(&epoch(&wanted(ClipKind::Whole, PixelLayout::Cubes), 0, 5)[0]);
    let in_frames = whole(&epoch(&wanted(ClipKind::Whole, PixelLayout::Nthwc), 0, 5)[0]);
    let geometry = in_cubes.shape().geometry;
    let bytes = geometry.tokens() * geometry.cube();
    assert!(in_cubes.pixels()[bytes..2 * bytes] == cubes(&in_frames, 1, &all_tokens(geometry)));
}

#[test]
fn a_mixture_is_shared_by_ranks_and_says_the_set_of_each_clip() {
    let samples = samples();
    let set = |file: &str, weight: u32| format!("{}={weight}", samples.join(file).display());
    let mixed = |kind, layout, (rank, world_size)| {
        let videos = vec![format!("{},{}", set("flower.mp4", 1), set("*.webm", 2)).into()];
        let wanted = wanted(kind, layout);
        let recipe = RecipeChoice {
            set: [wanted.recipe.set, vec!["clip.repeats=1".into()]].concat(),
            ..wanted.recipe
        };
        ClipLoading { videos, recipe, rank, world_size, batch: Some(2), ..wanted }
    };
    let kinds = [(ClipKind::Masked, PixelLayout::Cubes), (ClipKind::Whole, PixelLayout::Ntchw)];
    for (kind, layout) in kinds {
        let all = epoch(&mixed(kind.clone(), layout, (0, 1)), 1, 0);
        let of_ranks = [0, 1].map(|rank| epoch(&mixed(kind.clone(), layout, (rank, 2)), 1, 0));
        let together: Vec<_> =
            of_ranks[0].iter().zip(&of_ranks[1]).flat_map(|(one, other)| [one, other]).collect();
        assert!(together.len() >= 2 && together.iter().zip(&all).all(|(one, other)| *one == other));
        for batch in &all {
            let text = |name: &str, row: usize| {
                let column = batch.column_by_name(name).unwrap();
                column.as_any().downcast_ref::<arrow_array::StringArray>().unwrap().value(row).to_owned()
            };
            for row in 0..batch.num_rows() {
                let wanted = if text("video", row).ends_with("webm") { "*.webm" } else { "flower.mp4" };
                assert!(text("set", row).ends_with(wanted), "{}", text("set", row));
            }
        }
    }
    let fingerprint = |weight: u32| {
        let videos = vec![set("flower.mp4", weight).into(), set("*.webm", 2).into()];
        open(&ClipLoading { videos, ..mixed(ClipKind::Whole, PixelLayout::Ntchw, (0, 1)) }).fingerprint()
    };
    assert_ne!(fingerprint(1), fingerprint(2));
    let labelled = mixed(ClipKind::Labelled(LabelSettings::default()), PixelLayout::Cubes, (0, 1));
    let refused = ClipDataset::open(&labelled, &()).err().unwrap();
    assert!(refused.usage().unwrap().to_string().contains("which only pre-training takes"), "{refused}");
}

/// The sample videos in two class folders.
fn class_folders() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (class, film) in [("a", "flower.mp4"), ("a", "cars.mp4"), ("b", "bottles.webm")] {
        let class = folder.path().join(class);
        std::fs::create_dir_all(&class).unwrap();
        std::fs::copy(samples().join(film), class.join(film)).unwrap();
    }
    folder
}

/// That the batches of `layout` are those of cubes, with the same other columns.
fn same_as_cubes(expected: &[RecordBatch], found: &[RecordBatch]) {
    assert_eq!(expected.len(), found.len());
    for (expected, found) in expected.iter().zip(found) {
        let (labelled, clips) = (LabelledBatch::try_from(expected.clone()).unwrap(), whole(found));
        let all = all_tokens(labelled.geometry());
        let pixels: Vec<u8> = (0..clips.len()).flat_map(|row| cubes(&clips, row, &all)).collect();
        assert!(labelled.cubes() == pixels);
        for (column, field) in expected.columns().iter().zip(expected.schema().fields()) {
            if field.name() != "cubes" {
                assert_eq!(found.column_by_name(field.name()), Some(column), "{}", field.name());
            }
        }
    }
}

#[test]
fn labelled_clips_are_those_of_fine_tuning_in_every_layout() {
    let films = class_folders();
    let wanted = |layout| ClipLoading {
        videos: vec![films.path().into()],
        ..wanted(ClipKind::Labelled(LabelSettings::default()), layout)
    };
    let dataset = open(&wanted(PixelLayout::Cubes));
    assert_eq!((dataset.batches_per_epoch(), dataset.classes().names()), (4, &["a".into(), "b".into()][..]));
    let (videos, _) = LabelSettings::default().videos(&[films.path().into()], None, &()).unwrap();
    let source = labelled::source(&videos, dataset.recipe(), Pass::Train).unwrap();
    let loading = Loading::begin(None, 3, 0.0).unwrap();
    let trained = labelled::training(source, dataset.recipe(), 4, 1, &loading).unwrap();
    let trained: Vec<RecordBatch> = trained.take(4).map(Result::unwrap).collect();
    assert!(epoch(&wanted(PixelLayout::Cubes), 1, 0) == trained, "cubes of epoch 1");
    OTHER_LAYOUTS.iter().for_each(|layout| same_as_cubes(&trained[3..], &epoch(&wanted(*layout), 1, 3)));
}

#[test]
fn views_come_in_order_from_all_ranks_and_a_broken_video_leaves_its_place_empty() {
    let films = class_folders();
    std::fs::write(films.path().join("b/a.mp4"), "no video").unwrap();
    let views = |layout, batch, ranks: (u32, u32)| {
        let clips = ClipKind::Views { labels: Some(LabelSettings::default()), clips: Some(2), crops: None };
        let (videos, (rank, world_size)) = (vec![films.path().into()], ranks);
        ClipLoading { videos, batch: Some(batch), rank, world_size, ..wanted(clips, layout) }
    };
    // 2×2 views of one video a batch: cars, flower, the broken one, bottles.
    let in_cubes = epoch(&views(PixelLayout::Cubes, 1, (0, 1)), 0, 0);
    assert_eq!(in_cubes.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [4, 4, 0, 4]);
    let first = LabelledBatch::try_from(in_cubes[0].clone()).unwrap();
    assert!(first.video(3).ends_with("cars.mp4") && first.label(3) == Some(0));
    assert_eq!(first.view(3), labelled_batch::View { clip: 1, crop: 1 });
    for layout in OTHER_LAYOUTS {
        same_as_cubes(&in_cubes, &epoch(&views(layout, 1, (0, 1)), 0, 0));
    }
    let [one, other] = [0, 1].map(|rank| views(PixelLayout::Cubes, 1, (rank, 2)));
    let (mut of_one, of_other) = (epoch(&one, 0, 1), epoch(&other, 0, 1));
    assert_eq!((of_one.len(), of_other.len(), open(&one).batches_per_epoch()), (2, 1, 2));
    of_one.insert(1, of_other[0].clone());
    assert!(of_one == in_cubes[1..], "two ranks from batch 1 on");
    // Two videos a batch, and the last one is smaller.
    let larger = views(PixelLayout::Cubes, 11, (0, 1));
    let dataset = open(&larger);
    let rows = dataset.batches(0, 0).unwrap().map(|batch| batch.unwrap().num_rows());
    assert_eq!(rows.collect::<Vec<_>>(), [8, 4]);
    let lines = dataset.quarantined();
    assert_eq!((lines.len(), lines[0].verdict.as_str()), (1, "not-a-video"));
    // What evaluation reads of one video.
    let (videos, _) = LabelSettings::default().videos(&larger.videos, None, &()).unwrap();
    let test = labelled::Wanted::test(dataset.recipe());
    let source = labelled::source(&videos, dataset.recipe(), test.pass).unwrap();
    let failures = labelled::Failures::default();
    let tested =
        labelled::views(source, dataset.recipe(), test, vec![Slot(3)], 4, 1, &failures).unwrap().next();
    assert!(tested.unwrap().unwrap() == in_cubes[3]);
}

#[test]
fn four_ranks_together_give_what_one_process_gives_and_any_of_them_goes_on_anywhere() {
    let of_rank = |rank, world_size| ClipLoading {
        batch: Some(2),
        rank,
        world_size,
        workers: 1,
        ..wanted(ClipKind::Whole, PixelLayout::Ntchw)
    };
    let one = epoch(&of_rank(0, 1), 2, 0);
    assert_eq!(one.len(), 12);
    for first in [0, 5] {
        let ranks: Vec<Vec<RecordBatch>> = (0..4).map(|rank| epoch(&of_rank(rank, 4), 2, first)).collect();
        let count = (12 - first as usize) / 4;
        assert!(ranks.iter().all(|batches| batches.len() == count), "from {first}");
        for at in 0..4 * count {
            assert!(ranks[at % 4][at / 4] == one[first as usize + at], "batch {at} from {first}");
        }
    }
    // 12 batches make one for each of 7 ranks and leave 5 out.
    assert_eq!(open(&of_rank(6, 7)).batches_per_epoch(), 1);
    let refused = ClipDataset::open(&of_rank(0, 13), &()).err().unwrap();
    assert!(refused.usage().is_some() && refused.hint().unwrap().contains("13 ranks"), "{refused}");
    assert!(ClipDataset::open(&of_rank(2, 2), &()).err().unwrap().usage().is_some());
}

#[test]
fn one_two_and_five_workers_give_the_same_from_files_and_packets_and_from_where_one_waits() {
    let folder = tempfile::tempdir().unwrap();
    let shards = Preprocessing::new([samples()], Store::Packets, folder.path().join("shards"));
    tubelet::preprocess(&shards, &AtomicBool::new(false), &()).unwrap();
    let with = |workers, videos: &Path| ClipLoading {
        workers,
        videos: vec![videos.into()],
        ..wanted(ClipKind::Masked, PixelLayout::Ncthw)
    };
    let one = epoch(&with(1, &samples()), 0, 0);
    assert!(one == epoch(&with(2, &samples()), 0, 0) && one[3..] == epoch(&with(5, &samples()), 0, 3));
    assert!(epoch(&with(2, &shards.out), 0, 6).is_empty(), "the end of the epoch");
    let mut batches = open(&with(2, &shards.out)).batches(0, 0).unwrap();
    let (mut found, mut waited) = (Vec::new(), 0);
    loop {
        match batches.wait(Duration::from_millis(1)) {
            Waited::Batch(batch) => found.push(batch.unwrap()),
            Waited::NotYet => waited += 1,
            Waited::End => break,
        }
    }
    assert!(waited > 0, "the first batch takes longer than a millisecond");
    // A shard names its videos as the files were named.
    assert!(found == one, "from packets");
}

#[test]
fn the_fingerprint_is_that_of_the_batches_and_not_of_who_makes_them() {
    let begin = wanted(ClipKind::Masked, PixelLayout::Ncthw);
    let set = |change: &str| {
        let mut wanted = begin.clone();
        wanted.recipe.set.push(change.to_owned());
        wanted
    };
    let print = |wanted: &ClipLoading| open(wanted).fingerprint();
    let same = [
        ClipLoading { workers: 5, ..begin.clone() },
        ClipLoading { rank: 1, world_size: 3, ..begin.clone() },
        set("clip.skip=nothing"),
        set("augment.flip=0"),
        set("optimiser.base_lr=1"),
    ];
    let films = ["big_buck_bunny.mp4", "bottles.webm", "cars.mp4", "flower.mp4"].map(|it| samples().join(it));
    let turned: Vec<PathBuf> = films.iter().rev().cloned().collect();
    let other = [
        ClipLoading { layout: PixelLayout::Nthwc, ..begin.clone() },
        ClipLoading { clips: ClipKind::Whole, ..begin.clone() },
        ClipLoading { batch: Some(2), ..begin.clone() },
        ClipLoading { videos: films[1..].to_vec(), ..begin.clone() },
        ClipLoading { videos: turned, ..begin.clone() },
        set("run.seed=6"),
        set("clip.stride=3"),
        set("mask.ratio=0.75"),
    ];
    let first = print(&begin);
    assert_eq!(first, print(&ClipLoading { videos: films.to_vec(), ..begin.clone() }));
    for (at, same) in same.iter().enumerate() {
        assert_eq!(first, print(same), "{at}");
    }
    for (at, other) in other.iter().enumerate() {
        assert_ne!(first, print(other), "{at}");
    }
}
