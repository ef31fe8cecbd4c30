//! Batches on stdout: those of the library, whoever reads them and however they end.

use std::{
    io::Read as _,
    path::Path,
    process::{Child, Command, Stdio},
};

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use schemas::{PixelLayout, WholeClips};
use tubelet::{ClipDataset, ClipLoading, RecipeChoice};

use crate::{refusal, samples, succeed};

/// Small clips by the recipe `tiny`, two a batch: two batches an epoch of four films.
const SETTINGS: [&str; 6] = ["--recipe", "tiny", "--set", "clip.size=32", "--batch", "2"];

fn stream(more: &[&str]) -> Vec<RecordBatch> {
    let samples = samples();
    let output = succeed(&[&["stream", &samples][..], &SETTINGS, more].concat());
    StreamReader::try_new(&output.stdout[..], None).unwrap().map(Result::unwrap).collect()
}

fn library(layout: PixelLayout) -> Vec<RecordBatch> {
    let recipe = RecipeChoice { set: vec!["clip.size=32".into()], ..RecipeChoice::named("tiny") };
    let wanted = ClipLoading { recipe, layout, batch: Some(2), workers: 1, ..ClipLoading::new([samples()]) };
    let dataset = ClipDataset::open(&wanted, &()).unwrap();
    (0..2).flat_map(|epoch| dataset.batches(epoch, 0).unwrap()).map(Result::unwrap).collect()
}

#[test]
fn the_stream_has_the_batches_of_the_library_in_every_layout() {
    for layout in PixelLayout::ALL {
        let found = stream(&["--layout", layout.name(), "--epochs", "2", "--workers", "2"]);
        assert!(found == library(layout), "{layout}");
    }
    let batch = WholeClips::try_from(stream(&["--clips", "whole", "--count", "1"]).remove(0)).unwrap();
    assert_eq!((batch.len(), batch.shape().layout), (2, PixelLayout::Ncthw));
}

#[test]
fn it_begins_at_any_batch_and_is_shared_by_processes() {
    let all = library(PixelLayout::Ncthw);
    assert!(stream(&["--first", "1", "--epochs", "2"]) == all[1..]);
    assert!(stream(&["--epoch", "1", "--count", "1"]) == all[2..3]);
    for (rank, number) in [("0", 0), ("1", 1)] {
        let found = stream(&["--rank", rank, "--world-size", "2", "--epochs", "2"]);
        assert!(found == [all[number].clone(), all[number + 2].clone()], "rank {rank}");
    }
}

#[test]
fn views_come_once_with_the_classes_of_their_folders() {
    let (samples, views) = (samples(), ["--clips", "views", "--views", "2x1", "--layout", "NTHWC"]);
    let without = stream(&views);
    assert_eq!(without.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [2, 2, 2, 2]);
    assert_eq!(without[0].column_by_name("label").unwrap().null_count(), 2);
    let parent = Path::new(&samples).parent().unwrap().join("samples/*.mp4").display().to_string();
    let arguments = [&["stream", &parent][..], &SETTINGS, &views, &["--class-level", "0"]].concat();
    let output = succeed(&arguments);
    let of_class = StreamReader::try_new(&output.stdout[..], None).unwrap().map(Result::unwrap);
    let nulls: usize = of_class.map(|batch| batch.column_by_name("label").unwrap().null_count()).sum();
    assert_eq!(nulls, 0);
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains("note: there is one class, so there is nothing to tell apart"), "{words}");
}

#[test]
fn what_does_not_fit_is_asked_wrongly() {
    let samples = samples();
    for (more, words) in [
        (&["--rank", "2", "--world-size", "2"][..], "rank 2 is none of 2 ranks"),
        (&["--class-level", "1"], "these clips have no classes"),
        (&["--views", "5x3"], "--clips views"),
        (&["--world-size", "3"], "4 clips, which do not fill one batch of 6"),
        (&["--layout", "NCHW"], "NTCHW"),
    ] {
        let (code, said) = refusal(&[&["stream", &samples][..], &SETTINGS, more].concat());
        assert!(code == 2 && said.contains(words), "{code}: {said}");
    }
    let (code, said) = refusal(&[&["stream", &samples][..], &SETTINGS, &["--first", "2"]].concat());
    assert!(code == 1 && said.contains("an epoch has 2"), "{said}");
}

/// A stream of very many epochs.
fn endless() -> Child {
    let samples = samples();
    let arguments = [&["stream", &samples][..], &SETTINGS, &["--epochs", "1000000"]].concat();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tubelet"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The exit code, and what was said.
fn end(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_reader_that_leaves_ends_it_well() {
    let mut child = endless();
    let mut begin = [0; 64];
    child.stdout.take().unwrap().read_exact(&mut begin).unwrap();
    let (code, said) = end(child);
    assert!(code == Some(0) && !said.contains("error"), "{code:?}: {said}");
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_it_after_a_whole_batch() {
    let mut child = endless();
    let mut reader = StreamReader::try_new(child.stdout.take().unwrap(), None).unwrap();
    reader.next().unwrap().unwrap();
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let rest = reader.map(|batch| batch.unwrap().num_rows());
    assert!(rest.into_iter().all(|rows| rows == 2), "a batch is cut off");
    let (code, said) = end(child);
    assert!(code == Some(0) && said.contains("\nstopped; batches written: "), "{code:?}: {said}");
}
