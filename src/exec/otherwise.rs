//! Compares the request line of a defect with the one of its step.

use crate::http::Request;

/// The request line of a head that leaves byte for byte, where it is another one than the request's.
pub(super) fn written(request: &Request, head: Option<&[u8]>) -> Option<String> {
    let line = head?.split(|b| *b == b'\r').next().map(String::from_utf8_lossy)?;
    let line = line.strip_suffix(" HTTP/1.1").unwrap_or(&line).to_owned();
    (line != format!("{} {}", request.method, request.address.target())).then_some(line)
}

/// In what a request line is another one.
#[derive(Clone, Copy, Default)]
pub(super) struct Otherwise {
    target: bool,
    method: bool,
}

impl Otherwise {
    /// Compares what leaves, with its own `head` where no library would send it, with what would have left.
    pub(super) fn of(plain: &Request, sent: &Request, head: Option<&[u8]>) -> Self {
        let written = written(plain, head);
        let is_written = written.as_deref().and_then(|line| line.split(' ').nth(1));
        let is_written = is_written.is_some_and(|target| target != plain.address.target());
        Self { target: is_written || sent.address.path() != plain.address.path(), method: sent.method != plain.method }
    }

    /// Whether an answer says of that line alone that there is no such thing.
    pub(super) const fn is_unknown(self, status: u16) -> bool {
        (self.target && matches!(status, 400 | 404)) || (self.method && matches!(status, 405 | 501))
    }
}

#[cfg(test)]
mod tests {
    use super::{Otherwise, written};
    use crate::http::{Address, Headers, Request};

    fn request(method: &str, target: &str) -> Request {
        let address = Address::parse(&format!("http://api.example{target}")).unwrap();
        Request { method: method.to_owned(), address, headers: Headers::default(), body: bytes::Bytes::new() }
    }

    #[test]
    fn what_nobody_knows_is_another_line() {
        let plain = request("GET", "/admin/users?a=1");
        let of = |sent: &Request, head: Option<&[u8]>| {
            let line = Otherwise::of(&plain, sent, head);
            [400, 404, 405, 501, 403].map(|status| line.is_unknown(status))
        };
        let (target, method) = ([true, true, false, false, false], [false, false, true, true, false]);
        assert_eq!(of(&request("GET", "/admin//users?a=1"), None), target);
        assert_eq!(of(&plain, Some(b"GET /admin\\users?a=1 HTTP/1.1\r\nhost: a\r\n\r\n")), target);
        assert_eq!(of(&request("TRACE", "/admin/users?a=1"), None), method);
        assert_eq!(of(&request("GET", "/admin/users?a=1&role=admin"), None), [false; 5], "the same thing is asked for");
        let odd = b"GET /admin\\users?a=1 HTTP/1.1\r\nhost: a\r\n\r\n";
        assert_eq!(written(&plain, Some(odd)).as_deref(), Some("GET /admin\\users?a=1"));
        assert_eq!(written(&plain, Some(b"GET /admin/users?a=1 HTTP/1.1\r\nx: \t\r\n\r\n")), None);
        assert_eq!(of(&plain, Some(b"GET /admin/users?a=1 HTTP/1.1\r\nhost: a\r\n\r\n")), [false; 5]);
    }
}
