//! Bodies as `multipart/form-data` (RFC 7578): fields, and files with their type and name.

use std::sync::Arc;

use bytes::Bytes;

use super::compile::Compile;
use crate::spec::{Data, FILE_KEYS, Node};
use crate::template::{Scope, Template, TemplateError};

/// The parts of a body, in order.
#[derive(Debug)]
pub(super) struct Multipart(Vec<Part>);

#[derive(Debug)]
struct Part {
    name: Arc<str>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Text(Template),
    File { bytes: Bytes, media: Template, name: Template },
}

impl Multipart {
    /// Writes down what is the same each time, as [`Template::outline`] does.
    pub(super) fn outline(&self, scope: &Scope, is_new: &dyn Fn(&str) -> bool) -> String {
        let content = |content: &Content| match content {
            Content::Text(text) => text.outline(scope, is_new),
            Content::File { bytes, media, name } => {
                let text = |template: &Template| template.outline(scope, is_new);
                format!("{} {} {}", text(name), text(media), bytes.escape_ascii())
            }
        };
        self.0.iter().map(|part| format!("{}={}\n", part.name, content(&part.content))).collect()
    }
}

impl Compile<'_, '_> {
    /// Reads a map of names to values, files, or lists of these.
    pub(super) fn multipart(&mut self, node: &Node) -> Option<Multipart> {
        let map = self.reader.map(node)?;
        let mut parts = Vec::new();
        let mut sound = true;
        for entry in map.iter() {
            for item in self.reader.one_or_more(&entry.value) {
                match self.content(item) {
                    Some(content) => parts.push(Part { name: Arc::clone(&entry.key), content }),
                    None => sound = false,
                }
            }
        }
        sound.then_some(Multipart(parts))
    }

    fn content(&mut self, node: &Node) -> Option<Content> {
        if !matches!(node.data, Data::Map(_)) {
            return self.reader.template(node).map(Content::Text);
        }
        let fields = self.reader.fields(node, FILE_KEYS, "a file")?;
        let path = self.reader.need(fields, node, "file", "a file")?;
        let bytes = self.file(path)?;
        let own = path.scalar().unwrap_or_default();
        let last = own.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
        let media = match fields.get("type") {
            Some(node) => self.reader.template(node)?,
            None => Template::literal("application/octet-stream", path.span),
        };
        let name = match fields.get("name") {
            Some(node) => self.reader.template(node)?,
            None => Template::literal(last, path.span),
        };
        Some(Content::File { bytes, media, name })
    }
}

impl Multipart {
    /// Renders the body, and the type that says where its parts end.
    pub(super) fn render(&self, scope: &Scope) -> Result<(Bytes, String), TemplateError> {
        let boundary = format!("authspec-{}", uuid::Uuid::new_v4().simple());
        let mut body = Vec::new();
        for part in &self.0 {
            body.extend(
                format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", quoted(&part.name)).bytes(),
            );
            match &part.content {
                Content::Text(text) => {
                    body.extend(format!("\r\n\r\n{}", text.render(scope)?).bytes());
                }
                Content::File { bytes, media, name } => {
                    let (name, kind) = (name.render(scope)?, media.render(scope)?);
                    if kind.contains(['\r', '\n']) {
                        let message = "a media type has one line".to_owned();
                        return Err(TemplateError { message, span: media.span(), ready_at: None });
                    }
                    body.extend(format!("; filename=\"{}\"\r\nContent-Type: {kind}\r\n\r\n", quoted(&name)).bytes());
                    body.extend_from_slice(bytes);
                }
            }
            body.extend(b"\r\n");
        }
        body.extend(format!("--{boundary}--\r\n").bytes());
        Ok((body.into(), format!("multipart/form-data; boundary={boundary}")))
    }

    /// Tells whether an expression in it begins with a name.
    pub(super) fn uses(&self, name: &str) -> bool {
        self.0.iter().any(|part| match &part.content {
            Content::Text(text) => text.uses(name),
            Content::File { media, name: file, .. } => media.uses(name) || file.uses(name),
        })
    }
}

/// A name as browsers quote it (HTML, "multipart/form-data encoding algorithm").
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
