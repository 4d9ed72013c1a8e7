//! `windtunnel schema`: the JSON Schema of a scenario.

use super::console::Console;
use super::{Status, Trouble};
use crate::scenario;

pub(super) fn schema(console: &Console) -> Result<Status, Trouble> {
    console.print(&format!("{:#}\n", scenario::schema()))?;
    Ok(Status::Done)
}
