//! The head of a request, and whether it is answered at all.

use std::io::Read;

/// Bytes of a head at most.
const MOST: usize = 16 * 1024;
/// Lines of a head at most.
const LINES: usize = 64;

/// A request that is answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// The path, without a query.
    pub path: String,
    /// Whether only the head of the answer is wanted.
    pub is_head: bool,
}

/// Why a request is not answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    /// Number and words of the status.
    pub status: &'static str,
    /// In a sentence.
    pub why: &'static str,
}

const WRONG: Refused = Refused { status: "400 Bad Request", why: "this is no request" };
const TOO_LONG: Refused =
    Refused { status: "431 Request Header Fields Too Large", why: "the head is too long" };
const OTHER_METHOD: Refused = Refused { status: "405 Method Not Allowed", why: "there is GET and HEAD" };
const OTHER_HOST: Refused =
    Refused { status: "421 Misdirected Request", why: "this is asked for by 127.0.0.1 or localhost only" };
const OTHER_SITE: Refused = Refused { status: "403 Forbidden", why: "another site asks" };

impl Request {
    /// Reads a head; `port` is where it came in.
    pub fn read(stream: &mut impl Read, port: u16) -> Result<Self, Refused> {
        let mut head = Vec::new();
        let mut buffer = [0; 2048];
        loop {
            let got = stream.read(&mut buffer).map_err(|_| WRONG)?;
            head.extend_from_slice(&buffer[..got]);
            let mut lines = [httparse::EMPTY_HEADER; LINES];
            let mut request = httparse::Request::new(&mut lines);
            match request.parse(&head) {
                Ok(status) if status.is_complete() => return Self::of(&request, port),
                Ok(_) if got == 0 => return Err(WRONG),
                Ok(_) if head.len() > MOST => return Err(TOO_LONG),
                Ok(_) => {}
                Err(httparse::Error::TooManyHeaders) => return Err(TOO_LONG),
                Err(_) => return Err(WRONG),
            }
        }
    }

    fn of(request: &httparse::Request<'_, '_>, port: u16) -> Result<Self, Refused> {
        let values = |name: &str| -> Vec<&[u8]> {
            let named = request.headers.iter().filter(|line| line.name.eq_ignore_ascii_case(name));
            named.map(|line| line.value).collect()
        };
        let own = ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("{host}:{port}"));
        let is_own = |host: &[u8]| own.iter().any(|own| host.eq_ignore_ascii_case(own.as_bytes()));
        match values("host")[..] {
            [host] if is_own(host) => {}
            _ => return Err(OTHER_HOST),
        }
        let is_own_origin = |origin: &&[u8]| origin.strip_prefix(b"http://").is_some_and(is_own);
        let is_own_site = |site: &&[u8]| [&b"same-origin"[..], b"none"].contains(site);
        if !values("origin").iter().all(is_own_origin) || !values("sec-fetch-site").iter().all(is_own_site) {
            return Err(OTHER_SITE);
        }
        let is_head = match request.method {
            Some("GET") => false,
            Some("HEAD") => true,
            _ => return Err(OTHER_METHOD),
        };
        let path = request.path.unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
        Ok(Self { path, is_head })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &str) -> Result<Request, Refused> {
        Request::read(&mut head.as_bytes(), 80)
    }

    #[test]
    fn a_page_is_asked_for_under_the_names_of_this_machine() {
        let page = Request { path: "/".to_owned(), is_head: false };
        for host in ["127.0.0.1:80", "localhost:80", "LOCALHOST:80", "[::1]:80"] {
            assert_eq!(
                read(&format!("GET /?a HTTP/1.1\r\nHost: {host}\r\n\r\n")).as_ref(),
                Ok(&page),
                "{host}"
            );
        }
        let from = "HEAD /state HTTP/1.1\r\nHost: localhost:80\r\nOrigin: http://localhost:80\r\nSec-Fetch-Site: same-origin\r\n\r\n";
        assert_eq!(read(from), Ok(Request { path: "/state".to_owned(), is_head: true }));
    }

    #[test]
    fn other_names_other_sites_and_what_is_no_request_are_refused() {
        let host = "Host: localhost:80\r\n";
        for (head, refused) in [
            ("GET / HTTP/1.1\r\n\r\n".to_owned(), OTHER_HOST),
            ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(), OTHER_HOST),
            ("GET / HTTP/1.1\r\nHost: evil.example:80\r\n\r\n".to_owned(), OTHER_HOST),
            ("GET / HTTP/1.1\r\nHost: localhost:81\r\n\r\n".to_owned(), OTHER_HOST),
            (format!("GET / HTTP/1.1\r\n{host}Host: evil.example:80\r\n\r\n"), OTHER_HOST),
            (format!("GET / HTTP/1.1\r\n{host}Origin: http://evil.example\r\n\r\n"), OTHER_SITE),
            (format!("GET / HTTP/1.1\r\n{host}Origin: null\r\n\r\n"), OTHER_SITE),
            (format!("GET / HTTP/1.1\r\n{host}Sec-Fetch-Site: cross-site\r\n\r\n"), OTHER_SITE),
            (format!("POST / HTTP/1.1\r\n{host}\r\n"), OTHER_METHOD),
            (format!("GET / HTTP/1.1\r\n{host}A: {}\r\n\r\n", "a".repeat(2 * MOST)), TOO_LONG),
            (format!("GET / HTTP/1.1\r\n{host}{}\r\n", "A: b\r\n".repeat(2 * LINES)), TOO_LONG),
            ("GET / HTTP/1.1\r\nHost".to_owned(), WRONG),
            ("\u{1}\u{2}\r\n\r\n".to_owned(), WRONG),
        ] {
            assert_eq!(read(&head), Err(refused), "{head:.60}");
        }
    }
}
