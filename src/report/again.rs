//! The commands of this run that its reports suggest.

use serde::{Deserialize, Serialize};

/// What a reader may type next.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Again {
    /// Runs the same files again; `--id` is added to it.
    pub run: String,
    /// The options that `authspec token` takes to print a credential for the same target; none where that would be of
    /// no use, as with a demo that ends with its run.
    pub token: Option<String>,
}

impl Default for Again {
    fn default() -> Self {
        Self { run: "authspec run".to_owned(), token: None }
    }
}
