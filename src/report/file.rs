//! Report files that are either complete and free of secrets, or not there.
//!
//! A report is written into a temporary file beside its target, searched for every secret the run
//! came to know, and renamed. What is found is masked and searched for again; what is found then
//! keeps the report from being published. The temporary file goes with its [`ReportFile`], whatever
//! happens; a process that ends without dropping it calls [`remove_unfinished`].

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::{Builder, NamedTempFile};

use crate::secret::SecretSet;

pub(super) mod scrub;

pub use scrub::Shape;

/// Where [`remove_unfinished`] finds the temporary files of this process.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// No file can be made at this place.
    #[error("{} cannot be created: {why}", .path.display())]
    Create {
        /// The file that was asked for.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// Writing stopped half way, for example because the disk is full.
    #[error("{} cannot be written: {why}", .path.display())]
    Write {
        /// The file that was asked for.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// The finished file could not be put into its place.
    #[error("{} cannot be put into place: {why}", .path.display())]
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
    /// By a copy, because the target is no ordinary file: a pipe, a terminal, standard output.
    Copy(Box<dyn Write + Send>),
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
            Ok(found) if !found.is_file() => {
                let stream = fs::OpenOptions::new().write(true).open(path).map_err(fail)?;
                (Target::Copy(Box::new(stream)), Temp::anywhere().map_err(fail)?)
            }
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
            Ok(temp) => Ok(Self { path, shape, target: Target::Copy(stream), temp: BufWriter::new(temp) }),
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
        let masked = match self.masked(secrets) {
            Ok(Ok(masked)) => masked,
            Ok(Err(label)) => return Err(FileError::Secret { path: self.path, label }),
            Err(why) => return Err(self.failed(why)),
        };
        let path = self.path.clone();
        match self.publish() {
            Ok(()) => Ok(Written { path, searched: secrets.len(), masked }),
            // A reader that went away, as `head` does, has what it wanted.
            Err(why) if path.as_os_str() == "-" && why.kind() == io::ErrorKind::BrokenPipe => {
                Ok(Written { path, searched: secrets.len(), masked })
            }
            Err(why) => Err(FileError::Publish { path, why }),
        }
    }

    fn failed(&self, why: io::Error) -> FileError {
        FileError::Write { path: self.path.clone(), why }
    }

    /// Makes sure no secret is in the file; gives how many texts were masked, or the label of what stayed.
    fn masked(&mut self, secrets: &SecretSet) -> io::Result<Result<usize, String>> {
        self.temp.flush()?;
        if secrets.search_reader(self.temp.get_mut().rewound()?)?.is_empty() {
            return Ok(Ok(0));
        }
        // The format's own words may look like a secret too, so only what it carries is masked.
        let mut clean = BufWriter::new(match &self.target {
            Target::Rename(path) => Temp::beside(path)?,
            Target::Copy(_) => Temp::anywhere()?,
        });
        let found = scrub::copy(self.shape, BufReader::new(self.temp.get_mut().rewound()?), &mut clean, secrets)?;
        clean.flush()?;
        if let Some(label) = found.left {
            return Ok(Err(label));
        }
        if found.masked > 0 {
            self.temp = clean;
        }
        Ok(Ok(found.masked))
    }

    fn publish(self) -> io::Result<()> {
        let Ok(mut temp) = self.temp.into_inner().map_err(io::IntoInnerError::into_error) else {
            return Err(io::ErrorKind::WriteZero.into());
        };
        match self.target {
            Target::Rename(path) => temp.persist(&path),
            Target::Copy(mut stream) => {
                io::copy(temp.rewound()?, &mut stream)?;
                stream.flush()
            }
        }
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

/// A temporary file that disappears when dropped.
enum Temp {
    Named(Option<NamedTempFile>),
    Nameless(File),
}

impl Temp {
    /// Makes a file beside `target`, so that the rename stays on one file system.
    fn beside(target: &Path) -> io::Result<Self> {
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            Some(_) | None => Path::new("."),
        };
        fs::create_dir_all(folder).map_err(plainly)?;
        let mut builder = Builder::new();
        builder.prefix(".authspec-").suffix(".tmp");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // A report is for others to read, as far as the user's mask lets them.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(folder).map_err(plainly)?;
        UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).push(file.path().to_owned());
        Ok(Self::Named(Some(file)))
    }

    fn anywhere() -> io::Result<Self> {
        tempfile::tempfile().map(Self::Nameless)
    }

    fn file(&mut self) -> io::Result<&mut File> {
        match self {
            Self::Named(Some(named)) => Ok(named.as_file_mut()),
            Self::Named(None) => Err(io::ErrorKind::NotFound.into()),
            Self::Nameless(file) => Ok(file),
        }
    }

    fn rewound(&mut self) -> io::Result<&mut File> {
        let file = self.file()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }

    fn persist(&mut self, path: &Path) -> io::Result<()> {
        let Self::Named(named) = self else { return Err(io::ErrorKind::NotFound.into()) };
        let Some(named) = named.take() else { return Err(io::ErrorKind::NotFound.into()) };
        forget(named.path());
        named.persist(path).map(drop).map_err(|refused| refused.error)
    }
}

impl Write for Temp {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file()?.flush()
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        if let Self::Named(Some(named)) = self {
            forget(named.path());
        }
    }
}

/// Says the common reasons in their own words, without the temporary name that the user never gave.
fn plainly(why: io::Error) -> io::Error {
    use io::ErrorKind::{AlreadyExists, NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem, StorageFull};
    match why.kind() {
        // A file stands where a folder is needed.
        AlreadyExists => NotADirectory.into(),
        kind @ (NotADirectory | NotFound | PermissionDenied | ReadOnlyFilesystem | StorageFull) => kind.into(),
        _ => why,
    }
}

fn forget(path: &Path) {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).retain(|kept| kept != path);
}

/// Removes the temporary files of reports that were not finished, for a process that ends at once.
pub fn remove_unfinished() {
    remove(UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).drain(..));
}

fn remove(paths: impl Iterator<Item = PathBuf>) {
    for path in paths {
        // Nothing can be done about one that stays, and the process is ending.
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests;
