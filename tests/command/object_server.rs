//! A server of HTTP on this machine: it gives objects by ranges, and speaks as much of S3 as `tubelet` asks for.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{
            AtomicI64, AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
    thread,
};

use assert_cmd::Command;

use crate::tubelet;

/// What a server does wrong with some of its answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    None,
    /// It answers that it is busy.
    Busy,
    /// It ends the connection in the middle of a body.
    Cut,
    /// It ends the connection without an answer.
    Mute,
}

/// Objects by their names: `film.mp4` of a server of HTTP, `bucket/film.mp4` of a store.
type Objects = BTreeMap<String, Vec<u8>>;

#[derive(Default)]
struct State {
    objects: Mutex<Objects>,
    /// Bytes of bodies that were given.
    given: AtomicU64,
    asked: AtomicU64,
    /// Answers until it is dead, and objects that it takes until then; it lives for ever where neither is said.
    lives: AtomicI64,
    takes: AtomicI64,
}

/// A server of objects.
pub struct Server {
    pub port: u16,
    state: Arc<State>,
}

struct Request {
    method: String,
    /// The name of the object, or of the bucket.
    name: String,
    query: String,
    range: Option<(usize, usize)>,
    body: Vec<u8>,
}

impl Server {
    /// One that does every third answer wrong, or all of them.
    pub fn start(objects: Objects, fault: Fault, always: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State { objects: Mutex::new(objects), ..State::default() });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&shared);
                thread::spawn(move || {
                    // Whoever asks may go away.
                    let _ = serve(stream.unwrap(), &state, fault, always);
                });
            }
        });
        let server = Self { port, state };
        server.revive();
        server
    }

    /// The address of an object of HTTP.
    pub fn http(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{name}", self.port)
    }

    /// The command with what it needs to speak with this store.
    pub fn tubelet(&self) -> Command {
        let mut command = tubelet();
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        command.env("AWS_ENDPOINT_URL", endpoint).env("AWS_ALLOW_HTTP", "true");
        command.env("AWS_ACCESS_KEY_ID", "AKIATEST").env("AWS_SECRET_ACCESS_KEY", "top-secret-key");
        command.env("AWS_REGION", "us-east-1");
        command
    }

    /// Lets it die after so many answers.
    pub fn dies_after(&self, answers: i64) {
        self.state.lives.store(answers, SeqCst);
    }

    /// Lets it die when it is to take one object more.
    pub fn dies_after_taking(&self, objects: i64) {
        self.state.takes.store(objects, SeqCst);
    }

    /// Lets it live again.
    pub fn revive(&self) {
        self.dies_after(i64::MAX);
        self.dies_after_taking(i64::MAX);
    }

    /// Requests since this was asked last.
    pub fn take_asked(&self) -> u64 {
        self.state.asked.swap(0, Relaxed)
    }

    /// Bytes of bodies that were given since this was asked last.
    pub fn take_given(&self) -> u64 {
        self.state.given.swap(0, Relaxed)
    }

    /// The objects whose names begin so, without that.
    pub fn objects(&self, prefix: &str) -> Objects {
        let objects = self.state.objects.lock().unwrap();
        let below = objects.iter().filter_map(|(name, bytes)| Some((name.strip_prefix(prefix)?, bytes)));
        below.map(|(name, bytes)| (name.to_owned(), bytes.clone())).collect()
    }
}

fn serve(stream: TcpStream, state: &State, fault: Fault, always: bool) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    // One request a connection.
    let Some(request) = read(&mut reader)? else { return Ok(()) };
    if request.method == "PUT" && state.takes.fetch_sub(1, SeqCst) <= 0 {
        state.lives.store(0, SeqCst);
    }
    if state.lives.fetch_sub(1, SeqCst) <= 0 {
        return Ok(());
    }
    let asked = state.asked.fetch_add(1, Relaxed);
    let fault = if always || asked % 3 == 1 { fault } else { Fault::None };
    match fault {
        Fault::Mute => return Ok(()),
        Fault::Busy => return stream.write_all(&answer("503 Service Unavailable", "", 0)),
        Fault::None | Fault::Cut => {}
    }
    let (head, body) = answered(&request, &mut state.objects.lock().unwrap());
    stream.write_all(&head)?;
    let sent = if fault == Fault::Cut { &body[..body.len() / 2] } else { &body[..] };
    state.given.fetch_add(sent.len() as u64, Relaxed);
    stream.write_all(sent)
}

fn read(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let field = |name: &str| {
        let found = lines.iter().filter_map(|line| line.split_once(": "));
        found.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
    };
    let range = field("range").map(|range| {
        let (start, end) = range.trim_start_matches("bytes=").split_once('-').unwrap();
        (start.parse().unwrap(), end.parse::<usize>().unwrap() + 1)
    });
    let mut body = vec![0; field("content-length").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body)?;
    let mut words = lines[0].split(' ');
    let (method, target) = (words.next().unwrap().to_owned(), words.next().unwrap());
    let (name, query) = target.split_once('?').unwrap_or((target, ""));
    let name = name.trim_matches('/').to_owned();
    Ok(Some(Request { method, name, query: query.replace("%2F", "/"), range, body }))
}

fn answered(request: &Request, objects: &mut Objects) -> (Vec<u8>, Vec<u8>) {
    let Request { method, name, query, range, body } = request;
    let of_xml = |xml: String| (answer("200 OK", "", xml.len()), xml.into_bytes());
    match method.as_str() {
        "GET" if query.contains("list-type=2") => of_xml(list(name, query, objects)),
        "POST" if query.starts_with("delete") => {
            let text = String::from_utf8(body.clone()).unwrap();
            let mut deleted = String::new();
            for key in text.split("<Key>").skip(1).map(|rest| rest.split('<').next().unwrap()) {
                objects.remove(&format!("{name}/{key}"));
                deleted += &format!("<Deleted><Key>{key}</Key></Deleted>");
            }
            of_xml(format!("<DeleteResult>{deleted}</DeleteResult>"))
        }
        "PUT" => {
            objects.insert(name.clone(), body.clone());
            (answer("200 OK", &tag(body), 0), Vec::new())
        }
        _ => match objects.get(name) {
            None => (answer("404 Not Found", "", 0), Vec::new()),
            Some(object) => {
                let (start, end) =
                    range.map_or((0, object.len()), |(start, end)| (start, end.min(object.len())));
                let whole = object.len();
                let (status, part) = match range {
                    None => ("200 OK", String::new()),
                    Some(_) => (
                        "206 Partial Content",
                        format!("Content-Range: bytes {start}-{}/{whole}\r\n", end - 1),
                    ),
                };
                let head = answer(status, &(part + &tag(object)), end - start);
                (head, if method == "HEAD" { Vec::new() } else { object[start..end].to_vec() })
            }
        },
    }
}

fn answer(status: &str, more: &str, length: usize) -> Vec<u8> {
    let date = "Last-Modified: Mon, 02 Nov 2026 10:00:00 GMT";
    format!("HTTP/1.1 {status}\r\n{date}\r\n{more}Content-Length: {length}\r\nConnection: close\r\n\r\n")
        .into_bytes()
}

fn tag(object: &[u8]) -> String {
    format!("ETag: \"{}\"\r\n", object.len())
}

fn list(bucket: &str, query: &str, objects: &Objects) -> String {
    let value = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)).unwrap_or_default();
    let (prefix, delimiter) = (value("prefix="), value("delimiter="));
    let below = objects.iter().filter_map(|(name, object)| {
        let key = name.strip_prefix(&format!("{bucket}/"))?;
        let rest = key.strip_prefix(prefix)?;
        (delimiter.is_empty() || !rest.contains(delimiter)).then_some((key, object))
    });
    let object = |(key, object): (&str, &Vec<u8>)| {
        format!(
            "<Contents><Key>{key}</Key><LastModified>2026-11-02T10:00:00.000Z</LastModified>\
             <ETag>\"{0}\"</ETag><Size>{0}</Size></Contents>",
            object.len()
        )
    };
    let contents: String = below.map(object).collect();
    format!(
        "<ListBucketResult><Name>{bucket}</Name><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>"
    )
}
