//! Random streams from a seed: sign-ins in every shape, what real streams hold besides, and what an enemy would send.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

/// Seeds of the laws: `LAWS_SEEDS=7` or `LAWS_SEEDS=1..500` runs others than the usual three hundred.
#[allow(
    clippy::disallowed_methods,
    reason = "a test is told by the environment"
)]
pub fn seeds() -> std::ops::RangeInclusive<u64> {
    let Ok(text) = std::env::var("LAWS_SEEDS") else {
        return 1..=300;
    };
    let (first, last) = text.split_once("..").unwrap_or((&text, &text));
    let number = |text: &str| text.trim_matches('=').parse().expect("LAWS_SEEDS=1..500");
    number(first)..=number(last)
}

/// A stream of `lines` lines, line ends and all.
pub fn stream(seed: u64, lines: usize) -> String {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..lines).map(|_| line(&mut rng)).collect()
}

fn line(rng: &mut StdRng) -> String {
    let text = match rng.random_range(0..100) {
        0..70 => record(rng),
        70..78 => envelope(rng),
        78..84 => not_a_sign_in(rng),
        84..96 => damaged(rng),
        _ => String::new(),
    };
    let end = *["\n", "\n", "\n", "\n", "\r\n"].choose(rng).unwrap();
    let mark = if rng.random_ratio(1, 50) {
        "\u{feff}"
    } else {
        ""
    };
    // A raw line end within would make it two lines.
    let text = text.replace(['\n', '\r'], " ");
    format!("{mark}{text}{end}")
}

const CODES: [u32; 34] = [
    0, 0, 0, 0, 0, 16000, 50034, 50053, 50055, 50057, 50058, 50058, 50072, 50074, 50074, 50076,
    50079, 50097, 50125, 50126, 50140, 50140, 50158, 50173, 50199, 53003, 65001, 70016, 70043,
    500121, 500121, 7000215, 900941, 999_999,
];
const TEXTS: [&str; 12] = [
    "",
    "MFA requirement satisfied by claim in the token",
    "MFA completed in Azure AD",
    "MFA required in Azure AD",
    "MFA denied; user declined the authentication",
    "MFA denied; Phone App Reported Fraud",
    "MFA denied; user did not respond to mobile app notification",
    "MFA successfully completed",
    "Correct password",
    "Invalid username or password or Invalid on-premise username or password.",
    "Authentication in progress",
    "\u{202e}not seen before\u{7} \"quoted\" \\ 🙂",
];
const AGENTS: [&str; 8] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36",
    "python-requests/2.32.3",
    "axios/1.7.9",
    "azurehound/2.1",
    "BAV2ROPC",
    "{\"json\":\"in a string\"}",
    "",
    "é\u{0}\u{1b}[31m",
];
const APPS: [&str; 5] = [
    "c44b4083-3bb0-49c1-b47d-974e53cbdf3c",
    "29d9ed98-a469-4536-ade2-f981bc1d605e",
    "4765445b-32c6-49b0-83e6-1d93765276ca",
    "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
    "aebc6443-996d-45c2-90f0-388ff96faa56",
];
const RISKS: [&str; 6] = [
    "none",
    "hidden",
    "low",
    "medium",
    "high",
    "unknownFutureValue",
];
const STATES: [&str; 6] = [
    "none",
    "atRisk",
    "remediated",
    "dismissed",
    "confirmedSafe",
    "confirmedCompromised",
];
const RESULTS: [&str; 6] = [
    "notApplied",
    "notApplied",
    "success",
    "failure",
    "interrupt",
    "reportOnlyFailure",
];
const CONTROLS: [&str; 5] = [
    "Mfa",
    "Block",
    "RequireCompliantDevice",
    "Guest terms of use",
    "Checkpoint Custom Control",
];
const PROTOCOLS: [&str; 4] = ["none", "oAuth2", "deviceCode", "ropc"];

fn pick<T: Copy>(rng: &mut StdRng, from: &[T]) -> T {
    *from.choose(rng).unwrap()
}

/// The members that Azure Monitor keeps under `properties` and Graph at the top.
fn properties(rng: &mut StdRng, code: u32) -> Value {
    let user = rng.random_range(0..50);
    let steps: Vec<Value> = (0..rng.random_range(0..4))
        .map(|_| {
            json!({
                "authenticationMethod": pick(rng, &["Password", "Mobile app notification", "Previously satisfied", ""]),
                "succeeded": rng.random_bool(0.5),
                "authenticationStepResultDetail": pick(rng, &TEXTS),
                "StatusSequence": 0,
            })
        })
        .collect();
    let policies: Vec<Value> = (0..rng.random_range(0..8))
        .map(|number| {
            json!({
                "id": "8872f6fb-da88-4b63-bcc7-17247669596b",
                "displayName": format!("CA{number:03} \"Require\" é"),
                "enforcedGrantControls": [pick(rng, &CONTROLS)],
                "enforcedSessionControls": [],
                "result": pick(rng, &RESULTS),
            })
        })
        .collect();
    let mut members = json!({
        "id": format!("{:032x}", rng.random::<u128>()),
        "createdDateTime": format!("2026-03-10T{:02}:{:02}:{:02}.1234567Z", rng.random_range(0..24), rng.random_range(0..60), rng.random_range(0..60)),
        "userPrincipalName": format!("user{user}@contoso.example"),
        "userId": format!("00000000-1111-2222-3333-{user:012}"),
        "appId": pick(rng, &APPS),
        "appDisplayName": "Office 365",
        "resourceDisplayName": pick(rng, &["Microsoft Graph", "Office 365 Exchange Online"]),
        "ipAddress": pick(rng, &["192.0.2.7", "198.51.100.9", "203.0.113.77", "2001:db8::7", ""]),
        "status": {"errorCode": code, "failureReason": "Other.", "additionalDetails": pick(rng, &TEXTS)},
        "clientAppUsed": pick(rng, &["Browser", "Mobile Apps and Desktop clients", "IMAP4"]),
        "userAgent": pick(rng, &AGENTS),
        "deviceDetail": {"deviceId": "", "operatingSystem": "Windows 10", "isCompliant": rng.random_bool(0.5), "isManaged": rng.random_bool(0.5)},
        "location": {"city": "Zürich", "countryOrRegion": pick(rng, &["CH", "US", ""]), "geoCoordinates": {"latitude": 47.37, "longitude": 8.54}},
        "conditionalAccessStatus": pick(rng, &["success", "failure", "notApplied"]),
        "appliedConditionalAccessPolicies": policies,
        "isInteractive": rng.random_bool(0.7),
        "authenticationRequirement": pick(rng, &["singleFactorAuthentication", "multiFactorAuthentication"]),
        "authenticationDetails": steps,
        "authenticationProtocol": pick(rng, &PROTOCOLS),
        "riskLevelDuringSignIn": pick(rng, &RISKS),
        "riskLevelAggregated": pick(rng, &RISKS),
        "riskState": pick(rng, &STATES),
        "crossTenantAccessType": pick(rng, &["none", "b2bCollaboration", "passthrough"]),
        "autonomousSystemNumber": pick(rng, &[64496, 14061, 8075, 0]),
        "networkLocationDetails": [],
    });
    let object = members.as_object_mut().unwrap();
    // Fields are absent, null or empty at random, as over shapes and years.
    for name in object.keys().cloned().collect::<Vec<_>>() {
        match rng.random_range(0..40) {
            0..4 => drop(object.remove(&name)),
            4 => drop(object.insert(name, Value::Null)),
            5 => drop(object.insert(name, json!(""))),
            6 => drop(object.insert(name, json!({"unexpected": [1, {"x": "}"}]}))),
            _ => {}
        }
    }
    members
}

fn record(rng: &mut StdRng) -> String {
    let code = pick(rng, &CODES);
    let properties = properties(rng, code);
    let value = match rng.random_range(0..5) {
        0 => {
            let mut graph = properties;
            graph["status"] = json!({"errorCode": code});
            graph["createdDateTime"] = json!("2026-03-10T08:00:00Z");
            graph
        }
        1 => log_analytics(rng, &properties, code),
        2 => json!({
            "@timestamp": "2026-03-10T08:00:00.000Z",
            "azure": {"signinlogs": {"category": "SignInLogs", "result_type": code.to_string(),
                "properties": {"created_at": "2026-03-10T07:58:00Z", "user_principal_name": "a@contoso.example",
                    "status": {"error_code": code}, "authentication_details": properties.get("authenticationDetails")}}},
            "source": {"ip": "203.0.113.77"},
            "message": "Other. (MFA required in Azure AD)",
        }),
        3 => json!({
            "CreationTime": "2026-03-10T08:00:00", "Id": "x", "Operation": if code == 0 { "UserLoggedIn" } else { "UserLoginFailed" },
            "RecordType": 15, "ResultStatus": "Success", "UserId": "b@contoso.example", "ClientIP": "203.0.113.77:52100",
            "ErrorNumber": code.to_string(),
            "ExtendedProperties": [{"Name": "UserAgent", "Value": pick(rng, &AGENTS)}],
        }),
        _ => azure_monitor(rng, &properties, code),
    };
    value.to_string()
}

fn azure_monitor(rng: &mut StdRng, properties: &Value, code: u32) -> Value {
    json!({
        "time": "2026-03-10T08:02:03.1234567Z",
        "resourceId": "/tenants/8ecf8077-cf51-4820-aadd-14040956f35d/providers/Microsoft.aadiam",
        "operationName": "Sign-in activity",
        "category": pick(rng, &["SignInLogs", "NonInteractiveUserSignInLogs", "ServicePrincipalSignInLogs", "ManagedIdentitySignInLogs", "ADFSSignInLogs"]),
        "tenantId": "8ecf8077-cf51-4820-aadd-14040956f35d",
        "resultType": code.to_string(),
        "callerIpAddress": "203.0.113.77",
        "properties": properties,
        "Level": 4,
    })
}

fn log_analytics(rng: &mut StdRng, properties: &Value, code: u32) -> Value {
    let as_text = rng.random_bool(0.5);
    let mut row = json!({"TimeGenerated": "2026-03-10T08:02:03Z", "ResultType": code.to_string(),
        "CorrelationId": "c", "AppDisplayName": "Office 365", "Type": "AADNonInteractiveUserSignInLogs"});
    for (name, value) in properties.as_object().unwrap() {
        let (first, rest) = name.split_at(1);
        let value = match value {
            Value::Object(_) | Value::Array(_) if as_text => {
                json!(
                    serde_json::to_string_pretty(value)
                        .unwrap()
                        .replace('\n', "\r\n")
                )
            }
            other => other.clone(),
        };
        row[format!("{}{rest}", first.to_uppercase())] = value;
    }
    row
}

fn envelope(rng: &mut StdRng) -> String {
    let name = pick(rng, &["records", "value"]);
    let items: Vec<String> = (0..rng.random_range(0..5))
        .map(|_| match rng.random_range(0..8) {
            0 => "1".to_owned(),
            1 => not_a_sign_in(rng),
            _ => record(rng),
        })
        .collect();
    format!("{{\"{name}\": [ {} ] }}", items.join(" , "))
}

fn not_a_sign_in(rng: &mut StdRng) -> String {
    pick(
        rng,
        &[
            r#"{"category":"AuditLogs","properties":{"activityDisplayName":"Add user"}}"#,
            r#"{"Operation":"FileAccessed","RecordType":6,"Workload":"SharePoint"}"#,
            r#"{"message":"a line of another program"}"#,
            "[]",
            "17",
            "\"text\"",
            "null",
            "{}",
        ],
    )
    .to_owned()
}

/// A record with something broken in it: cut short, a character changed, a piece doubled, deep brackets.
fn damaged(rng: &mut StdRng) -> String {
    let text: Vec<char> = record(rng).chars().collect();
    let at = rng.random_range(0..text.len());
    let (head, tail) = text.split_at(at);
    let (head, tail): (String, String) = (head.iter().collect(), tail.iter().collect());
    match rng.random_range(0..6) {
        0 => head,
        1 => tail,
        2 => format!(
            "{head}{}{tail}",
            pick(
                rng,
                &["{", "}", "\"", "\\", ",", "\u{0}", "\\ud800", "\u{2028}"]
            )
        ),
        3 => format!("{head}{tail}{tail}"),
        4 => format!("{head}{}{tail}", "[".repeat(200)),
        _ => {
            let noise: String = (0..40)
                .map(|_| char::from(rng.random_range(0..0x80_u8)))
                .collect();
            noise.replace(['\n', '\r'], " ")
        }
    }
}
