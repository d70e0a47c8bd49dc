//! Our member taken off again.

use serde_json::Value;

/// `output` without the members that are not in `input`; panics where anything else differs.
///
/// Written without the writer's knowledge of where a member goes: it walks both texts side by side.
pub fn taken_off(output: &str, input: &str) -> String {
    const FOREIGN: [&str; 2] = [",\"signin_triage\":", "\"signin_triage\":"];
    let mut left = String::with_capacity(input.len());
    let mut out = output;
    let mut rest = input;
    while !out.is_empty() {
        let added = FOREIGN
            .iter()
            .find(|start| out.starts_with(**start) && !rest.starts_with(**start));
        if let Some(start) = added {
            let value = &out[start.len()..];
            let mut values = serde_json::Deserializer::from_str(value).into_iter::<Value>();
            values.next().expect("a value").expect("a whole value");
            out = &value[values.byte_offset()..];
            continue;
        }
        let length = out.chars().next().map_or(0, char::len_utf8);
        left.push_str(&out[..length]);
        rest = rest.get(length..).unwrap_or("");
        out = &out[length..];
    }
    left
}
