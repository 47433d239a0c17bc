//! Collecting and decoding bodies, with a limit on what comes out.

use std::io::Read;

use bytes::{Bytes, BytesMut};

use super::error::HttpError;
use super::message::Headers;

/// More codings, one on top of the other, are an attack.
const MAX_CODINGS: usize = 4;

/// A body on its way in.
pub(super) struct Pieces {
    limit: usize,
    /// Most bodies come in one piece, which then is the body.
    first: Bytes,
    rest: BytesMut,
}

impl Pieces {
    /// Starts a body of at most that many bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, first: Bytes::new(), rest: BytesMut::new() }
    }

    /// Takes in the next piece.
    pub(super) fn add(&mut self, piece: Bytes) -> Result<(), HttpError> {
        if self.first.len().max(self.rest.len()) + piece.len() > self.limit {
            return Err(HttpError::TooLarge(self.limit));
        }
        if self.first.is_empty() {
            self.first = piece;
            return Ok(());
        }
        if self.rest.is_empty() {
            self.rest.extend_from_slice(&self.first);
        }
        self.rest.extend_from_slice(&piece);
        Ok(())
    }

    /// Gives the whole.
    pub(super) fn join(self) -> Bytes {
        if self.rest.is_empty() { self.first } else { self.rest.freeze() }
    }
}

/// Undoes `Content-Encoding` (RFC 9110, section 8.4), last coding first; unknown codings are left.
pub(super) fn decode(headers: &Headers, body: Bytes, limit: usize) -> Result<Bytes, HttpError> {
    let mut body = body;
    let codings: Vec<String> = headers
        .all("content-encoding")
        .flat_map(|v| String::from_utf8_lossy(v).split(',').map(|c| c.trim().to_ascii_lowercase()).collect::<Vec<_>>())
        .collect();
    if codings.len() > MAX_CODINGS {
        return Err(HttpError::BadAnswer { why: format!("it names {} encodings of its body", codings.len()) });
    }
    for coding in codings.iter().rev() {
        if body.is_empty() {
            break;
        }
        let input: &[u8] = &body;
        body = match coding.as_str() {
            "gzip" | "x-gzip" => read(flate2::read::MultiGzDecoder::new(input), coding, limit)?,
            // Servers send both the zlib form that the RFC asks for and bare deflate.
            "deflate" if input[0] & 0x0f == 8 => read(flate2::read::ZlibDecoder::new(input), coding, limit)?,
            "deflate" => read(flate2::read::DeflateDecoder::new(input), coding, limit)?,
            "br" => read(brotli::Decompressor::new(input, 4096), coding, limit)?,
            "identity" | "" => continue,
            _ => break,
        };
    }
    Ok(body)
}

fn read(decoder: impl Read, coding: &str, limit: usize) -> Result<Bytes, HttpError> {
    let mut out = Vec::new();
    decoder
        .take(limit as u64 + 1)
        .read_to_end(&mut out)
        .map_err(|_| HttpError::BadAnswer { why: format!("the body is not {coding}, as its header says") })?;
    if out.len() > limit { Err(HttpError::TooLarge(limit)) } else { Ok(out.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn headers(value: &'static str) -> Headers {
        let mut headers = Headers::default();
        headers.add("Content-Encoding", value);
        headers
    }

    #[test]
    fn codings_are_undone_in_reverse() {
        let twice = gzip(&gzip(b"hello"));
        assert_eq!(decode(&headers("gzip, gzip"), twice.into(), 100).unwrap(), "hello");
        assert_eq!(decode(&headers("identity"), "x".into(), 100).unwrap(), "x");
    }

    #[test]
    fn bombs_and_lies_are_told() {
        let bomb = gzip(&vec![0; 1_000_000]);
        assert!(bomb.len() < 2000);
        assert_eq!(decode(&headers("gzip"), bomb.into(), 1000).unwrap_err(), HttpError::TooLarge(1000));
        for coding in ["gzip", "deflate", "br"] {
            assert!(decode(&headers(coding), "not packed".into(), 1000).is_err(), "{coding}");
        }
    }
}
