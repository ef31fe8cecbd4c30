//! CPU time of the stages around decoder and transform, which have benches of their own: opening and
//! demuxing, plan, mask, cubes, batch, channel. `cargo bench --bench stages -- FOLDER` (default: the
//! repository's sample films).

use std::{fs, hint::black_box, path::PathBuf, sync::Arc};

use arrow_array::RecordBatch;
use pipeline::{
    FrameRank, RowNumber, StreamTime,
    clips::{batch::MaskedBatchBuilder, masked::ClipRow},
    codec::Start,
    loader::{StreamError, channel},
    mask::MaskRule,
    plan::{self, OutputIndex, PacketFact},
    profile::Profile,
    schedule::Schedule,
    settings::ClipSettings,
    transform::{crop::Window, lines::Lines},
    tubelets,
    video::{Limits, VideoReader},
};
use schemas::{
    BatchBuilder as _, ClipGeometry,
    settings::{DecoderMask, MaskKind, Skip},
};

mod measure;
use measure::measure;

fn main() {
    let samples = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples"));
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    demux(&folder.map_or(samples, PathBuf::from));
    plan();
    let geometry = ClipGeometry::new(16, 224, 224, 2, 16).expect("because 16 divides 224");
    let schedule = ClipSettings::published(geometry, 1, 0).schedule(1);
    masks(geometry, schedule);
    let batch = cubes_and_batch(geometry, schedule);
    hand_over(batch);
}

/// Reading a file, taking it apart, and looking into its packets.
fn demux(folder: &PathBuf) {
    let entries = fs::read_dir(folder).expect("because a folder of films is given");
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|kind| kind != "md"));
    files.sort();
    let mut reader = VideoReader::new(Limits::default());
    for file in files {
        let Ok(video) = reader.open(&file) else { continue };
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let what = format!("open {name}: {} packets", video.facts.packets);
        measure(&what, 10, |_| drop(black_box(reader.open(&file))));
    }
}

/// 300 packets in groups of 250, each anchor with two disposable pictures before it; 16 frames at stride 4.
fn plan() {
    let packets: Vec<_> = (0..300u32)
        .map(|at| PacketFact {
            place: Some(OutputIndex(if at % 3 == 0 { at + 2 } else { at - 1 })),
            start: if at % 250 == 0 { Start::Closed } else { Start::Never },
            disposable: at % 3 != 0,
        })
        .collect();
    measure("plan 16 frames among 300 packets", 2000, |round| {
        let first = round as u32 % 200;
        let wanted: Vec<_> = (0..16).map(|frame| OutputIndex(first + 4 * frame)).collect();
        black_box(plan::plan(&packets, &wanted, Skip::Unwanted));
    });
}

fn masks(geometry: ClipGeometry, schedule: Schedule) {
    for (name, kind, decoder) in [
        ("mask: tube", MaskKind::Tube, DecoderMask::None),
        ("mask: tube, decoder by running cells", MaskKind::Tube, DecoderMask::RunningCell),
        ("mask: random", MaskKind::Random, DecoderMask::None),
    ] {
        let rule = MaskRule::new(geometry, kind, 0.9).expect("because .9 of 196 fit");
        let rule = rule.with_decoder(decoder, 0.5).expect("because half of 14 × 14 places fit");
        measure(name, 500, |round| drop(black_box(rule.draw(&mut schedule.row(0, RowNumber(round as u64))))));
    }
}

/// Gives a batch of four clips.
fn cubes_and_batch(geometry: ClipGeometry, schedule: Schedule) -> RecordBatch {
    let rule = MaskRule::new(geometry, MaskKind::Tube, 0.9).expect("because .9 fits");
    let mask = rule.draw(&mut schedule.row(0, RowNumber(0)));
    let mut frame = Lines::default();
    frame.reshape(geometry.width(), geometry.height());
    let mut cubes = [&mask.visible, &mask.target].map(|tokens| vec![0; tokens.len() * geometry.cube()]);
    measure("cubes of a clip, from RGB lines", 50, |_| {
        for number in 0..geometry.frames() {
            tubelets::put_frame(geometry, &frame, number, &mask.visible, black_box(&mut cubes[0]));
            tubelets::put_frame(geometry, &frame, number, &mask.target, black_box(&mut cubes[1]));
        }
    });
    let [visible_cubes, target_cubes] = cubes;
    let row = ClipRow {
        clip: RowNumber(0),
        epoch: 0,
        video: "noise".into(),
        label: None,
        set: None,
        frames: vec![FrameRank(0); geometry.frames()].into(),
        times: vec![StreamTime(0); geometry.frames()].into(),
        crop: Window { x: 0, y: 0, width: 224, height: 224 },
        flip: false,
        mask,
        visible_cubes,
        target_cubes,
    };
    let mut builder = MaskedBatchBuilder::new(geometry, rule.visible_tokens());
    let mut batch = |row: &ClipRow| {
        (0..4).for_each(|_| builder.push(row.clone()));
        builder.finish().expect("because the rows are of one geometry")
    };
    measure("copying four clips", 20, |_| (0..4).for_each(|_| drop(black_box(row.clone()))));
    measure("the same and a batch of them", 20, |_| drop(black_box(batch(&row))));
    batch(&row)
}

/// Batches through the channel, nothing else; the copies share their bytes.
fn hand_over(batch: RecordBatch) {
    const BATCHES: usize = 1000;
    measure("1000 batches through the channel", 1, |_| {
        let batches = std::iter::repeat_n(batch.clone(), BATCHES).map(Ok::<_, StreamError>);
        let stream = futures::stream::iter(batches);
        let received = channel::spawn(stream, 256 << 20, Arc::new(Profile::default()));
        let received = received.expect("because the system gives a thread");
        assert_eq!(received.map(Result::unwrap).count(), BATCHES);
    });
}
