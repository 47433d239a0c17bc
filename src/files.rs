//! Files that suites name: which of them may be read.
//!
//! A path in a suite starts from the folder of the file that names it and stays below the project's folder, also by
//! way of links. Where a secret or a certificate is meant, an absolute path is allowed: it names its place openly, as
//! `/run/secrets/db` does, and everybody who reads the suite sees that it leads outside.

use std::path::{Component, Path, PathBuf};

use bytes::Bytes;

/// What is wrong with a path that leads out of the project.
pub const OUTSIDE: &str = "it lies outside the project's folder";

/// Reads a file that must lie below the project's folder.
pub fn read_file(folder: &Path, root: &Path, path: &str) -> Result<Bytes, String> {
    if leaves(folder, root, path) {
        return Err(OUTSIDE.to_owned());
    }
    let whole = find(folder, path)?;
    let root = std::fs::canonicalize(root).map_err(|e| e.to_string())?;
    if !whole.starts_with(&root) {
        return Err(OUTSIDE.to_owned());
    }
    read(&whole)
}

/// Reads a file that lies below the project's folder, or where an absolute path says.
pub fn read_file_or_absolute(folder: &Path, root: &Path, path: &str) -> Result<Bytes, String> {
    if Path::new(path).is_absolute() { read(&find(folder, path)?) } else { read_file(folder, root, path) }
}

/// Tells whether a relative path leads out of the project, as written: nothing is read.
pub fn leaves(folder: &Path, root: &Path, path: &str) -> bool {
    if Path::new(path).is_absolute() {
        return false;
    }
    let whole = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut at: PathBuf = whole(folder);
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => _ = at.pop(),
            Component::CurDir => {}
            Component::Normal(_) | Component::Prefix(_) | Component::RootDir => at.push(part),
        }
    }
    !at.starts_with(whole(root))
}

fn find(folder: &Path, path: &str) -> Result<PathBuf, String> {
    std::fs::canonicalize(folder.join(path)).map_err(|_| "there is no such file".to_owned())
}

fn read(path: &Path) -> Result<Bytes, String> {
    if path.is_dir() {
        return Err("it is a folder".to_owned());
    }
    std::fs::read(path).map(Bytes::from).map_err(|_| "it cannot be read".to_owned())
}

/// What a file or a command gives, without the newline that ends it.
pub fn one_end_less(text: &str) -> &str {
    text.strip_suffix('\n').map_or(text, |t| t.strip_suffix('\r').unwrap_or(t))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_below_the_project_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("project");
        let suites = root.join("suites");
        std::fs::create_dir_all(&suites).unwrap();
        std::fs::write(folder.path().join("outside"), "o").unwrap();
        std::fs::write(root.join("inside"), "i").unwrap();
        assert_eq!(read_file(&suites, &root, "../inside").unwrap(), "i");
        assert_eq!(read_file(&suites, &root, "../../outside").unwrap_err(), OUTSIDE);
        assert!(!leaves(&suites, &root, "../inside"));
        assert!(!leaves(&suites, &root, "../../project/inside"));
        assert!(leaves(&suites, &root, "../../outside"));

        let absolute = folder.path().join("outside");
        let absolute = absolute.to_str().unwrap();
        assert_eq!(read_file(&suites, &root, absolute).unwrap_err(), OUTSIDE);
        assert_eq!(read_file_or_absolute(&suites, &root, absolute).unwrap(), "o");
        assert_eq!(read_file_or_absolute(&suites, &root, "../../outside").unwrap_err(), OUTSIDE);
        assert!(!leaves(&suites, &root, absolute));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_leads_no_further_than_its_path_may() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("project");
        std::fs::create_dir_all(&root).unwrap();
        std::fs::write(folder.path().join("outside"), "o").unwrap();
        std::os::unix::fs::symlink(folder.path().join("outside"), root.join("link")).unwrap();
        assert_eq!(read_file_or_absolute(&root, &root, "link").unwrap_err(), OUTSIDE);
    }
}
