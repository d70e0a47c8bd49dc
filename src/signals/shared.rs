//! What several signals ask of a record: well-known ids, words of a user agent, and whether one factor was enough.
//!
//! Not a signal. What only one signal asks stands in that signal's file.
use std::borrow::Cow;

use super::Case;
use crate::classify::Status;
use crate::classify::texts::Said;
use crate::input::Record;
use crate::input::shapes::Field;
use crate::input::words::mentions;
use crate::limits::USER_AGENT_BYTES_MAX;

/// Microsoft Authentication Broker: signs devices in and registers them; the client device-code phishing prefers.
pub(super) const BROKER: &str = "29d9ed98-a469-4536-ade2-f981bc1d605e";
/// Device Registration Service.
pub(super) const DEVICE_REGISTRATION: &str = "01cb2876-7ebd-4aa4-9cc9-d28bd4d359a9";
/// "Windows Sign In": the logon screen. Conditional Access never applies to it.
const WINDOWS_SIGN_IN: &str = "38aa3b87-a06d-4817-b275-7a989988d93b";
/// Azure CLI.
pub(super) const AZURE_CLI: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
const MICROSOFT_GRAPH: &str = "00000003-0000-0000-c000-000000000000";
const AZURE_AD_GRAPH: &str = "00000002-0000-0000-c000-000000000000";

/// Networks of hosting providers that were seen to register devices with stolen tokens: the 14 numbers of Elastic's
/// `persistence_entra_id_microsoft_auth_broker_drs_signin_from_suspicious_asn`.
pub(super) const HOSTING_ASNS: &[u32] = &[
    399629, 14061, 136787, 9009, 45102, 215540, 29802, 62240, 204957, 395092, 393406, 400940,
    59711, 132203,
];

/// What was refused, with the code where there is one: "blocked by policy (53003)".
pub(super) fn with_code(what: &'static str, code: Option<u32>) -> Cow<'static, str> {
    match code {
        Some(code) => format!("{what} ({code})").into(),
        None => what.into(),
    }
}

/// Whether the resource asked for is Microsoft Graph.
pub(super) fn asks_microsoft_graph(record: &Record) -> bool {
    is_resource(record, MICROSOFT_GRAPH) || record.is(Field::ResourceName, "Microsoft Graph")
}

/// Whether the resource asked for is the older Azure AD Graph, which logs call "Windows Azure Active Directory".
pub(super) fn asks_azure_ad_graph(record: &Record) -> bool {
    is_resource(record, AZURE_AD_GRAPH)
        || record.is(Field::ResourceName, "Windows Azure Active Directory")
}

/// Whether the resource asked for is the Device Registration Service.
pub(super) fn asks_device_registration(record: &Record) -> bool {
    is_resource(record, DEVICE_REGISTRATION)
        || record.is(Field::ResourceName, "Device Registration Service")
}

fn is_resource(record: &Record, id: &str) -> bool {
    record
        .resource_id()
        .is_some_and(|resource| resource.eq_ignore_ascii_case(id))
}

/// Whether a user got in on one factor given just now, where a second one would have been possible.
///
/// Not so where an earlier sign-in is reused, where the one factor is worth two (Windows Hello, FIDO2, a certificate),
/// at the Windows logon screen, in a trusted network, and in refreshes, where nobody is asked anything.
pub(super) fn got_in_on_one_factor(case: &Case) -> bool {
    let record = case.record;
    let told = case.class.told;
    case.class.status == Status::Success
        && record.is(Field::Requirement, "singleFactorAuthentication")
        && !record.is_workload()
        && record.is_interactive() != Some(false)
        && !record.is_network_trusted()
        && !record.is(Field::AppId, WINDOWS_SIGN_IN)
        && !record.is(Field::AppName, "Windows Sign In")
        && ![Said::Satisfied, Said::Completed, Said::FirstFactorReused]
            .iter()
            .any(|&said| told.has(said))
        && !told.passwordless
        && !record.steps().any(|step| is_strong(step.method))
}

/// Whether a method of authentication counts for two factors by itself.
fn is_strong(method: &str) -> bool {
    ["hello", "fido", "passkey", "certificate"]
        .iter()
        .any(|word| mentions(method, word))
}

/// The part of a user agent that is looked at: whoever signs in chooses how long it is.
pub(super) fn start_of(agent: &str) -> &str {
    let end = agent.floor_char_boundary(USER_AGENT_BYTES_MAX);
    agent.get(..end).unwrap_or(agent)
}

/// Names to look for in a user agent.
pub(super) struct Words {
    list: &'static [&'static str],
    /// One bit for each letter that a name begins with: most words of a user agent begin with none of them.
    firsts: u32,
}

impl Words {
    /// Each name begins with a letter; of two that begin alike, the longer stands first.
    pub(super) const fn new(list: &'static [&'static str]) -> Words {
        let mut firsts = 0;
        let mut at = 0;
        while at < list.len() {
            firsts |= letter(list[at].as_bytes()[0]);
            at += 1;
        }
        Words { list, firsts }
    }

    /// The first name that stands in `text` as a word of its own, without regard to ASCII case: `curl` is found in
    /// `curl/8.9.1` and in `libfoo-curl`, not in `Curlew/1.0` and not in `pycurl`.
    pub(super) fn find(&self, text: &str) -> Option<&'static str> {
        let bytes = text.as_bytes();
        let mut within = false;
        for (at, &byte) in bytes.iter().enumerate() {
            let begins = !within;
            within = byte.is_ascii_alphanumeric();
            if !begins || letter(byte) & self.firsts == 0 {
                continue;
            }
            let rest = bytes.get(at..)?;
            let found = self.list.iter().find(|word| {
                rest.get(..word.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
                    && !rest.get(word.len()).is_some_and(u8::is_ascii_alphabetic)
            });
            if let Some(word) = found {
                return Some(word);
            }
        }
        None
    }
}

/// The bit of a letter, in either case; 0 for anything else.
const fn letter(byte: u8) -> u32 {
    if byte.is_ascii_alphabetic() {
        1 << (byte.to_ascii_lowercase() - b'a')
    } else {
        0
    }
}

/// The first 80 characters, so that no `why` grows with what a stranger wrote.
pub(super) fn cut(text: &str) -> &str {
    const CHARACTERS_MAX: usize = 80;
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => text.get(..end).unwrap_or(""),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::words::begins;

    #[test]
    fn finds_whole_words_only() {
        let words = Words::new(&["curl", "go-http-client", "python", "hyper/"]);
        let rows = [
            ("curl/8.9.1", Some("curl")),
            ("CURL", Some("curl")),
            ("Mozilla/5.0 (compatible; curl)", Some("curl")),
            ("Go-http-client/1.1", Some("go-http-client")),
            ("python3.11", Some("python")),
            ("hyper/1.4", Some("hyper/")),
            ("Curlew/1.0", None),
            ("pycurl/7", None),
            ("hyper-v", None),
            ("hyper", None),
            ("cur", None),
            ("écurl", Some("curl")),
            ("", None),
        ];
        for (text, found) in rows {
            assert_eq!(words.find(text), found, "{text}");
        }
    }

    #[test]
    fn holds_begins_and_cut_survive_any_text() {
        assert!(mentions("Windows Hello for Business", "hello"));
        assert!(!mentions("hell", "hello") && !mentions("x", "") && !mentions("", "x"));
        assert!(begins("AXIOS/1", "axios") && !begins("ax", "axios") && !begins("é", "a"));
        let long = "é".repeat(81);
        assert_eq!(cut(&long).chars().count(), 80);
        assert_eq!(cut("short"), "short");
    }
}
