//! What libavcodec complains of, counted for the thread that decodes.
//!
//! GStreamer passes libavcodec's messages to its debug log (category `libav`). They name no element,
//! but they are written by the thread that decodes, and decoders here have no threads of their own: a
//! count per thread is a count per decode. Error messages count, and "concealing", which libavcodec
//! only says at a lower level and which is sometimes the sole sign of invented pictures.

use std::{cell::RefCell, sync::Once};

use gstreamer as gst;

/// Complaints since they were last taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Complaints {
    pub count: u32,
    pub first: String,
}

thread_local! {
    static COMPLAINTS: RefCell<Complaints> = RefCell::default();
}

/// Counts a complaint of this thread's decoder.
pub(super) fn note(text: &str) {
    COMPLAINTS.with_borrow_mut(|complaints| {
        complaints.count += 1;
        if complaints.count == 1 {
            complaints.first = text.trim().to_owned();
        }
    });
}

/// Whether this thread's decoder has complained.
pub(super) fn any() -> bool {
    COMPLAINTS.with_borrow(|complaints| complaints.count > 0)
}

/// Whether the first of them is one that begins so.
pub(super) fn begin_with(text: &str) -> bool {
    COMPLAINTS.with_borrow(|complaints| complaints.first.starts_with(text))
}

/// Takes this thread's complaints and begins anew.
pub(super) fn take() -> Complaints {
    COMPLAINTS.take()
}

/// Starts to listen; further calls do nothing. GStreamer must be initialised.
pub(super) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        gst::log::remove_default_log_function();
        gst::log::add_log_function(|category, level, _, _, _, _, message| {
            if category.name() != "libav" {
                return;
            }
            let Some(text) = message.get() else { return };
            if level == gst::DebugLevel::Error || text.contains("concealing") {
                note(&text);
            }
        });
        gst::log::set_threshold_for_name("libav", gst::DebugLevel::Info);
        gst::log::set_active(true);
    });
}
