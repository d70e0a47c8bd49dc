//! What a request holds: records in lines, or in JSON, perhaps packed.

use std::io::{self, Read};

use axum::http::HeaderValue;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use serde_json::value::RawValue;

/// How the records of a request stand, and so how they are sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One to a line, as `application/x-ndjson`.
    Lines,
    /// Elements of one array.
    Array,
    /// One record, perhaps over several lines, as `application/json`. With a roll-up beside it, it is sent as an array.
    One,
}

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    None,
    /// gzip, of one member or many.
    Gzip,
    /// What HTTP calls deflate, which is zlib.
    Deflate,
}

impl Packing {
    /// As a `Content-Encoding` says. `None`: one that is not known here.
    pub fn named(encoding: Option<&HeaderValue>) -> Option<Packing> {
        let name = encoding.map_or(Ok(""), HeaderValue::to_str).ok()?;
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Packing::None),
            "gzip" | "x-gzip" => Some(Packing::Gzip),
            "deflate" => Some(Packing::Deflate),
            _ => None,
        }
    }

    /// The bytes unpacked, and one more than `bytes_max` at the most.
    ///
    /// # Errors
    /// They are not packed so, or broken.
    pub fn unpack(self, bytes: Vec<u8>, bytes_max: usize) -> io::Result<Vec<u8>> {
        let most = bytes_max as u64 + 1;
        let mut unpacked = Vec::new();
        match self {
            Packing::None => return Ok(bytes),
            Packing::Gzip => MultiGzDecoder::new(&*bytes)
                .take(most)
                .read_to_end(&mut unpacked),
            Packing::Deflate => ZlibDecoder::new(&*bytes)
                .take(most)
                .read_to_end(&mut unpacked),
        }?;
        Ok(unpacked)
    }
}

/// The records of a request as lines. A record that stands over several lines, as in a pretty-printed array, comes on
/// one; every other byte stays. What is neither is taken as lines, so that nothing is refused here.
pub fn read(bytes: Vec<u8>, is_json: bool) -> (Shape, Vec<u8>) {
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
    if (bare.contains('\n') || is_json) && serde_json::from_str::<&RawValue>(bare).is_ok() {
        let mut line = Vec::with_capacity(bare.len() + 1);
        push_line(bare, &mut line);
        return (Shape::One, line);
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
    let count = lines
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty());
    if shape == Shape::Lines || shape == Shape::One && count.count() <= 1 {
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
    use std::io::Write as _;

    use super::*;

    #[test]
    fn records_become_lines_and_go_out_in_their_shape() {
        for (body, json, shape, lines, out) in [
            ("", false, Shape::Lines, "", ""),
            ("{\"a\":1}", false, Shape::Lines, "{\"a\":1}", "{\"a\":1}"),
            ("{\"a\":1}", true, Shape::One, "{\"a\":1}\n", "{\"a\":1}\n"),
            ("{}\r\n{}\n", true, Shape::Lines, "{}\r\n{}\n", "{}\r\n{}\n"),
            ("[]", true, Shape::Array, "", "[]"),
            (
                " [{\"a\": 1.0e5},{}]\n",
                false,
                Shape::Array,
                "{\"a\": 1.0e5}\n{}\n",
                "[{\"a\": 1.0e5},{}]",
            ),
            (
                "\u{feff}[\n {\n  \"a\": \"x\\ny\"\n },\r\n 7]",
                false,
                Shape::Array,
                "{   \"a\": \"x\\ny\"  }\n7\n",
                "[{   \"a\": \"x\\ny\"  },7]",
            ),
            (
                "{\n\"a\": 1\n}",
                false,
                Shape::One,
                "{ \"a\": 1 }\n",
                "{ \"a\": 1 }\n",
            ),
            // Neither: each line is for the transform to look at.
            ("[{},\n{\n", true, Shape::Lines, "[{},\n{\n", "[{},\n{\n"),
            ("[1]\n[2]\n", true, Shape::Lines, "[1]\n[2]\n", "[1]\n[2]\n"),
        ] {
            let (found, read) = read(body.as_bytes().to_vec(), json);
            assert_eq!(
                (found, str::from_utf8(&read)),
                (shape, Ok(lines)),
                "{body:?}"
            );
            assert_eq!(write(found, &read), out.as_bytes(), "{body:?}");
        }
        let broken = b"[\"\xff\"]".to_vec();
        assert_eq!(read(broken.clone(), true), (Shape::Lines, broken));
        assert_eq!(write(Shape::One, b"{}\n{\"r\":1}\n"), b"[{},{\"r\":1}]");
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

    #[test]
    fn what_is_packed_is_unpacked_to_its_end() {
        let gzip = |text: &str| {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packed.write_all(text.as_bytes()).unwrap();
            packed.finish().unwrap()
        };
        // Log files that were packed one by one and put together.
        let many = [gzip("a\n"), gzip("b\n"), gzip("")].concat();
        assert_eq!(Packing::Gzip.unpack(many.clone(), 9).unwrap(), b"a\nb\n");
        assert_eq!(Packing::Gzip.unpack(many.clone(), 1).unwrap(), b"a\n");
        let behind = [many, b"x".to_vec()].concat();
        assert!(Packing::Gzip.unpack(behind, 9).is_err());
        assert!(Packing::Gzip.unpack(gzip("abc")[..20].to_vec(), 9).is_err());
        for (name, packing) in [
            ("gzip", Some(Packing::Gzip)),
            ("X-GZIP", Some(Packing::Gzip)),
            ("deflate", Some(Packing::Deflate)),
            ("", Some(Packing::None)),
            ("identity", Some(Packing::None)),
            ("br", None),
            ("gzip, gzip", None),
        ] {
            let header = HeaderValue::from_static(name);
            assert_eq!(Packing::named(Some(&header)), packing, "{name}");
        }
        assert_eq!(Packing::named(None), Some(Packing::None));
    }
}
