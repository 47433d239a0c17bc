//! Report files that are either complete and free of secrets, or not there.
//!
//! A report is written into a temporary file beside its target, searched for every secret the run
//! came to know, and renamed. What is found is masked and searched for again; what is found then
//! keeps the report from being published. The temporary file goes with its [`ReportFile`], whatever
//! happens; a process that ends without dropping it calls [`remove_unfinished`].

use std::fs;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::secret::SecretSet;
use crate::term::system;

pub(super) mod scrub;
mod temp;

use scrub::Found;
pub use scrub::Shape;
use temp::Temp;
pub use temp::remove_unfinished;

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// No file can be made at this place.
    #[error("{} cannot be created: {}", .path.display(), system(.why))]
    Create {
        /// The file that was asked for.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// Writing stopped half way, for example because the disk is full.
    #[error("{} cannot be written: {}", .path.display(), system(.why))]
    Write {
        /// The file that was asked for.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// The finished file could not be put into its place.
    #[error("{} cannot be put into place: {}", .path.display(), system(.why))]
    Publish {
        /// The file that was asked for.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// A secret was still readable after masking, so nothing was published.
    #[error("{} is not written: {label} could still be read in it after masking", .path.display())]
    Secret {
        /// The file that was asked for.
        path: PathBuf,
        /// The name of the secret.
        label: String,
    },
}

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The file as the user named it.
    pub path: PathBuf,
    /// How many secrets it was searched for.
    pub searched: usize,
    /// How many texts had to be masked once more; more than zero is worth a warning.
    pub masked: usize,
}

/// Where the finished report goes.
enum Target {
    /// By a rename over this file.
    Rename(PathBuf),
    /// By a copy into this pipe or device, opened only then: opening a pipe waits for its reader.
    Device(PathBuf),
    /// By a copy to this stream.
    Stream(Box<dyn Write + Send>),
}

/// A report that is being written.
pub struct ReportFile {
    path: PathBuf,
    shape: Shape,
    target: Target,
    temp: BufWriter<Temp>,
}

impl std::fmt::Debug for ReportFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReportFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl ReportFile {
    /// Begins a report at `path`, made with its folders if they are missing.
    ///
    /// Called before the run, it tells in time that the place cannot be written to. A path that names
    /// a pipe or a device is written to when the report is finished.
    pub fn create(path: &Path, shape: Shape) -> Result<Self, FileError> {
        let fail = |why| FileError::Create { path: path.to_owned(), why };
        // Through a link, what it points to is replaced, not the link.
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let (target, temp) = match fs::metadata(&real) {
            Ok(found) if found.is_dir() => return Err(fail(io::ErrorKind::IsADirectory.into())),
            Ok(found) if !found.is_file() => (Target::Device(real), Temp::anywhere().map_err(fail)?),
            Ok(_) | Err(_) => {
                let temp = Temp::beside(&real).map_err(fail)?;
                (Target::Rename(real), temp)
            }
        };
        Ok(Self { path: path.to_owned(), shape, target, temp: BufWriter::with_capacity(64 * 1024, temp) })
    }

    /// Begins a report that is searched like a file and then copied to a stream, such as standard output for `-`.
    pub fn to_stream(stream: Box<dyn Write + Send>, shape: Shape) -> Result<Self, FileError> {
        let path = PathBuf::from("-");
        match Temp::anywhere() {
            Ok(temp) => Ok(Self { path, shape, target: Target::Stream(stream), temp: BufWriter::new(temp) }),
            Err(why) => Err(FileError::Create { path, why }),
        }
    }

    /// Writes the report with `fill` and finishes it.
    pub fn write(
        mut self,
        secrets: &SecretSet,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Written, FileError> {
        fill(&mut self).map_err(|why| self.failed(why))?;
        self.finish(secrets)
    }

    /// Searches the report for every secret and publishes it.
    pub fn finish(mut self, secrets: &SecretSet) -> Result<Written, FileError> {
        let found = self.masked(secrets).map_err(|why| self.failed(why))?;
        let path = self.path.clone();
        if let Some(label) = found.left {
            return Err(FileError::Secret { path, label });
        }
        match self.publish() {
            Ok(()) => {}
            // A reader that went away, as `head` does, has what it wanted.
            Err(why) if path.as_os_str() == "-" && why.kind() == io::ErrorKind::BrokenPipe => {}
            Err(why) => return Err(FileError::Publish { path, why }),
        }
        Ok(Written { path, searched: secrets.len(), masked: found.masked })
    }

    fn failed(&self, why: io::Error) -> FileError {
        FileError::Write { path: self.path.clone(), why }
    }

    /// Masks what is found in the file, and tells whether something stayed.
    fn masked(&mut self, secrets: &SecretSet) -> io::Result<Found> {
        self.temp.flush()?;
        if secrets.search_reader(self.temp.get_mut().rewound()?)?.is_empty() {
            return Ok(Found::default());
        }
        // The format's own words may look like a secret too, so only what it carries is masked.
        let mut clean = BufWriter::new(match &self.target {
            Target::Rename(path) => Temp::beside(path)?,
            Target::Device(_) | Target::Stream(_) => Temp::anywhere()?,
        });
        let found = scrub::copy(self.shape, BufReader::new(self.temp.get_mut().rewound()?), &mut clean, secrets)?;
        clean.flush()?;
        if found.masked > 0 {
            self.temp = clean;
        }
        Ok(found)
    }

    fn publish(self) -> io::Result<()> {
        let mut temp = self.temp.into_inner().map_err(io::IntoInnerError::into_error)?;
        let mut stream: Box<dyn Write> = match self.target {
            Target::Rename(path) => return temp.persist(&path),
            Target::Device(path) => Box::new(fs::OpenOptions::new().write(true).open(path)?),
            Target::Stream(stream) => stream,
        };
        io::copy(temp.rewound()?, &mut stream)?;
        stream.flush()
    }
}

impl Write for ReportFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temp.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temp.flush()
    }
}

#[cfg(test)]
mod tests;
