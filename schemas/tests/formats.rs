//! What is written is what is read, whatever is drawn for it; and what no file may hold is refused.

use std::{collections::BTreeMap, fs, io::Write as _};

use schemas::{
    BatchBuilder as _, ClipGeometry, MADE_BY, ProblemType,
    embeddings::{Embedded, Embedding, EmbeddingsError, Number},
    labelled_batch::{EraseBox, LabelledBatch, LabelledBatchBuilder, LabelledClip, View},
    predictions::{Failure, Prediction, Predictions, PredictionsError, Tested},
    run_state::{Part, RunVideo, videos_of_text, videos_to_text},
    whole_file::WholeFile,
};

/// Numbers by a fixed rule.
struct Drawn(u64);

impl Drawn {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn number(&mut self) -> f32 {
        (self.below(4001) as f32 - 2000.0) / 64.0
    }

    fn numbers(&mut self, count: u64) -> Vec<f32> {
        (0..count).map(|_| self.number()).collect()
    }

    fn often(&mut self) -> bool {
        self.below(3) > 0
    }

    /// A name with whatever a name may hold.
    fn name(&mut self) -> String {
        let letters = ['a', '/', ' ', '"', '\\', '\n', '\t', 'é', '映', '\u{1b}', ',', '\u{2028}'];
        (0..1 + self.below(9)).map(|_| letters[self.below(letters.len() as u64) as usize]).collect()
    }
}

/// A test of so many classes, and what was said in it; each video has views or has failed.
fn predictions(drawn: &mut Drawn, problem_type: ProblemType) -> Predictions {
    let classes = 1 + drawn.below(4);
    let tested = Tested {
        classes: (0..classes).map(|_| drawn.name()).collect(),
        problem_type,
        videos: drawn.below(7),
        clips: 2,
        crops: 3,
        model: drawn.name(),
        preprocessing: drawn.name(),
        data: drawn.name(),
        made_by: MADE_BY.to_owned(),
    };
    let mut made = Predictions { tested, ..Predictions::default() };
    for row in 0..made.tested.videos {
        let single = problem_type.is_single_label();
        let (video, label) = (drawn.name(), drawn.often().then_some(row as i32).filter(|_| single));
        if !single && drawn.often() {
            made.labels.insert(row, drawn.numbers(classes));
        }
        if !drawn.often() {
            made.failures.push(Failure { row, video, label, reason: drawn.name() });
            continue;
        }
        for view in 0..1 + drawn.below(6) as u16 {
            made.predictions.push(Prediction {
                row,
                video: video.clone(),
                label,
                view: View { clip: view / 3, crop: view % 3 },
                frames: (0..drawn.below(5)).map(|at| at as u32 * 4).collect(),
                span: (drawn.below(1 << 40) as i64, -1),
                logits: drawn.numbers(classes),
            });
        }
    }
    made
}

#[test]
fn predictions_of_every_kind_come_back_as_they_were() {
    for seed in 0..300 {
        let kind = ProblemType::ALL[seed as usize % 3];
        let made = predictions(&mut Drawn(seed), kind);
        let batch = made.to_batch().unwrap();
        let read = Predictions::of_batches(&batch.schema(), [&batch]).unwrap();
        assert_eq!(read, made, "{kind}, {seed}");
        // A file in several pieces is the same file.
        let middle = batch.num_rows() / 2;
        let pieces = [batch.slice(0, middle), batch.slice(middle, batch.num_rows() - middle)];
        assert_eq!(Predictions::of_batches(&batch.schema(), &pieces).unwrap(), made, "{kind}, {seed}");
    }
}

#[test]
fn a_logit_that_is_no_number_is_written_nowhere() {
    for seed in 0..200 {
        let mut drawn = Drawn(seed);
        let mut made = predictions(&mut drawn, ProblemType::ALL[seed as usize % 3]);
        if made.predictions.is_empty() {
            continue;
        }
        let at = drawn.below(made.predictions.len() as u64) as usize;
        let class = drawn.below(made.predictions[at].logits.len() as u64) as usize;
        made.predictions[at].logits[class] =
            [f32::NAN, f32::INFINITY, f32::NEG_INFINITY][drawn.below(3) as usize];
        match made.to_batch() {
            Err(PredictionsError::NotFinite { row, class: named, .. }) => {
                assert_eq!((row, named), (made.predictions[at].row, class));
            }
            other => panic!("{other:?}"),
        }
    }
}

fn embedded(drawn: &mut Drawn, number: Number) -> Embedded {
    let lengths = (0..1 + drawn.below(3)).map(|_| 1 + drawn.below(4) as usize).collect();
    Embedded {
        model: drawn.name(),
        feature: drawn.name(),
        lengths,
        number,
        windows: drawn.often().then_some([16, 4]),
        views: None,
        preprocessing: drawn.name(),
        videos: drawn.below(9),
        data: drawn.name(),
        made_by: MADE_BY.to_owned(),
    }
}

fn embedding(drawn: &mut Drawn, row: u64, length: u64) -> Embedding {
    let (video, label) = (drawn.name(), drawn.often().then_some(-1));
    let (frames, span) = ((3, 3 + drawn.below(50) as u32), (-7, drawn.below(1 << 50) as i64));
    Embedding {
        row,
        video,
        label,
        window: drawn.below(9) as u32,
        frames,
        span,
        vector: drawn.numbers(length),
    }
}

#[test]
fn vectors_come_back_as_they_were_in_32_and_in_16_bits() {
    for seed in 0..200 {
        let mut drawn = Drawn(seed);
        let made = embedded(&mut drawn, [Number::F32, Number::F16][seed as usize % 2]);
        let count = drawn.below(6);
        let rows: Vec<Embedding> =
            (0..count).map(|row| embedding(&mut drawn, row, made.length() as u64)).collect();
        let batch = made.to_batch(&rows).unwrap();
        assert_eq!(Embedded::of(&batch.schema()).unwrap(), made);
        // Drawn numbers have few enough digits for 16 bits.
        assert_eq!(made.rows(&batch).unwrap(), rows, "{seed}");
        // Those of other lengths are not mixed in.
        let other = Embedded { lengths: vec![made.length() + 1], ..made.clone() };
        assert!(matches!(other.rows(&batch), Err(EmbeddingsError::Columns)));
        assert!(rows.is_empty() || matches!(other.to_batch(&rows), Err(EmbeddingsError::Length { .. })));
    }
}

#[test]
fn a_number_that_16_bits_do_not_hold_is_refused_by_its_place() {
    for seed in 0..100 {
        let mut drawn = Drawn(seed);
        let made = embedded(&mut drawn, Number::F16);
        let mut row = embedding(&mut drawn, 5, made.length() as u64);
        let at = drawn.below(made.length() as u64) as usize;
        row.vector[at] = [65_520.0, -1e9, 3e38][seed as usize % 3];
        match made.to_batch(std::slice::from_ref(&row)) {
            Err(EmbeddingsError::NotFinite { row: 5, at: named, overflowed: true, .. }) => {
                assert_eq!(named, at);
            }
            other => panic!("{other:?}"),
        }
        let wide = Embedded { number: Number::F32, ..made };
        assert_eq!(wide.rows(&wide.to_batch(&[row.clone()]).unwrap()).unwrap(), [row]);
    }
}

#[test]
fn a_geometry_is_made_of_lengths_that_divide_and_of_no_others() {
    for seed in 0..3000 {
        let mut drawn = Drawn(seed);
        let lengths: [usize; 5] = [9, 33, 33, 3, 9].map(|bound| drawn.below(bound) as usize);
        let [frames, height, width, tubelet, patch] = lengths;
        let divides = |length: usize, by: usize| length > 0 && by > 0 && length.is_multiple_of(by);
        let fits = divides(frames, tubelet) && divides(height, patch) && divides(width, patch);
        let geometry = ClipGeometry::new(frames, height, width, tubelet, patch);
        assert_eq!(geometry.is_ok(), fits, "{lengths:?}");
        let names = ["frames", "height", "width", "tubelet", "patch"];
        let text: BTreeMap<_, _> = names.into_iter().zip(lengths).collect();
        let text = serde_json::to_string(&text).unwrap();
        let read: Option<ClipGeometry> = serde_json::from_str(&text).ok();
        assert_eq!(read, geometry.ok(), "{text}");
        if let Some(geometry) = read {
            let pixels = frames * height * width * 3;
            assert_eq!(geometry.tokens() * geometry.cube(), pixels);
            assert_eq!(geometry.places() * geometry.grid()[0], geometry.tokens());
            let again = serde_json::to_string(&geometry).unwrap();
            assert_eq!(serde_json::from_str::<ClipGeometry>(&again).unwrap(), geometry);
        }
    }
}

fn videos(drawn: &mut Drawn) -> Vec<RunVideo> {
    let count = drawn.below(6);
    let video = |drawn: &mut Drawn| RunVideo {
        video: drawn.name(),
        class: drawn.often().then(|| drawn.name()),
        labels: drawn.often().then(|| drawn.numbers(3)),
        part: if drawn.often() { Part::Train } else { Part::Test },
    };
    (0..count).map(|_| video(drawn)).collect()
}

#[test]
fn the_videos_of_a_run_are_a_line_each_and_a_broken_line_is_named() {
    for seed in 0..300 {
        let mut drawn = Drawn(seed);
        let made = videos(&mut drawn);
        let text = videos_to_text(&made).unwrap();
        assert_eq!(text.lines().count(), made.len(), "{text}");
        assert_eq!(videos_of_text(&text).unwrap(), made);
        if made.is_empty() {
            continue;
        }
        let broken = drawn.below(made.len() as u64) as usize;
        let lines = text.lines().enumerate();
        let cut: Vec<&str> =
            lines.map(|(at, line)| if at == broken { &line[..line.len() - 1] } else { line }).collect();
        assert_eq!(videos_of_text(&cut.join("\n")).unwrap_err().0, broken + 1);
    }
}

#[test]
fn a_file_is_there_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("file.parquet");
    let there = || fs::read_dir(folder.path()).unwrap().count();
    let mut kept: Option<Vec<u8>> = None;
    for seed in 0..60 {
        let mut drawn = Drawn(seed);
        let mut file = WholeFile::create(&target).unwrap();
        let bytes: Vec<u8> = (0..drawn.below(5000)).map(|_| drawn.below(256) as u8).collect();
        bytes.chunks(700).for_each(|part| file.write_all(part).unwrap());
        match drawn.below(3) {
            0 => drop(file),
            // As a killed process leaves it: the next one sweeps it away.
            1 => {
                drop(file);
                fs::write(folder.path().join(format!(".file.parquet.{seed}.part")), &bytes).unwrap();
            }
            _ => {
                file.finish().unwrap();
                kept = Some(bytes);
                assert_eq!(there(), 1, "{seed}");
            }
        }
        assert_eq!(fs::read(&target).ok(), kept, "{seed}");
    }
    WholeFile::create(&target).unwrap().finish().unwrap();
    assert_eq!((fs::read(&target).unwrap().len(), there()), (0, 1));
}

#[test]
fn rows_of_whole_clips_come_back_as_they_were() {
    let geometry = ClipGeometry::new(4, 8, 16, 2, 4).unwrap();
    let bytes = geometry.tokens() * geometry.cube();
    for seed in 0..60 {
        let mut drawn = Drawn(seed);
        let labelled = drawn.often();
        let clip = |drawn: &mut Drawn, number: u64| LabelledClip {
            clip: number,
            epoch: 3,
            row: drawn.below(9),
            video: drawn.name().into(),
            label: (!labelled).then(|| drawn.below(5) as i32),
            labels: labelled.then(|| drawn.numbers(3).into()),
            view: View { clip: drawn.below(5) as u16, crop: drawn.below(3) as u16 },
            frames: [0, 4, 8, 8 + drawn.below(5) as u32].into(),
            times: [0, 1, 2, drawn.below(1 << 40) as i64].into(),
            crop: [1, 2, 16, 8],
            flip: drawn.often(),
            erase: drawn.often().then_some(EraseBox { top: 1, left: 2, height: 3, width: 4 }),
            pixels: (0..bytes).map(|_| drawn.below(256) as u8).collect(),
        };
        let made: Vec<LabelledClip> = (0..1 + drawn.below(4)).map(|at| clip(&mut drawn, at)).collect();
        let mut builder = LabelledBatchBuilder::new(geometry);
        made.iter().cloned().for_each(|clip| builder.push(clip));
        let batch = LabelledBatch::try_from(builder.finish().unwrap()).unwrap();
        assert_eq!((batch.len(), batch.geometry()), (made.len(), geometry));
        for (at, clip) in made.iter().enumerate() {
            assert_eq!((batch.identity(at), batch.row(at)), ((clip.epoch, clip.clip), clip.row));
            assert_eq!((batch.video(at), batch.view(at)), (&*clip.video, clip.view));
            assert_eq!(
                (batch.label(at), batch.labels(at)),
                (clip.label, clip.labels.as_deref().map(Vec::from))
            );
            assert_eq!((batch.frames(at), batch.times(at)), (&*clip.frames, &*clip.times));
            assert_eq!(batch.erase(at), clip.erase);
            assert_eq!(batch.cubes()[at * bytes..(at + 1) * bytes], clip.pixels);
            // Pictures are the same bytes in another order.
            let (mut pictures, mut cubes) = (batch.pictures(at), clip.pixels.clone());
            pictures.sort_unstable();
            cubes.sort_unstable();
            assert!(pictures == cubes);
        }
    }
}
