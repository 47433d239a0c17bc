//! File texts, and the way from an offset to a place a person can find.
//!
//! Everything a user wrote keeps its [`Span`] from reading to the last report line, so that a
//! complaint can always show the user's own line. This module imports nothing of the crate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Names one file of a [`SourceMap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(u32);

impl FileId {
    /// Stands for text that no file holds, such as a command-line argument.
    pub const NONE: Self = Self(u32::MAX);
}

/// A byte range of one file, end exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// The file the range is in.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// Belongs to no file; drawn without a source line.
    pub const NONE: Self = Self { file: FileId::NONE, start: 0, end: 0 };

    /// Makes a span; offsets beyond 4 GiB are cut, files are bounded far below.
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        let cut = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { file, start: cut(start), end: cut(end.max(start)) }
    }

    /// Narrows to a byte range counted from this span's start.
    pub fn slice(self, range: std::ops::Range<usize>) -> Self {
        let start = self.start as usize;
        Self::new(self.file, start + range.start, start + range.end)
    }

    /// Tells whether the span points into a file.
    pub fn is_some(self) -> bool {
        self.file != FileId::NONE
    }
}

/// A value together with the place it was written at.
#[derive(Debug, Clone, PartialEq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Joins a value and its place.
    pub const fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// A place as people and reports name it; holds its line's text, so no file is needed to show it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Place {
    /// The path as the user gave it, with `/` between folders.
    #[serde(serialize_with = "text", deserialize_with = "shared_text")]
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The text of that line, without its line break.
    #[serde(skip)]
    pub text: String,
    /// How many characters of `text` stand before what is meant; less or more than the column where a secret is masked.
    #[serde(skip)]
    pub start: usize,
    /// How many characters of `text` are meant, at least 1.
    #[serde(skip)]
    pub width: usize,
}

/// What the names of files begin with that are part of authspec.
pub const OWN_FILE: &str = "authspec:";

impl Place {
    /// Tells whether it is in a file that is part of authspec.
    pub fn is_own(&self) -> bool {
        self.file.starts_with(OWN_FILE)
    }
}

fn text<S: serde::Serializer>(s: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(s)
}

fn shared_text<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
    <String as serde::Deserialize>::deserialize(from).map(Arc::from)
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

#[derive(Debug)]
struct SourceFile {
    name: Arc<str>,
    text: Arc<str>,
    line_starts: Vec<u32>,
    /// The folder that its relative paths start from and stay in, where that is its own.
    home: Option<PathBuf>,
}

/// The texts of all files read, by [`FileId`].
#[derive(Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Takes in a file's text under the name that will be shown for it.
    pub fn add(&mut self, name: &str, text: impl Into<Arc<str>>) -> FileId {
        let text: Arc<str> = text.into();
        let mut line_starts = vec![0];
        line_starts.extend(
            text.bytes()
                .enumerate()
                .filter(|(_, b)| *b == b'\n')
                .map(|(i, _)| u32::try_from(i + 1).unwrap_or(u32::MAX)),
        );
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX - 1));
        self.files.push(SourceFile { name: name.into(), text, line_starts, home: None });
        id
    }

    /// Says where the relative paths of a file start from, whoever takes in what it says.
    pub fn set_home(&mut self, id: FileId, folder: &Path) {
        if let Some(file) = self.files.get_mut(id.0 as usize) {
            file.home = Some(folder.to_owned());
        }
    }

    /// Gives the folder that relative paths in a file start from, where that is its own.
    pub fn home(&self, id: FileId) -> Option<&Path> {
        self.file(id)?.home.as_deref()
    }

    fn file(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id.0 as usize)
    }

    /// Gives the shown name of a file; empty for [`FileId::NONE`].
    pub fn name(&self, id: FileId) -> Arc<str> {
        self.file(id).map_or_else(|| "".into(), |f| Arc::clone(&f.name))
    }

    /// Gives the text of a file; empty for [`FileId::NONE`].
    pub fn text(&self, id: FileId) -> &str {
        self.file(id).map_or("", |f| &f.text)
    }

    /// Gives the text below a span, empty when it does not fit the file.
    pub fn slice(&self, span: Span) -> &str {
        self.text(span.file).get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// Turns a span into a place: line, column, the line's text and how much of it is meant.
    pub fn place(&self, span: Span) -> Place {
        let Some(file) = self.file(span.file) else {
            return Place { file: "".into(), line: 0, column: 0, text: String::new(), start: 0, width: 1 };
        };
        let index = file.line_starts.partition_point(|&s| s <= span.start).saturating_sub(1);
        let from = file.line_starts[index] as usize;
        let to = file.line_starts.get(index + 1).map_or(file.text.len(), |&n| n as usize);
        let text = file.text[from..to].trim_end_matches(['\n', '\r']);
        let inside = |offset: u32| (offset as usize).saturating_sub(from).min(text.len());
        let count = |range: std::ops::Range<usize>| text.get(range).map_or(0, |s| s.chars().count());
        let (start, end) = (inside(span.start), inside(span.end));
        Place {
            file: Arc::clone(&file.name),
            line: index + 1,
            column: count(0..start) + 1,
            start: count(0..start),
            width: count(start..end.max(start)).max(1),
            text: text.to_owned(),
        }
    }

    /// Gives the shown names of all files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|f| &*f.name)
    }

    /// Gives the texts of all files.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|f| &*f.text)
    }

    /// Counts the files.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Tells whether no file was added.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_characters_not_bytes() {
        let mut map = SourceMap::default();
        let id = map.add("a.yaml", "x: é\r\nname: été ok\n");
        let text = map.text(id).to_owned();
        let at = text.find("été").unwrap();
        let place = map.place(Span::new(id, at, at + "été".len()));
        assert_eq!((place.line, place.column, place.width), (2, 7, 3));
        assert_eq!(place.text, "name: été ok");
    }

    #[test]
    fn a_span_past_the_end_still_has_a_place() {
        let mut map = SourceMap::default();
        let id = map.add("a.yaml", "x");
        assert_eq!(map.place(Span::new(id, 90, 99)).line, 1);
        assert_eq!(map.place(Span::NONE).line, 0);
    }
}
