//! The 21 quirks of the wire, each with a line that has it, and what an enemy of the reader would send.
//!
//! Lines are shortened to what matters and their people, addresses and numbers are invented; names, order and types
//! are those of the sources named beside them. What a record means is tested in `classify::cases`.

use super::Skip;
use super::reader::{Scratch, View, view};
use super::record::{Found, Policy, PolicyTally, Record};
use super::shapes::{Field, Shape};
use super::words::{Category, Risk};
use crate::classify::{Class, FirstFactor, Status, classify};
use crate::time::Moment;
use crate::{Config, Outcome, Session};

/// The record of a line. Its buffers are never given back, which only a test may do.
fn read(line: &str) -> Record<'_> {
    match view(line, "signin_triage", Box::leak(Box::default())) {
        Ok(View::Record(record)) => record,
        Ok(View::Envelope { .. }) => panic!("an envelope: {line}"),
        Err(skip) => panic!("{skip:?}: {line}"),
    }
}

/// Why a line is passed on.
fn refused(line: &str) -> Skip {
    match view(line, "signin_triage", &mut Scratch::default()) {
        Ok(View::Record(_)) => panic!("a record: {line}"),
        Ok(View::Envelope { .. }) => panic!("an envelope: {line}"),
        Err(skip) => skip,
    }
}

fn class(line: &str) -> Class {
    classify(&read(line))
}

/// What becomes of a batch, and the reasons of what was passed on, by line.
fn process(batch: &str) -> (Outcome, Vec<(u32, &'static str)>) {
    let outcome = Session::open(Config::default()).process(batch);
    let reasons = outcome.rejected.iter();
    let reasons = reasons.map(|one| (one.line, one.reason.label())).collect();
    (outcome, reasons)
}

/// The object that was added to each line of `batch`, which are all records.
fn added(batch: &str) -> Vec<serde_json::Value> {
    let (outcome, rejected) = process(batch);
    assert_eq!(rejected, []);
    let lines = outcome.kept.lines();
    let parsed = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    parsed.map(|line| line["signin_triage"].clone()).collect()
}

/// A text as it stands between the quotes of a string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// An Azure Monitor record with these members in its properties.
fn azmon(members: &str) -> String {
    format!(r#"{{"category":"SignInLogs","resultType":"0","properties":{{{members}}}}}"#)
}

// The quirks, numbered as in `reference/schemas.md`.

#[test]
fn quirk_01_result_type_is_text() {
    let rows = [
        // Azure Monitor: resultType is text, status.errorCode beside it a number (Microsoft's schema page, 2019).
        (
            r#"{"category":"SignInLogs","resultType":"50126","resultSignature":"None","properties":{"status":{"errorCode":50126}}}"#,
            Shape::AzureMonitor,
        ),
        (
            r#"{"category":"SignInLogs","resultType":"50126","properties":{}}"#,
            Shape::AzureMonitor,
        ),
        (
            r#"{"category":"SignInLogs","properties":{"status":{"errorCode":50126}}}"#,
            Shape::AzureMonitor,
        ),
        // Panther's normaliser: lower-case envelope, resulttype a number.
        (
            r#"{"calleripaddress":"203.0.113.7","category":"SignInLogs","operationname":"Sign-in activity","operationversion":1,"properties":{},"resultsignature":"None","resulttype":50126}"#,
            Shape::AzureMonitor,
        ),
        // Panther's rule tests: a word instead of the code.
        (
            r#"{"category":"SignInLogs","resultType":"Failure","properties":{"status":{"errorCode":50126}}}"#,
            Shape::AzureMonitor,
        ),
        // Log Analytics: text here as well (column list of February 2024).
        (
            r#"{"OperationName":"Sign-in activity","Category":"SignInLogs","ResultType":"50126","CorrelationId":"c","AppDisplayName":"Azure Portal","Status":{"errorCode":50126},"Type":"SigninLogs"}"#,
            Shape::LogAnalytics,
        ),
        // Elastic's test file has a flat record with capitals, no time and no properties.
        (
            r#"{"Category":"SignInLogs","CreatedDateTime":"2019-10-18T09:45:48.0729893Z","ResultType":"50126","UserPrincipalName":"ada@contoso.example"}"#,
            Shape::LogAnalytics,
        ),
        // Elastic: result_type a keyword, error_code a long.
        (
            r#"{"azure":{"signinlogs":{"category":"SignInLogs","result_type":"50126","properties":{"status":{"error_code":50126}}}}}"#,
            Shape::Elastic,
        ),
        // Office 365: ErrorNumber is text.
        (
            r#"{"Operation":"UserLoginFailed","RecordType":15,"ErrorNumber":"50126"}"#,
            Shape::OfficeAudit,
        ),
        // Graph: a number only.
        (
            r#"{"createdDateTime":"2021-06-30T16:34:32Z","status":{"errorCode":50126}}"#,
            Shape::Graph,
        ),
    ];
    for (line, shape) in rows {
        let record = read(line);
        assert_eq!(
            (record.code(), record.shape()),
            (Some(50126), shape),
            "{line}"
        );
    }
}

#[test]
fn quirk_02_result_signature_is_no_success_test() {
    let rows = [
        // Interactive: always "None", whatever the end (vendor samples 2019 to 2025).
        ("SignInLogs", "None", 0, Status::Success),
        ("SignInLogs", "None", 50126, Status::Failure),
        // Non-interactive: "None" until 2022, "SUCCESS" in 2025.
        ("NonInteractiveUserSignInLogs", "None", 0, Status::Success),
        (
            "NonInteractiveUserSignInLogs",
            "SUCCESS",
            0,
            Status::Success,
        ),
        // Service principals and AD FS: "SUCCESS" in 2025.
        ("ServicePrincipalSignInLogs", "SUCCESS", 0, Status::Success),
        ("ADFSSignInLogs", "SUCCESS", 0, Status::Success),
        // And where the two contradict each other, the code counts.
        ("SignInLogs", "SUCCESS", 50126, Status::Failure),
        ("SignInLogs", "FAILURE", 0, Status::Success),
    ];
    for (category, signature, code, status) in rows {
        let line = format!(
            r#"{{"category":"{category}","resultType":"{code}","resultSignature":"{signature}","properties":{{"status":{{"errorCode":{code}}}}}}}"#
        );
        assert_eq!(class(&line).status, status, "{line}");
    }
}

#[test]
fn quirk_03_level_and_duration_have_three_types() {
    // 4 and 0 (Microsoft's schema page), "4" (Elastic's raw test file), "Informational" and "0"
    // (Elastic's test-alternative-time-and-duration-as-string.log, 2025).
    for (level, duration) in [("4", "0"), ("\"4\"", "0"), ("\"Informational\"", "\"0\"")] {
        for key in ["Level", "level"] {
            let line = format!(
                r#"{{"category":"SignInLogs","resultType":"0","durationMs":{duration},"{key}":{level},"properties":{{"userPrincipalName":"ada@contoso.example","status":{{"errorCode":0}}}}}}"#
            );
            let record = read(&line);
            assert_eq!(record.user(), Some("ada@contoso.example"));
            assert_eq!(record.code(), Some(0));
        }
    }
}

#[test]
fn quirk_04_time_has_many_formats() {
    // 2007-01-09T09:41:00Z
    const AT: i64 = 1_168_335_660;
    let rows = [
        // createdDateTime of Azure Monitor: +00:00 with seven digits, once -05:00 (Elastic's raw test file, 2019).
        ("2007-01-09T09:41:00.6816663+00:00", 681),
        ("2007-01-09T04:41:00.0729893-05:00", 72),
        ("2007-01-09T09:41:00.6816663Z", 681),
        // Elastic's test-time-formats-corner-cases.log, every line of it.
        ("01/09/2007 09:41:00", 0),
        ("1/9/2007 09:41:00", 0),
        ("01/09/2007 09:41:00 AM", 0),
        ("1/9/2007 9:41:00 AM", 0),
        ("1/9/2007 10:41:00 AM +01:00", 0),
        ("2007-01-09T09:41:00", 0),
        ("2007-01-09T09:41:00.22Z", 220),
        ("2007-01-09T09:41:00.535404056Z", 535),
        ("2007-01-09T09:41:00.992099+00:00", 992),
        ("2007-01-09T11:41:00+02:00", 0),
        // Panther's normaliser.
        ("2007-01-09 09:41:00.983201900", 983),
        // A slash may be escaped, as PHP and .NET do.
        (r"1\/9\/2007 9:41:00 AM", 0),
    ];
    for (text, millis) in rows {
        for line in [
            azmon(&format!(r#""createdDateTime":"{text}""#)),
            format!(r#"{{"time":"{text}","category":"SignInLogs","properties":{{}}}}"#),
            format!(r#"{{"CreationTime":"{text}","Operation":"UserLoggedIn","RecordType":15}}"#),
            format!(r#"{{"@timestamp":"{text}","azure":{{"signinlogs":{{}}}}}}"#),
        ] {
            let at = read(&line).at().map(|at| at.millis);
            assert_eq!(at, Some(AT * 1000 + millis), "{line}");
        }
    }
    // Seen in an Office 365 sample: second 65. It is read as second 59 rather than not at all.
    let line =
        r#"{"CreationTime":"2007-01-09T09:40:65","Operation":"UserLoginFailed","RecordType":15}"#;
    assert_eq!(read(line).at().map(Moment::secs), Some(AT - 1));
}

#[test]
fn quirk_05_time_is_not_the_time_of_the_sign_in() {
    // splunk/security_content 2023: time is twelve minutes after createdDateTime.
    let rows = [
        (
            r#"{"time":"2023-10-24T20:13:31.4449614Z","category":"SignInLogs","properties":{"createdDateTime":"2023-10-24T20:01:11.9490387+00:00"}}"#,
            1_698_177_671,
        ),
        // The order of the members does not matter.
        (
            r#"{"properties":{"createdDateTime":"2023-10-24T20:01:11.9490387+00:00"},"category":"SignInLogs","time":"2023-10-24T20:13:31.4449614Z"}"#,
            1_698_177_671,
        ),
        (
            r#"{"TimeGenerated":"2023-10-24T20:13:31.444Z","ResultType":"0","Type":"SigninLogs","CreatedDateTime":"2023-10-24T20:01:11.949Z"}"#,
            1_698_177_671,
        ),
        (
            r#"{"@timestamp":"2023-10-24T20:13:31.444Z","azure":{"signinlogs":{"properties":{"created_at":"2023-10-24T20:01:11.9490387+00:00"}}}}"#,
            1_698_177_671,
        ),
        // Only where createdDateTime is missing, empty or no time does the envelope's count
        // (Elastic's test-created-datetime-timestamp.log; Panther's rule tests have none either).
        (
            r#"{"time":"2023-10-24T20:13:31.4449614Z","category":"SignInLogs","properties":{}}"#,
            1_698_178_411,
        ),
        (
            r#"{"time":"2023-10-24T20:13:31.4449614Z","category":"SignInLogs","properties":{"createdDateTime":null}}"#,
            1_698_178_411,
        ),
        (
            r#"{"time":"2023-10-24T20:13:31.4449614Z","category":"SignInLogs","properties":{"createdDateTime":"soon"}}"#,
            1_698_178_411,
        ),
    ];
    for (line, secs) in rows {
        assert_eq!(read(line).at().map(Moment::secs), Some(secs), "{line}");
    }
    let none = r#"{"category":"SignInLogs","properties":{"ipAddress":"203.0.113.7"}}"#;
    assert_eq!(read(none).at(), None);
}

#[test]
fn quirk_06_location_is_a_text_and_an_object() {
    let rows = [
        // Azure Monitor: "US" on the envelope, an object in the properties.
        (
            r#"{"category":"SignInLogs","location":"US","properties":{"location":{"city":"Kirkland","state":"Washington","countryOrRegion":"CA","geoCoordinates":{"latitude":47.65,"longitude":-122.2}}}}"#,
            (Some("CA"), Some("Kirkland"), Some("47.65")),
        ),
        (
            r#"{"category":"SignInLogs","location":"US","properties":{}}"#,
            (Some("US"), None, None),
        ),
        // Managed identities (Elastic's test-managed-identity-sample.log, 2022): no text, empty object, 0.0.
        (
            r#"{"category":"ManagedIdentitySignInLogs","properties":{"location":{"city":"","state":"","countryOrRegion":"","geoCoordinates":{"latitude":0.0,"longitude":0.0}}}}"#,
            (None, None, Some("0.0")),
        ),
        (
            r#"{"category":"SignInLogs","location":"US","properties":{"location":{"countryOrRegion":"","geoCoordinates":{}}}}"#,
            (Some("US"), None, None),
        ),
        (
            r#"{"category":"SignInLogs","properties":{}}"#,
            (None, None, None),
        ),
        (
            r#"{"category":"SignInLogs","location":null,"properties":{"location":null}}"#,
            (None, None, None),
        ),
        // Log Analytics: Location beside LocationDetails.
        (
            r#"{"ResultType":"0","Type":"SigninLogs","Location":"TR","LocationDetails":{"city":"Sarigazi","state":"Istanbul","countryOrRegion":"TR","geoCoordinates":{"latitude":41.0,"longitude":29.2}}}"#,
            (Some("TR"), Some("Sarigazi"), Some("41.0")),
        ),
        // Graph: the object alone, coordinates empty or with an altitude.
        (
            r#"{"createdDateTime":"2021-06-30T16:34:32Z","status":{"errorCode":0},"location":{"city":"Redmond","countryOrRegion":"US","geoCoordinates":{"altitude":null,"latitude":47.68,"longitude":-122.1}}}"#,
            (Some("US"), Some("Redmond"), Some("47.68")),
        ),
        // Elastic: the state has moved to geo.country_name, and source.geo is a guess from the address.
        (
            r#"{"source":{"ip":"203.0.113.7","geo":{"country_iso_code":"AU","country_name":"Australia"}},"geo":{"country_name":"Seine-Et-Marne","city_name":"Champs-Sur-Marne","location":{"lon":2.1,"lat":48.1},"country_iso_code":"FR"},"azure":{"signinlogs":{"properties":{}}}}"#,
            (Some("FR"), Some("Champs-Sur-Marne"), Some("48.1")),
        ),
    ];
    for (line, expected) in rows {
        let record = read(line);
        let place = (
            record.country(),
            record.text(Field::City),
            record.text(Field::Latitude),
        );
        assert_eq!(place, expected, "{line}");
    }
}

#[test]
fn quirk_07_absent_null_and_empty_differ() {
    let rows = [
        // Azure Monitor leaves out what it does not know.
        (
            r#"{"category":"SignInLogs","properties":{"status":{"errorCode":0},"deviceDetail":{"deviceId":"","operatingSystem":"Windows"}}}"#,
            (Found::Absent, Found::Absent, Found::Empty),
        ),
        // Graph sends null.
        (
            r#"{"createdDateTime":"2020-03-13T19:15:41.6195833Z","status":{"errorCode":0,"failureReason":null,"additionalDetails":null},"deviceDetail":{"deviceId":"","displayName":null,"isCompliant":null,"isManaged":null,"trustType":null}}"#,
            (Found::Null, Found::Null, Found::Empty),
        ),
        // Log Analytics sends "".
        (
            r#"{"ResultType":"0","Type":"AADNonInteractiveUserSignInLogs","Status":"{\"errorCode\":0,\"failureReason\":\"\"}","DeviceDetail":"{\"deviceId\":\"\",\"isCompliant\":\"\"}"}"#,
            (Found::Empty, Found::Empty, Found::Empty),
        ),
    ];
    for (line, expected) in rows {
        let record = read(line);
        let found = (
            record.found(Field::FailureReason),
            record.found(Field::IsCompliant),
            record.found(Field::DeviceId),
        );
        assert_eq!(found, expected, "{line}");
        // Where the difference does not matter, all three are nothing.
        assert_eq!(record.failure_reason(), None);
        assert_eq!(record.flag(Field::IsCompliant), None);
        assert_eq!(record.text(Field::DeviceId), None);
        assert!(!record.is_device_managed());
    }
    // A list can be missing, null, empty, or "" and "[]" (Log Analytics).
    for list in [
        "",
        r#""AuthenticationDetails":null,"#,
        r#""AuthenticationDetails":"","#,
    ] {
        let line = format!(
            r#"{{{list}"NetworkLocationDetails":"[]","ConditionalAccessPolicies":[],"ResultType":"0","Type":"SigninLogs"}}"#
        );
        let record = read(&line);
        assert_eq!(record.steps().count(), 0);
        assert_eq!(record.policy_tally(), PolicyTally::default());
        assert!(!record.is_network_trusted());
    }
}

#[test]
fn quirk_08_non_interactive_rows_hold_json_as_text() {
    // AADNonInteractiveUserSignInLogs (msticpy lab, training lab): text in all of these columns.
    let columns = [
        (
            "Status",
            r#"{"errorCode":50126,"failureReason":"wrong","additionalDetails":"MFA required in Azure AD"}"#,
        ),
        (
            "LocationDetails",
            r#"{"city":"Izmir","state":"","countryOrRegion":"TR","geoCoordinates":{"latitude":38.4,"longitude":27.1}}"#,
        ),
        (
            "DeviceDetail",
            r#"{"deviceId":"d1","operatingSystem":"Windows 10","browser":"Edge 90.0.818","isCompliant":true,"isManaged":false,"trustType":"Hybrid Azure AD joined"}"#,
        ),
        (
            "ConditionalAccessPolicies",
            r#"[{"id":"p1","displayName":"CA001","enforcedGrantControls":["Mfa"],"result":"failure"},{"displayName":"CA002","enforcedGrantControls":[],"result":"notApplied"}]"#,
        ),
        ("MfaDetail", r#"{"authMethod":"Text message"}"#),
        (
            "AuthenticationDetails",
            r#"[{"authenticationMethod":"Password","succeeded":true,"authenticationStepResultDetail":"Correct password","StatusSequence":0,"RequestSequence":1}]"#,
        ),
        (
            "NetworkLocationDetails",
            r#"[{"networkType":"trustedNamedLocation","networkNames":["Head office"]}]"#,
        ),
        ("SignInEventTypes", r#"["nonInteractiveUser"]"#),
    ];
    let row = |shown: &dyn Fn(&str) -> String| {
        let columns = columns.map(|(name, json)| format!(r#""{name}":{}"#, shown(json)));
        format!(
            r#"{{"ResultType":"50126",{},"Type":"AADNonInteractiveUserSignInLogs"}}"#,
            columns.join(",")
        )
    };
    let pretty = |json: &str| {
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        serde_json::to_string_pretty(&value).unwrap()
    };
    let rows = [
        ("dynamic, as in SigninLogs", row(&|json| json.to_owned())),
        ("text", row(&quoted)),
        ("pretty-printed", row(&|json| quoted(&pretty(json)))),
        (
            "with CRLF",
            row(&|json| quoted(&pretty(json).replace('\n', "\r\n"))),
        ),
    ];
    for (name, line) in &rows {
        let record = read(line);
        assert_eq!(record.text(Field::ErrorCode), Some("50126"), "{name}");
        assert_eq!(record.failure_reason(), Some("wrong"), "{name}");
        assert_eq!(
            record.additional_details(),
            Some("MFA required in Azure AD"),
            "{name}"
        );
        assert_eq!(record.country(), Some("TR"), "{name}");
        assert_eq!(record.text(Field::City), Some("Izmir"), "{name}");
        assert_eq!(record.text(Field::Latitude), Some("38.4"), "{name}");
        assert_eq!(record.text(Field::DeviceId), Some("d1"), "{name}");
        assert_eq!(record.text(Field::Browser), Some("Edge 90.0.818"), "{name}");
        assert_eq!(record.flag(Field::IsCompliant), Some(true), "{name}");
        assert_eq!(record.flag(Field::IsManaged), Some(false), "{name}");
        assert_eq!(
            record.text(Field::MfaMethod),
            Some("Text message"),
            "{name}"
        );
        assert_eq!(
            record.text(Field::EventType),
            Some("nonInteractiveUser"),
            "{name}"
        );
        assert_eq!(record.category(), Category::NonInteractiveUser, "{name}");
        assert!(record.is_network_trusted(), "{name}");
        assert_eq!(record.policy_tally().listed, 2, "{name}");
        let stopped: Vec<_> = record
            .unsatisfied_policies()
            .map(|policy| policy.name)
            .collect();
        assert_eq!(stopped, ["CA001"], "{name}");
        let steps: Vec<_> = record
            .steps()
            .map(|step| (step.method, step.detail, step.succeeded))
            .collect();
        assert_eq!(
            steps,
            [("Password", "Correct password", Some(true))],
            "{name}"
        );
    }
}

#[test]
fn quirk_09_the_same_id_twice() {
    // msticpy lab, 2020: 50074 and, 8.8 seconds later, 0 under one id and one correlationId. A reader without memory
    // must let both through; which of them counts is for the state to say.
    let batch = r#"{"time":"2025-03-04T09:30:00Z","category":"SignInLogs","resultType":"50074","correlationId":"c1","properties":{"id":"r1","createdDateTime":"2025-03-04T09:30:00Z","correlationId":"c1","status":{"errorCode":50074,"failureReason":"User did not pass the MFA challenge."}}}
{"time":"2025-03-04T09:30:09Z","category":"SignInLogs","resultType":"0","correlationId":"c1","properties":{"id":"r1","createdDateTime":"2025-03-04T09:30:08.8Z","correlationId":"c1","status":{"errorCode":0,"additionalDetails":"MFA completed in Azure AD"}}}
"#;
    let ids: Vec<_> = batch.lines().map(|line| read(line).id()).collect();
    assert_eq!(ids, [Some("r1"), Some("r1")]);
    let added = added(batch);
    let ends: Vec<_> = added
        .iter()
        .map(|object| (&object["status"], &object["code"]))
        .collect();
    assert_eq!(
        ends,
        [
            (&"interrupted".into(), &50074.into()),
            (&"success".into(), &0.into())
        ]
    );
}

#[test]
fn quirk_10_the_correlation_id_is_the_clients() {
    // Some senders put another value on the envelope (Panther, 2023); a client may send none, or any text at all.
    let rows = [
        (
            r#"{"correlationid":"e1","category":"SignInLogs","properties":{"id":"r1","correlationId":"p1"}}"#,
            (Found::Value("e1"), Found::Value("p1")),
        ),
        (
            r#"{"category":"SignInLogs","properties":{"id":"r1"},"correlationId":"'; DROP TABLE users --"}"#,
            (Found::Value("'; DROP TABLE users --"), Found::Absent),
        ),
        (
            r#"{"correlationId":"","category":"SignInLogs","properties":{"id":"r1","correlationId":null}}"#,
            (Found::Empty, Found::Null),
        ),
        (
            r#"{"category":"SignInLogs","properties":{"id":"r1"}}"#,
            (Found::Absent, Found::Absent),
        ),
    ];
    for (line, expected) in rows {
        let record = read(line);
        let found = (
            record.found(Field::EnvelopeCorrelationId),
            record.found(Field::CorrelationId),
        );
        assert_eq!(found, expected, "{line}");
        // The record is told by its own id.
        assert_eq!(record.id(), Some("r1"));
    }
}

#[test]
fn quirk_11_most_listed_policies_did_not_apply() {
    // 55 entries in one record (Sekoia's tests); here 55 that do not count and one of each result that does.
    let mut policies = Vec::new();
    for number in 0..55 {
        let result = ["notApplied", "notEnabled", "unknown"][number % 3];
        policies.push(format!(
            r#"{{"id":"{number}","displayName":"CA{number:03}","enforcedGrantControls":["Mfa"],"enforcedSessionControls":[],"result":"{result}","conditionsSatisfied":0,"conditionsNotSatisfied":1}}"#
        ));
    }
    for (number, result) in ["success", "failure", "interrupt", "Failure"]
        .iter()
        .enumerate()
    {
        policies.push(format!(
            r#"{{"displayName":"CA10{number}","enforcedGrantControls":["RequireCompliantDevice"],"result":"{result}"}}"#
        ));
    }
    for result in ["Success", "Failure", "NotApplied", "Interrupted"] {
        policies.push(format!(
            r#"{{"displayName":"CA200","enforcedGrantControls":["Block"],"result":"reportOnly{result}"}}"#
        ));
    }
    let line = azmon(&format!(
        r#""appliedConditionalAccessPolicies":[{}]"#,
        policies.join(",")
    ));
    let record = read(&line);
    let tally = PolicyTally {
        listed: 63,
        satisfied: 1,
        mfa_satisfied: 0,
        mfa_not_applied: 19,
    };
    assert_eq!(record.policy_tally(), tally);
    let names: Vec<_> = record
        .unsatisfied_policies()
        .map(|policy| policy.name)
        .collect();
    assert_eq!(names, ["CA101", "CA102", "CA103"]);

    // Free text among the controls is a custom control or terms of use ("Guest terms of use", Sekoia's tests).
    let rows = [
        (r#"["Mfa"]"#, None),
        (r#"["Block"]"#, None),
        (
            r#"["RequireCompliantDevice","RequireDomainJoinedDevice"]"#,
            None,
        ),
        (r#"["RequireApprovedApp"]"#, None),
        (
            r#"["Checkpoint Custom Control"]"#,
            Some("Checkpoint Custom Control"),
        ),
        (
            r#"["Mfa","Guest terms of use"]"#,
            Some("Guest terms of use"),
        ),
        (
            r#"["N\u00fctzungs\"bedingungen\""]"#,
            Some("Nützungs\"bedingungen\""),
        ),
        ("[]", None),
        ("null", None),
        (r#""Mfa""#, None),
        (r#"[null,1,{},["Guest terms of use"]]"#, Some("1")),
    ];
    for (controls, custom) in rows {
        let line = azmon(&format!(
            r#""appliedConditionalAccessPolicies":[{{"displayName":"CA001","enforcedGrantControls":{controls},"result":"failure"}}]"#
        ));
        let record = read(&line);
        let found: Vec<Option<&str>> = record
            .unsatisfied_policies()
            .map(|policy: Policy| policy.custom_control)
            .collect();
        assert_eq!(found, [custom], "{controls}");
    }
}

#[test]
fn quirk_12_conditional_access_success_may_mean_nothing_to_enforce() {
    // Microsoft: "success" also stands where policies were evaluated and none had anything to enforce. It must not
    // be taken for a second factor.
    for policies in [
        "[]",
        r#"[{"displayName":"CA001","enforcedGrantControls":["Mfa"],"result":"notApplied"}]"#,
    ] {
        let line = azmon(&format!(
            r#""status":{{"errorCode":0}},"conditionalAccessStatus":"success","appliedConditionalAccessPolicies":{policies}"#
        ));
        let record = read(&line);
        assert_eq!(record.text(Field::ConditionalAccess), Some("success"));
        assert_eq!(record.policy_tally().satisfied, 0);
        assert_eq!(record.policy_tally().mfa_satisfied, 0);
        assert_eq!(class(&line).told, crate::classify::Told::default());
    }
    // And it does not make a success of what is none. Old rows have numbers, 0 for success.
    for status in [r#""success""#, "0", r#""0""#] {
        let line = azmon(&format!(
            r#""status":{{"errorCode":50126}},"conditionalAccessStatus":{status}"#
        ));
        assert_eq!(class(&line).status, Status::Failure);
    }
}

#[test]
fn quirk_13_a_step_that_did_not_succeed_is_no_failed_sign_in() {
    let rows = [
        // DataDog/integrations-core, 2020: a claim of an earlier sign-in has succeeded false, in a success.
        r#"{"authenticationStepDateTime":"2020-05-13T12:35:19.6363979+00:00","authenticationStepResultDetail":"MFA requirement satisfied by claim in the token","authenticationStepRequirement":"MultiConditionalAccess","succeeded":false}"#,
        // Sekoia's sign-in_activity5, 2025: the prompt was open when the step was written; the requirement says
        // "Primary authentication" although it is the second factor.
        r#"{"authenticationMethod":"Mobile app notification","succeeded":false,"authenticationStepResultDetail":"Authentication in progress","authenticationStepRequirement":"Primary authentication","StatusSequence":1741080600123,"RequestSequence":1741080600123}"#,
    ];
    for step in rows {
        let line = azmon(&format!(
            r#""status":{{"errorCode":0,"additionalDetails":"MFA completed in Azure AD"}},"authenticationDetails":[{step}]"#
        ));
        let steps: Vec<_> = read(&line).steps().map(|step| step.succeeded).collect();
        assert_eq!(steps, [Some(false)]);
        let class = class(&line);
        assert_eq!(class.status, Status::Success, "{line}");
        assert!(!class.told.password_right);
    }
    // Which step is about the password is told by its method, not by its requirement.
    for (method, password) in [
        ("Password", true),
        ("Password Hash Sync", true),
        ("PHS", true),
        ("CloudOnlyPassword", true),
        ("password", true),
        ("Passwordless phone sign-in", false),
        ("Previously satisfied", false),
        ("Mobile app notification", false),
        ("Windows Hello for Business", false),
        ("", false),
        ("Pass", false),
        ("Pässword", false),
    ] {
        let line = azmon(&format!(
            r#""authenticationDetails":[{{"authenticationMethod":"{method}","succeeded":true,"authenticationStepRequirement":"Primary authentication"}}]"#
        ));
        let found: Vec<_> = read(&line)
            .steps()
            .map(super::record::Step::is_password)
            .collect();
        assert_eq!(found, [password], "{method}");
    }
    // succeeded has been text in copies of the log, and can be missing.
    for (succeeded, expected) in [
        (r#""succeeded":true"#, Some(true)),
        (r#""succeeded":"True""#, Some(true)),
        (r#""succeeded":"false""#, Some(false)),
        (r#""succeeded":0"#, Some(false)),
        (r#""succeeded":null"#, None),
        (r#""succeeded":{"value":true}"#, None),
        (r#""StatusSequence":0"#, None),
    ] {
        let line = azmon(&format!(r#""authenticationDetails":[{{{succeeded}}}]"#));
        let found: Vec<_> = read(&line).steps().map(|step| step.succeeded).collect();
        assert_eq!(found, [expected], "{succeeded}");
    }
}

#[test]
fn quirk_14_risk_can_be_hidden() {
    // Without the P2 licence all risk fields read "hidden" (Microsoft's schema page); "none" is a real value.
    for (level, risk) in [
        (r#""hidden""#, Risk::Hidden),
        (r#""none""#, Risk::None),
        (r#""low""#, Risk::Low),
        (r#""Medium""#, Risk::Medium),
        (r#""high""#, Risk::High),
        (r#""unknownFutureValue""#, Risk::Other),
        (r#""""#, Risk::Hidden),
        ("null", Risk::Hidden),
        // Defender XDR's scale, should it ever get here.
        ("100", Risk::Other),
    ] {
        let line = azmon(&format!(
            r#""riskDetail":"hidden","riskLevelAggregated":{level},"riskLevelDuringSignIn":{level},"riskState":"none""#
        ));
        let record = read(&line);
        assert_eq!(record.risk(Field::RiskAggregated), risk, "{level}");
        assert_eq!(record.risk(Field::RiskDuringSignIn), risk, "{level}");
    }
    // Elastic joins "SignIn" to one word.
    let line = r#"{"azure":{"signinlogs":{"properties":{"risk_level_during_signin":"high","risk_level_aggregated":"low","risk_state":"atRisk"}}}}"#;
    let record = read(line);
    assert_eq!(record.risk(Field::RiskDuringSignIn), Risk::High);
    assert_eq!(record.risk(Field::RiskAggregated), Risk::Low);
    assert!(record.is(Field::RiskState, "atRisk"));
    // userType: "Member" in Azure Monitor, "member" in Graph.
    for spelling in ["Member", "member"] {
        let line = azmon(&format!(r#""userType":"{spelling}""#));
        assert!(read(&line).is(Field::UserType, "Member"));
    }
}

#[test]
fn quirk_15_ad_fs_records_lack_most_fields() {
    // AD FS through Elastic's test-adfs-signin.log, 2025 (a US time, no country, servicePrincipalName the app's),
    // and the NPS extension as Microsoft's howto-mfa-reporting describes it.
    let line = r#"{"callerIpAddress":"203.0.113.7","category":"ADFSSignInLogs","durationMs":"0","level":"4","operationName":"Sign-in activity","properties":{"appDisplayName":"Shield - Native application","appId":"app1","appliedConditionalAccessPolicies":[],"authenticationDetails":[{"RequestSequence":1,"StatusSequence":0,"authenticationMethod":"Password","authenticationMethodDetail":"Forms Authentication","authenticationStepRequirement":"","succeeded":true}],"authenticationRequirement":"","deviceDetail":{"browser":"","deviceId":"","operatingSystem":""},"ipAddress":"203.0.113.7","isInteractive":true,"location":{"city":"","countryOrRegion":"","geoCoordinates":{"latitude":0,"longitude":0},"state":""},"resourceId":"https://api.contoso.example","servicePrincipalId":"","servicePrincipalName":"Shield - Native application","signInEventTypes":["interactiveUser"],"status":{"errorCode":0},"userPrincipalName":"ada@contoso.example"},"resourceId":"/tenants/t1/providers/Microsoft.aadiam","resultSignature":"SUCCESS","resultType":"0","time":"12/12/2025 3:03:58 PM"}"#;
    let record = read(line);
    assert_eq!(record.category(), Category::AdFs);
    assert_eq!(record.is_interactive(), Some(true));
    assert!(!record.is_workload());
    assert_eq!(record.user(), Some("ada@contoso.example"));
    assert_eq!(record.resource(), Some("https://api.contoso.example"));
    assert_eq!((record.country(), record.asn()), (None, None));
    assert_eq!(record.at().map(Moment::secs), Some(1_765_551_838));

    for resource in ["adfs", "radius"] {
        let line = format!(
            r#"{{"time":"11/14/2025 1:48:53 AM","category":"ADFSSignInLogs","resultType":"500121","properties":{{"id":"r1","userPrincipalName":"ada@contoso.example","resourceId":"{resource}","status":{{"errorCode":500121}}}}}}"#
        );
        let record = read(&line);
        assert_eq!(record.resource_id(), Some(resource));
        assert_eq!(record.text(Field::AppId), None);
        assert_eq!(record.text(Field::ConditionalAccess), None);
        assert_eq!(record.risk(Field::RiskAggregated), Risk::Hidden);
        assert_eq!(record.policy_tally(), PolicyTally::default());
        assert_eq!(record.is_interactive(), Some(true));
    }
}

#[test]
fn quirk_16_the_address_of_a_confidential_client_is_the_tokens() {
    // concept-noninteractive-sign-ins: a web app that redeems a refresh token shows the address at which the user
    // signed in. The portal groups such rows; the stream does not, and neither does the reader.
    let rows = [
        ("NonInteractiveUserSignInLogs", r#""clientSecret""#, false),
        ("NonInteractiveUserSignInLogs", r#""certificate""#, false),
        ("NonInteractiveUserSignInLogs", r#""none""#, true),
        ("NonInteractiveUserSignInLogs", r#""None""#, true),
        ("NonInteractiveUserSignInLogs", r#""""#, true),
        ("NonInteractiveUserSignInLogs", "null", true),
        ("SignInLogs", r#""clientSecret""#, true),
        // A workload calls from where it runs.
        ("ServicePrincipalSignInLogs", r#""clientSecret""#, true),
    ];
    let mut batch = String::new();
    for (category, kind, of_caller) in rows {
        let line = format!(
            r#"{{"category":"{category}","resultType":"0","properties":{{"ipAddress":"203.0.113.7","isInteractive":false,"clientCredentialType":{kind},"status":{{"errorCode":0}}}}}}"#
        );
        assert_eq!(read(&line).is_address_of_caller(), of_caller, "{line}");
        batch.push_str(&line);
        batch.push('\n');
    }
    // Equal but for the time, as the portal would group them: each leaves by itself.
    let twice = batch.repeat(2);
    assert_eq!(added(&twice).len(), 2 * rows.len());
}

#[test]
fn quirk_17_50058_may_have_no_user() {
    const ZEROS: &str = "00000000-0000-0000-0000-000000000000";
    const GUID: &str = "c3813493-bf92-5123-2717-8a8b2979c38b";
    let rows = [
        // howto-troubleshoot-sign-in-errors: a GUID, or zeros, in place of the user.
        (ZEROS, ZEROS, None),
        ("", ZEROS, None),
        ("", "", None),
        (GUID, GUID, Some(GUID)),
        ("", GUID, Some(GUID)),
        (ZEROS, GUID, Some(GUID)),
        ("ada@contoso.example", ZEROS, Some("ada@contoso.example")),
    ];
    for (name, id, user) in rows {
        let lines = [
            format!(
                r#"{{"category":"SignInLogs","resultType":"50058","properties":{{"userPrincipalName":"{name}","userId":"{id}","status":{{"errorCode":50058}},"servicePrincipalId":""}}}}"#
            ),
            format!(
                r#"{{"ResultType":"50058","UserId":"{id}","UserPrincipalName":"{name}","ServicePrincipalId":null,"Type":"SigninLogs"}}"#
            ),
        ];
        for line in lines {
            assert_eq!(read(&line).user(), user, "{line}");
        }
    }
}

#[test]
fn quirk_18_elastic_merges_and_deletes_texts() {
    // Sample event of the integration: the reason has moved to message, every code above 0 is a "failure", the
    // processing details are an object keyed by free text.
    let line = |message: &str, code: u32| {
        format!(
            r#"{{"message":"{message}","event":{{"outcome":"failure","id":"r1","category":["authentication"],"type":["info"],"original":"{{\"category\":\"AuditLogs\"}}"}},"azure":{{"tenant_id":"t1","signinlogs":{{"result_type":"{code}","category":"SignInLogs","properties":{{"authentication_processing_details":{{"Legacy TLS (TLS 1.0, 1.1, 3DES)":"False","user_principal_name":"eve@contoso.example","Is CAE Token":"False"}},"user_principal_name":"ada@contoso.example","status":{{"error_code":{code}}}}}}}}}}}"#
        )
    };
    let rows = [
        (
            "Authentication failed during strong authentication request. (MFA denied; user declined the authentication)",
            Some("MFA denied; user declined the authentication"),
        ),
        (
            "Wrong (or missing) password. (MFA required in Azure AD)",
            Some("MFA required in Azure AD"),
        ),
        // A success has no reason, so the details stand alone.
        (
            "MFA requirement satisfied by claim in the token",
            Some("MFA requirement satisfied by claim in the token"),
        ),
        ("", None),
    ];
    for (message, details) in rows {
        let line = line(message, 50140);
        let record = read(&line);
        assert_eq!(record.additional_details(), details, "{message}");
        assert_eq!(record.user(), Some("ada@contoso.example"));
        assert_eq!(record.id(), Some("r1"));
        // event.outcome "failure" notwithstanding.
        assert_eq!(class(&line).status, Status::Interrupted);
    }
    // In other shapes a `message` is somebody else's.
    let foreign = r#"{"message":"x (MFA denied; user declined the authentication)","category":"SignInLogs","resultType":"50140","properties":{}}"#;
    assert_eq!(read(foreign).additional_details(), None);
    // All categories are read, also those that the older pipeline dropped.
    for category in Category::ALL {
        let line = format!(
            r#"{{"azure":{{"signinlogs":{{"category":"{}","properties":{{}}}}}}}}"#,
            category.label()
        );
        assert_eq!(read(&line).category(), category);
    }
}

#[test]
fn quirk_19_result_status_of_the_audit_log_lies() {
    // Office 365 audit log (det-eng-samples, invictus): ResultStatus "Success" on 145 of 216 UserLoginFailed.
    let rows = [
        (
            r#"{"CreationTime":"2023-07-12T12:38:43","Id":"r1","Operation":"UserLoginFailed","RecordType":15,"ResultStatus":"Success","UserKey":"k","UserType":0,"Workload":"AzureActiveDirectory","ExtendedProperties":[{"Name":"ResultStatusDetail","Value":"UserError"}],"ErrorNumber":"50126","LogonError":"InvalidUserNameOrPassword"}"#,
            (Some(50126), Status::Failure),
        ),
        // 50140 comes as UserLoggedIn (31 of 31).
        (
            r#"{"Operation":"UserLoggedIn","RecordType":15,"ResultStatus":"Success","ExtendedProperties":[{"Name":"ResultStatusDetail","Value":"Redirect"}],"ErrorNumber":"50140","LogonError":"UserInformationNotProvided"}"#,
            (Some(50140), Status::Interrupted),
        ),
        // Records of 2019 and 2020 have no number.
        (
            r#"{"Operation":"UserLoginFailed","RecordType":15,"ResultStatus":"Failed","LogonError":"InvalidUserNameOrPassword"}"#,
            (None, Status::Failure),
        ),
        (
            r#"{"Operation":"UserLoggedIn","RecordType":15,"ResultStatus":"Succeeded"}"#,
            (None, Status::Success),
        ),
        (
            r#"{"Operation":"UserLoginFailed","RecordType":15,"ResultStatus":"Success"}"#,
            (None, Status::Failure),
        ),
    ];
    for (line, expected) in rows {
        let record = read(line);
        assert_eq!(record.shape(), Shape::OfficeAudit);
        // It does not say whether a person was there.
        assert_eq!(record.is_interactive(), None);
        let class = classify(&record);
        assert_eq!((class.code, class.status), expected, "{line}");
    }
}

#[test]
fn quirk_20_csv_is_passed_on() {
    // The portal's CSV, stray spaces and all. It is not JSON, so each of its lines leaves as it came, counted.
    let batch = "Date (UTC),Request ID,User agent,Correlation ID,User ID,User,Username,User type,Application,Application ID ,Resource,Resource ID ,IP address,Status,Sign-in error code,Incoming token type,Incoming token type\r\n\
        2025-03-04T09:30:00Z,r1,Mozilla/5.0,c1,u1,Ada,ada@contoso.example,Member,Azure Portal,app1,Graph,res1,203.0.113.7,Interrupted,50140,none,none\r\n\
        \"2025-03-04T09:30:00Z\",\"r2\",\"Mozilla/5.0 (Windows NT 10.0; Win64; x64)\"\r\n\
        3/4/2025,r3\r\n\
        true,r4\r\n\
        \r\n\
        \u{feff}Date (UTC),Request ID\n";
    let (outcome, rejected) = process(batch);
    assert_eq!(outcome.kept, batch);
    let not_json = "not_json";
    assert_eq!(
        rejected,
        [
            (1, not_json),
            (2, not_json),
            (3, not_json),
            (4, not_json),
            (5, not_json),
            (6, "empty"),
            (7, not_json)
        ]
    );
}

#[test]
fn quirk_21_defender_xdr_is_out_of_scope() {
    let lines = [
        // AADSignInEventsBeta as a row of advanced hunting (columns as in Microsoft's table reference).
        r#"{"Timestamp":"2025-03-04T09:30:00Z","Application":"Office 365","ApplicationId":"app1","LogonType":"[\"interactiveUser\"]","ErrorCode":50126,"CorrelationId":"c1","SessionId":"s1","AccountDisplayName":"Ada","AccountUpn":"ada@contoso.example","IsExternalUser":0,"IPAddress":"203.0.113.7","Country":"DE","RiskLevelDuringSignIn":50,"RiskState":0,"UserAgent":"Mozilla/5.0","RequestId":"r1","ReportId":"1"}"#,
        // The same through the streaming API, which looks like Azure Monitor.
        r#"{"time":"2025-03-04T09:31:00Z","tenantId":"t1","operationName":"Publish","category":"AdvancedHunting-AADSignInEventsBeta","properties":{"Timestamp":"2025-03-04T09:30:00Z","ErrorCode":50126,"AccountUpn":"ada@contoso.example"}}"#,
        r#"{"time":"2025-03-04T09:31:00Z","tenantId":"t1","operationName":"Publish","category":"AdvancedHunting-EntraIdSignInEvents","properties":{"ErrorCode":0}}"#,
    ];
    for line in lines {
        assert_eq!(refused(line), Skip::NotSignIn, "{line}");
    }
    let batch = lines.join("\n");
    let (outcome, rejected) = process(&batch);
    assert_eq!(outcome.kept, batch);
    assert_eq!(
        rejected,
        [(1, "not_sign_in"), (2, "not_sign_in"), (3, "not_sign_in")]
    );
}

// The same sign-in, told six times.

const AZURE_MONITOR: &str = r#"{"time":"2025-03-04T09:32:10.1234567Z","resourceId":"/tenants/t1/providers/Microsoft.aadiam","operationName":"Sign-in activity","operationVersion":"1.0","category":"SignInLogs","tenantId":"t1","resultType":"50074","resultSignature":"None","resultDescription":"Strong authentication is required.","durationMs":0,"callerIpAddress":"203.0.113.7","correlationId":"c1","identity":"Ada","Level":4,"location":"DE","properties":{"id":"r1","createdDateTime":"2025-03-04T09:30:00.1234567+00:00","userDisplayName":"Ada","userPrincipalName":"ada@contoso.example","userId":"u1","appId":"app1","appDisplayName":"Azure Portal","ipAddress":"203.0.113.7","status":{"errorCode":50074,"failureReason":"Strong authentication is required.","additionalDetails":"MFA required in Azure AD"},"clientAppUsed":"Browser","userAgent":"Mozilla/5.0 (X11; Linux x86_64)","deviceDetail":{"deviceId":"d1","operatingSystem":"Linux","browser":"Firefox 136.0","isCompliant":true,"isManaged":false,"trustType":"Azure AD registered"},"location":{"city":"Berlin","state":"Berlin","countryOrRegion":"DE","geoCoordinates":{"latitude":52.5,"longitude":13.4}},"mfaDetail":{"authMethod":"Text message"},"correlationId":"c1","conditionalAccessStatus":"failure","appliedConditionalAccessPolicies":[{"id":"p1","displayName":"CA001","enforcedGrantControls":["Mfa"],"enforcedSessionControls":[],"result":"failure"},{"id":"p2","displayName":"CA002","enforcedGrantControls":["Block"],"enforcedSessionControls":[],"result":"notApplied"}],"originalRequestId":"r0","isInteractive":true,"tokenIssuerType":"AzureAD","authenticationProcessingDetails":[{"key":"Is CAE Token","value":"False"}],"networkLocationDetails":[{"networkType":"trustedNamedLocation","networkNames":["Berlin"]}],"clientCredentialType":"none","riskDetail":"none","riskLevelAggregated":"low","riskLevelDuringSignIn":"medium","riskState":"atRisk","riskEventTypes_v2":[],"resourceDisplayName":"Microsoft Graph","resourceId":"res1","resourceTenantId":"t1","homeTenantId":"t2","authenticationDetails":[{"authenticationMethod":"Password","succeeded":true,"authenticationStepResultDetail":"Correct password","authenticationStepRequirement":"Primary authentication","StatusSequence":0,"RequestSequence":1},{"succeeded":false,"authenticationStepResultDetail":"MFA required in Azure AD"}],"authenticationRequirement":"multiFactorAuthentication","userType":"Guest","autonomousSystemNumber":64500,"crossTenantAccessType":"b2bCollaboration","uniqueTokenIdentifier":"tok1","incomingTokenType":"none","authenticationProtocol":"none","originalTransferMethod":"none","signInTokenProtectionStatus":"unbound","sessionId":"s1"}}"#;

const GRAPH: &str = r#"{"id":"r1","createdDateTime":"2025-03-04T09:30:00Z","userDisplayName":"Ada","userPrincipalName":"ada@contoso.example","userId":"u1","appId":"app1","appDisplayName":"Azure Portal","ipAddress":"203.0.113.7","clientAppUsed":"Browser","userAgent":"Mozilla/5.0 (X11; Linux x86_64)","correlationId":"c1","conditionalAccessStatus":"failure","originalRequestId":"r0","authenticationProtocol":"none","incomingTokenType":"none","isInteractive":true,"homeTenantId":"t2","tokenIssuerType":"AzureAD","riskLevelAggregated":"low","riskLevelDuringSignIn":"medium","riskState":"atRisk","riskEventTypes_v2":[],"resourceDisplayName":"Microsoft Graph","resourceId":"res1","resourceTenantId":"t1","authenticationRequirement":"multiFactorAuthentication","uniqueTokenIdentifier":"tok1","sessionId":"s1","signInEventTypes":["interactiveUser"],"servicePrincipalId":"","userType":"guest","autonomousSystemNumber":64500,"crossTenantAccessType":"b2bCollaboration","clientCredentialType":"none","originalTransferMethod":"none","signInTokenProtectionStatus":"unbound","mfaDetail":{"authMethod":"Text message","authDetail":null},"status":{"errorCode":50074,"failureReason":"Strong authentication is required.","additionalDetails":"MFA required in Azure AD"},"deviceDetail":{"deviceId":"d1","displayName":null,"operatingSystem":"Linux","browser":"Firefox 136.0","isCompliant":true,"isManaged":false,"trustType":"Azure AD registered"},"location":{"city":"Berlin","state":"Berlin","countryOrRegion":"DE","geoCoordinates":{"altitude":null,"latitude":52.5,"longitude":13.4}},"appliedConditionalAccessPolicies":[{"id":"p1","displayName":"CA001","enforcedGrantControls":["Mfa"],"enforcedSessionControls":[],"result":"failure"},{"id":"p2","displayName":"CA002","enforcedGrantControls":["Block"],"enforcedSessionControls":[],"result":"notApplied"}],"networkLocationDetails":[{"networkType":"trustedNamedLocation","networkNames":["Berlin"]}],"authenticationDetails":[{"authenticationMethod":"Password","succeeded":true,"authenticationStepResultDetail":"Correct password"},{"authenticationMethod":null,"succeeded":false,"authenticationStepResultDetail":"MFA required in Azure AD"}]}"#;

const SIGNIN_LOGS: &str = r#"{"TenantId":"workspace","SourceSystem":"Azure AD","TimeGenerated":"2025-03-04T09:32:10.123Z","ResourceId":"/tenants/t1/providers/Microsoft.aadiam","OperationName":"Sign-in activity","OperationVersion":1,"Category":"SignInLogs","ResultType":"50074","ResultSignature":"None","ResultDescription":"Strong authentication is required.","DurationMs":0,"CorrelationId":"c1","Resource":"Microsoft.aadiam","ResourceGroup":"Microsoft.aadiam","ResourceProvider":null,"Identity":"Ada","Level":4,"Location":"DE","AppDisplayName":"Azure Portal","AppId":"app1","AuthenticationDetails":"[\r\n  {\r\n    \"authenticationMethod\": \"Password\",\r\n    \"succeeded\": true,\r\n    \"authenticationStepResultDetail\": \"Correct password\"\r\n  },\r\n  {\r\n    \"succeeded\": false,\r\n    \"authenticationStepResultDetail\": \"MFA required in Azure AD\"\r\n  }\r\n]","AuthenticationRequirement":"multiFactorAuthentication","AuthenticationProtocol":"none","ClientAppUsed":"Browser","ConditionalAccessPolicies":[{"id":"p1","displayName":"CA001","enforcedGrantControls":["Mfa"],"result":"failure"},{"id":"p2","displayName":"CA002","enforcedGrantControls":["Block"],"result":"notApplied"}],"ConditionalAccessStatus":"failure","CreatedDateTime":"2025-03-04T09:30:00.123Z","DeviceDetail":{"deviceId":"d1","operatingSystem":"Linux","browser":"Firefox 136.0","isCompliant":true,"isManaged":false,"trustType":"Azure AD registered"},"IsInteractive":true,"Id":"r1","IPAddress":"203.0.113.7","LocationDetails":{"city":"Berlin","state":"Berlin","countryOrRegion":"DE","geoCoordinates":{"latitude":52.5,"longitude":13.4}},"MfaDetail":{"authMethod":"Text message"},"NetworkLocationDetails":"[{\"networkType\":\"trustedNamedLocation\",\"networkNames\":[\"Berlin\"]}]","OriginalRequestId":"r0","RiskLevelAggregated":"low","RiskLevelDuringSignIn":"medium","RiskState":"atRisk","ResourceDisplayName":"Microsoft Graph","ResourceIdentity":"res1","ServicePrincipalId":null,"Status":{"errorCode":50074,"failureReason":"Strong authentication is required.","additionalDetails":"MFA required in Azure AD"},"TokenIssuerType":"AzureAD","UserAgent":"Mozilla/5.0 (X11; Linux x86_64)","UserDisplayName":"Ada","UserId":"u1","UserPrincipalName":"ada@contoso.example","AADTenantId":"t1","UserType":"Guest","ResourceTenantId":"t1","HomeTenantId":"t2","UniqueTokenIdentifier":"tok1","SessionId":"s1","AutonomousSystemNumber":"64500","CrossTenantAccessType":"b2bCollaboration","Type":"SigninLogs"}"#;

const NON_INTERACTIVE: &str = r#"{"TenantId":"workspace","TimeGenerated":"2025-03-04T09:32:10.123Z","OperationName":"Sign-in activity","Category":"NonInteractiveUserSignInLogs","ResultType":"50074","ResultSignature":"None","ResultDescription":"Strong authentication is required.","CorrelationId":"c1","Location":"DE","AppDisplayName":"Azure Portal","AppId":"app1","AuthenticationDetails":"[{\"authenticationMethod\":\"Password\",\"succeeded\":true,\"authenticationStepResultDetail\":\"Correct password\"},{\"succeeded\":false,\"authenticationStepResultDetail\":\"MFA required in Azure AD\"}]","AuthenticationRequirement":"multiFactorAuthentication","AuthenticationProtocol":"none","ClientAppUsed":"Browser","ConditionalAccessPolicies":"[{\"displayName\":\"CA001\",\"enforcedGrantControls\":[\"Mfa\"],\"result\":\"failure\"},{\"displayName\":\"CA002\",\"enforcedGrantControls\":[\"Block\"],\"result\":\"notApplied\"}]","ConditionalAccessStatus":"failure","CreatedDateTime":"2025-03-04T09:30:00.123Z","DeviceDetail":"{\"deviceId\":\"d1\",\"operatingSystem\":\"Linux\",\"browser\":\"Firefox 136.0\",\"isCompliant\":true,\"isManaged\":false,\"trustType\":\"Azure AD registered\"}","IsInteractive":false,"Id":"r1","IPAddress":"203.0.113.7","LocationDetails":"{\"city\":\"Berlin\",\"state\":\"Berlin\",\"countryOrRegion\":\"DE\",\"geoCoordinates\":{\"latitude\":52.5,\"longitude\":13.4}}","MfaDetail":"{\"authMethod\":\"Text message\"}","NetworkLocationDetails":"[{\"networkType\":\"trustedNamedLocation\",\"networkNames\":[\"Berlin\"]}]","OriginalRequestId":"r0","RiskLevelAggregated":"low","RiskLevelDuringSignIn":"medium","RiskState":"atRisk","ResourceDisplayName":"Microsoft Graph","ResourceIdentity":"res1","SessionId":"s1","Status":"{\"errorCode\":50074,\"failureReason\":\"Strong authentication is required.\",\"additionalDetails\":\"MFA required in Azure AD\"}","UserAgent":"Mozilla/5.0 (X11; Linux x86_64)","UserId":"u1","UserPrincipalName":"ada@contoso.example","AADTenantId":"t1","UserType":"Guest","ResourceTenantId":"t1","HomeTenantId":"t2","UniqueTokenIdentifier":"tok1","AutonomousSystemNumber":"64500","CrossTenantAccessType":"b2bCollaboration","Type":"AADNonInteractiveUserSignInLogs"}"#;

const ELASTIC: &str = r#"{"@timestamp":"2025-03-04T09:32:10.123Z","log":{"level":"4"},"source":{"geo":{"country_iso_code":"AU"},"as":{"number":64511,"organization":{"name":"Example"}},"address":"203.0.113.7","ip":"203.0.113.7"},"message":"Strong authentication is required. (MFA required in Azure AD)","tags":["preserve_original_event"],"geo":{"country_name":"Berlin","city_name":"Berlin","location":{"lon":13.4,"lat":52.5},"country_iso_code":"DE"},"cloud":{"provider":"azure"},"client":{"ip":"203.0.113.7"},"event":{"kind":"event","action":"Sign-in activity","id":"r1","category":["authentication"],"type":["info"],"outcome":"failure"},"user":{"name":"ada","full_name":"Ada","id":"u1","domain":"contoso.example"},"user_agent":{"name":"Firefox","original":"Mozilla/5.0 (X11; Linux x86_64)","os":{"name":"Linux"}},"azure":{"tenant_id":"t1","correlation_id":"c1","resource":{"id":"/tenants/t1/providers/Microsoft.aadiam","provider":"Microsoft.aadiam"},"signinlogs":{"operation_name":"Sign-in activity","result_type":"50074","result_description":"Strong authentication is required.","result_signature":"None","category":"SignInLogs","identity":"Ada","properties":{"id":"r1","app_display_name":"Azure Portal","app_id":"app1","applied_conditional_access_policies":[{"display_name":"CA001","enforced_grant_controls":["Mfa"],"id":"p1","result":"failure"},{"display_name":"CA002","enforced_grant_controls":["Block"],"id":"p2","result":"notApplied"}],"authentication_details":[{"authentication_method":"Password","authentication_step_result_detail":"Correct password","succeeded":true},{"authentication_step_result_detail":"MFA required in Azure AD","succeeded":false}],"authentication_processing_details":{"Is CAE Token":"False"},"authentication_protocol":"none","authentication_requirement":"multiFactorAuthentication","autonomous_system_number":64500,"client_app_used":"Browser","conditional_access_status":"failure","correlation_id":"c1","created_at":"2025-03-04T09:30:00.1234567+00:00","cross_tenant_access_type":"b2bCollaboration","device_detail":{"browser":"Firefox 136.0","device_id":"d1","is_compliant":true,"is_managed":false,"operating_system":"Linux","trust_type":"Azure AD registered"},"home_tenant_id":"t2","incoming_token_type":"none","is_interactive":true,"mfa_detail":{"auth_method":"Text message"},"network_location_details":[{"network_names":["Berlin"],"network_type":"trustedNamedLocation"}],"original_request_id":"r0","resource_display_name":"Microsoft Graph","resource_id":"res1","resource_tenant_id":"t1","risk_level_aggregated":"low","risk_level_during_signin":"medium","risk_state":"atRisk","service_principal_id":"","session_id":"s1","status":{"error_code":50074},"unique_token_identifier":"tok1","user_id":"u1","user_principal_name":"ada@contoso.example","user_type":"Guest"}}}}"#;

const OFFICE: &str = r#"{"CreationTime":"2025-03-04T09:30:00","Id":"r1","Operation":"UserLoginFailed","OrganizationId":"t1","RecordType":15,"ResultStatus":"Success","UserKey":"u1","UserType":0,"Version":1,"Workload":"AzureActiveDirectory","ClientIP":"203.0.113.7:52100","ObjectId":"res1","UserId":"ada@contoso.example","AzureActiveDirectoryEventType":1,"ExtendedProperties":[{"Name":"ResultStatusDetail","Value":"UserError"},{"Name":"UserAgent","Value":"Mozilla\/5.0 (X11; Linux x86_64)"},{"Name":"RequestType","Value":"OAuth2:Authorize"}],"ModifiedProperties":[],"Actor":[{"ID":"u1","Type":0},{"ID":"ada@contoso.example","Type":5}],"ActorContextId":"t2","ActorIpAddress":"203.0.113.7:52100","InterSystemsId":"c1","IntraSystemId":"r1","SupportTicketId":"","Target":[{"ID":"res1","Type":0}],"TargetContextId":"t1","ApplicationId":"app1","DeviceProperties":[{"Name":"Id","Value":"d1"},{"Name":"OS","Value":"Linux"},{"Name":"BrowserType","Value":"Firefox 136.0"},{"Name":"IsCompliant","Value":"True"},{"Name":"IsCompliantAndManaged","Value":"False"},{"Name":"TrustType","Value":"2"},{"Name":"SessionId","Value":"s1"}],"ErrorNumber":"50074","LogonError":"UserStrongAuthClientAuthNRequiredInterrupt"}"#;

/// Name and value.
type Fact = (&'static str, &'static str);

/// What a record says, in a form that can be compared over shapes. `-` is nothing.
fn facts(record: &Record) -> Vec<(&'static str, String)> {
    let text = |field| record.text(field).unwrap_or("-").to_owned();
    let shown = |value: Option<&str>| value.unwrap_or("-").to_owned();
    let flag = |value: Option<bool>| value.map_or("-".to_owned(), |value| value.to_string());
    let number = |value: Option<u32>| value.map_or("-".to_owned(), |value| value.to_string());
    let steps = record
        .steps()
        .map(|step| format!("{}:{}:{:?}", step.method, step.detail, step.succeeded));
    let policies = record.unsatisfied_policies().map(|policy| policy.name);
    vec![
        ("id", shown(record.id())),
        ("user", shown(record.user())),
        ("address", shown(record.address())),
        ("country", shown(record.country())),
        ("city", text(Field::City)),
        ("latitude", text(Field::Latitude)),
        ("longitude", text(Field::Longitude)),
        ("asn", number(record.asn())),
        ("app", text(Field::AppName)),
        ("app_id", text(Field::AppId)),
        ("resource", shown(record.resource())),
        ("resource_id", shown(record.resource_id())),
        ("code", number(record.code())),
        ("reason", shown(record.failure_reason())),
        ("details", shown(record.additional_details())),
        ("category", record.category().label().to_owned()),
        ("interactive", flag(record.is_interactive())),
        ("session", text(Field::SessionId)),
        ("token", text(Field::TokenId)),
        (
            "created",
            record
                .at()
                .map_or("-".to_owned(), |at| at.secs().to_string()),
        ),
        ("agent", text(Field::UserAgent)),
        ("client_app", text(Field::ClientApp)),
        ("device", text(Field::DeviceId)),
        ("os", text(Field::OperatingSystem)),
        ("browser", text(Field::Browser)),
        ("compliant", flag(record.flag(Field::IsCompliant))),
        ("managed", flag(record.flag(Field::IsManaged))),
        ("trust_type", text(Field::TrustType)),
        ("ca", text(Field::ConditionalAccess)),
        (
            "policies",
            format!(
                "{:?} of {}",
                policies.collect::<Vec<_>>(),
                record.policy_tally().listed
            ),
        ),
        ("steps", steps.collect::<Vec<_>>().join(" ")),
        ("mfa", text(Field::MfaMethod)),
        ("requirement", text(Field::Requirement)),
        ("protocol", text(Field::Protocol)),
        (
            "risk",
            format!(
                "{:?} {:?}",
                record.risk(Field::RiskDuringSignIn),
                record.risk(Field::RiskAggregated)
            ),
        ),
        ("risk_state", text(Field::RiskState)),
        ("home", text(Field::HomeTenantId)),
        ("target", text(Field::ResourceTenantId)),
        ("cross_tenant", text(Field::CrossTenantAccess)),
        ("trusted", record.is_network_trusted().to_string()),
        ("original", text(Field::OriginalRequestId)),
    ]
}

#[test]
fn the_same_sign_in_in_every_shape_gives_the_same_fields() {
    let expected = [
        ("id", "r1"),
        ("user", "ada@contoso.example"),
        ("address", "203.0.113.7"),
        ("country", "DE"),
        ("city", "Berlin"),
        ("latitude", "52.5"),
        ("longitude", "13.4"),
        ("asn", "64500"),
        ("app", "Azure Portal"),
        ("app_id", "app1"),
        ("resource", "Microsoft Graph"),
        ("resource_id", "res1"),
        ("code", "50074"),
        ("reason", "Strong authentication is required."),
        ("details", "MFA required in Azure AD"),
        ("category", "SignInLogs"),
        ("interactive", "true"),
        ("session", "s1"),
        ("token", "tok1"),
        ("created", "1741080600"),
        ("agent", "Mozilla/5.0 (X11; Linux x86_64)"),
        ("client_app", "Browser"),
        ("device", "d1"),
        ("os", "Linux"),
        ("browser", "Firefox 136.0"),
        ("compliant", "true"),
        ("managed", "false"),
        ("trust_type", "Azure AD registered"),
        ("ca", "failure"),
        ("policies", r#"["CA001"] of 2"#),
        (
            "steps",
            "Password:Correct password:Some(true) :MFA required in Azure AD:Some(false)",
        ),
        ("mfa", "Text message"),
        ("requirement", "multiFactorAuthentication"),
        ("protocol", "none"),
        ("risk", "Medium Low"),
        ("risk_state", "atRisk"),
        ("home", "t2"),
        ("target", "t1"),
        ("cross_tenant", "b2bCollaboration"),
        ("trusted", "true"),
        ("original", "r0"),
    ];
    // What a shape has not got, or has in its own way.
    let office = [
        ("country", "-"),
        ("city", "-"),
        ("latitude", "-"),
        ("longitude", "-"),
        ("asn", "-"),
        ("app", "-"),
        ("resource", "res1"),
        ("reason", "-"),
        ("details", "-"),
        ("interactive", "-"),
        ("token", "-"),
        ("client_app", "-"),
        ("trust_type", "2"),
        ("ca", "-"),
        ("policies", "[] of 0"),
        ("steps", ""),
        ("mfa", "-"),
        ("requirement", "-"),
        ("protocol", "-"),
        ("risk", "Hidden Hidden"),
        ("risk_state", "-"),
        ("cross_tenant", "-"),
        ("trusted", "false"),
        ("original", "-"),
    ];
    let silent = [
        ("category", "NonInteractiveUserSignInLogs"),
        ("interactive", "false"),
    ];
    let rows: [(&str, Shape, &[Fact]); 6] = [
        (AZURE_MONITOR, Shape::AzureMonitor, &[]),
        (GRAPH, Shape::Graph, &[]),
        (SIGNIN_LOGS, Shape::LogAnalytics, &[]),
        (NON_INTERACTIVE, Shape::LogAnalytics, &silent),
        (ELASTIC, Shape::Elastic, &[]),
        (OFFICE, Shape::OfficeAudit, &office),
    ];
    for (line, shape, differing) in rows {
        let record = read(line);
        assert_eq!(record.shape(), shape);
        let found = facts(&record);
        assert_eq!(found.len(), expected.len());
        for ((name, value), (expected_name, expected)) in found.iter().zip(expected) {
            assert_eq!(*name, expected_name);
            let own = differing.iter().find(|row| row.0 == *name);
            let expected = own.map_or(expected, |row| row.1);
            assert_eq!(value, expected, "{name} of {shape:?}");
        }
    }
}

#[test]
fn the_order_of_members_does_not_matter() {
    // Elastic's raw test file and Panther's samples have the members in the order of the alphabet, so that the
    // envelope's resourceId, a path, comes after the properties with the real one.
    for line in [
        AZURE_MONITOR,
        GRAPH,
        SIGNIN_LOGS,
        NON_INTERACTIVE,
        OFFICE,
        ELASTIC,
    ] {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let Some(members) = value.as_object() else {
            panic!("not an object");
        };
        let mut members: Vec<_> = members
            .iter()
            .map(|(key, value)| format!("{}:{value}", quoted(key)))
            .collect();
        members.sort();
        let sorted = format!("{{{}}}", members.join(","));
        members.reverse();
        let reversed = format!("{{{}}}", members.join(","));
        assert_eq!(facts(&read(&sorted)), facts(&read(line)), "{line}");
        assert_eq!(facts(&read(&reversed)), facts(&read(line)), "{line}");
    }
}

#[test]
fn envelopes_hold_records_of_any_shape() {
    let value = format!(
        r#"{{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#auditLogs/signIns","value":[{GRAPH} , {GRAPH}]}}"#
    );
    let records = format!(r#"{{"records":[{AZURE_MONITOR},{AZURE_MONITOR},{SIGNIN_LOGS}]}}"#);
    let capital = format!(r#"{{"Records":[{OFFICE}]}}"#);
    for (line, count) in [(value, 2), (records, 3), (capital, 1)] {
        let (outcome, rejected) = process(&line);
        assert_eq!(rejected, []);
        assert_eq!(outcome.kept.matches("\"signin_triage\":").count(), count);
        assert_eq!(outcome.kept.matches("\"code\":50074").count(), count);
        assert!(!outcome.kept.contains('\n'));
    }
}

#[test]
fn elements_that_are_no_records_stay_as_they_are() {
    let record = r#"{"category":"SignInLogs","resultType":"0","properties":{}}"#;
    let rows: [(&str, &[&str]); 12] = [
        (r#"{"records":[]}"#, &["empty"]),
        (r#"{"value":[]}"#, &["empty"]),
        (
            r#"{"records":[1,"x",null,{}]}"#,
            &["not_object", "not_object", "not_object", "not_sign_in"],
        ),
        (
            r#"{"records":[[],{"records":[]}]}"#,
            &["not_object", "not_sign_in"],
        ),
        (
            r#"{"records":[{"records":[{"category":"SignInLogs","properties":{}}]}]}"#,
            &["not_sign_in"],
        ),
        (
            r#"{"records":[{"value":[{"category":"SignInLogs","properties":{}}]}]}"#,
            &["not_sign_in"],
        ),
        (
            r#"{"records":[{"category":"AuditLogs","properties":{}}]}"#,
            &["not_sign_in"],
        ),
        (
            r#"{"records":{"category":"SignInLogs","properties":{}}}"#,
            &["not_sign_in"],
        ),
        (
            r#"{"records":"[{\"category\":\"SignInLogs\",\"properties\":{}}]"}"#,
            &["not_sign_in"],
        ),
        (r#"{"records":null}"#, &["not_sign_in"]),
        (r#"{"value":5}"#, &["not_sign_in"]),
        (
            r#"[{"category":"SignInLogs","properties":{}}]"#,
            &["not_object"],
        ),
    ];
    for (line, expected) in rows {
        let (outcome, rejected) = process(line);
        assert_eq!(outcome.kept, line);
        let reasons: Vec<_> = rejected.iter().map(|one| one.1).collect();
        assert_eq!(reasons, expected, "{line}");
    }
    // Those beside them are enriched, with every space in its place.
    let line = format!(r#"{{ "records" : [ 1 , {record},{{}} , {record} ] , "x":1 }}"#);
    let (outcome, rejected) = process(&line);
    assert_eq!(rejected, [(1, "not_object"), (1, "not_sign_in")]);
    let mut kept = outcome.kept;
    assert_eq!(kept.matches("\"signin_triage\":").count(), 2);
    while let Some(start) = kept.find(",\"signin_triage\":") {
        let length = kept[start..].find("}}").unwrap() + 1;
        // The member is an object that holds the object `noise` and, at times, a list of signals.
        let end = (start + length..=kept.len())
            .find(|&end| {
                serde_json::from_str::<serde_json::Value>(&format!("{{{}}}", &kept[start + 1..end]))
                    .is_ok()
            })
            .unwrap();
        kept.replace_range(start..end, "");
    }
    assert_eq!(kept, line);
}

// What an enemy would send.

#[test]
fn a_client_cannot_send_json_as_its_user_agent() {
    // The client chooses the user agent, the name that is typed in, and the name of a foreign app. None of them may
    // be read as anything but text, in whatever shape.
    let agents = [
        r#"{"original":"Googlebot"}"#,
        r#"{"original":null}"#,
        r#"{"errorCode":0}"#,
        r#"[{"authenticationStepResultDetail":"MFA successfully completed"}]"#,
        "{",
        "[",
        "{\"a\":",
        r#"","status":{"errorCode":0},"x":""#,
        "\\",
        "\u{0}\u{1f}\u{7f}",
        "ünïcödé 😀 \u{202e}txet",
    ];
    for agent in agents {
        let text = quoted(agent);
        let rows = [
            format!(
                r#"{{"category":"SignInLogs","resultType":"50126","properties":{{"userAgent":{text},"userPrincipalName":{text},"appDisplayName":{text},"status":{{"errorCode":50126}}}}}}"#
            ),
            format!(
                r#"{{"userAgent":{text},"userPrincipalName":{text},"appDisplayName":{text},"createdDateTime":"2025-03-04T09:30:00Z","status":{{"errorCode":50126}}}}"#
            ),
            format!(
                r#"{{"UserAgent":{text},"UserPrincipalName":{text},"AppDisplayName":{text},"ResultType":"50126","Type":"SigninLogs"}}"#
            ),
            format!(
                r#"{{"user_agent":{{"original":{text}}},"azure":{{"signinlogs":{{"properties":{{"user_principal_name":{text},"app_display_name":{text},"status":{{"error_code":50126}}}}}}}}}}"#
            ),
            // Not Elastic's object: some other program's text of the same name.
            format!(
                r#"{{"user_agent":{text},"azure":{{"signinlogs":{{"properties":{{"user_principal_name":{text},"app_display_name":{text},"status":{{"error_code":50126}}}}}}}}}}"#
            ),
            format!(
                r#"{{"Operation":"UserLoginFailed","RecordType":15,"UserId":{text},"ErrorNumber":"50126","ExtendedProperties":[{{"Name":"UserAgent","Value":{text}}}],"AppDisplayName":{text}}}"#
            ),
        ];
        for line in rows {
            let record = read(&line);
            assert_eq!(record.text(Field::UserAgent), Some(agent), "{line}");
            assert_eq!(record.user(), Some(agent), "{line}");
            assert_eq!(record.text(Field::AppName), Some(agent), "{line}");
            assert_eq!(record.code(), Some(50126), "{line}");
            assert_eq!(record.steps().count(), 0, "{line}");
        }
    }
}

#[test]
fn broken_json_within_a_column_leaves_the_line_whole() {
    let rows = [
        "{",
        "[",
        "{}",
        "[]",
        "{]",
        "[}",
        "{\"errorCode\"",
        "{\"errorCode\":",
        "{\"errorCode\":}",
        "[{\"result\":\"failure\"",
        "{'errorCode':50126}",
        "{errorCode:50126}",
        "[null]",
        "[[[[",
        "{\"a\":\"\\ud800\"}",
        "not json",
        "null",
        "true",
        "0",
        "\u{0}",
        "{\"errorCode\":{}}",
    ];
    for text in rows {
        let column = quoted(text);
        let line = format!(
            r#"{{"ResultType":"50126","UserPrincipalName":"ada@contoso.example","Status":{column},"LocationDetails":{column},"DeviceDetail":{column},"ConditionalAccessPolicies":{column},"MfaDetail":{column},"AuthenticationDetails":{column},"NetworkLocationDetails":{column},"IPAddress":"203.0.113.7","Type":"AADNonInteractiveUserSignInLogs"}}"#
        );
        let record = read(&line);
        assert_eq!(record.code(), Some(50126), "{text}");
        assert_eq!(record.user(), Some("ada@contoso.example"), "{text}");
        assert_eq!(record.address(), Some("203.0.113.7"), "{text}");
        assert_eq!(record.category(), Category::NonInteractiveUser, "{text}");
        assert_eq!(record.unsatisfied_policies().count(), 0, "{text}");
        let (outcome, rejected) = process(&line);
        assert_eq!(rejected, []);
        let kept: serde_json::Value = serde_json::from_str(&outcome.kept).unwrap();
        assert_eq!(kept["Status"], text);
    }
    // As deep as one likes: there is no recursion to exhaust, and the text counts no brackets of the line.
    let deep = "[".repeat(100_000);
    let line = format!(
        r#"{{"ResultType":"50126","Type":"SigninLogs","Status":"{deep}","AuthenticationDetails":"{deep}"}}"#
    );
    assert_eq!(read(&line).code(), Some(50126));
    // Log Analytics cuts a long column. What stands before the cut is of use, the last piece is not.
    let cut = quoted(
        r#"[{"displayName":"CA001","result":"failure"},{"displayName":"CA002","result":"failure"#,
    );
    let line = format!(
        r#"{{"ResultType":"53003","Type":"SigninLogs","ConditionalAccessPolicies":{cut}}}"#
    );
    let names: Vec<_> = read(&line)
        .unsatisfied_policies()
        .map(|policy| policy.name.to_owned())
        .collect();
    assert_eq!(names, ["CA001"]);
}

#[test]
fn text_within_text_is_not_unpacked_twice() {
    // A column unpacked once gives text again, which stays text.
    let status = quoted(r#"{"errorCode":50126}"#);
    let device = quoted(&format!(
        r#"{{"deviceId":{},"isCompliant":"true"}}"#,
        quoted("{\"isManaged\":true}")
    ));
    let line = format!(
        r#"{{"ResultType":"0","Type":"SigninLogs","Status":{},"DeviceDetail":{device}}}"#,
        quoted(&status)
    );
    let record = read(&line);
    assert_eq!(record.code(), Some(0));
    assert_eq!(record.text(Field::DeviceId), Some("{\"isManaged\":true}"));
    assert_eq!(record.flag(Field::IsManaged), None);
    assert_eq!(record.flag(Field::IsCompliant), Some(true));
    let place = quoted(&format!(
        r#"{{"city":"Berlin","geoCoordinates":{},"countryOrRegion":"DE"}}"#,
        quoted(r#"{"latitude":52.5}"#)
    ));
    let line = format!(r#"{{"ResultType":"0","Type":"SigninLogs","LocationDetails":{place}}}"#);
    let record = read(&line);
    let found = (
        record.text(Field::City),
        record.country(),
        record.text(Field::Latitude),
    );
    assert_eq!(found, (Some("Berlin"), Some("DE"), None));
    // The properties as text, as some queues deliver them.
    let properties = quoted(
        r#"{"userPrincipalName":"ada@contoso.example","userAgent":"{}","status":{"errorCode":50126},"authenticationDetails":[{"authenticationMethod":"Pass\u0077ord","succeeded":false}]}"#,
    );
    let line =
        format!(r#"{{"category":"SignInLogs","resultType":"50126","properties":{properties}}}"#);
    let record = read(&line);
    assert_eq!(record.shape(), Shape::AzureMonitor);
    assert_eq!(record.user(), Some("ada@contoso.example"));
    assert_eq!(record.text(Field::UserAgent), Some("{}"));
    let methods: Vec<_> = record.steps().map(|step| step.method.to_owned()).collect();
    assert_eq!(methods, ["Password"]);
}

#[test]
fn keys_are_matched_by_what_they_say() {
    let rows = [
        // As written, with escapes, in another case, with underscores.
        (r"userAgent", true),
        (r"us\u0065rAgent", true),
        (
            r"\u0075\u0073\u0065\u0072\u0041\u0067\u0065\u006e\u0074",
            true,
        ),
        (r"USERAGENT", true),
        (r"useragent", true),
        (r"user_agent", true),
        (r"user\u005fagent", true),
        // Look-alikes.
        (r"user-agent", false),
        (r"User Agent", false),
        (r"userAgent ", false),
        (r" userAgent", false),
        (r"userAgents", false),
        (r"userAgen", false),
        (r"userAgent\u0000", false),
        (r"\u0000userAgent", false),
        (r"user\\u0041gent", false),
        (r"user.agent", false),
        (r"uѕerAgent", false),
        (r"us\u0435rAgent", false),
        (r"userAgentſ", false),
        (r"uſerAgent", false),
        (r"ＵserAgent", false),
        (r"user\u00adAgent", false),
        (r"user\u200bAgent", false),
        ("", false),
        ("_", false),
        ("________", false),
    ];
    for (key, found) in rows {
        let line = azmon(&format!(r#""{key}":"x""#));
        let agent = read(&line).text(Field::UserAgent).map(str::to_owned);
        assert_eq!(agent.is_some(), found, "{key}");
        // At the top of a Graph record as well, where two tables are looked in.
        let line = format!(
            r#"{{"createdDateTime":"2025-03-04T09:30:00Z","status":{{"errorCode":0}},"{key}":"x"}}"#
        );
        assert_eq!(read(&line).text(Field::UserAgent).is_some(), found, "{key}");
    }
    // The same letter in another guise: Kelvin sign for K, dotless i.
    for key in ["ris\u{212a}State", "rıskState", "rİskState"] {
        let line = azmon(&format!(r#""{key}":"atRisk""#));
        assert_eq!(read(&line).text(Field::RiskState), None, "{key}");
    }
    // Keys that decide what a line is.
    for (key, sign_in) in [
        ("cat\\u0065gory", true),
        ("CATEGORY", true),
        ("categorу", false),
    ] {
        let line = format!(r#"{{"{key}":"SignInLogs","properties":{{}}}}"#);
        let seen = view(&line, "signin_triage", &mut Scratch::default()).is_ok();
        assert_eq!(seen, sign_in, "{key}");
    }
}

#[test]
fn values_are_decoded() {
    let line = azmon(
        r#""userPrincipalName":"ad\u0061@contoso.example","appDisplayName":"\"A\"\\\/\b\f\n\r\t\ud83d\ude00","userAgent":"","clientAppUsed":"\u0000","sessionId":"a\u0020b""#,
    );
    let record = read(&line);
    assert_eq!(record.user(), Some("ada@contoso.example"));
    assert_eq!(
        record.text(Field::AppName),
        Some("\"A\"\\/\u{8}\u{c}\n\r\t😀")
    );
    assert_eq!(record.found(Field::UserAgent), Found::Empty);
    assert_eq!(record.text(Field::ClientApp), Some("\0"));
    assert_eq!(record.text(Field::SessionId), Some("a b"));
    // Half a surrogate pair has no text, wherever it stands.
    for members in [
        r#""userAgent":"\ud83d""#,
        r#""x":"\ude00""#,
        r#""\ud83dx":1"#,
    ] {
        assert_eq!(refused(&azmon(members)), Skip::BrokenEncoding, "{members}");
    }
}

#[test]
fn of_a_member_that_stands_twice_the_later_counts() {
    // A sample of Microsoft's own Graph documentation has homeTenantId and two others twice.
    let rows = [
        (
            r#""homeTenantId":"a","homeTenantId":"b""#,
            Found::Value("b"),
        ),
        (
            r#""homeTenantId":"a","home_tenant_id":"b""#,
            Found::Value("b"),
        ),
        (
            r#""HOMETENANTID":"a","homeTenantId":"b""#,
            Found::Value("b"),
        ),
        (
            r#""homeTenantId":"a","home\u0054enantId":"b""#,
            Found::Value("b"),
        ),
        (r#""homeTenantId":"a","homeTenantId":null"#, Found::Null),
        (r#""homeTenantId":"a","homeTenantId":"""#, Found::Empty),
        (
            r#""homeTenantId":"a","homeTenantId":{"b":"c"}"#,
            Found::Absent,
        ),
        (
            r#""homeTenantId":["a"],"homeTenantId":7"#,
            Found::Value("7"),
        ),
    ];
    for (members, expected) in rows {
        assert_eq!(
            read(&azmon(members)).found(Field::HomeTenantId),
            expected,
            "{members}"
        );
    }
    let twice = azmon(r#""status":{"errorCode":0},"status":{"errorCode":50126}"#);
    assert_eq!(read(&twice).code(), Some(50126));
    let steps = azmon(
        r#""authenticationDetails":[{"authenticationMethod":"Password","succeeded":true},{}],"authenticationDetails":[{"authenticationMethod":"PHS"}]"#,
    );
    let methods: Vec<_> = read(&steps)
        .steps()
        .map(|step| step.method.to_owned())
        .collect();
    assert_eq!(methods, ["PHS"]);
    let step = azmon(r#""authenticationDetails":[{"succeeded":true,"succeeded":false}]"#);
    assert_eq!(
        read(&step).steps().next().and_then(|step| step.succeeded),
        Some(false)
    );
    // The two policy columns of Log Analytics are one list told twice; the first that holds anything counts.
    let list = r#"[{"displayName":"CA001","result":"failure"}]"#;
    for (first, second) in [
        (list, list),
        (list, "[]"),
        ("[]", list),
        ("null", list),
        ("\"\"", list),
    ] {
        let line = format!(
            r#"{{"ResultType":"53003","ConditionalAccessPolicies":{first},"AppliedConditionalAccessPolicies":{second},"Type":"SigninLogs"}}"#
        );
        let record = read(&line);
        assert_eq!(record.policy_tally().listed, 1, "{line}");
        assert_eq!(record.unsatisfied_policies().count(), 1, "{line}");
    }
}

#[test]
fn numbers_and_texts_stand_for_each_other() {
    let rows = [
        ("50126", Some(50126)),
        (r#""50126""#, Some(50126)),
        (r#"" 50126 ""#, Some(50126)),
        (r#""5012\u0036""#, Some(50126)),
        // Lua, JavaScript and Go keep numbers as floating point.
        ("50126.0", Some(50126)),
        ("50126.000000", Some(50126)),
        (r#""50126.0""#, Some(50126)),
        (r#""050126""#, Some(50126)),
        ("0", Some(0)),
        ("4294967295", Some(u32::MAX)),
        // No code at all rather than another one.
        ("50126.5", None),
        ("5.0126e4", None),
        ("-1", None),
        ("-50126", None),
        ("-0", None),
        ("4294967296", None),
        ("99999999999999999999999999999999999999", None),
        ("1e400", None),
        ("true", None),
        (r#""""#, None),
        ("null", None),
        (r#""AADSTS50126""#, None),
        (r#""0x1""#, None),
        (r#""٣""#, None),
        ("[50126]", None),
        (r#"{"value":50126}"#, None),
    ];
    for (value, code) in rows {
        let lines = [
            format!(
                r#"{{"category":"SignInLogs","properties":{{"status":{{"errorCode":{value}}}}}}}"#
            ),
            format!(r#"{{"category":"SignInLogs","resultType":{value},"properties":{{}}}}"#),
            format!(r#"{{"Operation":"UserLoginFailed","RecordType":15,"ErrorNumber":{value}}}"#),
        ];
        for line in lines {
            assert_eq!(read(&line).code(), code, "{line}");
        }
        // What cannot be read does not hide the code beside it.
        let line = format!(
            r#"{{"category":"SignInLogs","resultType":"50074","properties":{{"status":{{"errorCode":{value}}}}}}}"#
        );
        assert_eq!(read(&line).code(), Some(code.unwrap_or(50074)), "{line}");
    }
    for (value, asn) in [
        ("64500", Some(64500)),
        (r#""64500""#, Some(64500)),
        ("4200000000", Some(4_200_000_000)),
        ("0", None),
        ("null", None),
        (r#""""#, None),
        ("-1", None),
    ] {
        assert_eq!(
            read(&azmon(&format!(r#""autonomousSystemNumber":{value}"#))).asn(),
            asn,
            "{value}"
        );
        // Elastic's own table is asked where Entra knows none.
        let line = format!(
            r#"{{"source":{{"as":{{"number":64511}}}},"azure":{{"signinlogs":{{"properties":{{"autonomous_system_number":{value}}}}}}}}}"#
        );
        assert_eq!(read(&line).asn(), asn.or(Some(64511)), "{value}");
    }
    for (value, flag) in [
        ("true", Some(true)),
        (r#""True""#, Some(true)),
        ("1", Some(true)),
        ("false", Some(false)),
        (r#""FALSE""#, Some(false)),
        (r#""0""#, Some(false)),
        ("2", None),
        (r#""yes""#, None),
        ("null", None),
    ] {
        let line = azmon(&format!(r#""deviceDetail":{{"isManaged":{value}}}"#));
        assert_eq!(read(&line).flag(Field::IsManaged), flag, "{value}");
    }
    // A name that is a number, a truth value, an object: text as written, or nothing.
    for (value, user) in [
        ("7", Some("7")),
        ("true", Some("true")),
        ("{}", None),
        ("[\"ada\"]", None),
    ] {
        let line = azmon(&format!(r#""userPrincipalName":{value}"#));
        assert_eq!(read(&line).user(), user, "{value}");
    }
}

#[test]
fn addresses_lose_their_port() {
    let rows = [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:52100", "203.0.113.7"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:203.0.113.7", "::ffff:203.0.113.7"),
        ("[::ffff:203.0.113.7]:52100", "::ffff:203.0.113.7"),
        ("::1", "::1"),
        // No address; whoever compares them must find that out.
        ("203.0.113.7:http", "203.0.113.7:http"),
        ("[2001:db8::1", "[2001:db8::1"),
        ("host.contoso.example:443", "host.contoso.example"),
        ("[", "["),
        (":", ":"),
        ("]:[", "]:["),
    ];
    for (text, address) in rows {
        let lines = [
            format!(r#"{{"Operation":"UserLoggedIn","RecordType":15,"ClientIP":"{text}"}}"#),
            format!(
                r#"{{"Operation":"UserLoggedIn","RecordType":15,"ClientIP":"198.51.100.1","ActorIpAddress":"{text}"}}"#
            ),
            azmon(&format!(r#""ipAddress":"{text}""#)),
            format!(r#"{{"source":{{"ip":"{text}"}},"azure":{{"signinlogs":{{}}}}}}"#),
        ];
        for line in lines {
            assert_eq!(read(&line).address(), Some(address), "{line}");
        }
    }
    // properties.ipAddress may be "" (managed identities), and then the envelope's counts.
    let line = r#"{"category":"SignInLogs","callerIpAddress":"203.0.113.7","properties":{"ipAddress":""}}"#;
    assert_eq!(read(line).address(), Some("203.0.113.7"));
    let line = r#"{"category":"ManagedIdentitySignInLogs","properties":{"ipAddress":""}}"#;
    assert_eq!(read(line).address(), None);
}

#[test]
fn what_only_looks_like_a_sign_in_is_passed_on() {
    let lines = [
        // Azure Monitor: other categories of the same diagnostic setting.
        r#"{"time":"2025-03-04T09:30:00Z","resourceId":"/tenants/t1/providers/Microsoft.aadiam","operationName":"Update user","category":"AuditLogs","tenantId":"t1","resultType":"","resultSignature":"None","durationMs":0,"callerIpAddress":"203.0.113.7","correlationId":"c1","properties":{"id":"Directory_1","category":"UserManagement","correlationId":"c1","result":"success","activityDisplayName":"Update user","activityDateTime":"2025-03-04T09:30:00Z","initiatedBy":{"user":{"userPrincipalName":"ada@contoso.example","ipAddress":"203.0.113.7"}},"targetResources":[]}}"#,
        r#"{"time":"2025-03-04T09:30:00Z","operationName":"Risky user","category":"RiskyUsers","properties":{"id":"u1","userPrincipalName":"ada@contoso.example","riskLevel":"high","riskState":"atRisk"}}"#,
        r#"{"time":"2025-03-04T09:30:00Z","operationName":"User Risk Detection","category":"UserRiskEvents","properties":{"id":"x","requestId":"r1","ipAddress":"203.0.113.7","riskEventType":"unfamiliarFeatures","detectedDateTime":"2025-03-04T09:30:00Z"}}"#,
        r#"{"time":"2025-03-04T09:30:00Z","operationName":"Provisioning activity","category":"ProvisioningLogs","resultType":"Success","properties":{"id":"x","activityDateTime":"2025-03-04T09:30:00Z","statusInfo":{"status":"success"},"servicePrincipal":{"id":"sp1"}}}"#,
        r#"{"time":"2025-03-04T09:30:00Z","category":"MicrosoftGraphActivityLogs","properties":{"signInActivityId":"tok1","ipAddress":"203.0.113.7","userAgent":"Mozilla/5.0","responseStatusCode":200}}"#,
        r#"{"time":"2025-03-04T09:30:00Z","category":"Administrative","resultType":"Success","properties":{}}"#,
        // Its payload may quote a sign-in.
        r#"{"category":"AuditLogs","operationName":"Sign-in activity","properties":{"category":"x","createdDateTime":"2025-03-04T09:30:00Z","status":{"errorCode":0}}}"#,
        // Log Analytics: AuditLogs, OfficeActivity, another table with the same columns.
        r#"{"TenantId":"workspace","TimeGenerated":"2025-03-04T09:30:00Z","OperationName":"Update user","Category":"UserManagement","ResultType":"","ResultSignature":"None","CorrelationId":"c1","Identity":"Ada","Result":"success","AADTenantId":"t1","ActivityDisplayName":"Update user","Type":"AuditLogs"}"#,
        r#"{"TimeGenerated":"2025-03-04T09:30:00Z","OperationName":"Update user","Category":"UserManagement","ResultType":"0","CorrelationId":"c1","AppDisplayName":"Azure Portal"}"#,
        r#"{"TimeGenerated":"2025-03-04T09:30:00Z","ResultType":"0","CorrelationId":"c1","AppDisplayName":"Azure Portal","Type":"AppTraces"}"#,
        r#"{"TimeGenerated":"2025-03-04T09:30:00Z","ResultType":"0","CorrelationId":"c1"}"#,
        r#"{"TimeGenerated":"2025-03-04T09:30:00Z","RecordType":"SharePointFileOperation","Operation":"FileAccessed","UserId":"ada@contoso.example","ClientIP":"203.0.113.7","Type":"OfficeActivity"}"#,
        // Office 365: other operations, and other record types.
        r#"{"CreationTime":"2025-03-04T09:30:00","Id":"x","Operation":"FileAccessed","OrganizationId":"t1","RecordType":6,"UserKey":"k","UserType":0,"Workload":"SharePoint","ClientIP":"203.0.113.7","ObjectId":"https://contoso.example/a.docx","UserId":"ada@contoso.example"}"#,
        r#"{"CreationTime":"2025-03-04T09:30:00","Operation":"Update user.","RecordType":8,"Workload":"AzureActiveDirectory","ErrorNumber":"0"}"#,
        r#"{"CreationTime":"2025-03-04T09:30:00","Operation":"UserLoggedIn","RecordType":6,"ErrorNumber":"0"}"#,
        r#"{"CreationTime":"2025-03-04T09:30:00","Operation":"UserLoggedInAgain","RecordType":15,"ErrorNumber":"0"}"#,
        // Graph: a directoryAudit, a riskDetection, a riskyUser.
        r#"{"id":"Directory_1","category":"UserManagement","correlationId":"c1","result":"success","resultReason":"","activityDisplayName":"Add user","activityDateTime":"2025-03-04T09:30:00Z","loggedByService":"Core Directory","operationType":"Add","initiatedBy":{"app":null,"user":{"id":"u1","userPrincipalName":"ada@contoso.example"}},"targetResources":[],"additionalDetails":[]}"#,
        r#"{"id":"x","requestId":"r1","correlationId":"c1","riskEventType":"unfamiliarFeatures","riskState":"atRisk","riskLevel":"medium","source":"IdentityProtection","detectionTimingType":"realtime","activity":"signin","ipAddress":"203.0.113.7","activityDateTime":"2025-03-04T09:30:00Z","detectedDateTime":"2025-03-04T09:30:00Z","userId":"u1","userPrincipalName":"ada@contoso.example","location":{"city":"Berlin","countryOrRegion":"DE"}}"#,
        r#"{"id":"u1","isDeleted":false,"riskLevel":"high","riskState":"atRisk","userPrincipalName":"ada@contoso.example"}"#,
        r#"{"createdDateTime":"2025-03-04T09:30:00Z","displayName":"Finance","id":"g1"}"#,
        r#"{"createdDateTime":"2025-03-04T09:30:00Z","status":"active"}"#,
        // Elastic: another data set of the integration, and a sign-in before the integration has parsed it.
        r#"{"event":{"dataset":"azure.auditlogs"},"azure":{"auditlogs":{"category":"AuditLogs","operation_name":"Update user","properties":{"correlation_id":"c1"}}}}"#,
        r#"{"@timestamp":"2025-03-04T09:30:00Z","event":{"dataset":"azure.signinlogs"},"data_stream":{"dataset":"azure.signinlogs"},"message":"{\"category\":\"SignInLogs\",\"properties\":{}}"}"#,
        r#"{"azure":{"signinlogs":"none"}}"#,
        // Nothing in particular.
        "{}",
        r#"{"properties":{}}"#,
        r#"{"properties":{"category":7}}"#,
        r#"{"category":null,"properties":{}}"#,
        r#"{"category":"","properties":{}}"#,
        r#"{"category":"SignInLogs"}"#,
        r#"{"category":"SignInLogs","properties":[]}"#,
        r#"{"category":"NotSignInLogs","properties":{}}"#,
        r#"{"level":"info","msg":"SignInLogs","time":"2025-03-04T09:30:00Z"}"#,
    ];
    for line in lines {
        assert_eq!(refused(line), Skip::NotSignIn, "{line}");
    }
    let batch = lines.join("\n");
    let (outcome, rejected) = process(&batch);
    assert_eq!(outcome.kept, batch);
    assert_eq!(rejected.len(), lines.len());
}

#[test]
fn what_shippers_add_does_not_hide_a_sign_in() {
    let rows = [
        // Logstash adds a `type`, which is the name of the Log Analytics column with the table.
        (
            r#"{"Category":"SignInLogs","ResultType":"50126","Type":"SigninLogs","type":"azure","@version":"1","tags":[]}"#,
            Shape::LogAnalytics,
        ),
        (
            r#"{"type":"azure","category":"SignInLogs","resultType":"50126","properties":{}}"#,
            Shape::AzureMonitor,
        ),
        // Fluent Bit and Filebeat add their own members.
        (
            r#"{"date":1741080600.5,"category":"SignInLogs","resultType":"50126","properties":{},"host":"h","log":{},"source":"/var/log/x","client":null,"event":"x","message":"x","azure":"x","geo":[],"value":1}"#,
            Shape::AzureMonitor,
        ),
        // 2018, and what Microsoft's schema page still says.
        (
            r#"{"category":"SignIn","resultType":"50126","resourceId":null,"properties":{}}"#,
            Shape::AzureMonitor,
        ),
        (
            r#"{"operationName":"Sign-in activity","resultType":"50126","properties":{}}"#,
            Shape::AzureMonitor,
        ),
        (
            r#"{"CATEGORY":"signinlogs","RESULTTYPE":"50126","PROPERTIES":{}}"#,
            Shape::AzureMonitor,
        ),
        (
            r#"{"ResultType":"50126","CorrelationId":"c1","AppDisplayName":"Azure Portal"}"#,
            Shape::LogAnalytics,
        ),
        (
            r#"{"RecordType":"AzureActiveDirectoryStsLogon","Operation":"UserLoginFailed","ErrorNumber":"50126"}"#,
            Shape::OfficeAudit,
        ),
        (
            r#"{"Operation":"UserLoginFailed","ErrorNumber":"50126"}"#,
            Shape::OfficeAudit,
        ),
    ];
    for (line, shape) in rows {
        let record = read(line);
        assert_eq!(
            (record.shape(), record.code()),
            (shape, Some(50126)),
            "{line}"
        );
    }
}

#[test]
fn lists_of_odd_things_are_read_past() {
    let odd = r#"[1,"x",null,[],{},[{"succeeded":true}],{"succeeded":{}},true]"#;
    let line = azmon(&format!(
        r#""authenticationDetails":{odd},"appliedConditionalAccessPolicies":{odd},"networkLocationDetails":{odd},"signInEventTypes":{odd},"status":{odd},"deviceDetail":{odd},"location":{odd},"userAgent":{odd},"riskState":{odd}"#
    ));
    let record = read(&line);
    // The two objects.
    let steps: Vec<_> = record
        .steps()
        .map(|step| (step.method, step.detail, step.succeeded))
        .collect();
    assert_eq!(steps, [("", "", None), ("", "", None)]);
    assert_eq!(record.policy_tally().listed, 2);
    assert_eq!(record.unsatisfied_policies().count(), 0);
    assert!(!record.is_network_trusted());
    assert_eq!(record.code(), Some(0));
    assert_eq!(record.found(Field::UserAgent), Found::Absent);

    let office = format!(
        r#"{{"Operation":"UserLoggedIn","RecordType":15,"ExtendedProperties":{odd},"DeviceProperties":[{{"Value":"Windows","Name":"OS"}},{{"Name":"SessionId"}},{{"Value":"x"}},{{"Name":7,"Value":8}},{{"Name":"UserAgent","Value":"not of this list"}}]}}"#
    );
    let record = read(&office);
    assert_eq!(record.text(Field::OperatingSystem), Some("Windows"));
    assert_eq!(record.found(Field::SessionId), Found::Absent);
    assert_eq!(record.found(Field::UserAgent), Found::Absent);

    // More steps and policies than are kept: the first ones count, and nothing grows.
    let many = |one: &str| vec![one; 5000].join(",");
    let line = azmon(&format!(
        r#""authenticationDetails":[{}],"appliedConditionalAccessPolicies":[{}]"#,
        many(r#"{"succeeded":true}"#),
        many(r#"{"displayName":"CA001","result":"failure"}"#)
    ));
    let record = read(&line);
    assert_eq!(record.steps().count(), crate::limits::STEPS_MAX);
    assert_eq!(
        record.unsatisfied_policies().count(),
        crate::limits::POLICIES_MAX
    );
    assert_eq!(record.policy_tally().listed, 5000);
}

#[test]
fn a_workload_is_named_by_its_principal() {
    let rows = [
        // Elastic's test-managed-identity-sample.log: userId null. Its 2025 service principal: "" and no name.
        (
            r#"{"category":"ManagedIdentitySignInLogs","properties":{"userId":null,"servicePrincipalName":"build-agent","servicePrincipalId":"sp1"}}"#,
            Some("build-agent"),
        ),
        (
            r#"{"category":"ServicePrincipalSignInLogs","properties":{"servicePrincipalId":"sp1","userDisplayName":"","userId":"","userPrincipalName":"","userType":"Member"}}"#,
            Some("sp1"),
        ),
        (
            r#"{"category":"MicrosoftServicePrincipalSignInLogs","properties":{}}"#,
            None,
        ),
    ];
    for (line, user) in rows {
        let record = read(line);
        assert_eq!(record.user(), user, "{line}");
        assert!(record.is_workload());
        assert_eq!(record.is_interactive(), Some(false));
        assert_eq!(classify(&record).first_factor, FirstFactor::Unknown);
    }
}
