//! Who may send: on this machine everybody, from elsewhere whoever has the token.

use std::fs;
use std::path::Path;

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};

/// A secret, of which only the digest is kept: comparing digests tells nobody how much of a guess was right.
pub struct Token([u8; 32]);

impl Token {
    /// The token of that text.
    pub fn new(text: &str) -> Token {
        Token(Sha256::digest(text.as_bytes()).into())
    }

    /// Whether a request names it: `Authorization: Bearer …`.
    pub fn is_in(&self, headers: &HeaderMap) -> bool {
        let named = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        named.is_some_and(|(_, token)| Token::new(token.trim()).0 == self.0)
    }
}

/// Reads a token: the text of the file without the white space around it.
///
/// # Errors
/// It cannot be read or holds none; in words, with its name.
pub fn read(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
    let token = text.trim();
    if token.is_empty() || token.contains(|letter: char| !letter.is_ascii_graphic()) {
        return Err(format!(
            "{shown}: holds no token; one line of letters, digits and signs is expected"
        ));
    }
    Ok(token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_token_lets_in() {
        let token = Token::new("s3cret");
        for (value, fits) in [
            ("Bearer s3cret", true),
            ("bearer s3cret", true),
            ("Bearer  s3cret ", true),
            ("Bearer s3cre", false),
            ("Bearer s3crets", false),
            ("Bearer", false),
            ("Bearer ", false),
            ("s3cret", false),
            ("Basic s3cret", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            assert_eq!(token.is_in(&headers), fits, "{value:?}");
        }
        assert!(!token.is_in(&HeaderMap::new()));
    }

    #[test]
    fn a_file_holds_one_token() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        for (text, token) in [
            ("abc\n", Some("abc")),
            (" a-b_c=\r\n", Some("a-b_c=")),
            ("", None),
            ("\n", None),
            ("two words", None),
            ("two\nlines", None),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(read(&path).ok().as_deref(), token, "{text:?}");
        }
        assert!(
            read(&folder.path().join("none"))
                .unwrap_err()
                .contains("none")
        );
    }
}
