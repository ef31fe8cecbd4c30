//! Films of a server: what is read of them is what is read of files, whatever the server does in between.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use crate::{refusal, samples, stdout, text};

/// What a server does wrong with some of its answers.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// It answers that it is busy.
    Busy,
    /// It ends the connection in the middle of a body.
    Cut,
    /// It ends the connection without an answer.
    Mute,
}

/// A server of HTTP on this machine that gives ranges of the project's films.
struct Server {
    port: u16,
    given: Arc<AtomicU64>,
}

impl Server {
    /// One that does every third answer wrong, or all of them.
    fn start(fault: Fault, always: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, given) = (listener.local_addr().unwrap().port(), Arc::new(AtomicU64::new(0)));
        let counted = Arc::clone(&given);
        std::thread::spawn(move || {
            for (number, stream) in (0u64..).zip(listener.incoming()) {
                let is_wrong = fault != Fault::None && (always || number % 3 == 1);
                let counted = Arc::clone(&counted);
                std::thread::spawn(move || {
                    // Whoever asks may go away.
                    let _ = answer(stream.unwrap(), if is_wrong { fault } else { Fault::None }, &counted);
                });
            }
        });
        Self { port, given }
    }

    /// A list of the films in the order of a folder of them.
    fn list(&self, folder: &Path) -> PathBuf {
        let films = ["big_buck_bunny.mp4", "bottles.webm", "cars.mp4", "flower.mp4"];
        let lines = films.map(|film| format!("http://127.0.0.1:{}/{film}\n", self.port));
        let list = folder.join("list.txt");
        fs::write(&list, lines.concat()).unwrap();
        list
    }
}

fn answer(mut stream: TcpStream, fault: Fault, given: &AtomicU64) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let mut range = None;
    for line in lines.by_ref() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some(wanted) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
            let (start, end) = wanted.split_once('-').unwrap();
            range = Some((start.parse::<usize>().unwrap(), end.parse::<usize>().unwrap() + 1));
        }
    }
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let Ok(film) = fs::read(Path::new(&samples()).join(path.trim_start_matches('/'))) else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    match fault {
        Fault::Mute => return Ok(()),
        Fault::Busy => {
            return stream.write_all(
                b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            );
        }
        Fault::None | Fault::Cut => {}
    }
    let (start, end) = range.map_or((0, film.len()), |(start, end)| (start, end.min(film.len())));
    let status = match range {
        None => "200 OK".to_owned(),
        Some(_) => format!("206 Partial Content\r\nContent-Range: bytes {start}-{}/{}", end - 1, film.len()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nLast-Modified: Mon, 02 Nov 2026 10:00:00 GMT\r\nETag: \"1\"\r\nConnection: close\r\n\r\n",
        end - start
    );
    stream.write_all(head.as_bytes())?;
    if method == "GET" {
        let body = &film[start..end];
        let body = if fault == Fault::Cut { &body[..body.len() / 2] } else { body };
        given.fetch_add(body.len() as u64, Relaxed);
        stream.write_all(body)?;
    }
    Ok(())
}

fn batches(data: &Path, more: &[&str]) -> String {
    let arguments = ["inspect", "batches", text(data), "--workers", "2", "--recipe", "tiny", "--count", "4"];
    let lines = stdout(&[&arguments[..], more].concat());
    let without_name = |line: &str| {
        let mut columns: Vec<&str> = line.split('\t').collect();
        columns.remove(2);
        columns.join("\t")
    };
    lines.lines().map(without_name).collect::<Vec<_>>().join("\n")
}

#[test]
fn films_of_a_server_give_the_clips_of_files_also_where_it_fails_now_and_then() {
    let folder = tempfile::tempdir().unwrap();
    let of_films = batches(Path::new(&samples()), &[]);
    for fault in [Fault::None, Fault::Busy, Fault::Cut, Fault::Mute] {
        let list = Server::start(fault, false).list(folder.path());
        assert_eq!(batches(&list, &[]), of_films);
        assert_eq!(batches(&list, &["--set", "run.sandbox=false"]), of_films);
    }
}

#[test]
fn a_scan_reads_less_than_the_films_and_a_run_from_its_manifest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Fault::None, false);
    let list = server.list(folder.path());
    let manifest = folder.path().join("manifest.parquet");
    let rows = stdout(&["scan", text(&list), "--out", text(&manifest), "--json", "--verify"]);
    assert_eq!(rows.matches(r#""verdict":"good""#).count(), 4, "{rows}");
    assert_eq!(batches(&manifest, &[]), batches(Path::new(&samples()), &[]));
}

#[test]
fn a_server_that_fails_for_good_stops_the_command_and_a_film_that_is_not_there_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Fault::Busy, true);
    let list = server.list(folder.path());
    let manifest = folder.path().join("manifest.parquet");
    let (code, words) = refusal(&["scan", text(&list), "--out", text(&manifest)]);
    assert_eq!(code, 1, "{words}");
    assert!(
        words.contains("this system could not read http://127.0.0.1") && words.contains("503"),
        "{words}"
    );
    assert!(!manifest.exists());

    let server = Server::start(Fault::None, false);
    fs::write(
        &list,
        format!("http://127.0.0.1:{0}/absent.mp4\nhttp://127.0.0.1:{0}/cars.mp4\n", server.port),
    )
    .unwrap();
    let rows = stdout(&["scan", text(&list), "--out", text(&manifest), "--json"]);
    assert!(rows.contains(r#""kind":"not there""#) && rows.contains(r#""verdict":"good""#), "{rows}");
    assert!(server.given.load(Relaxed) > 0);
}

#[test]
fn secrets_in_addresses_are_refused_and_not_shown() {
    for address in
        ["https://me:secret@host/a.mp4", "https://host/a.mp4?sig=secret", "s3://k:secret@bucket/films/"]
    {
        let (code, words) = refusal(&["scan", address]);
        assert_eq!(code, 2, "{words}");
        assert!(
            !words.contains("secret") && words.contains("credentials come from the environment"),
            "{words}"
        );
    }
}
