//! What a request holds: records in lines, or in a JSON array as some shippers send them.

use serde_json::value::RawValue;

/// How the records of a request stand, and so how they are sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One to a line, as `application/x-ndjson`.
    Lines,
    /// Elements of one array.
    Array,
}

/// The records of a request as lines. A record that stands over several lines, as in a pretty-printed array, comes on
/// one; every other byte stays. What is neither is taken as lines, so that nothing is refused here.
pub fn read(bytes: Vec<u8>) -> (Shape, Vec<u8>) {
    let Ok(text) = str::from_utf8(&bytes) else {
        return (Shape::Lines, bytes);
    };
    let bare = text.trim_start_matches('\u{feff}').trim();
    if bare.starts_with('[')
        && let Ok(records) = serde_json::from_str::<Vec<&RawValue>>(bare)
    {
        let mut lines = Vec::with_capacity(bare.len());
        for record in records {
            push_line(record.get(), &mut lines);
        }
        return (Shape::Array, lines);
    }
    // Of a record on one line nothing is left after its line end.
    if bare.contains('\n') && serde_json::from_str::<&RawValue>(bare).is_ok() {
        let mut line = Vec::with_capacity(bare.len() + 1);
        push_line(bare, &mut line);
        return (Shape::Lines, line);
    }
    (Shape::Lines, bytes)
}

/// Within a JSON text line ends stand between its parts only: in a string they are escaped.
fn push_line(record: &str, lines: &mut Vec<u8>) {
    let one_line = |byte| match byte {
        b'\n' | b'\r' => b' ',
        other => other,
    };
    lines.extend(record.bytes().map(one_line));
    lines.push(b'\n');
}

/// Lines in the shape in which they came.
pub fn write(shape: Shape, lines: &[u8]) -> Vec<u8> {
    if shape == Shape::Lines {
        return lines.to_vec();
    }
    let mut array = Vec::with_capacity(lines.len() + 2);
    array.push(b'[');
    for line in lines.split(|&byte| byte == b'\n') {
        if line.is_empty() {
            continue;
        }
        if array.len() > 1 {
            array.push(b',');
        }
        array.extend_from_slice(line);
    }
    array.push(b']');
    array
}

/// The lines in two parts of about the same size, for a downstream that takes less at once; `None` where there is but one.
pub fn halves(lines: &[u8]) -> Option<(&[u8], &[u8])> {
    let middle = lines.len() / 2;
    let before = memchr::memrchr(b'\n', lines.get(..middle)?).map(|index| index + 1);
    let after = memchr::memchr(b'\n', lines.get(middle..)?).map(|index| middle + index + 1);
    let cut = before.or(after).filter(|&cut| cut < lines.len())?;
    Some(lines.split_at(cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_become_lines_and_go_out_in_their_shape() {
        for (body, shape, lines, out) in [
            ("", Shape::Lines, "", ""),
            ("{\"a\":1}", Shape::Lines, "{\"a\":1}", "{\"a\":1}"),
            ("{}\r\n{}\n", Shape::Lines, "{}\r\n{}\n", "{}\r\n{}\n"),
            ("[]", Shape::Array, "", "[]"),
            (
                " [{\"a\": 1.0e5},{}]\n",
                Shape::Array,
                "{\"a\": 1.0e5}\n{}\n",
                "[{\"a\": 1.0e5},{}]",
            ),
            (
                "\u{feff}[\n {\n  \"a\": \"x\\ny\"\n },\r\n 7]",
                Shape::Array,
                "{   \"a\": \"x\\ny\"  }\n7\n",
                "[{   \"a\": \"x\\ny\"  },7]",
            ),
            (
                "{\n\"a\": 1\n}",
                Shape::Lines,
                "{ \"a\": 1 }\n",
                "{ \"a\": 1 }\n",
            ),
            // Neither: each line is for the transform to look at.
            ("[{},\n{\n", Shape::Lines, "[{},\n{\n", "[{},\n{\n"),
            ("[1]\n[2]\n", Shape::Lines, "[1]\n[2]\n", "[1]\n[2]\n"),
        ] {
            let (found, read) = read(body.as_bytes().to_vec());
            assert_eq!(
                (found, str::from_utf8(&read)),
                (shape, Ok(lines)),
                "{body:?}"
            );
            assert_eq!(write(found, &read), out.as_bytes(), "{body:?}");
        }
        let broken = b"[\"\xff\"]".to_vec();
        assert_eq!(read(broken.clone()), (Shape::Lines, broken));
    }

    #[test]
    fn halves_are_whole_lines_and_lose_nothing() {
        for (lines, expected) in [
            ("", None),
            ("one line\n", None),
            ("no line end", None),
            ("a\nb", Some(("a\n", "b"))),
            ("a\nb\nc\nd\n", Some(("a\nb\n", "c\nd\n"))),
            (
                "a\na line that is far longer\n",
                Some(("a\n", "a line that is far longer\n")),
            ),
            (
                "a line that is far longer\nb\n",
                Some(("a line that is far longer\n", "b\n")),
            ),
        ] {
            let expected = expected.map(|(one, two)| (one.as_bytes(), two.as_bytes()));
            assert_eq!(halves(lines.as_bytes()), expected, "{lines:?}");
        }
    }
}
