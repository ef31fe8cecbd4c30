//! Decoding in a process of its own: the same pictures, and films that crash, hang, grow and pry.
#![cfg(all(feature = "video", target_os = "linux"))]

use std::{
    fs,
    net::UdpSocket,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use pipeline::{
    FrameRank, VideoNumber,
    error::VideoError,
    file::FileStamp,
    sandbox::{self, serve},
    video::{Limits, OpenVideo, VideoReader},
};
use rustix::process::{Resource, Rlimit, getppid, setrlimit, test_kill_process};
use tempfile::TempDir;

use crate::processes::{children_of, start_children};

#[path = "shared/processes.rs"]
mod processes;

/// What a child does with a film of such a name before it opens it.
fn attack(film: &Path) {
    match film.file_stem().and_then(|name| name.to_str()) {
        Some("abort") => std::process::abort(),
        Some("exit") => std::process::exit(0),
        Some("hang") => loop {
            thread::park();
        },
        Some("grow") => {
            let mut held = Vec::new();
            loop {
                held.push(vec![0u8; 64 << 20]);
            }
        }
        Some("panic") => panic!("it is odd"),
        Some("pry") => panic!("allowed: {:?}", allowed(film)),
        _ => {}
    }
}

/// What a child that was taken over could do.
fn allowed(film: &Path) -> Vec<&'static str> {
    let none = Rlimit { current: None, maximum: None };
    let tried = [
        ("write", fs::File::create(film.with_extension("written")).is_ok()),
        ("read", fs::File::open("/proc/self/status").is_ok()),
        ("look", fs::read_dir("/").is_ok()),
        ("send", UdpSocket::bind("127.0.0.1:0").is_ok()),
        ("talk", UnixDatagram::unbound().is_ok()),
        ("run", Command::new("/bin/true").status().is_ok()),
        ("signal", getppid().is_some_and(|parent| test_kill_process(parent).is_ok())),
        ("take more", setrlimit(Resource::Data, none).is_ok()),
    ];
    tried.into_iter().filter(|(_, done)| *done).map(|(name, _)| name).collect()
}

/// The process that decodes: this test, run alone by its parents.
#[test]
#[ignore = "it serves a parent"]
fn child() {
    serve::serve_with(&attack);
}

fn samples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples");
    let mut films: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|film| film.unwrap().path()).collect();
    films.retain(|film| film.extension().is_some_and(|end| end == "mp4" || end == "webm"));
    films.sort();
    assert!(!films.is_empty());
    films
}

/// A film under this name.
fn film(name: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name).with_extension("mp4");
    let sample = samples().into_iter().find(|film| film.extension().is_some_and(|end| end == "mp4"));
    fs::copy(sample.unwrap(), &path).unwrap();
    (folder, path)
}

/// A reader on this thread, and one with a process of its own.
fn readers() -> [VideoReader; 2] {
    start_children();
    [false, true].map(|sandbox| VideoReader::new(Limits { sandbox, ..Limits::default() }))
}

/// Why the film of this name cannot be opened in a process of its own.
fn refused(name: &str, limits: Limits) -> VideoError {
    start_children();
    let ((_folder, bad), (_other, good)) = (film(name), film("good"));
    let mut reader = VideoReader::new(limits);
    let before = reader.open(&good).unwrap();
    let why = reader.open(&bad).unwrap_err();
    // Whatever it was, the next film is none the worse, and the one before is opened again where its process is gone.
    let after = reader.open(&good).unwrap();
    let [first, again] = [&before, &after].map(|open| reader.decode(open, &[FrameRank(7)]).unwrap());
    assert!(first == again);
    why
}

#[test]
fn pictures_facts_and_index_are_those_of_a_thread() {
    let [mut here, mut there] = readers();
    for film in samples() {
        let [by_thread, by_child] = [here.open(&film).unwrap(), there.open(&film).unwrap()];
        assert_eq!(by_child.facts, by_thread.facts);
        let frames = by_thread.facts.frames;
        for wanted in [vec![0], vec![frames - 1, 3, 3], (0..frames).step_by(5).collect()] {
            let wanted: Vec<_> = wanted.into_iter().map(FrameRank).collect();
            let decoded =
                [here.decode(&by_thread, &wanted).unwrap(), there.decode(&by_child, &wanted).unwrap()];
            assert!(decoded[0] == decoded[1], "{}: {wanted:?}", film.display());
        }
        assert_eq!(here.work(), there.work());
        assert_eq!(by_thread.take_bytes_read(), by_child.take_bytes_read());
        assert!(by_child.is_verified());
        let stamp = FileStamp::of(&film).unwrap();
        let indexed = |open: &OpenVideo| open.to_indexed(VideoNumber(3), "film".to_owned(), Some(1), stamp);
        assert!(indexed(&by_thread).is_some());
        assert_eq!(indexed(&by_child), indexed(&by_thread));
    }
}

#[test]
fn two_films_of_a_reader_take_turns() {
    let [mut here, mut there] = readers();
    let films = samples();
    let open = [there.open(&films[0]).unwrap(), there.open(&films[1]).unwrap()];
    let own = [here.open(&films[0]).unwrap(), here.open(&films[1]).unwrap()];
    let mut kept = Vec::new();
    for (at, rank) in [(0, 1), (1, 2), (0, 3), (1, 4), (0, 5)] {
        let wanted = [FrameRank(rank)];
        kept.push((there.decode(&open[at], &wanted).unwrap(), here.decode(&own[at], &wanted).unwrap()));
    }
    // What was given first is not written over by what came later.
    assert!(kept.iter().all(|(there, here)| there == here));
}

#[test]
fn a_frame_that_is_not_there_and_a_file_that_is_no_film_are_told_alike() {
    let mut readers = readers();
    let folder = tempfile::tempdir().unwrap();
    let (page, absent) = (folder.path().join("page.mp4"), folder.path().join("absent.mp4"));
    fs::write(&page, "<html><body>not found</body></html>").unwrap();
    for path in [page.as_path(), &absent, folder.path()] {
        let told = readers.each_mut().map(|reader| {
            let why = reader.open(path).unwrap_err();
            (why.verdict(), why.to_string())
        });
        assert_eq!(told[0], told[1]);
    }
    let film = &samples()[0];
    let told = readers.each_mut().map(|reader| {
        let open = reader.open(film).unwrap();
        let why = reader.decode(&open, &[FrameRank(1_000_000)]).unwrap_err();
        (why.verdict(), why.to_string())
    });
    assert_eq!(told[0], told[1]);
}

#[test]
fn a_film_on_which_the_decoder_crashes_gets_a_verdict() {
    let why = refused("abort", Limits::default());
    assert_eq!(why.verdict(), "decoder-crashed");
    assert!(why.to_string().contains("SIGABRT"), "{why}");
    assert_eq!(refused("exit", Limits::default()).verdict(), "decoder-crashed");
}

#[test]
fn a_film_on_which_the_decoder_panics_gets_the_verdict_of_a_thread() {
    let why = refused("panic", Limits::default());
    assert_eq!((why.verdict(), &*why.to_string()), ("panicked", "reading it panicked: it is odd"));
}

#[test]
fn a_film_on_which_the_decoder_hangs_is_given_up() {
    let since = Instant::now();
    let why = refused("hang", Limits { seconds: 5, ..Limits::default() });
    assert_eq!(why.verdict(), "time-limit");
    assert!(since.elapsed() < Duration::from_secs(40), "{:?}", since.elapsed());
}

#[test]
fn a_film_on_which_the_decoder_grows_gets_a_verdict() {
    let why = refused("grow", Limits { pixels: 1 << 20, ..Limits::default() });
    assert_eq!(why.verdict(), "decoder-crashed");
}

#[test]
fn a_decoder_that_is_taken_over_can_do_nothing() {
    let why = refused("pry", Limits::default());
    if sandbox::unfiltered().is_none() {
        assert_eq!(why.to_string(), "reading it panicked: allowed: []");
    }
}

/// A parent that decodes and waits, for the test below.
#[test]
#[ignore = "it waits to be killed"]
fn parent() {
    let (mut reader, film) = ({ readers() }, &samples()[0]);
    let _open = reader[1].open(film).unwrap();
    thread::sleep(Duration::from_secs(60));
}

#[test]
fn children_do_not_outlive_their_parent() {
    let program = std::env::current_exe().unwrap();
    let mut parent =
        Command::new(program).args(["parent", "--exact", "--ignored", "--nocapture"]).spawn().unwrap();
    let since = Instant::now();
    let children = loop {
        let children = children_of(parent.id());
        // It has a film open, or is about to.
        if !children.is_empty() {
            break children;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "it starts no child");
        thread::sleep(Duration::from_millis(20));
    };
    parent.kill().unwrap();
    parent.wait().unwrap();
    let is_there = |child: &u32| Path::new("/proc").join(child.to_string()).exists();
    let since = Instant::now();
    while children.iter().any(is_there) {
        assert!(since.elapsed() < Duration::from_secs(10), "they are still there");
        thread::sleep(Duration::from_millis(20));
    }
}
