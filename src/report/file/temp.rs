//! Temporary files that leave nothing behind.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::{Builder, NamedTempFile};

/// Where [`remove_unfinished`] finds the temporary files of this process.
pub(super) static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A temporary file that disappears when dropped.
pub(super) enum Temp {
    Named(Option<NamedTempFile>),
    Nameless(File),
}

impl Temp {
    /// Makes a file beside `target`, so that the rename stays on one file system.
    pub(super) fn beside(target: &Path) -> io::Result<Self> {
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

    /// Makes a file without a name.
    pub(super) fn anywhere() -> io::Result<Self> {
        tempfile::tempfile().map(Self::Nameless)
    }

    fn file(&mut self) -> io::Result<&mut File> {
        match self {
            Self::Named(Some(named)) => Ok(named.as_file_mut()),
            Self::Named(None) => Err(io::ErrorKind::NotFound.into()),
            Self::Nameless(file) => Ok(file),
        }
    }

    /// Gives the file, to be read or written from its beginning.
    pub(super) fn rewound(&mut self) -> io::Result<&mut File> {
        let file = self.file()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }

    /// Renames the file over `path`.
    pub(super) fn persist(&mut self, path: &Path) -> io::Result<()> {
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

pub(super) fn remove(paths: impl Iterator<Item = PathBuf>) {
    for path in paths {
        // Nothing can be done about one that stays, and the process is ending.
        let _ = fs::remove_file(path);
    }
}
