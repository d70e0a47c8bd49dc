//! What a request holds: records in lines, or in JSON, perhaps packed.

use std::fmt;
use std::io::Read;

use axum::http::HeaderValue;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
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

    /// Itself, or where nothing was named what the bytes begin like: some senders pack and do not say so.
    #[must_use]
    pub fn or_by(self, bytes: &[u8]) -> Packing {
        match self {
            Packing::None if bytes.starts_with(&[0x1f, 0x8b]) => Packing::Gzip,
            named => named,
        }
    }

    /// Unpacks bytes as it is read.
    pub fn reader(self, bytes: &[u8]) -> Box<dyn Read + Send + '_> {
        match self {
            Packing::None => Box::new(bytes),
            Packing::Gzip => Box::new(MultiGzDecoder::new(bytes)),
            Packing::Deflate => Box::new(ZlibDecoder::new(bytes)),
        }
    }
}

/// The records of a request as lines. A record that stands over several lines, as in a pretty-printed array, comes on
/// one; every other byte stays. What is neither is taken as lines, so that nothing is refused here.
pub fn read(bytes: Vec<u8>, is_json: bool) -> (Shape, Vec<u8>) {
    let Ok(text) = str::from_utf8(&bytes) else {
        return (Shape::Lines, bytes);
    };
    // Of white space JSON knows these four; another is not ours to take away.
    let bare = text.trim_start_matches('\u{feff}');
    let bare = bare.trim_matches([' ', '\t', '\n', '\r']);
    if bare.starts_with('[')
        && let Ok(Elements(lines)) = serde_json::from_str(bare)
    {
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

/// The elements of an array as lines. One at a time: a body may hold millions of them.
struct Elements(Vec<u8>);

impl<'de> Deserialize<'de> for Elements {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Elements(Vec::new()))
    }
}

impl<'de> Visitor<'de> for Elements {
    type Value = Elements;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<Elements, A::Error> {
        while let Some(element) = elements.next_element::<&RawValue>()? {
            push_line(element.get(), &mut self.0);
        }
        Ok(self)
    }
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
            (
                "\n[1]\n\u{b}",
                true,
                Shape::Lines,
                "\n[1]\n\u{b}",
                "\n[1]\n\u{b}",
            ),
            ("\u{a0}{}", true, Shape::Lines, "\u{a0}{}", "\u{a0}{}"),
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
        let unpack = |bytes: &[u8]| {
            let mut unpacked = Vec::new();
            let packing = Packing::None.or_by(bytes);
            packing
                .reader(bytes)
                .read_to_end(&mut unpacked)
                .map(|_| unpacked)
        };
        assert_eq!(unpack(&many).unwrap(), b"a\nb\n");
        assert_eq!(unpack(b"{}").unwrap(), b"{}");
        let behind = [many, b"x".to_vec()].concat();
        assert!(unpack(&behind).is_err());
        assert!(unpack(&gzip("abc")[..20]).is_err());
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
