//! The words that cached features and embeddings are named by.
//!
//! What is kept of a video is found again by a digest of everything that decides its values. The words of that digest are
//! written out here, so that a type can be renamed without making every cache worthless: whoever changes a word below
//! makes what was kept under the old one unreachable.

use std::time::Duration;

use pipeline::{
    clips::views::Fit,
    sampling::labelled::{Pass, Spread},
};
use schemas::settings::{Resample, ShortSegments};
use trainer::{
    inference::frozen_encoder::Pool,
    kernels::{Kernels, Precision},
};

/// What clips are for, and which of a video they are.
pub fn of_pass(pass: Pass) -> String {
    match pass {
        Pass::Train => "Train".to_owned(),
        Pass::Validation => "Validation".to_owned(),
        Pass::Test { clips } => format!("Test {{ clips: {clips} }}"),
        Pass::Alone { clips, crops } => format!("Alone {{ clips: {clips}, crops: {crops} }}"),
        Pass::Windows { every, at_once, slots } => {
            format!("Windows {{ every: {every}, at_once: {at_once}, slots: {slots} }}")
        }
    }
}

/// How a clip's frames are spread over the video.
pub fn of_spread(spread: Spread) -> String {
    match spread {
        Spread::Dense { stride } => format!("Dense {{ stride: {stride} }}"),
        Spread::Segments { short: ShortSegments::All } => "Segments { short: PadFront }".to_owned(),
        Spread::Segments { short: ShortSegments::First } => "Segments { short: First }".to_owned(),
    }
}

/// How a frame becomes the pixels of a view.
pub fn of_fit(fit: Fit) -> &'static str {
    match fit {
        Fit::Windows => "Windows",
        Fit::Squash => "Squash",
    }
}

/// What to store of a clip.
pub fn of_pool(pool: Pool) -> &'static str {
    match pool {
        Pool::Mean => "Mean",
        Pool::Tokens => "Tokens",
    }
}

/// Which code computes.
pub fn of_kernels(kernels: Kernels) -> &'static str {
    match kernels {
        Kernels::Own => "Own",
        Kernels::Plain => "Plain",
    }
}

/// In which numbers.
pub fn of_precision(precision: Precision) -> &'static str {
    match precision {
        Precision::F32 => "F32",
        Precision::Bf16 => "Bf16",
    }
}

/// In which order frames become pixels.
pub fn of_resample(resample: Resample) -> &'static str {
    match resample {
        Resample::Planes => "Planes",
        Resample::Rgb => "Rgb",
    }
}

/// Length of a file in bytes and the time since 1970 of its last change, as far as they are known.
pub fn of_file(facts: Option<(u64, Option<Duration>)>) -> String {
    let Some((bytes, changed)) = facts else { return "None".to_owned() };
    let Some(changed) = changed else { return format!("Some(({bytes}, None))") };
    format!("Some(({bytes}, Some({})))", of_duration(changed))
}

/// In its largest whole unit, fractions without zeros at their end: `1.5s`, `20ms`, `3µs`, `7ns`.
fn of_duration(duration: Duration) -> String {
    let nanoseconds = duration.subsec_nanos();
    let (whole, rest, digits, unit) = match duration.as_secs() {
        0 if nanoseconds >= 1_000_000 => {
            (u64::from(nanoseconds / 1_000_000), nanoseconds % 1_000_000, 6, "ms")
        }
        0 if nanoseconds >= 1_000 => (u64::from(nanoseconds / 1_000), nanoseconds % 1_000, 3, "µs"),
        0 => return format!("{nanoseconds}ns"),
        seconds => (seconds, nanoseconds, 9, "s"),
    };
    let fraction = format!("{rest:0digits$}");
    match fraction.trim_end_matches('0') {
        "" => format!("{whole}{unit}"),
        fraction => format!("{whole}.{fraction}{unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_that_caches_have_been_named_by() {
        assert_eq!(of_pass(Pass::Train), "Train");
        assert_eq!(of_pass(Pass::Validation), "Validation");
        assert_eq!(of_pass(Pass::Test { clips: 5 }), "Test { clips: 5 }");
        assert_eq!(of_pass(Pass::Alone { clips: 5, crops: 3 }), "Alone { clips: 5, crops: 3 }");
        let windows = Pass::Windows { every: 4, at_once: 8, slots: 2 };
        assert_eq!(of_pass(windows), "Windows { every: 4, at_once: 8, slots: 2 }");
        assert_eq!(of_spread(Spread::Dense { stride: 4 }), "Dense { stride: 4 }");
        let segments = |short| of_spread(Spread::Segments { short });
        assert_eq!(segments(ShortSegments::All), "Segments { short: PadFront }");
        assert_eq!(segments(ShortSegments::First), "Segments { short: First }");
        assert_eq!([Fit::Windows, Fit::Squash].map(of_fit), ["Windows", "Squash"]);
        assert_eq!([Pool::Mean, Pool::Tokens].map(of_pool), ["Mean", "Tokens"]);
        assert_eq!([Kernels::Own, Kernels::Plain].map(of_kernels), ["Own", "Plain"]);
        assert_eq!([Precision::F32, Precision::Bf16].map(of_precision), ["F32", "Bf16"]);
        assert_eq!([Resample::Planes, Resample::Rgb].map(of_resample), ["Planes", "Rgb"]);
    }

    #[test]
    fn a_file_is_named_by_its_length_and_time() {
        assert_eq!(of_file(None), "None");
        assert_eq!(of_file(Some((7, None))), "Some((7, None))");
        for (nanoseconds, words) in [
            (0, "0ns"),
            (999, "999ns"),
            (1_500, "1.5µs"),
            (20_000_000, "20ms"),
            (20_000_001, "20.000001ms"),
            (3_000_000_000, "3s"),
            (1_764_441_036_120_034_500, "1764441036.1200345s"),
        ] {
            let file = of_file(Some((7, Some(Duration::from_nanos(nanoseconds)))));
            assert_eq!(file, format!("Some((7, Some({words})))"));
        }
    }
}
