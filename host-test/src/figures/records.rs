//! Streams of sign-in records of an exact size, as alike and as different as those of one tenant are.
//!
//! The tenant's policies stand in each record; user, address, agent, device, application, times and ids change from
//! one to the next. What ends a sign-in follows a usual day: four in five succeed, one in ten stops at a prompt.
//! Everything follows from the number of the record, so the same stream has the same bytes everywhere. Attacks make
//! streams of their own: whoever tries passwords chooses what comes, and must not choose what it costs.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use chrono::{DateTime, Timelike as _, Utc};
use serde_json::{Map, Value};

/// Length and make of the records of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// Bytes of a record, its line end not among them. What the members leave open is filled with the names of scopes,
    /// of which a request can name any number.
    pub bytes: usize,
    /// Conditional Access policies in each record.
    pub policies: usize,
    /// Authentication steps in each record.
    pub steps: usize,
    /// Whether all members are there that Entra writes, or only those that detections read.
    pub whole: bool,
}

impl Form {
    /// A record that a collector has cut down to what detections read.
    pub const CUT_DOWN: Form = Form {
        bytes: 900,
        policies: 0,
        steps: 0,
        whole: false,
    };
    /// A whole record without policies and steps, as a renewal in a tenant without Conditional Access.
    pub const PLAIN: Form = Form {
        bytes: 3_800,
        policies: 0,
        steps: 0,
        whole: true,
    };
    /// A whole record with the twelve policies of a usual tenant and two steps.
    pub const USUAL: Form = Form {
        bytes: 7_200,
        policies: 12,
        steps: 2,
        whole: true,
    };
    /// A whole record of a tenant of many policies, with four steps.
    pub const LONG: Form = Form {
        bytes: 20_000,
        policies: 60,
        steps: 4,
        whole: true,
    };

    /// From the shortest to the longest.
    pub const ALL: [Form; 4] = [Form::CUT_DOWN, Form::PLAIN, Form::USUAL, Form::LONG];
}

/// Who signs in, and from where: what else of a stream changes from one record to the next.
#[derive(Debug, Clone, Copy)]
pub struct Crowd {
    /// They take turns.
    users: u32,
    /// Likewise.
    addresses: u32,
    /// Whether all have the same client.
    one_client: bool,
    /// Milliseconds from one sign-in of a user to the next.
    pace_millis: u64,
    ends: &'static [End],
}

impl Crowd {
    /// Usual sign-ins of so many users, each with an address and a client of their own, some four times in an hour.
    pub fn usual(users: u32) -> Crowd {
        let users = users.max(1);
        Crowd {
            users,
            addresses: users,
            one_client: false,
            pace_millis: 1_000_000,
            ends: &ENDS,
        }
    }

    /// One address tries 2,000 users in turn.
    pub const SPRAY: Crowd = Crowd::attack(2000, 1, &GUESSES);
    /// 2,000 addresses try one user in turn.
    pub const BRUTE_FORCE: Crowd = Crowd::attack(1, 2000, &GUESSES);
    /// One address interrupts one user again and again.
    pub const FLOOD: Crowd = Crowd::attack(1, 1, &PROMPTS);
    /// 2,000 addresses try as many users, each once in a round.
    pub const DISTRIBUTED_SPRAY: Crowd = Crowd::attack(2000, 2000, &REFUSALS);
    /// The same with other clients, so that no signal has an answer before it has looked at all there is.
    pub const DISTRIBUTED_SPRAY_MIXED: Crowd = Crowd {
        one_client: false,
        ..Crowd::DISTRIBUTED_SPRAY
    };

    /// A sign-in a second.
    const fn attack(users: u32, addresses: u32, ends: &'static [End]) -> Crowd {
        Crowd {
            users,
            addresses,
            one_client: true,
            pace_millis: 1000 * users as u64,
            ends,
        }
    }
}

/// An endless stream of records.
#[derive(Debug, Clone)]
pub struct Stream {
    form: Form,
    crowd: Crowd,
    hostile: bool,
    next: u64,
}

/// The shape in which a record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Azure Monitor, the shape whose length is exact.
    AzureMonitor,
    /// Microsoft Graph: the same members without what Azure Monitor puts around them.
    Graph,
    /// A row of Log Analytics: members with a capital letter, and what is no plain value as JSON text in a string.
    LogAnalytics,
}

impl Stream {
    /// Records of so many users, one after the other. Each signs in some four times in an hour of event time.
    pub fn new(form: Form, users: u32) -> Self {
        Stream::of(form, Crowd::usual(users))
    }

    /// Records of a crowd.
    pub fn of(form: Form, crowd: Crowd) -> Self {
        Stream {
            form,
            crowd,
            hostile: false,
            next: 0,
        }
    }

    /// The same with other ids and names of policies in each record, which no tenant has: for whoever relies on them
    /// being the same.
    #[must_use]
    pub fn hostile(mut self) -> Self {
        self.hostile = true;
        self
    }

    /// The next records, as many as begin in so many bytes; at least one.
    pub fn batch(&mut self, bytes: usize) -> String {
        let mut text = String::with_capacity(bytes + self.form.bytes + 1);
        while text.is_empty() || text.len() < bytes {
            text.push_str(&self.record(Shape::AzureMonitor));
            text.push('\n');
        }
        text
    }

    /// The next record, without a line end.
    pub fn record(&mut self, shape: Shape) -> String {
        let sign_in = SignIn::of(self.next, &self.crowd);
        self.next += 1;
        let policies = self.policies(&sign_in);
        match shape {
            Shape::AzureMonitor => {
                let bare = sign_in.azure_monitor(self.form, &policies, 0);
                // A form too short for its members is a defect here, which the test of lengths shows.
                let room = self.form.bytes.saturating_sub(bare.len());
                sign_in.azure_monitor(self.form, &policies, room)
            }
            Shape::Graph => sign_in.properties(self.form, &policies, 0),
            Shape::LogAnalytics => log_analytics(&sign_in.properties(self.form, &policies, 0)),
        }
    }

    /// The next records in one envelope.
    pub fn envelope(&mut self, records: usize) -> String {
        let records: Vec<_> = (0..records)
            .map(|_| self.record(Shape::AzureMonitor))
            .collect();
        format!("{{\"records\":[{}]}}", records.join(","))
    }

    fn policies(&self, sign_in: &SignIn) -> String {
        let mut text = String::new();
        for number in 0..self.form.policies {
            let (name, controls, result) = POLICIES[number % POLICIES.len()];
            let result = if number == 0 {
                sign_in.end.policy
            } else {
                result
            };
            let salt = if self.hostile { sign_in.number + 1 } else { 0 };
            let id = uuid(mix(salt) ^ (number as u64 + 0x70_0000));
            let comma = if number == 0 { "" } else { "," };
            let _ = write!(
                text,
                r#"{comma}{{"id":"{id}","displayName":"CA{number:03} {name}"#
            );
            if self.hostile {
                let _ = write!(text, " {:06x}", mix(salt) >> 40);
            }
            let _ = write!(
                text,
                r#"","enforcedGrantControls":[{controls}],"enforcedSessionControls":[],"result":"{result}","conditionsSatisfied":{},"conditionsNotSatisfied":{}}}"#,
                number % 4,
                1 + number % 3
            );
        }
        text
    }
}

/// How a sign-in ends.
#[derive(Debug)]
struct End {
    /// Of a hundred sign-ins.
    share: u64,
    code: u32,
    reason: &'static str,
    details: &'static str,
    /// Result of the policy that asks for a second factor, and of Conditional Access as a whole.
    policy: &'static str,
    access: &'static str,
    /// Whether the first step succeeded, and what it says.
    first: (bool, &'static str),
}

const ENDS: [End; 6] = [
    End {
        share: 80,
        code: 0,
        reason: "Other.",
        details: "MFA requirement satisfied by claim in the token",
        policy: "success",
        access: "success",
        first: (
            true,
            "First factor requirement satisfied by claim in the token",
        ),
    },
    End {
        share: 10,
        code: 50074,
        reason: "Strong Authentication is required.",
        details: "MFA required in Azure AD",
        policy: "failure",
        access: "failure",
        first: (true, "Correct password"),
    },
    End {
        share: 4,
        code: 50126,
        reason: "Invalid username or password or Invalid on-premise username or password.",
        details: "",
        policy: "notApplied",
        access: "notApplied",
        first: (false, "Invalid username or password"),
    },
    End {
        share: 3,
        code: 50058,
        reason: "Session information is not sufficient for single-sign-on.",
        details: "",
        policy: "notApplied",
        access: "notApplied",
        first: (false, ""),
    },
    End {
        share: 2,
        code: 50140,
        reason: "This error occurred due to 'Keep me signed in' interrupt.",
        details: "",
        policy: "success",
        access: "success",
        first: (true, "Correct password"),
    },
    End {
        share: 1,
        code: 53003,
        reason: "Access has been blocked by Conditional Access policies.",
        details: "",
        policy: "failure",
        access: "failure",
        first: (true, "Correct password"),
    },
];

const WRONG: End = End {
    share: 60,
    code: 50126,
    reason: "Invalid username or password or Invalid on-premise username or password.",
    details: "",
    policy: "notApplied",
    access: "notApplied",
    first: (false, "Invalid username or password"),
};

const LOCKED: End = End {
    share: 20,
    code: 50053,
    reason: "Account is locked because user tried to sign in too many times with an incorrect user ID or password.",
    details: "",
    policy: "notApplied",
    access: "notApplied",
    first: (false, "Account is locked"),
};

const STOPPED: End = End {
    share: 20,
    code: 50076,
    reason: "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication.",
    details: "MFA required in Azure AD",
    policy: "failure",
    access: "failure",
    first: (true, "Correct password"),
};

/// What comes of passwords that are tried.
const GUESSES: [End; 3] = [WRONG, LOCKED, STOPPED];

/// The same, where none is right.
const REFUSALS: [End; 2] = [End { share: 80, ..WRONG }, LOCKED];

/// What a right password alone gives.
const PROMPTS: [End; 2] = [
    End {
        share: 50,
        ..STOPPED
    },
    End {
        share: 50,
        code: 50074,
        reason: "Strong Authentication is required.",
        ..STOPPED
    },
];

/// Name without number, controls, result.
const POLICIES: [(&str, &str, &str); 12] = [
    ("Require MFA for all users", "\"Mfa\"", "success"),
    ("Require MFA for administrators", "\"Mfa\"", "notApplied"),
    ("Block legacy authentication", "\"Block\"", "notApplied"),
    (
        "Compliant device for finance apps",
        "\"RequireCompliantDevice\"",
        "notApplied",
    ),
    (
        "Hybrid joined device for file servers",
        "\"RequireDomainJoinedDevice\"",
        "notApplied",
    ),
    (
        "Approved apps on phones",
        "\"RequireApprovedApp\",\"RequireCompliantApplication\"",
        "notApplied",
    ),
    ("Block countries without staff", "\"Block\"", "notApplied"),
    (
        "Guest terms of use",
        "\"Contoso guest terms of use\"",
        "notApplied",
    ),
    ("Sign-in frequency 12 hours", "", "notApplied"),
    (
        "Block device code flow",
        "\"Block\"",
        "reportOnlyNotApplied",
    ),
    ("Require MFA to register methods", "\"Mfa\"", "notApplied"),
    (
        "Block legacy authentication for guests",
        "\"Block\"",
        "reportOnlyNotApplied",
    ),
];

/// Name and resource.
const APPS: [(&str, &str); 8] = [
    (
        "Office 365 SharePoint Online",
        "Office 365 SharePoint Online",
    ),
    ("Office 365 Exchange Online", "Office 365 Exchange Online"),
    ("Microsoft Teams", "Microsoft Graph"),
    ("OfficeHome", "Windows Azure Active Directory"),
    ("Azure Portal", "Windows Azure Service Management API"),
    ("One Outlook Web", "Office 365 Exchange Online"),
    ("My Apps", "Microsoft Graph"),
    ("Contoso Expenses", "Microsoft Graph"),
];

/// Agent without its last number, system, browser.
const AGENTS: [(&str, &str, &str); 6] = [
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 Safari/537.36 Edg/145.0.0",
        "Windows10",
        "Edge 145.0.0",
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0",
        "Windows10",
        "Chrome 145.0.0",
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Safari/605.1",
        "MacOs",
        "Safari 18.3",
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Mobile/15E148 Safari/604",
        "Ios 18.3",
        "Mobile Safari 18.3",
    ),
    (
        "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0",
        "Android 15",
        "Chrome Mobile 145.0.0",
    ),
    (
        "Mozilla/5.0 (X11; Linux x86_64; rv:135.0) Gecko/20100101 Firefox/135",
        "Linux",
        "Firefox 135.0",
    ),
];

/// City, canton, latitude, longitude.
const CITIES: [(&str, &str, f64, f64); 4] = [
    ("Zürich", "Zürich", 47.37854, 8.54026),
    ("Winterthur", "Zürich", 47.50564, 8.72413),
    ("Bern", "Bern", 46.94809, 7.44744),
    ("Genève", "Genève", 46.20222, 6.14569),
];

const FIRST_NAMES: [&str; 16] = [
    "Marc", "Jana", "Luca", "Sophie", "Noah", "Lea", "Elias", "Nina", "Samuel", "Laura", "David",
    "Anna", "Simon", "Sara", "Tim", "Eva",
];

const LAST_NAMES: [&str; 16] = [
    "Oberholzer",
    "Kessler",
    "Meier",
    "Favre",
    "Brunner",
    "Rochat",
    "Keller",
    "Schmid",
    "Bianchi",
    "Gerber",
    "Moser",
    "Weber",
    "Huber",
    "Frei",
    "Graf",
    "Baumann",
];

/// What the rest of a record is filled with.
const SCOPES: &str = "openid profile email offline_access User.Read User.ReadBasic.All Mail.ReadWrite Mail.Send Calendars.ReadWrite Contacts.Read People.Read Files.ReadWrite.All Sites.Read.All Group.Read.All Team.ReadBasic.All Channel.ReadBasic.All Chat.ReadWrite Presence.Read.All Notes.ReadWrite Tasks.ReadWrite ";

const TENANT: &str = "6f3c2a91-4b0e-4d57-9a86-1c2f7be0d143";

/// 2026-03-02T08:00:00Z, in milliseconds since 1970.
const START_MILLIS: u64 = 1_772_438_400_000;

struct SignIn {
    number: u64,
    user: u64,
    /// The number of the address.
    place: u64,
    /// The number of the client.
    client: u64,
    end: &'static End,
    user_text: String,
    name: String,
    address: String,
    created: String,
    emitted: String,
    id: String,
    correlation: String,
}

impl SignIn {
    fn of(number: u64, crowd: &Crowd) -> SignIn {
        let users = u64::from(crowd.users);
        // All in turn, so that as many users are seen as are asked for.
        let user = number % users;
        let place = number % u64::from(crowd.addresses);
        let at = START_MILLIS + number * crowd.pace_millis / users;
        let mut left = mix(number) % 100;
        let end = crowd.ends.iter().find(|end| {
            let found = left < end.share;
            left = left.saturating_sub(end.share);
            found
        });
        let first = FIRST_NAMES[pick(user, 1, FIRST_NAMES.len())];
        let last = LAST_NAMES[pick(user, 2, LAST_NAMES.len())];
        SignIn {
            number,
            user,
            place,
            client: if crowd.one_client { 0 } else { user },
            end: end.unwrap_or(&ENDS[0]),
            user_text: format!(
                "{}.{}{user}@contoso.example",
                first.to_lowercase(),
                last.to_lowercase()
            ),
            name: format!("{first} {last}"),
            address: Ipv4Addr::from_bits(0x0b00_0000 + u32::try_from(place).unwrap_or(0))
                .to_string(),
            created: time(at, number),
            emitted: time(at + 60_000 + mix(number) % 120_000, number),
            id: uuid(number << 2 | 1),
            correlation: uuid(number << 2 | 2),
        }
    }

    /// `fill` bytes are put where they do no harm.
    fn azure_monitor(&self, form: Form, policies: &str, fill: usize) -> String {
        let properties = self.properties(form, policies, fill);
        let (id, correlation) = (TENANT, &self.correlation);
        let End { code, reason, .. } = self.end;
        let (emitted, address, name) = (&self.emitted, &self.address, &self.name);
        if !form.whole {
            return format!(
                r#"{{"time":"{emitted}Z","category":"SignInLogs","tenantId":"{id}","resultType":"{code}","properties":{properties}}}"#
            );
        }
        format!(
            r#"{{"time":"{emitted}Z","resourceId":"/tenants/{id}/providers/Microsoft.aadiam","operationName":"Sign-in activity","operationVersion":"1.0","category":"SignInLogs","tenantId":"{id}","resultType":"{code}","resultSignature":"None","resultDescription":"{reason}","durationMs":0,"callerIpAddress":"{address}","correlationId":"{correlation}","identity":"{name}","Level":4,"location":"CH","properties":{properties}}}"#
        )
    }

    /// The sign-in itself.
    fn properties(&self, form: Form, policies: &str, fill: usize) -> String {
        let SignIn {
            number,
            user,
            place,
            client,
            user_text,
            name,
            address,
            created,
            id,
            correlation,
            ..
        } = self;
        let End {
            code,
            reason,
            details,
            access,
            ..
        } = self.end;
        let user_id = uuid(user << 2 | 3 | 1 << 60);
        let (app, resource) = APPS[pick(*number, 3, APPS.len())];
        let app_id = uuid(pick(*number, 3, APPS.len()) as u64 | 1 << 61);
        let (agent, system, browser) = AGENTS[pick(*client, 4, AGENTS.len())];
        let agent_minor = client % 7;
        let (city, canton, latitude, longitude) = CITIES[pick(*place, 5, CITIES.len())];
        let asn = 64_496 + place % 16;
        let session = uuid(user << 2 | 1 << 62);
        let device = if client.is_multiple_of(3) {
            String::new()
        } else {
            uuid(client << 2 | 1 << 59)
        };
        let token = &uuid(number << 2)[14..];
        let scopes: String = SCOPES.chars().cycle().take(fill).collect();
        let steps = self.steps(form.steps);
        if !form.whole {
            return format!(
                r#"{{"id":"{id}","createdDateTime":"{created}Z","userPrincipalName":"{user_text}","appDisplayName":"{app}","ipAddress":"{address}","status":{{"errorCode":{code}}},"clientAppUsed":"Browser","userAgent":"{agent}.{agent_minor}","deviceDetail":{{"deviceId":"{device}"}},"location":{{"city":"{city}","countryOrRegion":"CH"}},"correlationId":"{correlation}","isInteractive":true,"autonomousSystemNumber":{asn},"scopes":"{scopes}"}}"#
            );
        }
        format!(
            r#"{{"id":"{id}","createdDateTime":"{created}+00:00","userDisplayName":"{name}","userPrincipalName":"{user_text}","userId":"{user_id}","appId":"{app_id}","appDisplayName":"{app}","ipAddress":"{address}","status":{{"errorCode":{code},"failureReason":"{reason}","additionalDetails":"{details}"}},"clientAppUsed":"Browser","userAgent":"{agent}.{agent_minor}","deviceDetail":{{"deviceId":"{device}","operatingSystem":"{system}","browser":"{browser}"}},"location":{{"city":"{city}","state":"{canton}","countryOrRegion":"CH","geoCoordinates":{{"latitude":{latitude},"longitude":{longitude}}}}},"mfaDetail":{{}},"correlationId":"{correlation}","conditionalAccessStatus":"{access}","appliedConditionalAccessPolicies":[{policies}],"authenticationContextClassReferences":[],"originalRequestId":"{id}","isInteractive":true,"tokenIssuerName":"","tokenIssuerType":"AzureAD","authenticationProcessingDetails":[{{"key":"Legacy TLS (TLS 1.0, 1.1, 3DES)","value":"False"}},{{"key":"Is CAE Token","value":"False"}},{{"key":"Oauth Scope Info","value":"{scopes}"}}],"networkLocationDetails":[],"clientCredentialType":"none","processingTimeInMilliseconds":{milliseconds},"riskDetail":"none","riskLevelAggregated":"none","riskLevelDuringSignIn":"none","riskState":"none","riskEventTypes":[],"riskEventTypes_v2":[],"resourceDisplayName":"{resource}","resourceId":"{app_id}","resourceTenantId":"{TENANT}","homeTenantId":"{TENANT}","tenantId":"{TENANT}","authenticationDetails":[{steps}],"authenticationRequirementPolicies":[],"sessionLifetimePolicies":[],"authenticationRequirement":"multiFactorAuthentication","alternateSignInName":"{user_text}","signInIdentifier":"{user_text}","servicePrincipalId":"","userType":"Member","flaggedForReview":false,"isTenantRestricted":false,"autonomousSystemNumber":{asn},"crossTenantAccessType":"none","privateLinkDetails":{{}},"ssoExtensionVersion":"","uniqueTokenIdentifier":"{token}","authenticationStrengths":[],"incomingTokenType":"none","authenticationProtocol":"none","appServicePrincipalId":null,"resourceServicePrincipalId":"b4ef3bb3-eebc-436c-92c2-74bb47722c48","rngcStatus":0,"signInTokenProtectionStatus":"unbound","tokenProtectionStatusDetails":{{"signInSessionStatus":"unbound","signInSessionStatusCode":1002}},"originalTransferMethod":"none","isThroughGlobalSecureAccess":false,"globalSecureAccessIpAddress":"","conditionalAccessAudiences":["{app_id}"],"sessionId":"{session}","appOwnerTenantId":"f8cdef31-a31e-4b4a-93e4-5f571e91255a"}}"#,
            milliseconds = 100 + number % 900,
        )
    }

    fn steps(&self, count: usize) -> String {
        let created = &self.created;
        let (succeeded, detail) = self.end.first;
        let details = self.end.details;
        let step = |number| {
            if number == 0 {
                format!(
                    r#"{{"authenticationStepDateTime":"{created}+00:00","authenticationMethod":"Password","authenticationMethodDetail":"Password in the cloud","succeeded":{succeeded},"authenticationStepResultDetail":"{detail}","authenticationStepRequirement":"Primary authentication","StatusSequence":0,"RequestSequence":1}}"#
                )
            } else {
                let passed = self.end.code == 0;
                format!(
                    r#"{{"authenticationStepDateTime":"{created}+00:00","succeeded":{passed},"authenticationStepResultDetail":"{details}","authenticationStepRequirement":"Primary authentication","StatusSequence":0,"RequestSequence":{number}}}"#
                )
            }
        };
        (0..count).map(step).collect::<Vec<_>>().join(",")
    }
}

/// The members of a Graph record as a row of `AADNonInteractiveUserSignInLogs` has them.
fn log_analytics(graph: &str) -> String {
    let Ok(Value::Object(members)) = serde_json::from_str(graph) else {
        return String::new();
    };
    let mut row = Map::new();
    for (name, value) in members {
        let name = match name.as_str() {
            "appliedConditionalAccessPolicies" => "ConditionalAccessPolicies".to_owned(),
            "location" => "LocationDetails".to_owned(),
            "ipAddress" => "IPAddress".to_owned(),
            "tenantId" => "AADTenantId".to_owned(),
            _ => name[..1].to_uppercase() + &name[1..],
        };
        let value = match value {
            Value::Array(_) | Value::Object(_) => {
                let text = serde_json::to_string_pretty(&value).unwrap_or_default();
                Value::String(text.replace('\n', "\r\n"))
            }
            plain => plain,
        };
        row.insert(name, value);
    }
    row.insert("Category".into(), "NonInteractiveUserSignInLogs".into());
    row.insert("Type".into(), "AADNonInteractiveUserSignInLogs".into());
    Value::Object(row).to_string()
}

/// Spreads the bits of a number: a bijection (the last step of `SplitMix64`).
fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

/// One of `count`, for each `purpose` another one.
fn pick(number: u64, purpose: u64, count: usize) -> usize {
    let picked = mix(number ^ purpose << 56) % count as u64;
    usize::try_from(picked).unwrap_or(0)
}

/// Another id for each number.
fn uuid(number: u64) -> String {
    let (high, low) = (mix(number), mix(!number));
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0xfff,
        low & 0xffff_ffff_ffff
    )
}

/// The time without a zone, seconds with seven places as Entra writes them.
fn time(millis: u64, number: u64) -> String {
    let at = DateTime::<Utc>::from_timestamp_millis(millis.cast_signed()).unwrap_or_default();
    format!(
        "{:?}T{:02}:{:02}:{:02}.{:03}{:04}",
        at.date_naive(),
        at.hour(),
        at.minute(),
        at.second(),
        millis % 1000,
        mix(number) % 10_000
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn text<'a>(record: &'a Value, name: &str) -> &'a str {
        record["properties"][name].as_str().unwrap_or_default()
    }

    #[test]
    fn every_record_is_json_of_the_length_it_says() {
        for form in Form::ALL {
            for mut stream in [
                Stream::new(form, 1_000_000),
                Stream::new(form, 1_000_000).hostile(),
            ] {
                for _ in 0..200 {
                    let line = stream.record(Shape::AzureMonitor);
                    assert_eq!(line.len(), form.bytes, "{form:?}");
                    let record: Value = serde_json::from_str(&line).expect("JSON");
                    let count = |name: &str| record["properties"][name].as_array().map(Vec::len);
                    if form.whole {
                        let (policies, steps) =
                            ("appliedConditionalAccessPolicies", "authenticationDetails");
                        assert_eq!(count(policies), Some(form.policies));
                        assert_eq!(count(steps), Some(form.steps));
                    }
                }
            }
        }
    }

    #[test]
    fn records_differ_and_policies_do_not_unless_told() {
        for (hostile, texts) in [(false, 12), (true, 12 * 100)] {
            let stream = Stream::new(Form::USUAL, 100);
            let mut stream = if hostile { stream.hostile() } else { stream };
            let mut seen: [HashSet<String>; 4] = Default::default();
            for _ in 0..100 {
                let line = stream.record(Shape::AzureMonitor);
                let record: Value = serde_json::from_str(&line).expect("JSON");
                for (seen, name) in seen
                    .iter_mut()
                    .zip(["id", "userPrincipalName", "ipAddress"])
                {
                    seen.insert(text(&record, name).to_owned());
                }
                let policies = &record["properties"]["appliedConditionalAccessPolicies"];
                for policy in policies.as_array().expect("policies") {
                    seen[3].insert(policy["displayName"].to_string());
                }
            }
            assert_eq!(seen.map(|seen| seen.len()), [100, 100, 100, texts]);
        }
    }

    #[test]
    fn the_other_shapes_are_read() {
        let mut stream = Stream::new(Form::USUAL, 100);
        let batch = [
            stream.record(Shape::Graph),
            stream.record(Shape::LogAnalytics),
            stream.envelope(3),
        ];
        let mut session = signin_triage::Session::open(signin_triage::Config::default());
        let outcome = session.process(&batch.join("\n"));
        assert_eq!(outcome.kept.matches("\"signin_triage\":").count(), 5);
        assert_eq!(outcome.kept.matches("\"cause\":\"unknown\"").count(), 0);
    }
}
