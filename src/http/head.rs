//! Heads that no HTTP library would send, byte for byte: the library talks, and what it writes as head is replaced.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection on which the first head that is written gives way to another one.
pub(super) struct Replaced<S> {
    stream: S,
    /// The head that goes out; none once it went.
    head: Option<Bytes>,
    /// What the library wrote of its own head so far.
    seen: BytesMut,
    /// What has yet to go out before anything else may.
    left: Bytes,
}

impl<S> Replaced<S> {
    pub(super) fn new(stream: S, head: Bytes) -> Self {
        Self { stream, head: Some(head), seen: BytesMut::new(), left: Bytes::new() }
    }
}

impl<S: AsyncWrite + Unpin> Replaced<S> {
    fn drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.left.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.left))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let _ = self.left.split_to(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Replaced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.drain(cx))?;
        let Some(head) = self.head.clone() else { return Pin::new(&mut self.stream).poll_write(cx, bytes) };
        self.seen.extend_from_slice(bytes);
        if let Some(end) = self.seen.windows(4).position(|w| w == b"\r\n\r\n") {
            let body = self.seen.split_off(end + 4);
            self.left = [&head[..], &body[..]].concat().into();
            self.head = None;
            // Whether it is through is asked before the next write and by every flush.
            if let Poll::Ready(Err(error)) = self.drain(cx) {
                return Poll::Ready(Err(error));
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.drain(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.drain(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Replaced<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}
