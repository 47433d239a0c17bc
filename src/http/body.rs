//! Decoding of compressed bodies, with a limit on what comes out.

use std::io::Read;

use bytes::Bytes;

use super::error::HttpError;
use super::message::Headers;

/// Undoes `Content-Encoding` (RFC 9110, section 8.4), last coding first; unknown codings are left.
pub(super) fn decode(headers: &Headers, body: Bytes, limit: usize) -> Result<Bytes, HttpError> {
    let mut body = body;
    let codings: Vec<String> = headers
        .all("content-encoding")
        .flat_map(|v| String::from_utf8_lossy(v).split(',').map(|c| c.trim().to_ascii_lowercase()).collect::<Vec<_>>())
        .collect();
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
