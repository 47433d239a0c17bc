//! Bytes in memory up to a bound, and in a nameless temporary file beyond it.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// Where one piece lies: its offset, and the lengths of its two parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    at: u64,
    parts: [u32; 2],
}

/// A stretch of the store.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    at: u64,
    len: usize,
}

impl Slot {
    pub(super) fn first(self) -> Stretch {
        Stretch { at: self.at, len: self.parts[0] as usize }
    }

    pub(super) fn second(self) -> Stretch {
        Stretch { at: self.at + u64::from(self.parts[0]), len: self.parts[1] as usize }
    }
}

/// Keeps pieces of bytes; what was written to the file comes before what is in memory.
#[derive(Debug)]
pub(super) struct Store {
    bound: usize,
    memory: Vec<u8>,
    file: Option<File>,
    in_file: u64,
}

impl Store {
    pub(super) fn new(bound: usize) -> Self {
        Self { bound, memory: Vec::new(), file: None, in_file: 0 }
    }

    /// Counts the bytes in memory.
    #[cfg(test)]
    pub(super) fn in_memory(&self) -> usize {
        self.memory.len()
    }

    /// Keeps a piece whose first part has `split` bytes.
    pub(super) fn push(&mut self, piece: &[u8], split: usize) -> io::Result<Slot> {
        if self.memory.len() + piece.len() > self.bound && self.spill().is_err() {
            // A full temporary folder must not cost the report: memory has to do from here on.
            self.bound = usize::MAX;
        }
        let at = self.in_file + self.memory.len() as u64;
        let too_long = |_| io::Error::new(io::ErrorKind::FileTooLarge, "an outcome of more than 4 GiB");
        let first = u32::try_from(split).map_err(too_long)?;
        let second = u32::try_from(piece.len() - split).map_err(too_long)?;
        self.memory.extend_from_slice(piece);
        Ok(Slot { at, parts: [first, second] })
    }

    /// Moves what is in memory to the end of the file; on an error it stays in memory.
    fn spill(&mut self) -> io::Result<()> {
        if self.memory.is_empty() {
            return Ok(());
        }
        let mut file = match self.file.take() {
            Some(file) => file,
            None => tempfile::tempfile()?,
        };
        let written = file.seek(SeekFrom::Start(self.in_file)).and_then(|_| file.write_all(&self.memory));
        self.file = Some(file);
        written?;
        self.in_file += self.memory.len() as u64;
        self.memory.clear();
        Ok(())
    }

    /// Reads a part of a piece back.
    pub(super) fn read(&mut self, stretch: Stretch) -> io::Result<Cow<'_, [u8]>> {
        let gone = || io::Error::new(io::ErrorKind::UnexpectedEof, "a kept outcome is gone");
        let Stretch { at, len } = stretch;
        if let Some(start) = at.checked_sub(self.in_file) {
            let start = usize::try_from(start).map_err(|_| gone())?;
            return self.memory.get(start..start + len).map(Cow::Borrowed).ok_or_else(gone);
        }
        let file = self.file.as_mut().ok_or_else(gone)?;
        file.seek(SeekFrom::Start(at))?;
        let mut piece = vec![0; len];
        file.read_exact(&mut piece)?;
        Ok(Cow::Owned(piece))
    }
}
