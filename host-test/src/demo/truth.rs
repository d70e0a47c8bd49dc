//! The truth about each line: what the generator knows, in the words of the vocabulary.
//!
//! The table of codes is this file's own. It covers what the demo writes, and is not taken from the transform, or
//! the transform would be measured against itself.

use super::attacks::FAMILIES;
use super::record::{Event, Proof};
use super::wire::Object;

/// Status and cause of a code, and the text that goes with it.
struct Meaning {
    code: u32,
    status: &'static str,
    cause: &'static str,
    reason: &'static str,
}

const fn row(
    code: u32,
    status: &'static str,
    cause: &'static str,
    reason: &'static str,
) -> Meaning {
    Meaning {
        code,
        status,
        cause,
        reason,
    }
}

const SUCCESS: &str = "success";
const INTERRUPTED: &str = "interrupted";
const FAILURE: &str = "failure";

/// Sorted by code. Statuses and causes are those of the reference, texts those that the service writes.
const MEANINGS: &[Meaning] = &[
    row(0, SUCCESS, "none", "Other."),
    row(
        16000,
        INTERRUPTED,
        "account_picker",
        "Either multiple user identities are available for the current request or selected account is not supported for the scenario.",
    ),
    row(
        50011,
        FAILURE,
        "redirect_broken",
        "The redirect URI specified in the request does not match the redirect URIs configured for the application.",
    ),
    row(
        50034,
        FAILURE,
        "user_not_found",
        "The user account does not exist in the directory. To sign into this application, the account must be added to the directory.",
    ),
    row(
        50053,
        FAILURE,
        "account_locked",
        "The account is locked, you've tried to sign in too many times with an incorrect user ID or password.",
    ),
    row(
        50055,
        INTERRUPTED,
        "password_change",
        "The password is expired.",
    ),
    row(
        50057,
        FAILURE,
        "account_restricted",
        "The user account is disabled.",
    ),
    row(
        50058,
        INTERRUPTED,
        "sso_silent",
        "Session information is not sufficient for single-sign-on.",
    ),
    row(
        50072,
        INTERRUPTED,
        "mfa_setup",
        "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication to access the resource.",
    ),
    row(
        50074,
        INTERRUPTED,
        "mfa_required",
        "Strong Authentication is required.",
    ),
    row(
        50076,
        INTERRUPTED,
        "mfa_required",
        "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access the resource.",
    ),
    row(
        50079,
        INTERRUPTED,
        "mfa_setup",
        "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication to access the resource.",
    ),
    row(
        50089,
        INTERRUPTED,
        "session_expired",
        "Authentication failed due to flow token expired.",
    ),
    row(
        50097,
        INTERRUPTED,
        "ca_device",
        "Device authentication is required.",
    ),
    row(
        50125,
        INTERRUPTED,
        "password_change",
        "Sign-in was interrupted due to a password reset or password registration entry.",
    ),
    row(
        50126,
        FAILURE,
        "bad_credentials",
        "Error validating credentials due to invalid username or password.",
    ),
    row(
        50132,
        INTERRUPTED,
        "session_expired",
        "The session is not valid due to password expiration or recent password change.",
    ),
    row(
        50133,
        INTERRUPTED,
        "session_expired",
        "Session is invalid due to expiration or recent password change.",
    ),
    row(
        50140,
        INTERRUPTED,
        "kmsi_prompt",
        "This error occurred due to 'Keep me signed in' interrupt when the user was signing-in.",
    ),
    row(
        50144,
        INTERRUPTED,
        "password_change",
        "The user's Active Directory password has expired.",
    ),
    row(
        50158,
        INTERRUPTED,
        "external_challenge",
        "External security challenge was not satisfied.",
    ),
    row(
        50173,
        INTERRUPTED,
        "session_expired",
        "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.",
    ),
    row(
        50199,
        INTERRUPTED,
        "app_confirm",
        "For security reasons, user confirmation is required for this request. Please repeat the request allowing user interaction.",
    ),
    row(
        53000,
        FAILURE,
        "ca_device",
        "Device is not in required device state: {state}. Conditional Access policy requires a compliant device, and the device is not compliant.",
    ),
    row(
        53003,
        FAILURE,
        "policy_block",
        "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
    ),
    row(
        65001,
        INTERRUPTED,
        "consent",
        "The user or administrator has not consented to use the application with ID '{identifier}' named '{name}'. Send an interactive authorization request for this user and resource.",
    ),
    row(
        65004,
        FAILURE,
        "consent",
        "User declined to consent to access the app.",
    ),
    row(
        70016,
        INTERRUPTED,
        "device_code",
        "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
    ),
    row(
        70019,
        INTERRUPTED,
        "device_code",
        "Verification code expired.",
    ),
    row(
        70043,
        INTERRUPTED,
        "session_expired",
        "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.",
    ),
    row(
        70044,
        INTERRUPTED,
        "session_expired",
        "The session has expired or is invalid due to sign-in frequency checks by conditional access.",
    ),
    row(
        81010,
        INTERRUPTED,
        "sso_silent",
        "Deskop SSO authentication token is invalid. The Kerberos ticket has expired or is invalid.",
    ),
    row(
        81014,
        INTERRUPTED,
        "sso_silent",
        "The user's Seamless SSO token has expired.",
    ),
    row(81016, FAILURE, "sso_silent", "Invalid STS request."),
    row(
        90025,
        FAILURE,
        "service_error",
        "Request processing has exceeded gateway allowance.",
    ),
    row(
        500_121,
        FAILURE,
        "mfa_failed",
        "Authentication failed during strong authentication request.",
    ),
    row(
        700_016,
        FAILURE,
        "app_error",
        "Application with identifier '{appIdentifier}' was not found in the directory '{tenantName}'.",
    ),
    row(
        700_082,
        INTERRUPTED,
        "session_expired",
        "The refresh token has expired due to inactivity. The token was issued on {issueDate} and was inactive for {time}.",
    ),
    row(
        900_561,
        INTERRUPTED,
        "redirect_broken",
        "The endpoint only accepts {valid_verbs} requests. Received a {invalid_verb} request.",
    ),
    row(
        7_000_215,
        FAILURE,
        "app_error",
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{appId}'.",
    ),
    row(
        7_000_222,
        FAILURE,
        "app_error",
        "The provided client secret keys for app '{identifier}' are expired. Visit the Azure portal to create new keys for your app.",
    ),
];

fn meaning(code: u32) -> &'static Meaning {
    let at = MEANINGS.binary_search_by_key(&code, |row| row.code);
    debug_assert!(at.is_ok(), "no row for {code}");
    &MEANINGS[at.unwrap_or(0)]
}

/// `success`, `interrupted` or `failure`.
pub(super) fn status(code: u32) -> &'static str {
    meaning(code).status
}

/// What the service writes beside the code.
pub(super) fn reason(code: u32) -> &'static str {
    meaning(code).reason
}

/// The cause of a record. Where a code has several, the text that the service adds decides.
pub(super) fn cause(event: &Event) -> &'static str {
    match (event.code, event.proof) {
        (500_121, Proof::SecondFailed(_, text)) if text.is_denial() => "mfa_denied",
        (500_121, Proof::SecondFailed(_, text)) if text.is_silence() => "user_abandoned",
        (50158, _) if event.flow == super::record::FlowName::TermsOfUse => "terms_of_use",
        (code, _) => meaning(code).cause,
    }
}

/// Writes the truth about a line.
pub(super) fn write(out: &mut String, line: u64, event: &Event, id: &str, user: &str, twice: bool) {
    let mut truth = Object::open(out);
    truth.number("line", line);
    truth.text("id", id);
    truth.text("user", user);
    truth.text("cause", cause(event));
    match event.outcome {
        Some(outcome) => truth.text("outcome", outcome.name()),
        None => truth.raw("outcome", "null"),
    }
    truth.text("status", status(event.code));
    truth.text("flow", event.flow.name());
    match event.attack {
        None => truth.raw("attack", "null"),
        Some(mark) => {
            let mut attack = truth.object("attack");
            attack.text("family", FAMILIES[usize::from(mark.family)].id);
            attack.number("run", u64::from(mark.run));
            attack.flag("climax", mark.climax && !twice);
            attack.close();
        }
    }
    if twice {
        truth.flag("twice", true);
    }
    truth.close();
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted() {
        assert!(MEANINGS.is_sorted_by(|one, next| one.code < next.code));
    }
}
