//! What a request holds: it is unpacked no further than allowed, records become lines, and go out as what they were.

use std::io::Read;

use serde_json::value::RawValue;

#[allow(missing_docs, clippy::pedantic, dead_code, reason = "of another crate")]
#[path = "../../host-test/src/serve/body.rs"]
mod body;

use body::{Packing, Shape, halves, read, write};

/// Reads `bytes`, packed as `flags` says, as the body of a request of which no more than `bytes_max` bytes are taken.
pub fn check(flags: u8, bytes_max: u16, bytes: &[u8]) {
    let packing = [Packing::None, Packing::Gzip, Packing::Deflate][usize::from(flags >> 1) % 3];
    let most = usize::from(bytes_max);
    let packing = packing.or_by(bytes);
    let mut body = Vec::new();
    // As the bridge does: a piece at a time, until it is too much.
    let reader = packing.reader(bytes);
    if reader.take(most as u64 + 1).read_to_end(&mut body).is_err() {
        return;
    }
    let is_json = flags & 1 == 1;
    let (shape, lines) = read(body.clone(), is_json);
    let sent = write(shape, &lines);
    match shape {
        Shape::Lines => assert!(lines == body && sent == body),
        Shape::Array => {
            assert_eq!(parts(&sent), parts(&body));
            assert_eq!(each(&lines), parts(&body));
        }
        Shape::One => assert_eq!(each(&lines), [one_line(&body)]),
    }
    if let Some((one, other)) = halves(&lines) {
        assert_eq!([one, other].concat(), lines);
        assert!(!one.is_empty() && !other.is_empty() && one.ends_with(b"\n"));
    }
}

/// The elements of an array as text, line ends aside.
fn parts(body: &[u8]) -> Vec<String> {
    let text = str::from_utf8(body).expect("text");
    let text = text.trim_start_matches('\u{feff}');
    let parts: Vec<&RawValue> = serde_json::from_str(text).expect("an array");
    parts
        .iter()
        .map(|part| one_line(part.get().as_bytes()))
        .collect()
}

/// The lines, each of which holds one value.
fn each(lines: &[u8]) -> Vec<String> {
    let lines = str::from_utf8(lines).expect("text").lines();
    lines
        .map(|line| {
            assert!(serde_json::from_str::<&RawValue>(line).is_ok(), "{line}");
            one_line(line.as_bytes())
        })
        .collect()
}

fn one_line(value: &[u8]) -> String {
    let text = str::from_utf8(value).expect("text");
    let text = text.trim_start_matches('\u{feff}').trim();
    text.replace(['\n', '\r'], " ")
}
