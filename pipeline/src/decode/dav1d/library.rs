//! The bindings of dav1d, whichever of the two this build has, and how the library is called.

// Which of them is there tells the version of the library.
#[cfg(feature = "dav1d")]
pub(super) use dav1d::*;
#[cfg(not(feature = "dav1d"))]
pub(super) use dav1d_1_0::*;

/// How the library is called.
pub(super) fn settings() -> Settings {
    let mut settings = Settings::new();
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    // Of spatial layers the highest is shown, as FFmpeg does.
    settings.set_all_layers(false);
    // What libaom checks: how headers, metadata and tiles end.
    settings.set_strict_std_compliance(true);
    settings
}
