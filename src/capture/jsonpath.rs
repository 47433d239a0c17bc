//! Stands in until the crate's own module for these paths is there.

use jsonpath_rust::parser::model::{JpQuery, Segment, Selector};
use jsonpath_rust::parser::parse_json_path;
use serde_json::Value;

#[derive(Debug)]
pub(super) struct Path(JpQuery);

pub(super) struct PathFault {
    pub(super) message: String,
    pub(super) column: usize,
}

impl Path {
    pub(super) fn parse(text: &str) -> Result<Self, PathFault> {
        let fault = |_| PathFault { message: "it is not as RFC 9535 has it".to_owned(), column: 1 };
        parse_json_path(text).map(Self).map_err(fault)
    }

    pub(super) fn is_singular(&self) -> bool {
        self.0.segments.iter().all(|s| matches!(s, Segment::Selector(Selector::Name(_) | Selector::Index(_))))
    }

    pub(super) fn find<'a>(&self, json: &'a Value) -> Vec<&'a Value> {
        jsonpath_rust::query::js_path_process(&self.0, json)
            .map(|found| found.into_iter().map(jsonpath_rust::query::QueryRef::val).collect())
            .unwrap_or_default()
    }
}
