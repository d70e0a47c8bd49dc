//! What records of the wire are classified as: every special case as a row, and laws over random records.
//!
//! Most rows go through [`crate::Session`] and look at the object that is written, so they hold for what an operator
//! sees. Lines are shortened to what decides; their people, addresses and numbers are invented.

use proptest::prelude::*;
use serde_json::Value;

use super::{Cause, Class, FirstFactor, Outcome, Status, classify, codes};
use crate::input::words::Category;
use crate::input::{Scratch, View, view};
use crate::{Config, Session};

/// Calls `look` with the record of a line and its class.
fn with<T>(line: &str, look: impl FnOnce(&crate::input::Record, Class) -> T) -> T {
    let mut scratch = Scratch::default();
    match view(line, "signin_triage", &mut scratch) {
        Ok(View::Record(record)) => look(&record, classify(&record)),
        _ => panic!("not a record: {line}"),
    }
}

fn class(line: &str) -> Class {
    with(line, |_, class| class)
}

/// Status, code, cause, first factor and outcome as they are written, `-` for one that is not there.
fn told(line: &str) -> String {
    let object = written(line);
    let word = |name: &str| match &object[name] {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    ["status", "code", "cause", "first_factor", "outcome"]
        .map(word)
        .join(" ")
}

/// The names in `stopped_by`; `None` where the member is not written.
fn stopped_by(line: &str) -> Option<Vec<String>> {
    let names = written(line)["stopped_by"].as_array()?.clone();
    Some(
        names
            .iter()
            .map(|name| name.as_str().unwrap_or("?").to_owned())
            .collect(),
    )
}

fn written(line: &str) -> Value {
    let outcome = Session::open(Config::default()).process(line);
    assert_eq!(outcome.rejected, [], "{line}");
    let kept: Value = serde_json::from_str(&outcome.kept).unwrap();
    kept["signin_triage"].clone()
}

fn check(rows: &[(&str, &str)]) {
    for (line, expected) in rows {
        assert_eq!(told(line), *expected, "{line}");
    }
}

/// An Azure Monitor record of a user with this code; `details` are more members of its status, `members` of its
/// properties, each with a comma before it.
fn user(code: u32, details: &str, members: &str) -> String {
    format!(
        r#"{{"time":"2025-03-04T09:31:00Z","category":"SignInLogs","resultType":"{code}","resultSignature":"None","properties":{{"id":"r1","createdDateTime":"2025-03-04T09:30:00Z","userPrincipalName":"ada@contoso.example","status":{{"errorCode":{code}{details}}}{members}}}}}"#
    )
}

fn details(text: &str) -> String {
    format!(r#","additionalDetails":"{text}""#)
}

/// Method, result text, whether it succeeded.
type StepRow = (&'static str, &'static str, bool);

fn steps(steps: &[(&str, &str, bool)]) -> String {
    let steps = steps.iter().map(|(method, detail, succeeded)| {
        format!(
            r#"{{"authenticationStepDateTime":"2025-03-04T09:30:00Z","authenticationMethod":"{method}","succeeded":{succeeded},"authenticationStepResultDetail":"{detail}","authenticationStepRequirement":"Primary authentication"}}"#
        )
    });
    format!(
        r#","authenticationDetails":[{}]"#,
        steps.collect::<Vec<_>>().join(",")
    )
}

/// Name, result, grant controls; the last two as JSON.
type PolicyRow = (&'static str, &'static str, &'static str);

fn policies(policies: &[(&str, &str, &str)]) -> String {
    format!(
        r#","appliedConditionalAccessPolicies":{}"#,
        policy_list(policies)
    )
}

fn policy_list(policies: &[(&str, &str, &str)]) -> String {
    let policies = policies.iter().map(|(name, result, controls)| {
        format!(
            r#"{{"id":"p","displayName":"{name}","enforcedGrantControls":{controls},"enforcedSessionControls":[],"result":{result},"conditionsSatisfied":3,"conditionsNotSatisfied":0}}"#
        )
    });
    format!("[{}]", policies.collect::<Vec<_>>().join(","))
}

/// The failure reason of every 500121.
const REASON: &str = "Authentication failed during strong authentication request.";

const PASSWORD: StepRow = ("Password", "Correct password", true);
const PUSH_DENIED: StepRow = (
    "Mobile app notification",
    "MFA denied; user declined the authentication",
    false,
);
const PUSH_DONE: StepRow = (
    "Mobile app notification",
    "MFA successfully completed",
    true,
);

// The code by itself.

#[test]
fn every_code_is_classified_by_its_row_in_any_form() {
    for row in &codes::CODES {
        let code = row.code;
        let forms = [
            // Azure Monitor: both, the text alone, the number alone, and swapped types.
            user(code, "", ""),
            format!(r#"{{"category":"SignInLogs","resultType":"{code}","properties":{{}}}}"#),
            format!(
                r#"{{"category":"SignInLogs","properties":{{"status":{{"errorCode":{code}}}}}}}"#
            ),
            format!(
                r#"{{"category":"SignInLogs","resulttype":{code},"properties":{{"status":{{"errorCode":"{code}"}}}}}}"#
            ),
            format!(
                r#"{{"ResultType":"{code}","Status":{{"errorCode":{code}}},"Type":"SigninLogs"}}"#
            ),
            format!(
                r#"{{"ResultType":"{code}","Status":"{{\"errorCode\":{code}}}","Type":"AADNonInteractiveUserSignInLogs"}}"#
            ),
            format!(
                r#"{{"createdDateTime":"2025-03-04T09:30:00Z","status":{{"errorCode":{code},"failureReason":"Other.","additionalDetails":null}}}}"#
            ),
            format!(
                r#"{{"azure":{{"signinlogs":{{"category":"SignInLogs","result_type":"{code}","properties":{{"status":{{"error_code":{code}}}}}}}}}}}"#
            ),
            format!(r#"{{"Operation":"UserLoginFailed","RecordType":15,"ErrorNumber":"{code}"}}"#),
        ];
        for line in forms {
            let class = class(&line);
            let found = (
                class.status,
                class.code,
                class.cause,
                class.first_factor,
                class.blocked,
            );
            assert_eq!(
                found,
                (
                    row.status,
                    Some(code),
                    row.cause,
                    row.first_factor,
                    row.blocked
                ),
                "{line}"
            );
            let pending = (row.status == Status::Interrupted).then_some(
                // 70039 and 650041 say by themselves that the user gave up; 50089, 70019 and 70020 that time ran out.
                if row.cause == Cause::UserAbandoned || matches!(code, 50089 | 70019 | 70020) {
                    Outcome::Abandoned
                } else {
                    Outcome::Pending
                },
            );
            let denied = row.cause == Cause::MfaDenied;
            assert!(denied || class.outcome == pending, "{line}");
            assert!(!class.malicious_address, "{line}");
        }
    }
}

#[test]
fn codes_outside_the_table_and_records_without_one() {
    check(&[
        (&user(999_999, "", ""), "failure 999999 unknown unknown -"),
        (
            &user(u32::MAX, "", ""),
            "failure 4294967295 unknown unknown -",
        ),
        (
            r#"{"category":"SignInLogs","properties":{}}"#,
            "failure - unknown unknown -",
        ),
        (
            r#"{"category":"SignInLogs","resultType":"","properties":{"status":{}}}"#,
            "failure - unknown unknown -",
        ),
        // A number that is no code.
        (
            r#"{"category":"SignInLogs","resultType":"-1","properties":{"status":{"errorCode":99999999999}}}"#,
            "failure - unknown unknown -",
        ),
        // The steps may still say something.
        (
            &format!(
                r#"{{"category":"SignInLogs","properties":{{"id":"r1"{}}}}}"#,
                steps(&[PASSWORD, PUSH_DENIED])
            ),
            "failure - mfa_denied proved -",
        ),
        (
            &user(999_999, "", &steps(&[PASSWORD])),
            "failure 999999 unknown proved -",
        ),
        (
            &user(
                999_999,
                "",
                &steps(&[("Password", "Incorrect password", false)]),
            ),
            "failure 999999 unknown failed -",
        ),
    ]);
}

#[test]
fn panther_writes_words_for_codes() {
    // azmon__panther.ndjson: resultType "Success" or "Failure", with status.errorCode beside it or without.
    let line = |result: &str, status: &str| {
        format!(
            r#"{{"time":"2025-01-15 09:30:45.123","category":"SignInLogs","resultType":"{result}","resultSignature":"None","properties":{{"userPrincipalName":"ada@contoso.example"{status}}}}}"#
        )
    };
    let code = |code: u32| format!(r#","status":{{"errorCode":{code},"failureReason":"x"}}"#);
    check(&[
        (&line("Success", ""), "success - none proved -"),
        (&line("success", ""), "success - none proved -"),
        (&line("Failure", ""), "failure - unknown unknown -"),
        (
            &line("Interrupted", ""),
            "interrupted - unknown unknown pending",
        ),
        (&line("Succeeded?", ""), "failure - unknown unknown -"),
        (
            &line("Failure", &code(50126)),
            "failure 50126 bad_credentials failed -",
        ),
        (
            &line("Failure", &code(50053)),
            "failure 50053 account_locked unknown -",
        ),
        // "Failure" is what it makes of an interrupt, too.
        (
            &line("Failure", &code(50074)),
            "interrupted 50074 mfa_required proved pending",
        ),
        (&line("Success", &code(0)), "success 0 none proved -"),
        // Where they contradict each other, the number is the original.
        (
            &line("Success", &code(50126)),
            "failure 50126 bad_credentials failed -",
        ),
        (&line("Failure", &code(0)), "success 0 none proved -"),
    ]);
}

// What needs more than the code.

#[test]
fn terms_of_use_are_told_by_the_control_of_a_failing_policy() {
    const TERMS: &str = r#"["Guest terms of use"]"#;
    const CUSTOM: &str = r#"["Checkpoint Custom Control"]"#;
    const FAILURE: &str = r#""failure""#;
    let rows: [(&[PolicyRow], &str, &[&str]); 11] = [
        (&[("Guests", FAILURE, TERMS)], "terms_of_use", &["Guests"]),
        (
            &[("Guests", r#""interrupt""#, TERMS)],
            "terms_of_use",
            &["Guests"],
        ),
        (
            &[("Guests", FAILURE, r#"["Mfa","Contoso ToU"]"#)],
            "terms_of_use",
            &["Guests"],
        ),
        // Another vendor's second factor, as seen in Sekoia's sample of 50158.
        (
            &[("Vendor", FAILURE, CUSTOM)],
            "external_challenge",
            &["Vendor"],
        ),
        (
            &[("Vendor", FAILURE, r#"["Require Duo Mfa"]"#)],
            "external_challenge",
            &["Vendor"],
        ),
        // Two policies, one of them about terms.
        (
            &[("Vendor", FAILURE, CUSTOM), ("Guests", FAILURE, TERMS)],
            "terms_of_use",
            &["Vendor", "Guests"],
        ),
        // Terms that were accepted, did not apply, or are only reported on are not what stopped it.
        (
            &[
                ("Vendor", FAILURE, CUSTOM),
                ("Guests", r#""success""#, TERMS),
            ],
            "external_challenge",
            &["Vendor"],
        ),
        (
            &[
                ("Vendor", FAILURE, CUSTOM),
                ("Guests", r#""notApplied""#, TERMS),
            ],
            "external_challenge",
            &["Vendor"],
        ),
        (
            &[
                ("Vendor", FAILURE, CUSTOM),
                ("Guests", r#""reportOnlyFailure""#, TERMS),
            ],
            "external_challenge",
            &["Vendor"],
        ),
        (
            &[("MFA", FAILURE, r#"["Mfa"]"#)],
            "external_challenge",
            &["MFA"],
        ),
        (&[], "external_challenge", &[]),
    ];
    for (list, cause, names) in rows {
        let line = user(50158, "", &policies(list));
        assert_eq!(
            told(&line),
            format!("interrupted 50158 {cause} proved pending"),
            "{line}"
        );
        assert_eq!(stopped_by(&line).unwrap_or_default(), names, "{line}");
    }
    // The control does not touch other codes.
    let line = user(53003, "", &policies(&[("Guests", FAILURE, TERMS)]));
    assert_eq!(told(&line), "failure 53003 policy_block proved -");
}

#[test]
fn texts_refine_a_failed_second_factor() {
    // reference/mfa_strings.csv: every text that says how a second factor failed, as it stands on the wire.
    let rows = [
        ("MFA denied; user declined the authentication", "mfa_denied"),
        ("MFA Denied; user declined the authentication", "mfa_denied"),
        ("MFA denied; Phone App Reported Fraud", "mfa_denied"),
        ("MFA denied: Phone App Reported Fraud", "mfa_denied"),
        ("MFA denied, fraud code entered", "mfa_denied"),
        (
            "MFA denied; user did not respond to mobile app notification",
            "user_abandoned",
        ),
        (
            "MFA denied; user didn't respond to mobile app notification",
            "user_abandoned",
        ),
        (
            "MFA denied; user didn’t respond to mobile app notification",
            "user_abandoned",
        ),
        ("MFA denied; phone call went to voicemail", "user_abandoned"),
        (
            "MFA denied; unable to reach the user's phone",
            "user_abandoned",
        ),
        (
            "MFA denied; user hung up the phone call without succeeding the authentication",
            "user_abandoned",
        ),
        (
            "MFA denied; user never entered the verification code",
            "user_abandoned",
        ),
        (
            "MFA denied; user did not select the correct number",
            "mfa_failed",
        ),
        ("MFA denied; duplicate authentication attempt", "mfa_failed"),
        ("MFA denied; authentication in-progress", "mfa_failed"),
        (
            "MFA denied; entered incorrect code too many times",
            "mfa_failed",
        ),
        ("MFA denied; invalid authentication", "mfa_failed"),
        (
            "MFA denied; invalid mobile app verification code",
            "mfa_failed",
        ),
        ("MFA denied; misconfiguration", "mfa_failed"),
        (
            "MFA denied; phone number has an invalid format",
            "mfa_failed",
        ),
        (
            "MFA denied; unable to send the mobile app notification to the device",
            "mfa_failed",
        ),
        (
            "MFA denied; unable to send the mobile app notification",
            "mfa_failed",
        ),
        ("MFA denied; user entered incorrect code", "mfa_failed"),
        ("MFA denied; user entered incorrect PIN", "mfa_failed"),
        ("MFA denied; user not found", "mfa_failed"),
        (
            "MFA denied; verification code already used once",
            "mfa_failed",
        ),
        ("MFA denied; something nobody has written yet", "mfa_failed"),
        ("MFA denied; service error", "service_error"),
        ("MFA denied; user is blocked", "risk_block"),
        (
            "MFA denied; user doesn't have any verification methods registered",
            "mfa_setup",
        ),
        ("MFA registration prompted", "mfa_setup"),
        // These say nothing about how it failed.
        ("MFA required in Azure AD", "mfa_failed"),
        (
            "MFA requirement satisfied by claim in the token",
            "mfa_failed",
        ),
        ("Authentication in progress", "mfa_failed"),
        ("User declined to comment", "mfa_failed"),
        ("", "mfa_failed"),
    ];
    for (text, cause) in rows {
        let lines = [
            user(500_121, &details(text), ""),
            user(
                500_121,
                "",
                &steps(&[PASSWORD, ("Mobile app notification", text, false)]),
            ),
            format!(
                r#"{{"message":"{REASON} ({text})","event":{{"outcome":"failure"}},"azure":{{"signinlogs":{{"category":"SignInLogs","result_type":"500121","result_description":"{REASON}","properties":{{"status":{{"error_code":500121}}}}}}}}}}"#
            ),
            format!(
                r#"{{"ResultType":"500121","ResultDescription":"{REASON}","Status":"{{\r\n  \"errorCode\": 500121,\r\n  \"failureReason\": \"{REASON}\",\r\n  \"additionalDetails\": \"{text}\"\r\n}}","Type":"AADNonInteractiveUserSignInLogs"}}"#
            ),
        ];
        for line in lines {
            assert_eq!(
                told(&line),
                format!("failure 500121 {cause} proved -"),
                "{line}"
            );
        }
    }
}

#[test]
fn of_several_texts_the_weightiest_counts() {
    let unanswered = (
        "Mobile app notification",
        "MFA denied; user did not respond to mobile app notification",
        false,
    );
    let wrong_code = (
        "Text message",
        "MFA denied; user entered incorrect code",
        false,
    );
    let fraud = (
        "Phone call approval (Authentication phone)",
        "MFA denied, fraud code entered",
        false,
    );
    let rows: [(&[StepRow], &str); 6] = [
        (&[PASSWORD, unanswered, wrong_code], "user_abandoned"),
        (&[PASSWORD, wrong_code, unanswered], "user_abandoned"),
        (&[PASSWORD, unanswered, PUSH_DENIED], "mfa_denied"),
        (&[PASSWORD, PUSH_DENIED, wrong_code], "mfa_denied"),
        (&[PASSWORD, wrong_code, fraud], "mfa_denied"),
        (&[PASSWORD], "mfa_failed"),
    ];
    for (list, cause) in rows {
        let line = user(500_121, "", &steps(list));
        assert_eq!(
            told(&line),
            format!("failure 500121 {cause} proved -"),
            "{line}"
        );
    }
    // The details and a step may differ.
    let line = user(
        500_121,
        &details("MFA denied; service error"),
        &steps(&[PASSWORD, PUSH_DENIED]),
    );
    assert_eq!(told(&line), "failure 500121 mfa_denied proved -");
}

#[test]
fn an_interrupt_whose_second_factor_was_tried() {
    let prompt = |text| user(50074, &details(text), &steps(&[PASSWORD]));
    check(&[
        // msticpy, 2020; splunk, 2023.
        (
            &prompt("MFA required in Azure AD"),
            "interrupted 50074 mfa_required proved pending",
        ),
        (
            &user(50076, &details("MFA required in Azure AD"), ""),
            "interrupted 50076 mfa_required proved pending",
        ),
        (&prompt(""), "interrupted 50074 mfa_required proved pending"),
        (
            &prompt("MFA denied; user declined the authentication"),
            "interrupted 50074 mfa_denied proved denied",
        ),
        (
            &prompt("MFA denied; user did not respond to mobile app notification"),
            "interrupted 50074 user_abandoned proved abandoned",
        ),
        (
            &prompt("MFA denied; user entered incorrect code"),
            "interrupted 50074 mfa_failed proved pending",
        ),
    ]);
}

#[test]
fn a_50140_whose_steps_hold_a_denial() {
    // elastic/detection-rules#2440: the stay-signed-in page, though a prompt had been declined before it.
    check(&[
        (
            &user(50140, "", ""),
            "interrupted 50140 kmsi_prompt proved pending",
        ),
        (
            &user(50140, &details("MFA required"), ""),
            "interrupted 50140 kmsi_prompt proved pending",
        ),
        (
            &user(50140, "", &steps(&[PASSWORD, PUSH_DONE])),
            "interrupted 50140 kmsi_prompt proved pending",
        ),
        (
            &user(50140, "", &steps(&[PASSWORD, PUSH_DENIED])),
            "interrupted 50140 mfa_denied proved denied",
        ),
        (
            &user(50140, &details(PUSH_DENIED.1), ""),
            "interrupted 50140 mfa_denied proved denied",
        ),
        // Someone gave in: still a denial, but not the end.
        (
            &user(50140, "", &steps(&[PASSWORD, PUSH_DENIED, PUSH_DONE])),
            "interrupted 50140 mfa_denied proved pending",
        ),
        (
            &user(
                50140,
                &details("MFA completed in Azure AD"),
                &steps(&[PASSWORD, PUSH_DENIED]),
            ),
            "interrupted 50140 mfa_denied proved pending",
        ),
        // The other way round it is the end.
        (
            &user(50140, "", &steps(&[PASSWORD, PUSH_DONE, PUSH_DENIED])),
            "interrupted 50140 mfa_denied proved denied",
        ),
        // An unanswered prompt does not turn a page that was reached into an abandoned one.
        (
            &user(
                50140,
                "",
                &steps(&[(
                    "Mobile app notification",
                    "MFA denied; user did not respond to mobile app notification",
                    false,
                )]),
            ),
            "interrupted 50140 kmsi_prompt proved pending",
        ),
    ]);
    let gave_in = |line: &str| class(line).told.completed_after_denial;
    assert!(gave_in(&user(50140, "", &steps(&[PUSH_DENIED, PUSH_DONE]))));
    assert!(gave_in(&user(0, "", &steps(&[PUSH_DENIED, PUSH_DONE]))));
    assert!(!gave_in(&user(
        50140,
        "",
        &steps(&[PUSH_DONE, PUSH_DENIED])
    )));
    // A success stays one, whatever was declined on the way.
    assert_eq!(
        told(&user(0, "", &steps(&[PUSH_DENIED, PUSH_DONE]))),
        "success 0 none proved -"
    );
}

#[test]
fn code_50053_is_two_things() {
    let rows = [
        (
            "Sign-in was blocked because it came from an IP address with malicious activity.",
            true,
        ),
        (
            "Account is locked because user tried to sign in too many times with an incorrect user ID or password.",
            false,
        ),
        (
            "The account is locked, you’ve tried to sign in too many times with an incorrect user ID or password.",
            false,
        ),
        // The reference page's text has both and tells neither.
        (
            "The account is locked because the user tried to sign in too many times with an incorrect user ID or password. Or, sign-in was blocked because it came from an IP address with malicious activity.",
            false,
        ),
        ("", false),
    ];
    for (reason, malicious) in rows {
        let lines = [
            user(50053, &format!(r#","failureReason":"{reason}""#), ""),
            format!(
                r#"{{"category":"SignInLogs","resultType":"50053","resultDescription":"{reason}","properties":{{}}}}"#
            ),
            format!(
                r#"{{"ResultType":"50053","Status":"{{\"errorCode\":50053,\"failureReason\":\"{reason}\"}}","Type":"SigninLogs"}}"#
            ),
            format!(
                r#"{{"message":"{reason}","azure":{{"signinlogs":{{"properties":{{"status":{{"error_code":50053}}}}}}}}}}"#
            ),
        ];
        for line in lines {
            assert_eq!(
                told(&line),
                "failure 50053 account_locked unknown -",
                "{line}"
            );
            let class = class(&line);
            assert_eq!(
                (class.malicious_address, class.blocked),
                (malicious, true),
                "{line}"
            );
        }
    }
    // The text alone, under another code, is nothing.
    let line = user(53003, r#","failureReason":"malicious activity""#, "");
    assert!(!class(&line).malicious_address);
}

#[test]
fn a_password_step_says_what_the_code_leaves_open() {
    let wrong = "Invalid username or password or Invalid on-premise username or password.";
    let reused = (
        "Previously satisfied",
        "First factor requirement satisfied by claim in the token",
        true,
    );
    let push = (
        "Passwordless phone sign-in",
        "MFA denied; user declined the authentication",
        false,
    );
    check(&[
        // 50097 by itself does not say; 50058 neither.
        (
            &user(50097, "", ""),
            "interrupted 50097 ca_device unknown pending",
        ),
        (
            &user(50097, "", &steps(&[PASSWORD])),
            "interrupted 50097 ca_device proved pending",
        ),
        (
            &user(50097, "", &steps(&[("Password", "", true)])),
            "interrupted 50097 ca_device proved pending",
        ),
        (
            &user(50097, "", &steps(&[("Password", "", false)])),
            "interrupted 50097 ca_device unknown pending",
        ),
        // A claim of an earlier sign-in is no password (also on 50058 and 16000).
        (
            &user(50058, "", &steps(&[reused])),
            "interrupted 50058 sso_silent unknown pending",
        ),
        (
            &user(
                16000,
                "",
                &steps(&[(
                    "Password",
                    "First factor requirement satisfied by claim in the token",
                    true,
                )]),
            ),
            "interrupted 16000 account_picker unknown pending",
        ),
        // Locked or disabled, and yet the password was right, or wrong.
        (
            &user(50053, "", &steps(&[PASSWORD])),
            "failure 50053 account_locked proved -",
        ),
        (
            &user(50053, "", &steps(&[("Password", wrong, false)])),
            "failure 50053 account_locked failed -",
        ),
        (
            &user(
                50057,
                "",
                &steps(&[(
                    "Password",
                    "User account is disabled. The account has been disabled by an administrator.",
                    false,
                )]),
            ),
            "failure 50057 account_restricted unknown -",
        ),
        (
            &user(50126, "", &steps(&[("Password", wrong, false)])),
            "failure 50126 bad_credentials failed -",
        ),
        // Without a password the prompt is the first factor, and it was declined.
        (
            &user(500_121, "", &steps(&[push])),
            "failure 500121 mfa_denied unknown -",
        ),
        (
            &user(500_121, "", &steps(&[PASSWORD, push])),
            "failure 500121 mfa_denied proved -",
        ),
        (
            &user(
                500_121,
                "",
                &steps(&[(
                    "Passwordless phone sign-in",
                    "Authentication in progress",
                    false,
                )]),
            ),
            "failure 500121 mfa_failed unknown -",
        ),
    ]);
}

// Categories.

#[test]
fn ad_fs_records() {
    let line = |code: u32, resource: &str, more: &str| {
        format!(
            r#"{{"time":"11/14/2025 1:48:53 AM","category":"ADFSSignInLogs","operationName":"Sign-in activity","resultType":"{code}","properties":{{"userPrincipalName":"ada@contoso.example","resourceId":"{resource}","isInteractive":true,"status":{{"errorCode":{code}{more}}},"tokenIssuerType":"ADFederationServices"}}}}"#
        )
    };
    check(&[
        (&line(0, "adfs", ""), "success 0 none proved -"),
        (
            &line(0, "https://api.contoso.example", ""),
            "success 0 none proved -",
        ),
        // Extranet lockout (SignInsAADADFS workbook).
        (
            &line(300_030, "adfs", ""),
            "failure 300030 account_locked unknown -",
        ),
        (
            &line(50126, "adfs", ""),
            "failure 50126 bad_credentials failed -",
        ),
        // The NPS extension: a second factor for a VPN.
        (
            &line(500_121, "radius", ""),
            "failure 500121 mfa_failed proved -",
        ),
        (
            &line(
                500_121,
                "radius",
                &details("MFA denied; Phone App Reported Fraud"),
            ),
            "failure 500121 mfa_denied proved -",
        ),
    ]);
    assert!(class(&line(300_030, "adfs", "")).blocked);
    for (code, resource) in [(300_030, "adfs"), (500_121, "radius")] {
        with(&line(code, resource, ""), |record, _| {
            assert_eq!(record.category(), Category::AdFs);
            assert_eq!(record.resource(), Some(resource));
        });
    }
    // Log Analytics has a table of its own for them.
    let row =
        r#"{"ResultType":"300030","Type":"ADFSSignInLogs","TimeGenerated":"2025-03-04T09:30:00Z"}"#;
    assert_eq!(told(row), "failure 300030 account_locked unknown -");
    with(row, |record, _| {
        assert_eq!(record.category(), Category::AdFs);
    });
}

#[test]
fn workloads() {
    let line = |category: &str, code: u32| {
        format!(
            r#"{{"time":"11/14/2025 1:48:53 AM","category":"{category}","resultType":"{code}","resultSignature":"SUCCESS","properties":{{"servicePrincipalId":"sp1","servicePrincipalName":"build-agent","userPrincipalName":"","isInteractive":false,"status":{{"errorCode":{code}}}}}}}"#
        )
    };
    for category in [
        "ServicePrincipalSignInLogs",
        "ManagedIdentitySignInLogs",
        "MicrosoftServicePrincipalSignInLogs",
    ] {
        check(&[
            (&line(category, 0), "success 0 none proved -"),
            (
                &line(category, 7_000_215),
                "failure 7000215 app_error failed -",
            ),
            (
                &line(category, 7_000_222),
                "failure 7000222 app_error failed -",
            ),
            (
                &line(category, 53003),
                "failure 53003 policy_block proved -",
            ),
        ]);
        with(&line(category, 0), |record, _| {
            assert!(record.is_workload());
            assert_eq!(record.is_interactive(), Some(false));
        });
    }
    // Panther's sample of 2023: lower case, the code a number.
    check(&[(
        r#"{"calleripaddress":"203.0.113.7","category":"ServicePrincipalSignInLogs","correlationid":"c1","properties":{"clientCredentialType":"none","status":{"errorCode":7000215,"failureReason":"Invalid client secret is provided."},"servicePrincipalId":"sp1"},"resultsignature":"None","resulttype":7000215}"#,
        "failure 7000215 app_error failed -",
    )]);
}

#[test]
fn interactive_or_not() {
    use Category::{ManagedIdentity, NonInteractiveUser, ServicePrincipal, User};
    let azmon = |category: &str, members: &str| {
        format!(
            r#"{{"category":"{category}","resultType":"0","properties":{{"status":{{"errorCode":0}}{members}}}}}"#
        )
    };
    let graph = |members: &str| {
        format!(
            r#"{{"createdDateTime":"2025-03-04T09:30:00Z","status":{{"errorCode":0}}{members}}}"#
        )
    };
    let rows = [
        (
            azmon("SignInLogs", r#","isInteractive":true"#),
            User,
            Some(true),
        ),
        (azmon("SignInLogs", ""), User, Some(true)),
        (
            azmon("SignInLogs", r#","isInteractive":null"#),
            User,
            Some(true),
        ),
        // The interactive log holds silent steps, such as the 50074 of a flow (msticpy, DataDog).
        (
            azmon("SignInLogs", r#","isInteractive":false"#),
            User,
            Some(false),
        ),
        (
            azmon("NonInteractiveUserSignInLogs", r#","isInteractive":false"#),
            NonInteractiveUser,
            Some(false),
        ),
        (
            azmon("NonInteractiveUserSignInLogs", ""),
            NonInteractiveUser,
            Some(false),
        ),
        // The log a record is in outweighs what the record says.
        (
            azmon("NonInteractiveUserSignInLogs", r#","isInteractive":true"#),
            NonInteractiveUser,
            Some(false),
        ),
        (
            azmon("ServicePrincipalSignInLogs", r#","isInteractive":true"#),
            ServicePrincipal,
            Some(false),
        ),
        // A FIDO2 refresh, in the non-interactive log since April 2025.
        (
            azmon(
                "NonInteractiveUserSignInLogs",
                r#","isInteractive":false,"authenticationDetails":[{"authenticationMethod":"FIDO2 security key","succeeded":true,"authenticationStepResultDetail":""}]"#,
            ),
            NonInteractiveUser,
            Some(false),
        ),
        (graph(r#","isInteractive":true"#), User, Some(true)),
        (
            graph(r#","isInteractive":false"#),
            NonInteractiveUser,
            Some(false),
        ),
        (
            graph(r#","isInteractive":true,"signInEventTypes":["interactiveUser"]"#),
            User,
            Some(true),
        ),
        (
            graph(r#","isInteractive":false,"signInEventTypes":["interactiveUser"]"#),
            User,
            Some(false),
        ),
        (
            graph(r#","isInteractive":false,"signInEventTypes":["nonInteractiveUser"]"#),
            NonInteractiveUser,
            Some(false),
        ),
        (
            graph(r#","isInteractive":true,"signInEventTypes":["nonInteractiveUser","x"]"#),
            NonInteractiveUser,
            Some(false),
        ),
        (
            graph(r#","signInEventTypes":["servicePrincipal"]"#),
            ServicePrincipal,
            Some(false),
        ),
        (
            graph(r#","signInEventTypes":["managedIdentity"]"#),
            ManagedIdentity,
            Some(false),
        ),
        (graph(r#","signInEventTypes":[]"#), User, Some(true)),
        (
            graph(r#","signInEventTypes":["unheardOf"],"isInteractive":false"#),
            NonInteractiveUser,
            Some(false),
        ),
        (
            r#"{"ResultType":"0","IsInteractive":false,"Type":"AADNonInteractiveUserSignInLogs"}"#
                .to_owned(),
            NonInteractiveUser,
            Some(false),
        ),
        (
            r#"{"ResultType":"0","IsInteractive":true,"Type":"SigninLogs"}"#.to_owned(),
            User,
            Some(true),
        ),
        // Office 365 does not say.
        (
            r#"{"Operation":"UserLoggedIn","RecordType":15,"ErrorNumber":"0"}"#.to_owned(),
            User,
            None,
        ),
    ];
    for (line, category, interactive) in rows {
        with(&line, |record, class| {
            assert_eq!(record.category(), category, "{line}");
            assert_eq!(record.is_interactive(), interactive, "{line}");
            assert_eq!(
                (class.status, class.cause),
                (Status::Success, Cause::None),
                "{line}"
            );
        });
    }
}

#[test]
fn cross_tenant_access_does_not_change_the_class() {
    for code in [0, 50074, 50126, 53003, 500_121] {
        let plain = class(&user(code, "", ""));
        for kind in [
            "none",
            "passthrough",
            "serviceProvider",
            "b2bCollaboration",
            "microsoftSupport",
            "unknownFutureValue",
        ] {
            let line = user(
                code,
                "",
                &format!(
                    r#","crossTenantAccessType":"{kind}","homeTenantId":"t2","resourceTenantId":"t1""#
                ),
            );
            assert_eq!(class(&line), plain, "{line}");
        }
    }
}

#[test]
fn windows_hello_is_no_gap() {
    // A strong method satisfies the requirement; that no policy applied to it is how it should be.
    let members = steps(&[(
        "Windows Hello for Business",
        "MFA requirement satisfied by strong authentication",
        true,
    )]);
    let members = format!(
        r#","conditionalAccessStatus":"notApplied","authenticationRequirement":"multiFactorAuthentication"{members}{}"#,
        policies(&[("CA001", r#""notApplied""#, r#"["Mfa"]"#)])
    );
    let line = user(
        0,
        &details("MFA requirement satisfied by strong authentication"),
        &members,
    );
    assert_eq!(told(&line), "success 0 none proved -");
    with(&line, |record, class| {
        assert!(class.told.has(super::texts::Said::Satisfied));
        assert!(!class.told.password_right && !class.told.passwordless && !class.told.denial());
        assert_eq!(record.policy_tally().mfa_not_applied, 1);
    });
    assert_eq!(stopped_by(&line), None);
}

#[test]
fn the_address_of_a_confidential_client_is_not_the_callers() {
    let line = |category: &str, kind: &str| {
        format!(
            r#"{{"category":"{category}","resultType":"0","properties":{{"ipAddress":"203.0.113.7","clientCredentialType":"{kind}","status":{{"errorCode":0}}}}}}"#
        )
    };
    for (category, kind, of_caller) in [
        ("NonInteractiveUserSignInLogs", "clientSecret", false),
        ("NonInteractiveUserSignInLogs", "clientAssertion", false),
        ("NonInteractiveUserSignInLogs", "none", true),
        ("SignInLogs", "clientSecret", true),
        ("ServicePrincipalSignInLogs", "clientSecret", true),
    ] {
        with(&line(category, kind), |record, class| {
            assert_eq!(
                record.is_address_of_caller(),
                of_caller,
                "{category} {kind}"
            );
            assert_eq!(class.status, Status::Success);
        });
    }
}

#[test]
fn office_365_audit_records() {
    let line = |operation: &str, members: &str| {
        format!(
            r#"{{"CreationTime":"2025-03-04T09:30:00","Operation":"{operation}","RecordType":15,"ResultStatus":"Success","UserId":"ada@contoso.example","ClientIP":"203.0.113.7"{members}}}"#
        )
    };
    let number = |number: u32| format!(r#","ErrorNumber":"{number}""#);
    let name = |name: &str| format!(r#","LogonError":"{name}""#);
    check(&[
        (&line("UserLoggedIn", &number(0)), "success 0 none proved -"),
        (
            &line("UserLoginFailed", &number(50126)),
            "failure 50126 bad_credentials failed -",
        ),
        (
            &line("UserLoginFailed", &number(50074)),
            "interrupted 50074 mfa_required proved pending",
        ),
        // 50140 is logged in, to the audit log; to the portal it is interrupted.
        (
            &line("UserLoggedIn", &number(50140)),
            "interrupted 50140 kmsi_prompt proved pending",
        ),
        // The number outweighs the name (UserStrongAuthClientAuthNRequired is 50076).
        (
            &line(
                "UserLoginFailed",
                &(number(50126) + &name("UserStrongAuthClientAuthNRequired")),
            ),
            "failure 50126 bad_credentials failed -",
        ),
        // Records of 2019 and 2020 have only the name, and then there is no number to write.
        (
            &line("UserLoginFailed", &name("InvalidUserNameOrPassword")),
            "failure - bad_credentials failed -",
        ),
        (
            &line("UserLoginFailed", &name("IdsLocked")),
            "failure - account_locked unknown -",
        ),
        (
            &line(
                "UserLoginFailed",
                &name("UserStrongAuthClientAuthNRequiredInterrupt"),
            ),
            "interrupted - mfa_required proved pending",
        ),
        (
            &line("UserLoginFailed", &name("NobodyHasSeenThis")),
            "failure - unknown unknown -",
        ),
        // Neither.
        (&line("UserLoggedIn", ""), "success - none proved -"),
        (&line("UserLoginFailed", ""), "failure - unknown unknown -"),
        (
            &line("UserLoggedIn", r#","LogonError":"""#),
            "success - none proved -",
        ),
        (&line("userloggedin", ""), "success - none proved -"),
    ]);
}

// Policies.

#[test]
fn stopped_by_names_what_was_enforced_and_not_satisfied() {
    let rows: [(&str, Option<&[&str]>); 17] = [
        (r#""failure""#, Some(&["CA001"])),
        (r#""Failure""#, Some(&["CA001"])),
        // The Conditional Access workbook also handles this one.
        (r#""interrupt""#, Some(&["CA001"])),
        // 2018: 0 success, 1 failure, 2 not applied, 3 not enabled.
        ("1", Some(&["CA001"])),
        (r#""1""#, Some(&["CA001"])),
        ("0", None),
        ("2", None),
        ("3", None),
        (r#""success""#, None),
        (r#""notApplied""#, None),
        (r#""notEnabled""#, None),
        (r#""unknown""#, None),
        (r#""reportOnlySuccess""#, None),
        (r#""reportOnlyFailure""#, None),
        (r#""reportOnlyInterrupted""#, None),
        (r#""REPORTONLYFAILURE""#, None),
        ("null", None),
    ];
    for (result, names) in rows {
        let line = user(53003, "", &policies(&[("CA001", result, r#"["Block"]"#)]));
        let names = names.map(|names| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        });
        assert_eq!(stopped_by(&line), names, "{result}");
        assert_eq!(
            told(&line),
            "failure 53003 policy_block proved -",
            "{result}"
        );
        // A success was not stopped.
        let line = user(0, "", &policies(&[("CA001", result, r#"["Mfa"]"#)]));
        assert_eq!(stopped_by(&line), None, "{result}");
    }
    // The name Microsoft's page of 2018 has for the list.
    let line = r#"{"category":"SignIn","resultType":"53003","properties":{"conditionalAccessStatus":1,"conditionalAccessPolicies":[{"displayName":"Old","enforcedGrantControls":["Block"],"result":1},{"displayName":"Other","enforcedGrantControls":["Require Duo Mfa"],"result":2}]}}"#;
    assert_eq!(stopped_by(line), Some(vec!["Old".to_owned()]));
    // A policy without a name cannot be named.
    let line = user(
        53003,
        "",
        r#","appliedConditionalAccessPolicies":[{"result":"failure"},{"displayName":null,"result":"failure"}]"#,
    );
    assert_eq!(stopped_by(&line), None);
}

#[test]
fn one_failure_among_55_that_did_not_apply() {
    let mut list = vec![("CA000 Off", r#""notApplied""#, r#"["Mfa"]"#); 55];
    list.insert(
        30,
        (
            "CA001 Require MFA for all users",
            r#""failure""#,
            r#"["Mfa"]"#,
        ),
    );
    let line = user(
        50074,
        &details("MFA required in Azure AD"),
        &policies(&list),
    );
    assert_eq!(told(&line), "interrupted 50074 mfa_required proved pending");
    assert_eq!(
        stopped_by(&line),
        Some(vec!["CA001 Require MFA for all users".to_owned()])
    );
    with(&line, |record, _| {
        let tally = record.policy_tally();
        assert_eq!(
            (tally.listed, tally.mfa_not_applied, tally.satisfied),
            (56, 55, 0)
        );
    });
}

#[test]
fn the_two_policy_columns_of_log_analytics_count_once() {
    let list = policy_list(&[
        ("CA001", r#""failure""#, r#"["Mfa"]"#),
        ("CA002", r#""success""#, r#"["Mfa"]"#),
    ]);
    let text = Value::from(list.as_str()).to_string();
    for (dynamic, applied) in [(&list, &text), (&text, &text), (&text, &list)] {
        let line = format!(
            r#"{{"ResultType":"50074","AppliedConditionalAccessPolicies":{applied},"ConditionalAccessPolicies":{dynamic},"Type":"AADNonInteractiveUserSignInLogs"}}"#
        );
        assert_eq!(stopped_by(&line), Some(vec!["CA001".to_owned()]), "{line}");
        with(&line, |record, _| {
            let tally = record.policy_tally();
            assert_eq!(
                (tally.listed, tally.satisfied, tally.mfa_satisfied),
                (2, 1, 1)
            );
        });
    }
}

#[test]
fn names_of_policies_are_written_as_they_are() {
    let name = r"CA001 \u00dcber \\ \u0022all\u0022 \ud83d\ude00";
    let line = user(53003, "", &policies(&[(name, r#""failure""#, "[]")]));
    assert_eq!(
        stopped_by(&line),
        Some(vec!["CA001 Über \\ \"all\" 😀".to_owned()])
    );
    let column = Value::from(policy_list(&[(name, r#""failure""#, "[]")])).to_string();
    let line = format!(
        r#"{{"ResultType":"53003","ConditionalAccessPolicies":{column},"Type":"AADNonInteractiveUserSignInLogs"}}"#
    );
    assert_eq!(
        stopped_by(&line),
        Some(vec!["CA001 Über \\ \"all\" 😀".to_owned()])
    );
}

#[test]
fn blocked_is_what_the_code_says() {
    // A user who is blocked for second factors was not stopped by a policy; only the cause tells.
    let line = user(500_121, &details("MFA denied; user is blocked"), "");
    let class = class(&line);
    let found = (class.status, class.cause, class.blocked);
    assert_eq!(found, (Status::Failure, Cause::RiskBlock, false));
}

// Laws.

/// A text of the wire, or nearly one.
fn text() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "MFA denied; user declined the authentication",
        "MFA denied; Phone App Reported Fraud",
        "MFA denied; user is blocked",
        "MFA denied; user did not respond to mobile app notification",
        "MFA successfully completed",
        "MFA required in Azure AD",
        "MFA registration prompted",
        "MFA denied; ",
        "Correct password",
        "Incorrect password",
        "First factor requirement satisfied by claim in the token",
        "Authentication in progress",
        "It came from an IP address with malicious activity",
        "",
    ]);
    prop_oneof![3 => known.prop_map(str::to_owned), 1 => ".{0,40}"]
}

fn any_code() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => (0..codes::CODES.len()).prop_map(|row| Value::from(codes::CODES[row].code)),
        2 => (0..codes::CODES.len()).prop_map(|row| Value::from(codes::CODES[row].code.to_string())),
        2 => any::<u32>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => prop::sample::select(vec!["Success", "Failure", "Interrupted", ""]).prop_map(Value::from),
        1 => Just(Value::Null),
    ]
}

/// A record of any shape, with any code, steps, details and policies.
fn record() -> impl Strategy<Value = String> {
    let step = (
        prop::sample::select(vec![
            "Password",
            "Passwordless phone sign-in",
            "Mobile app notification",
            "",
        ]),
        text(),
        any::<Option<bool>>(),
    );
    let step = step.prop_map(|(method, detail, succeeded)| {
        serde_json::json!({"authenticationMethod": method, "authenticationStepResultDetail": detail, "succeeded": succeeded})
    });
    let policy = (
        text(),
        prop::sample::select(vec![
            "success",
            "failure",
            "interrupt",
            "notApplied",
            "reportOnlyFailure",
        ]),
        prop::sample::select(vec!["Mfa", "Guest terms of use", "Block", "Custom"]),
    );
    let policy = policy.prop_map(|(name, result, control)| {
        serde_json::json!({"displayName": name, "result": result, "enforcedGrantControls": [control]})
    });
    let parts = (
        0..5_usize,
        any_code(),
        any_code(),
        prop::collection::vec(step, 0..4),
        prop::collection::vec(policy, 0..4),
        text(),
        text(),
    );
    parts.prop_map(|(shape, code, result, steps, policies, reason, details)| {
        let steps = Value::from(steps);
        let policies = Value::from(policies);
        let status = serde_json::json!({"errorCode": code, "failureReason": reason, "additionalDetails": details});
        let line = match shape {
            0 => serde_json::json!({"category": "SignInLogs", "resultType": result, "properties": {
                "status": status, "authenticationDetails": steps, "appliedConditionalAccessPolicies": policies}}),
            1 => serde_json::json!({"ResultType": result, "Type": "AADNonInteractiveUserSignInLogs", "Status": status.to_string(),
                "AuthenticationDetails": steps.to_string(), "ConditionalAccessPolicies": policies.to_string()}),
            2 => serde_json::json!({"createdDateTime": "2025-03-04T09:30:00Z", "status": status,
                "authenticationDetails": steps, "appliedConditionalAccessPolicies": policies}),
            3 => serde_json::json!({"message": format!("{reason} ({details})"), "azure": {"signinlogs": {"result_type": result,
                "properties": {"status": {"error_code": code}, "authentication_details": steps}}}}),
            _ => serde_json::json!({"Operation": "UserLoginFailed", "RecordType": 15, "ErrorNumber": code, "LogonError": reason}),
        };
        line.to_string()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn laws_of_a_class(line in record()) {
        let class = class(&line);
        prop_assert_eq!(class.outcome.is_some(), class.status == Status::Interrupted);
        prop_assert_eq!(class.cause == Cause::None, class.status == Status::Success);
        prop_assert!(!class.blocked || class.status == Status::Failure);
        prop_assert!(class.outcome != Some(Outcome::Denied) || class.told.denial());
        let row = class.code.and_then(codes::find);
        if let Some(row) = row {
            prop_assert_eq!((class.status, class.blocked), (row.status, row.blocked));
            // What the code says of the first factor, a step cannot turn round.
            let failed = row.first_factor == FirstFactor::Failed;
            prop_assert!(!failed || class.first_factor == FirstFactor::Failed);
        } else if class.code.is_some() {
            let cause = if class.told.denial() { Cause::MfaDenied } else { Cause::Unknown };
            prop_assert_eq!((class.status, class.cause), (Status::Failure, cause));
        }
        // A denial is never lost but in a success.
        if class.told.denial() && class.status != Status::Success {
            prop_assert_eq!(class.cause, Cause::MfaDenied);
        }
        // What is written says the same.
        let written = written(&line);
        prop_assert_eq!(&written["status"], class.status.label());
        prop_assert_eq!(&written["cause"], class.cause.label());
        prop_assert_eq!(written["code"].as_u64(), class.code.map(u64::from));
        prop_assert_eq!(written.get("outcome").is_some(), class.outcome.is_some());
        prop_assert!(written.get("stopped_by").is_none() || class.status != Status::Success);
    }
}
