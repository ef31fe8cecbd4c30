//! The report for browsers of this machine, made anew whenever what it tells of has changed.
//!
//! ```text
//! GET /        the page
//! GET /state   a word that is another one when the page would be
//! ```
//!
//! It listens on the loopback address, so nobody reaches it from another machine. A page of another site must not read it
//! through the browser either: a site whose name is made to mean 127.0.0.1 (DNS rebinding) comes with its own name in
//! `Host`, and is refused; so is a request that says it comes from another site.

mod request;

use std::{
    fs,
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, UNIX_EPOCH},
};

use self::request::{Refused, Request};
use super::page;
use crate::{
    error::{Context as _, Result, Usage},
    observer::Observer,
};

/// Connections that are answered at a time. Browsers open some before they have a question.
const THREADS: usize = 4;

/// How long a connection may say nothing, or take nothing.
const PATIENCE: Duration = Duration::from_secs(5);

/// Files of a run that grow, or are written again, while it goes on.
const GROWING: [&str; 6] = [
    "metrics.jsonl",
    "validation.jsonl",
    "quarantine.jsonl",
    "run.json",
    "predictions.parquet",
    "reconstructions",
];

/// A report that is served.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    inputs: Vec<PathBuf>,
    /// The page that was made last, and of which state it is.
    made: Mutex<Option<(String, Arc<str>)>>,
}

impl Server {
    /// Listens on this port of the loopback address, on any that is free where it is 0, once a first page could be made.
    ///
    /// # Errors
    /// Usage error: what is named cannot be reported on, or the port is taken.
    pub fn open(inputs: Vec<PathBuf>, port: u16, observer: &dyn Observer) -> Result<Self> {
        page(&inputs, None, observer)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|why| {
            Usage::new(format!("port {port} cannot be listened on: {why}"))
                .hint("`--port 0` takes one that is free")
        })?;
        let address = listener.local_addr().context("the address is not known")?;
        Ok(Self { listener, address, inputs, made: Mutex::default() })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until the process ends.
    pub fn run(&self) {
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    loop {
                        // A connection that fails is nobody's loss: a browser asks again.
                        let _ = self.listener.accept().and_then(|(stream, _)| self.answer(stream));
                    }
                });
            }
        });
    }

    fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let request = match Request::read(&mut stream, self.address.port()) {
            Ok(request) => request,
            Err(Refused { status, why }) => return send(&mut stream, status, "text/plain", why, false),
        };
        let whole = !request.is_head;
        match request.path.as_str() {
            "/" => match self.page() {
                Ok(html) => send(&mut stream, "200 OK", "text/html", &html, whole),
                Err(why) => {
                    send(&mut stream, "500 Internal Server Error", "text/plain", &in_full(&why), whole)
                }
            },
            "/state" => send(&mut stream, "200 OK", "text/plain", &self.state(), whole),
            _ => send(&mut stream, "404 Not Found", "text/plain", "there is / and /state", whole),
        }
    }

    /// The page, which is made once for a state: of a scan it takes a while.
    fn page(&self) -> Result<Arc<str>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        // Taken before the page is made: what comes meanwhile makes another one next time.
        let state = self.state();
        match &*made {
            Some((of, html)) if *of == state => Ok(Arc::clone(html)),
            _ => {
                let html: Arc<str> = page(&self.inputs, Some(&state), &())?.into();
                *made = Some((state, Arc::clone(&html)));
                Ok(html)
            }
        }
    }

    /// A word that is another one when the page would be.
    fn state(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for input in &self.inputs {
            let files = GROWING.iter().map(|name| input.join(name)).chain([input.clone()]);
            files.for_each(|path| {
                hasher.update(format!("{:?}", facts(&path)).as_bytes());
            });
        }
        hasher.finalize().to_hex().to_string()
    }
}

/// Length and time of a file, or of a folder; nothing where there is none.
fn facts(path: &Path) -> Option<(u64, Duration)> {
    let facts = fs::metadata(path).ok()?;
    let time = facts.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((facts.len(), time))
}

/// An error with its causes.
fn in_full(why: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(why.source(), |cause| cause.source());
    causes.fold(why.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Answers, and closes the connection. A text is text, whatever it holds.
fn send(stream: &mut TcpStream, status: &str, kind: &str, body: &str, whole: bool) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
         Cross-Origin-Resource-Policy: same-origin\r\nContent-Security-Policy: frame-ancestors 'none'\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    if whole {
        stream.write_all(body.as_bytes())?;
    }
    stream.flush()
}
