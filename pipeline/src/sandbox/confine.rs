//! What a decoding process gives up before it sees a film: files, networks, programs, and its parent's death.
//!
//! Limits that depend on the film (memory, time of a processor) are set by the parent.

use std::collections::BTreeMap;

use gstreamer::{self as gst, prelude::*};
use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter_all_threads,
};

/// Elements that take films apart or decode them. Their plugins are loaded while files can still be opened.
const ELEMENTS: [&str; 22] = [
    "avidemux",
    "mpegpsdemux",
    "tsdemux",
    "flvdemux",
    "oggdemux",
    "asfdemux",
    "mxfdemux",
    "dvdemux",
    "h264parse",
    "h265parse",
    "mpegvideoparse",
    "mpeg4videoparse",
    "avdec_h264",
    "avdec_h265",
    "avdec_vp8",
    "avdec_vp9",
    "avdec_mpeg4",
    "avdec_mpeg2video",
    "avdec_mjpeg",
    "av1dec",
    "dav1ddec",
    "theoradec",
];

/// Handles that a child may have open: its socket, a film, pieces of memory, and those of GStreamer's buses and pools.
const HANDLES: u64 = 256;

/// Ends with its parent, whatever happens to that.
pub(super) fn end_with_parent() {
    // Where this cannot be had, the end of the socket ends it as well.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
}

/// Loads what will be needed. GStreamer must be initialised.
pub(super) fn load_plugins() {
    for element in ELEMENTS.into_iter().filter_map(gst::ElementFactory::find) {
        // What does not load is said when a film needs it.
        let _ = element.load();
    }
}

/// Gives up what is not needed from here on. Limits and filter stand beside each other: where the kernel refuses one, the
/// others hold.
///
/// # Errors
/// When the kernel has no filter for calls of the system; the reason.
pub(super) fn give_up() -> Result<(), String> {
    for (resource, most) in [(Resource::Fsize, 0), (Resource::Core, 0), (Resource::Nofile, HANDLES)] {
        // It may be lower already.
        let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    }
    let filters = filters().map_err(|why| why.to_string())?;
    filters.iter().try_for_each(|filter| apply_filter_all_threads(filter).map_err(|why| why.to_string()))
}

/// Calls that decoding, memory and messages take. All others fail, among them those that open, write, connect, trace and
/// execute; a few with other arguments.
fn filters() -> Result<[BpfProgram; 2], seccompiler::BackendError> {
    let architecture: TargetArch = std::env::consts::ARCH.try_into()?;
    let refuse = |number: i32| SeccompAction::Errno(number.unsigned_abs());
    let mut allowed: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.iter().chain(ALLOWED_HERE).map(|&call| (call, Vec::new())).collect();
    let only = |argument: u8, compared: SeccompCmpOp, value: i32| {
        let value = u64::from(value.unsigned_abs());
        SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, compared, value)?])
    };
    let thread = SeccompCmpOp::MaskedEq(libc::CLONE_THREAD as u64);
    let of_handles = [libc::F_DUPFD_CLOEXEC, libc::F_GETFD, libc::F_SETFD, libc::F_GETFL, libc::F_SETFL];
    for (call, argument, compared, values) in [
        (libc::SYS_clone, 0, thread, &[libc::CLONE_THREAD][..]),
        (libc::SYS_prctl, 0, SeccompCmpOp::Eq, &[libc::PR_SET_NAME]),
        (libc::SYS_fcntl, 1, SeccompCmpOp::Eq, &of_handles),
        // What GStreamer's buses and pools wake each other by.
        (libc::SYS_socketpair, 0, SeccompCmpOp::Eq, &[libc::AF_UNIX]),
        (libc::SYS_tgkill, 0, SeccompCmpOp::Eq, &[std::process::id().cast_signed()]),
    ] {
        let rules = values.iter().map(|&value| only(argument, compared.clone(), value));
        allowed.insert(call, rules.collect::<Result<_, _>>()?);
    }
    let filter = SeccompFilter::new(allowed, refuse(libc::EPERM), SeccompAction::Allow, architecture)?;
    // Its arguments cannot be looked at; the C library takes `clone` where there is none.
    let clone3 = [(libc::SYS_clone3, Vec::new())].into();
    let none = SeccompFilter::new(clone3, SeccompAction::Allow, refuse(libc::ENOSYS), architecture)?;
    Ok([none.try_into()?, filter.try_into()?])
}

const ALLOWED: &[i64] = &[
    // Messages and files that are open.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_statx,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    libc::SYS_recvfrom,
    libc::SYS_sendto,
    libc::SYS_ppoll,
    // Memory.
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    // Waking each other, which GStreamer's buses do.
    libc::SYS_eventfd2,
    libc::SYS_pipe2,
    // Threads and time.
    libc::SYS_clone3,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrusage,
    libc::SYS_getrandom,
    libc::SYS_getpid,
    libc::SYS_gettid,
    // Its own end.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[i64] = &[libc::SYS_poll, libc::SYS_time];

#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[i64] = &[];
