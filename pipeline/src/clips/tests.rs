//! Rows of made-up frames: which pixels of which frame land where.

use schemas::{
    ClipGeometry, PixelLayout,
    labelled_batch::{LabelledClip, View},
};

use super::{RowMaker as _, augmented::*, views::*};
use crate::{
    ClipNumber, FrameRank, Slot, StreamTime,
    augment::Augment,
    picture::{Layout, Matrix, Orientation, Picture, Range, Sampling},
    profile::Profile,
    sampling::labelled::Spread,
    settings::SettingsError,
    source::{ClipFrames, Pixels},
};

/// A grey frame of 40×32 whose brightness is its rank.
fn picture(rank: u32) -> Picture {
    let layout = Layout { colour: Sampling::Grey, bits: 8 };
    let planes = vec![rank as u8; 40 * 32].into();
    Picture { layout, width: 40, height: 32, matrix: Matrix::Bt601, range: Range::Full, planes }
}

fn frames(ranks: &[u32]) -> ClipFrames {
    let mut distinct = ranks.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    ClipFrames {
        video: "a.mp4".into(),
        label: Some(2),
        ranks: ranks.iter().copied().map(FrameRank).collect(),
        times: ranks.iter().map(|&rank| StreamTime(i64::from(rank) * 1000)).collect(),
        pixels: Pixels::Pictures {
            pictures: distinct.into_iter().map(|rank| (FrameRank(rank), picture(rank))).collect(),
            orientation: Orientation::default(),
        },
    }
}

fn geometry() -> ClipGeometry {
    ClipGeometry::new(2, 16, 16, 1, 16).unwrap()
}

fn training_settings(augment: Augment, repeats: u32) -> TrainingSettings {
    TrainingSettings {
        geometry: geometry(),
        spread: Spread::Dense { stride: 4 },
        augment,
        clips_per_video: 1,
        repeats,
        batch: 1,
        batches_per_update: 1,
        balanced: false,
        seed: 11,
    }
}

fn training(augment: Augment, repeats: u32) -> TrainingMaker {
    TrainingMaker::new(training_settings(augment, repeats), PixelLayout::Cubes, 4)
}

/// Brightness of each of the clip's two frames; they have one brightness each.
fn brightness(row: &LabelledClip) -> [u8; 2] {
    let cube = geometry().cube();
    assert!(row.pixels.chunks(cube).all(|frame| frame.iter().all(|value| *value == frame[0])));
    [row.pixels[0], row.pixels[cube]]
}

#[test]
fn every_frame_lands_in_its_place_also_where_it_repeats() {
    let plain = Augment { operations: None, flip: 0.0, ..Augment::default() };
    for ranks in [[3, 9], [7, 7]] {
        let rows = training(plain, 1).rows(frames(&ranks), 0, Slot(0), ClipNumber(0), &Profile::default());
        assert_eq!(brightness(&rows[0]), ranks.map(|rank| rank as u8));
    }
}

#[test]
fn repeats_are_other_augmentations_of_the_same_frames() {
    let rows =
        training(Augment::default(), 4).rows(frames(&[3, 9]), 1, Slot(2), ClipNumber(5), &Profile::default());
    assert_eq!(rows.iter().map(|row| row.clip).collect::<Vec<_>>(), [20, 21, 22, 23]);
    assert!(rows.iter().all(|row| (row.epoch, row.row, row.label) == (1, 2, Some(2))));
    assert!(rows.iter().any(|row| row.crop != rows[0].crop));
    let alone =
        training(Augment::default(), 4).rows(frames(&[3, 9]), 1, Slot(2), ClipNumber(5), &Profile::default());
    assert_eq!(rows, alone);
}

#[test]
fn an_erased_box_is_only_named() {
    let rows = |erase| {
        let plain = Augment { operations: None, flip: 0.0, erase, ..Augment::default() };
        training(plain, 1).rows(frames(&[3, 9]), 0, Slot(0), ClipNumber(0), &Profile::default())
    };
    let (with, without) = (rows(1.0), rows(0.0));
    assert!(with[0].erase.is_some() && without[0].erase.is_none());
    assert_eq!(with[0].pixels, without[0].pixels);
}

/// Two clips at three windows of a video, slot 3.
fn six_views() -> (ViewSettings, Vec<LabelledClip>) {
    let settings = ViewSettings {
        geometry: geometry(),
        clips: 2,
        crops: 3,
        short_side: 0,
        slots_per_video: 1,
        fit: Fit::Windows,
    };
    let maker = ViewMaker::new(settings, Gives::All, PixelLayout::Cubes, 4);
    (settings, maker.rows(frames(&[0, 8, 8, 24]), 0, Slot(3), ClipNumber(3), &Profile::default()))
}

#[test]
fn views_are_every_clip_at_every_window_in_order() {
    let (_, rows) = six_views();
    let views: Vec<_> = rows.iter().map(|row| (row.view.clip, row.view.crop)).collect();
    assert_eq!(views, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]);
    // 40×32 becomes 20×16, so the windows lie at 0, 2 and 4.
    assert_eq!(rows.iter().map(|row| row.crop[0]).collect::<Vec<_>>(), [0, 2, 4, 0, 2, 4]);
    assert!(rows[..3].iter().all(|row| brightness(row) == [0, 8] && *row.frames == [0, 8]));
    assert!(rows[3..].iter().all(|row| brightness(row) == [8, 24] && *row.times == [8000, 24000]));
    assert!(rows.iter().all(|row| row.row == 3));
}

#[test]
fn a_view_alone_is_the_view_among_all() {
    let (settings, together) = six_views();
    let alone = ViewSettings { clips: 1, slots_per_video: 6, ..settings };
    let alone = ViewMaker::new(alone, Gives::One, PixelLayout::Cubes, 4);
    for (place, expected) in (0..).zip(&together) {
        let clip = if place < 3 { [0, 8] } else { [8, 24] };
        let rows =
            alone.rows(frames(&clip), 0, Slot(18 + place), ClipNumber(18 + place), &Profile::default());
        let [row] = &rows[..] else { panic!("{} rows", rows.len()) };
        assert_eq!((row.view, row.crop, row.row), (expected.view, expected.crop, 3));
        assert_eq!((&row.pixels, &row.frames), (&expected.pixels, &expected.frames));
    }
}

#[test]
fn windows_of_a_later_slot_go_on_counting() {
    let settings = ViewSettings {
        geometry: geometry(),
        clips: 2,
        crops: 2,
        short_side: 0,
        slots_per_video: 3,
        fit: Fit::Squash,
    };
    let rows = ViewMaker::new(settings, Gives::All, PixelLayout::Cubes, 4).rows(
        frames(&[4, 5, 6, 7]),
        0,
        Slot(4),
        ClipNumber(4),
        &Profile::default(),
    );
    assert_eq!(
        rows.iter().map(|row| row.view).collect::<Vec<_>>(),
        [(2, 0), (2, 1), (3, 0), (3, 1)].map(|(clip, crop)| View { clip, crop })
    );
    assert!(rows.iter().all(|row| row.row == 1 && row.crop == [0, 0, 16, 16]));
    // Frames of one brightness have no 256ths of a level.
    assert_eq!(rows.iter().map(brightness).collect::<Vec<_>>(), [[4, 5], [0, 0], [6, 7], [0, 0]]);
}

#[test]
fn stored_frames_give_the_rows_of_decoded_ones() {
    let stored = |ranks: &[u32]| {
        let bytes = ranks.iter().flat_map(|&rank| vec![rank as u8; 40 * 32 * 3]).collect();
        ClipFrames { pixels: Pixels::Rgb { width: 40, height: 32, bytes }, ..frames(ranks) }
    };
    let rows =
        |frames| training(Augment::default(), 3).rows(frames, 0, Slot(0), ClipNumber(7), &Profile::default());
    assert_eq!(rows(stored(&[3, 9])), rows(frames(&[3, 9])));
}

#[test]
fn settings_that_make_no_batch_are_refused() {
    let settings = training_settings(Augment::default(), 1);
    assert_eq!(TrainingSettings { batch: 2, ..settings }.batches_per_epoch(5), Ok(2));
    assert!(matches!(
        TrainingSettings { repeats: 0, ..settings }.batches_per_epoch(5),
        Err(SettingsError::Zero { .. })
    ));
    assert!(matches!(
        TrainingSettings { batch: 6, ..settings }.batches_per_epoch(5),
        Err(SettingsError::Schedule(_))
    ));
}
