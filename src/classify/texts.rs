//! What a step or detail text says about the factors of a sign-in.
//!
//! Reads `status.additionalDetails`, `authenticationStepResultDetail` and `failureReason`. A text refines what the code left
//! open: 500121 is a declined prompt, an unanswered call or a wrong code. Leaves to others which field counts when several
//! speak, and what the class becomes.
//!
//! The fragments are Microsoft's list (<https://learn.microsoft.com/entra/identity/authentication/howto-mfa-reporting>), which
//! prints them without the prefix they have on the wire, together with literals of Sentinel's rules (`MFARejectedbyUser`,
//! `MFASpammingfollowedbySuccessfullogin`, `MFAUserBlocked`) and of sample records. Texts have changed over the years and a few
//! have been seen in several spellings, so case, prefix, apostrophe and a full stop at the end are not held against them.
use super::vocabulary::Cause;
use crate::input::words::{after, mentions};

/// What a text says. One variant for each thing that a cause or a signal tells apart.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    /// The second factor was satisfied by an earlier sign-in, an external provider or a strong method; nobody was prompted.
    Satisfied,
    /// The first factor was satisfied by an earlier sign-in. No password was typed, so it does not show that one is known.
    FirstFactorReused,
    /// A second factor was given just now.
    Completed,
    /// A second factor was demanded and is not given in this record.
    Required,
    /// The second factor was skipped: trusted place, registered or remembered device, broker flow.
    Skipped,
    /// The second factor was skipped because an app password was used, which any holder of that password can do.
    SkippedAppPassword,
    /// An earlier second factor is too old for the policy.
    ClaimExpired,
    /// The user was asked to register a second factor.
    RegistrationPrompted,
    /// A prompt was still open when the step was written. Also stands in records that then succeed.
    InProgress,
    /// The password was right.
    CorrectPassword,
    /// The password, or the user name, was wrong.
    WrongPassword,
    /// The account is disabled. Says nothing about the password.
    AccountDisabled,
    /// The account is locked after too many tries. Says nothing about the password.
    AccountLocked,
    /// The user pressed deny.
    Declined,
    /// The user reported the prompt as fraud: the strongest text there is.
    Fraud,
    /// A prompt, call or code page that nobody answered.
    NoAnswer,
    /// A wrong code or PIN.
    WrongCode,
    /// The wrong number picked in a number match: someone was prompted for a sign-in they may not see.
    WrongNumber,
    /// A code used a second time: a double submit, or someone in the middle.
    CodeReused,
    /// Wrong codes until the limit: guessing.
    TooManyCodes,
    /// The prompt could not be sent to the device.
    NotDelivered,
    /// The method is set up wrongly, or the user is not known to the service that checks it.
    SetupBroken,
    /// The user is blocked for second factors.
    Blocked,
    /// The user has no method to be asked with.
    NothingRegistered,
    /// Another prompt for the same user was still open.
    Duplicate,
    /// The service that checks second factors had a fault.
    ServiceError,
    /// The second factor failed, and the text does not say in which known way.
    OtherFailure,
}

impl Said {
    /// The cause this text gives a record, closer than its code's; `None` where the code's cause stands.
    #[must_use]
    pub const fn cause(self) -> Option<Cause> {
        Some(match self {
            Self::Satisfied
            | Self::FirstFactorReused
            | Self::Completed
            | Self::Skipped
            | Self::SkippedAppPassword
            | Self::InProgress
            | Self::CorrectPassword => return None,
            Self::Required => Cause::MfaRequired,
            Self::ClaimExpired => Cause::SessionExpired,
            Self::RegistrationPrompted | Self::NothingRegistered => Cause::MfaSetup,
            Self::WrongPassword => Cause::BadCredentials,
            Self::AccountDisabled => Cause::AccountRestricted,
            Self::AccountLocked => Cause::AccountLocked,
            Self::Declined | Self::Fraud => Cause::MfaDenied,
            Self::NoAnswer => Cause::UserAbandoned,
            Self::Blocked => Cause::RiskBlock,
            Self::ServiceError => Cause::ServiceError,
            Self::WrongCode
            | Self::WrongNumber
            | Self::CodeReused
            | Self::TooManyCodes
            | Self::NotDelivered
            | Self::SetupBroken
            | Self::Duplicate
            | Self::OtherFailure => Cause::MfaFailed,
        })
    }

    /// A second factor was asked for and this attempt at it ended without success, whoever is to blame.
    #[must_use]
    const fn fails_second_factor(self) -> bool {
        matches!(
            self,
            Self::Declined
                | Self::Fraud
                | Self::NoAnswer
                | Self::WrongCode
                | Self::WrongNumber
                | Self::CodeReused
                | Self::TooManyCodes
                | Self::NotDelivered
                | Self::SetupBroken
                | Self::Blocked
                | Self::NothingRegistered
                | Self::Duplicate
                | Self::ServiceError
                | Self::OtherFailure
        )
    }
}

/// What a text says; `None` for one that is not known. Does not allocate.
///
/// After an "MFA denied" a rest that is not known gives `OtherFailure`, and any rest that speaks of fraud gives `Fraud`.
/// `read("MFA denied; user didn’t respond to mobile app notification.")` is `Some(Said::NoAnswer)`.
#[must_use]
#[inline]
pub fn read(text: &str) -> Option<Said> {
    // The commonest texts in their usual spelling, told apart by length before a byte is compared.
    match text {
        "" => None,
        "MFA requirement satisfied by claim in the token" => Some(Said::Satisfied),
        "First factor requirement satisfied by claim in the token" => Some(Said::FirstFactorReused),
        "Correct password" => Some(Said::CorrectPassword),
        "MFA completed in Azure AD" => Some(Said::Completed),
        "MFA required in Azure AD" => Some(Said::Required),
        _ => read_loosely(text),
    }
}

/// Does the `failureReason` of a 50053 speak of the address, and not of too many tries?
///
/// Microsoft: "Sign-in was blocked because it came from an IP address with malicious activity." The reference page describes
/// both causes in one text; a record that repeats all of it does not tell, and is `false`.
#[must_use]
pub fn lockout_is_malicious_address(failure_reason: &str) -> bool {
    mentions(failure_reason, "malicious") && !mentions(failure_reason, "too many")
}

/// Is a Conditional Access grant control one of Microsoft's own, and not text that an administrator wrote?
///
/// Knows the spellings of logs (`RequireCompliantDevice`), of Graph (`compliantDevice`) and of the portal ("Require compliant
/// device"): <https://learn.microsoft.com/graph/api/resources/conditionalaccessgrantcontrols>
#[must_use]
pub fn is_builtin_control(control: &str) -> bool {
    // The usual ones in their usual spelling.
    if let "Mfa"
    | "Block"
    | "RequireCompliantDevice"
    | "RequireDomainJoinedDevice"
    | "RequireApprovedApp" = control
    {
        return true;
    }
    let letters = || {
        control
            .bytes()
            .filter(|b| b.is_ascii_alphanumeric() || !b.is_ascii())
            .map(|b| b.to_ascii_lowercase())
    };
    let mut name = [0; BUILTIN_BYTES_MAX];
    let mut length = 0;
    for letter in letters() {
        let Some(place) = name.get_mut(length) else {
            return false;
        };
        *place = letter;
        length += 1;
    }
    let name = name.get(..length).unwrap_or(&[]);
    let name = name.strip_prefix(REQUIRE.as_bytes()).unwrap_or(name);
    BUILTIN_CONTROLS
        .iter()
        .any(|builtin| builtin.as_bytes() == name)
}

/// Is a Conditional Access grant control the name of a terms-of-use document?
///
/// 50158 stands for both terms of use and custom controls (a third party's second factor), and both names are free text:
/// "Guest terms of use", "Checkpoint Custom Control". A name that gives no hint counts as a custom control, so terms of use
/// with an unusual name keep the cause `external_challenge`.
#[must_use]
pub fn names_terms_of_use(control: &str) -> bool {
    if is_builtin_control(control) {
        return false;
    }
    let says = |hints: &[&str]| hints.iter().any(|hint| mentions(control, hint));
    let has_word = |words: &[&str]| {
        control
            .split(|c: char| !c.is_alphanumeric())
            .any(|part| words.iter().any(|word| part.eq_ignore_ascii_case(word)))
    };
    if says(TERMS) || has_word(TERMS_WORDS) {
        return true;
    }
    // "Okta verification policy" is no document, though a policy may be one.
    let third_party = says(CUSTOM) || has_word(CUSTOM_WORDS);
    !third_party && (says(DOCUMENTS) || has_word(DOCUMENT_WORDS))
}

/// Every other spelling: strips what varies, then looks the rest up.
fn read_loosely(text: &str) -> Option<Said> {
    let text = text
        .trim_start()
        .trim_end_matches(|c: char| c == '.' || c.is_whitespace());
    let Some(rest) = after(text, "MFA ") else {
        return look_up(text);
    };
    let rest = after(rest, "requirement ").unwrap_or(rest).trim_start();
    match after(rest, "denied") {
        // "MFA denied; …" in rules, "MFA denied: …" in older ones, "MFA denied, …" in Microsoft's security guide.
        Some(reason) if !reason.starts_with(char::is_alphanumeric) => Some(read_denied(
            reason.trim_start_matches(|c: char| !c.is_alphanumeric()),
        )),
        _ => look_up(rest),
    }
}

fn read_denied(reason: &str) -> Said {
    if mentions(reason, "fraud") {
        return Said::Fraud;
    }
    match look_up(reason) {
        // Without "denied" a prompt in progress is no failure, see below.
        Some(Said::InProgress) => Said::Duplicate,
        Some(said) if said.fails_second_factor() => said,
        _ => Said::OtherFailure,
    }
}

/// Finds a text, without its prefix, among the few that begin with the same letter.
fn look_up(text: &str) -> Option<Said> {
    let rows: &[Row] = match text.as_bytes().first()?.to_ascii_lowercase() {
        b'a' => &[
            ("account is locked*", Said::AccountLocked),
            ("authentication in progress", Said::InProgress),
            // With a hyphen it is from Microsoft's list of denials; without, from records that also hold a completed factor.
            ("authentication in-progress", Said::Duplicate),
            (
                "authentication failed during strong authentication request",
                Said::OtherFailure,
            ),
        ],
        b'c' => &[
            ("correct password", Said::CorrectPassword),
            ("completed in*", Said::Completed),
            (
                "claim has expired due to the policies configured on tenant",
                Said::ClaimExpired,
            ),
        ],
        b'd' => &[("duplicate authentication attempt", Said::Duplicate)],
        b'e' => &[
            (
                "error validating credentials due to invalid username or password*",
                Said::WrongPassword,
            ),
            ("entered incorrect code too many times", Said::TooManyCodes),
        ],
        b'f' => &[
            (
                "first factor requirement satisfied by claim in the token",
                Said::FirstFactorReused,
            ),
            ("fraud code entered", Said::Fraud),
        ],
        b'h' => &[(
            "has expired due to the policies configured on tenant",
            Said::ClaimExpired,
        )],
        b'i' => &[
            // "Invalid username or password or Invalid on-premise username or password." is the longest of these.
            ("invalid username or password*", Said::WrongPassword),
            ("incorrect password*", Said::WrongPassword),
            ("invalid mobile app verification code", Said::WrongCode),
            ("invalid authentication", Said::OtherFailure),
        ],
        b'm' => &[("misconfiguration", Said::SetupBroken)],
        b'p' => &[
            ("phone app reported fraud", Said::Fraud),
            ("phone call went to voicemail", Said::NoAnswer),
            ("phone number has an invalid format", Said::SetupBroken),
        ],
        b'r' => &[
            ("required", Said::Required),
            ("required in*", Said::Required),
            ("registration prompted", Said::RegistrationPrompted),
        ],
        b's' => &[
            ("satisfied by*", Said::Satisfied),
            ("successfully completed", Said::Completed),
            ("skipped due to app password", Said::SkippedAppPassword),
            ("skipped due to*", Said::Skipped),
            ("skipped as flow exercised*", Said::Skipped),
            ("service error", Said::ServiceError),
        ],
        b't' => &[("the account is locked*", Said::AccountLocked)],
        b'u' => return look_up_user(text),
        b'v' => &[("verification code already used once", Said::CodeReused)],
        b'y' => {
            // "You’ve tried to sign in too many times with an incorrect user ID or password."
            return mentions(text, "tried to sign in too many times")
                .then_some(Said::AccountLocked);
        }
        _ => return None,
    };
    find(rows, text)
}

fn look_up_user(text: &str) -> Option<Said> {
    let Some(rest) = after(text, "user ") else {
        return find(
            &[
                // What follows is "'s phone", with a plain or a typographic apostrophe.
                ("unable to reach the user*", Said::NoAnswer),
                (
                    "unable to send the mobile app notification*",
                    Said::NotDelivered,
                ),
            ],
            text,
        );
    };
    if let Some(deed) = after_negation(rest) {
        return find(
            &[
                ("respond to mobile app notification", Said::NoAnswer),
                ("select the correct number", Said::WrongNumber),
                (
                    "have any verification methods registered",
                    Said::NothingRegistered,
                ),
                // The failureReason of a 50074 in 2020: no attempt at the second factor had been made.
                ("pass the MFA challenge", Said::Required),
            ],
            deed,
        );
    }
    find(
        &[
            ("declined the authentication", Said::Declined),
            ("entered incorrect code", Said::WrongCode),
            ("entered incorrect PIN", Said::WrongCode),
            ("never entered the verification code", Said::NoAnswer),
            ("hung up the phone call*", Said::NoAnswer),
            ("is blocked", Said::Blocked),
            ("not found", Said::SetupBroken),
            ("account is disabled*", Said::AccountDisabled),
        ],
        rest,
    )
}

/// A text and what it says. One that ends with `*` is an opening: anything may follow.
type Row = (&'static str, Said);

fn find(rows: &[Row], text: &str) -> Option<Said> {
    let fits = |literal: &str| match literal.strip_suffix('*') {
        Some(opening) => after(text, opening).is_some(),
        None => text.eq_ignore_ascii_case(literal),
    };
    rows.iter().find(|row| fits(row.0)).map(|row| row.1)
}

/// What follows "did not", "didn't", "does not", "doesn’t". The rules of 2020 have "did not", today's page has "didn't".
fn after_negation(text: &str) -> Option<&str> {
    let rest = after(text, "did").or_else(|| after(text, "does"))?;
    if let Some(deed) = after(rest, " not ") {
        return Some(deed);
    }
    // Whatever stands for the apostrophe: plain, typographic, or what a broken conversion left of it.
    let rest = after(rest, "n")?;
    let rest = rest
        .strip_prefix(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(rest);
    after(rest, "t ")
}

/// No built-in control is longer, with what may stand before it.
const BUILTIN_BYTES_MAX: usize = 48;

/// Written before most built-in controls, by some sources only.
const REQUIRE: &str = "require";

/// Built-in grant controls, lower case, letters only, without a leading "require".
#[rustfmt::skip]
const BUILTIN_CONTROLS: &[&str] = &[
    // As logs spell them.
    "mfa", "block", "compliantdevice", "domainjoineddevice", "approvedapp", "compliantapp", "passwordchange",
    "authcontext", "authenticationstrength", "mfaregistration", "mfaandchangepassword",
    "federatedmfa", "federatedcertauth", "federatedmultifactorauth", "federatedmultifactorauthrequired",
    // As Graph spells them, where that differs.
    "approvedapplication", "compliantapplication", "riskremediation", "unknownfuturevalue",
    // As the portal spells them, where that differs.
    "blockaccess", "multifactorauthentication", "devicetobemarkedascompliant", "hybridazureadjoineddevice",
    "microsoftentrahybridjoineddevice", "approvedclientapp", "appprotectionpolicy",
];

/// Only terms of use speak like this. The first letter is left out where it is a capital beyond ASCII.
#[rustfmt::skip]
const TERMS: &[&str] = &[
    "terms", "conditions", "acceptable us",
    "bedingungen", "nutzungs", "utilisation", "condiciones", "condizioni", "termini", "termos", "términos", "condições",
    "voorwaarden", "vilkår", "villkor", "ehdot", "warunki", "regulamin", "podmínky", "feltétel", "termeni", "koşul",
    "словия", "ροι χρήσης", "規約", "条款", "條款", "약관", "תנאי", "شروط",
];
const TERMS_WORDS: &[&str] = &["tou", "aup", "cgu"];

/// Speaks of a third party's check.
const CUSTOM: &[&str] = &["control", "factor", "mfa", "authent", "challenge", "verif"];
const CUSTOM_WORDS: &[&str] = &["2fa", "otp", "duo", "okta", "ping", "rsa"];

/// A document one may have to accept, if no third party's check is named.
#[rustfmt::skip]
const DOCUMENTS: &[&str] = &[
    "policy", "agreement", "privacy", "code of conduct", "disclaimer", "confidential",
    "richtlinie", "vereinbarung", "datenschutz", "politique", "charte", "política", "politica", "acuerdo",
];
const DOCUMENT_WORDS: &[&str] = &["nda", "eula"];

#[cfg(test)]
mod tests {
    use super::*;

    /// Every literal collected, quoted as seen on the wire or, for fragments, as Microsoft's page prints it.
    #[rustfmt::skip]
    const LITERALS: &[(&str, Said, Option<Cause>)] = &[
        // Whole texts, from records.
        ("MFA requirement satisfied by claim in the token", Said::Satisfied, None),
        ("First factor requirement satisfied by claim in the token", Said::FirstFactorReused, None),
        ("MFA completed in Azure AD", Said::Completed, None),
        ("MFA successfully completed", Said::Completed, None),
        ("MFA required in Azure AD", Said::Required, Some(Cause::MfaRequired)),
        ("MFA required", Said::Required, Some(Cause::MfaRequired)),
        ("MFA requirement skipped due to registered device", Said::Skipped, None),
        ("MFA claim has expired due to the policies configured on tenant", Said::ClaimExpired, Some(Cause::SessionExpired)),
        ("MFA requirement skipped due to IP address", Said::Skipped, None),
        ("Authentication in progress", Said::InProgress, None),
        ("Correct password", Said::CorrectPassword, None),
        ("User account is disabled. The account has been disabled by an administrator.", Said::AccountDisabled, Some(Cause::AccountRestricted)),
        ("Account is locked because user tried to sign in too many times with an incorrect user ID or password.", Said::AccountLocked, Some(Cause::AccountLocked)),
        // Whole texts, from rules and guides.
        ("MFA denied; user declined the authentication", Said::Declined, Some(Cause::MfaDenied)),
        ("MFA denied; Phone App Reported Fraud", Said::Fraud, Some(Cause::MfaDenied)),
        ("MFA denied, fraud code entered", Said::Fraud, Some(Cause::MfaDenied)),
        ("MFA denied; user did not respond to mobile app notification", Said::NoAnswer, Some(Cause::UserAbandoned)),
        ("MFA denied; user did not select the correct number", Said::WrongNumber, Some(Cause::MfaFailed)),
        ("MFA denied; duplicate authentication attempt", Said::Duplicate, Some(Cause::MfaFailed)),
        ("MFA denied; user is blocked", Said::Blocked, Some(Cause::RiskBlock)),
        ("Authentication failed during strong authentication request.", Said::OtherFailure, Some(Cause::MfaFailed)),
        ("User did not pass the MFA challenge.", Said::Required, Some(Cause::MfaRequired)),
        // Fragments that follow "MFA " or "MFA requirement ".
        ("completed in the cloud", Said::Completed, None),
        ("has expired due to the policies configured on tenant", Said::ClaimExpired, Some(Cause::SessionExpired)),
        ("registration prompted", Said::RegistrationPrompted, Some(Cause::MfaSetup)),
        ("satisfied by claim provided by external provider", Said::Satisfied, None),
        ("satisfied by strong authentication", Said::Satisfied, None),
        ("skipped as flow exercised was Windows broker logon flow", Said::Skipped, None),
        ("skipped due to app password", Said::SkippedAppPassword, None),
        ("skipped due to location", Said::Skipped, None),
        ("skipped due to registered device", Said::Skipped, None),
        ("skipped due to remembered device", Said::Skipped, None),
        // Fragments that follow "MFA denied; ".
        ("authentication in-progress", Said::Duplicate, Some(Cause::MfaFailed)),
        ("entered incorrect code too many times", Said::TooManyCodes, Some(Cause::MfaFailed)),
        ("invalid authentication", Said::OtherFailure, Some(Cause::MfaFailed)),
        ("invalid mobile app verification code", Said::WrongCode, Some(Cause::MfaFailed)),
        ("misconfiguration", Said::SetupBroken, Some(Cause::MfaFailed)),
        ("phone call went to voicemail", Said::NoAnswer, Some(Cause::UserAbandoned)),
        ("phone number has an invalid format", Said::SetupBroken, Some(Cause::MfaFailed)),
        ("service error", Said::ServiceError, Some(Cause::ServiceError)),
        ("unable to reach the user's phone", Said::NoAnswer, Some(Cause::UserAbandoned)),
        ("unable to send the mobile app notification to the device", Said::NotDelivered, Some(Cause::MfaFailed)),
        ("unable to send the mobile app notification", Said::NotDelivered, Some(Cause::MfaFailed)),
        ("user declined the authentication", Said::Declined, Some(Cause::MfaDenied)),
        ("user didn't respond to mobile app notification", Said::NoAnswer, Some(Cause::UserAbandoned)),
        ("user doesn't have any verification methods registered", Said::NothingRegistered, Some(Cause::MfaSetup)),
        ("user entered incorrect code", Said::WrongCode, Some(Cause::MfaFailed)),
        ("user entered incorrect PIN", Said::WrongCode, Some(Cause::MfaFailed)),
        ("user hung up the phone call without succeeding the authentication", Said::NoAnswer, Some(Cause::UserAbandoned)),
        ("user is blocked", Said::Blocked, Some(Cause::RiskBlock)),
        ("user never entered the verification code", Said::NoAnswer, Some(Cause::UserAbandoned)),
        ("user not found", Said::SetupBroken, Some(Cause::MfaFailed)),
        ("verification code already used once", Said::CodeReused, Some(Cause::MfaFailed)),
    ];

    #[test]
    fn every_literal_is_understood() {
        assert_eq!(LITERALS.len(), 53);
        for (literal, said, cause) in LITERALS {
            assert_eq!(read(literal), Some(*said), "{literal}");
            assert_eq!(said.cause(), *cause, "{literal}");
        }
    }

    #[test]
    fn case_space_full_stop_and_apostrophe_do_not_matter() {
        for (literal, said, _) in LITERALS {
            for spelled in [
                literal.to_uppercase(),
                literal.to_lowercase(),
                format!(" \t{literal} .\r\n"),
                format!("{}.", literal.trim_end_matches('.')),
                literal.trim_end_matches('.').to_string(),
                literal.replace('\'', "’"),
                literal.replace("n't", " not"),
                literal.replace("did not", "didn’t"),
            ] {
                assert_eq!(read(&spelled), Some(*said), "{spelled:?}");
            }
        }
    }

    #[test]
    fn prefix_may_be_there_or_not() {
        for (literal, said, _) in LITERALS {
            // Fragments and texts that have one of these prefixes already; the others never do.
            let fragment = ["MFA requirement ", "MFA denied; ", "MFA denied, ", "MFA "]
                .iter()
                .find_map(|prefix| literal.strip_prefix(prefix))
                .unwrap_or(literal);
            assert_eq!(read(fragment), Some(*said), "{fragment}");
            for prefix in ["MFA ", "MFA requirement ", "mfa requirement "] {
                let text = format!("{prefix}{fragment}");
                assert_eq!(read(&text), Some(*said), "{text}");
            }
            for prefix in [
                "MFA denied; ",
                "MFA denied: ",
                "MFA denied, ",
                "MFA Denied;",
                "MFA denied ",
            ] {
                let text = format!("{prefix}{fragment}");
                let denied = match *said {
                    Said::InProgress => Said::Duplicate,
                    said if said.fails_second_factor() => said,
                    _ => Said::OtherFailure,
                };
                assert_eq!(read(&text), Some(denied), "{text}");
            }
        }
    }

    #[test]
    fn other_spellings_and_near_misses() {
        for (text, said) in [
            ("Incorrect password", Some(Said::WrongPassword)),
            (
                "Invalid username or password or Invalid on-premise username or password.",
                Some(Said::WrongPassword),
            ),
            (
                "Error validating credentials due to invalid username or password.",
                Some(Said::WrongPassword),
            ),
            (
                "The account is locked, you've tried to sign in too many times with an incorrect user ID or password.",
                Some(Said::AccountLocked),
            ),
            (
                "You’ve tried to sign in too many times with an incorrect user ID or password.",
                Some(Said::AccountLocked),
            ),
            ("MFA completed in Microsoft Entra ID", Some(Said::Completed)),
            ("MFA denied", Some(Said::OtherFailure)),
            ("MFA denied;", Some(Said::OtherFailure)),
            (
                "MFA denied; a reason nobody has seen",
                Some(Said::OtherFailure),
            ),
            (
                "MFA denied; user reported FRAUD by phone",
                Some(Said::Fraud),
            ),
            ("MFA denied: Phone App Reported Fraud", Some(Said::Fraud)),
            ("MFA deniedish", None),
            ("MFA", None),
            ("MFA ", None),
            ("user did", None),
            ("user didn", None),
            ("user didn’", None),
            (
                "user didnt respond to mobile app notification",
                Some(Said::NoAnswer),
            ),
            ("user responded to mobile app notification", None),
            ("user declined the authentication twice", None),
            ("fraud", None),
            ("Other.", None),
            ("", None),
            ("...", None),
            ("€", None),
            ("MFÄ denied", None),
            (
                "Sign-in was blocked because it came from an IP address with malicious activity.",
                None,
            ),
        ] {
            assert_eq!(read(text), said, "{text:?}");
        }
    }

    #[test]
    fn no_cut_of_a_text_panics() {
        for (literal, ..) in LITERALS {
            let text = literal.replace('\'', "’").replace('e', "é");
            for (at, _) in text.char_indices() {
                let _ = (read(&text[at..]), read(&text[..at]));
                let _ = (
                    names_terms_of_use(&text[at..]),
                    is_builtin_control(&text[..at]),
                );
            }
        }
    }

    #[test]
    fn what_fails_a_second_factor() {
        for (said, fails) in [
            (Said::Declined, true),
            (Said::Fraud, true),
            (Said::NoAnswer, true),
            (Said::OtherFailure, true),
            (Said::Completed, false),
            (Said::Satisfied, false),
            (Said::SkippedAppPassword, false),
            (Said::FirstFactorReused, false),
            (Said::CorrectPassword, false),
            (Said::WrongPassword, false),
            (Said::AccountLocked, false),
        ] {
            assert_eq!(said.fails_second_factor(), fails, "{said:?}");
        }
    }

    #[test]
    fn lockout_or_malicious_address() {
        for (reason, malicious) in [
            (
                "Sign-in was blocked because it came from an IP address with malicious activity",
                true,
            ),
            (
                "Sign-in was blocked because it came from an IP address with malicious activity.",
                true,
            ),
            (
                "SIGN-IN WAS BLOCKED BECAUSE IT CAME FROM AN IP ADDRESS WITH MALICIOUS ACTIVITY",
                true,
            ),
            (
                "Account is locked because user tried to sign in too many times with an incorrect user ID or password.",
                false,
            ),
            (
                "The account is locked because the user tried to sign in too many times with an incorrect user ID or \
                 password. Or, sign-in was blocked because it came from an IP address with malicious activity.",
                false,
            ),
            ("mal", false),
            ("", false),
        ] {
            assert_eq!(
                lockout_is_malicious_address(reason),
                malicious,
                "{reason:?}"
            );
        }
    }

    #[test]
    fn grant_controls() {
        #[rustfmt::skip]
        let rows = [
            // control                             built in  terms of use
            ("Mfa",                                true,     false),
            ("Block",                              true,     false),
            ("RequireCompliantDevice",             true,     false),
            ("RequireDomainJoinedDevice",          true,     false),
            ("RequireApprovedApp",                 true,     false),
            ("RequireCompliantApp",                true,     false),
            ("RequireCompliantApplication",        true,     false),
            ("RequirePasswordChange",              true,     false),
            ("PasswordChange",                     true,     false),
            ("federatedMultiFactorAuthRequired",   true,     false),
            ("compliantDevice",                    true,     false),
            ("Require multifactor authentication", true,     false),
            ("Require app protection policy",      true,     false),
            ("Guest terms of use",                 false,    true),
            ("Nutzungsbedingungen",                false,    true),
            ("Conditions d'utilisation",           false,    true),
            ("Conditions d’utilisation",           false,    true),
            ("Acceptable Use Policy",              false,    true),
            ("ACCEPTABLE USE POLICY v2",           false,    true),
            ("Condizioni per l'uso",               false,    true),
            ("Contoso ToU (guests)",               false,    true),
            ("利用規約",                            false,    true),
            ("Условия использования",              false,    true),
            ("Non-disclosure agreement",           false,    true),
            ("NDA",                                false,    true),
            ("Checkpoint Custom Control",          false,    false),
            ("Require Duo Mfa",                    false,    false),
            ("RequireDuoMfa",                      false,    false),
            ("Okta verification policy",           false,    false),
            ("Duo policy",                         false,    false),
            ("Mfaé",                               false,    false),
            ("Require",                            false,    false),
            ("Something else",                     false,    false),
            ("",                                   false,    false),
        ];
        for (control, builtin, terms) in rows {
            assert_eq!(is_builtin_control(control), builtin, "{control}");
            assert_eq!(names_terms_of_use(control), terms, "{control}");
        }
    }
}
