//! Reads `expect`.

use super::{CHECKS, ExpectedError, Placed, StatusSet, diags, status};
use crate::spec::{Data, Node, Reader};

/// What must come back of one step.
#[derive(Debug)]
pub struct Expectations {
    /// The checks, in the order they were written.
    pub checks: Vec<Placed>,
    /// The statuses that are expected, if any are.
    pub status: Option<StatusSet>,
    /// The error that is expected in place of an answer, if one is.
    pub error: Option<ExpectedError>,
}

impl Expectations {
    /// Tells whether they say how the request must end: by a status, by an error, or by where it is sent on to.
    pub fn says_how_it_ends(&self) -> bool {
        self.status.is_some() || self.error.is_some() || self.checks.iter().any(|placed| placed.subject == "redirect")
    }

    /// Tells whether they say where a redirect is to lead.
    pub fn says_where(&self) -> bool {
        self.checks.iter().any(|placed| placed.check.says_where())
    }
}

/// Reads an expectation: a status, a list of statuses, or a map of checks. `None` when nothing of it
/// can be judged; the reader has the faults.
pub fn read_expect(node: &Node, reader: &mut Reader<'_>) -> Option<Expectations> {
    let mut checks = Vec::new();
    match &node.data {
        Data::Null => reader.fault(diags::no_checks(node.span, "`expect` is empty, so it could not fail")),
        Data::Bool(_) | Data::Number(..) | Data::Text(_) | Data::List(_) => status::read(node, reader, &mut checks),
        Data::Map(entries) => {
            if entries.is_empty() {
                reader.fault(diags::no_checks(node.span, "`expect` is empty, so it could not fail"));
            }
            let names: Vec<&str> = CHECKS.iter().map(|c| c.name).collect();
            for entry in entries.iter() {
                let Some(kind) = CHECKS.iter().find(|c| *c.name == *entry.key) else {
                    reader.fault(diags::unknown_check(entry.key_span, &entry.key, &names));
                    continue;
                };
                let (before, faults) = (checks.len(), reader.diags.errors());
                (kind.read)(&entry.value, reader, &mut checks);
                if checks.len() == before && reader.diags.errors() == faults {
                    let message = format!("`{}` says nothing here, so it could not fail", kind.name);
                    reader.fault(diags::no_checks(entry.key_span, message));
                }
            }
        }
    }
    checks.shrink_to_fit();
    let status = checks.iter().find_map(|placed| placed.check.status().cloned());
    let error = checks.iter().find_map(|placed| placed.check.error());
    if let (Some(error), true) = (error, checks.len() > 1) {
        reader.fault(diags::not_alone(error.span));
    }
    (!checks.is_empty()).then_some(Expectations { checks, status, error })
}
