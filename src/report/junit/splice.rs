//! Joins the documents that `junit-report` writes into one, and adds what they lack.

use std::io::{self, Write};

use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, Event};
use quick_xml::{Reader, Writer};

/// Attributes to be set on an element, in the order they are added if they are new.
type Attributes<'a> = &'a [(&'static str, String)];

/// What is added to a case.
pub(super) struct Added {
    /// Attributes to be set on it.
    pub(super) attributes: [(&'static str, String); 2],
    /// Its properties.
    pub(super) properties: Vec<(&'static str, String)>,
}

/// A document that is being joined.
pub(super) struct Splice<'w> {
    writer: Writer<&'w mut dyn Write>,
}

impl<'w> Splice<'w> {
    /// Begins the document with its root.
    pub(super) fn begin(to: &'w mut dyn Write, attributes: Attributes<'_>) -> io::Result<Self> {
        let mut splice = Self { writer: Writer::new(to) };
        splice.writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
        splice.line(Event::Start(with(&BytesStart::new("testsuites"), attributes)?))?;
        Ok(splice)
    }

    /// Opens a suite as the given document does, with attributes set and properties added.
    pub(super) fn open_suite(
        &mut self,
        document: &[u8],
        attributes: Attributes<'_>,
        properties: Attributes<'_>,
    ) -> io::Result<()> {
        let mut reader = Reader::from_reader(document);
        loop {
            match reader.read_event().map_err(io::Error::other)? {
                Event::Start(tag) | Event::Empty(tag) if tag.name().as_ref() == b"testsuite" => {
                    self.line(Event::Start(with(&tag, attributes)?))?;
                    break;
                }
                Event::Eof => return Err(io::Error::other("a JUnit document without a suite")),
                _ => {}
            }
        }
        self.properties(properties)
    }

    fn properties(&mut self, properties: Attributes<'_>) -> io::Result<()> {
        self.line(Event::Start(BytesStart::new("properties")))?;
        for (name, value) in properties {
            let property = BytesStart::new("property").with_attributes([("name", *name), ("value", value)]);
            self.line(Event::Empty(property))?;
        }
        self.line(Event::End(BytesEnd::new("properties")))
    }

    /// Copies the cases of a document; `added` holds what is added to each, in order.
    pub(super) fn cases(&mut self, document: &[u8], added: &[Added]) -> io::Result<()> {
        let mut reader = Reader::from_reader(document);
        let mut added = added.iter();
        let mut added_to = |tag: &BytesStart<'_>| match added.next() {
            Some(Added { attributes, properties }) => Ok((with(tag, attributes)?, &properties[..])),
            None => io::Result::Ok((tag.to_owned(), &[][..])),
        };
        loop {
            match reader.read_event().map_err(io::Error::other)? {
                Event::Eof => return Ok(()),
                Event::Start(tag) if tag.name().as_ref() == b"testcase" => {
                    let (tag, properties) = added_to(&tag)?;
                    self.writer.write_event(Event::Start(tag))?;
                    if !properties.is_empty() {
                        self.properties(properties)?;
                    }
                }
                Event::Empty(tag) if tag.name().as_ref() == b"testcase" => {
                    let (tag, properties) = added_to(&tag)?;
                    if properties.is_empty() {
                        self.line(Event::Empty(tag))?;
                    } else {
                        self.line(Event::Start(tag))?;
                        self.properties(properties)?;
                        self.line(Event::End(BytesEnd::new("testcase")))?;
                    }
                }
                Event::End(tag) if tag.name().as_ref() == b"testcase" => self.line(Event::End(tag))?,
                Event::Start(tag) if outer(tag.name().as_ref()) => {}
                Event::End(tag) if outer(tag.name().as_ref()) => {}
                Event::Decl(_) => {}
                inner => self.writer.write_event(inner)?,
            }
        }
    }

    /// Closes the suite that is open.
    pub(super) fn close_suite(&mut self) -> io::Result<()> {
        self.line(Event::End(BytesEnd::new("testsuite")))
    }

    /// Ends the document.
    pub(super) fn end(mut self) -> io::Result<()> {
        self.line(Event::End(BytesEnd::new("testsuites")))
    }

    /// Writes an event and a line break after it.
    fn line(&mut self, event: Event<'_>) -> io::Result<()> {
        self.writer.write_event(event)?;
        self.writer.get_mut().write_all(b"\n")
    }
}

fn outer(name: &[u8]) -> bool {
    matches!(name, b"testsuites" | b"testsuite")
}

/// Sets attributes: those that are there are replaced, the others added.
fn with(tag: &BytesStart<'_>, attributes: Attributes<'_>) -> io::Result<BytesStart<'static>> {
    let mut out = tag.to_owned();
    out.clear_attributes();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(io::Error::other)?;
        if attributes.iter().all(|(name, _)| name.as_bytes() != attribute.key.as_ref()) {
            out.push_attribute(attribute);
        }
    }
    for (name, value) in attributes {
        out.push_attribute((*name, value.as_str()));
    }
    Ok(out)
}
