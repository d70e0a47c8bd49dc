//! Records as Azure Monitor writes them: one JSON object a line, its members in the service's order.

use std::fmt::Write as _;

use super::attacks::Attacks;
use super::calendar::{self, MINUTE, SECOND};
use super::clients::{CLIENTS, Trust};
use super::people::{Kind, Method, Person};
use super::places::{CITIES, Ip, Named, Place};
use super::random::{Purpose, mix, scramble};
use super::record::{Event, Log, Proof, Risk, Token, Verdict, Who};
use super::tenant::{
    APPS, FREQUENCY, GUEST_TERMS, MICROSOFT_TENANT_ID, PARTNER_TENANT_ID, POLICIES, REQUIRE_MFA,
    TENANT_ID, Tenant,
};
use super::truth::{reason, status};
use super::workloads;

/// A JSON object being written.
pub(super) struct Object<'a> {
    out: &'a mut String,
    empty: bool,
}

impl<'a> Object<'a> {
    pub fn open(out: &'a mut String) -> Object<'a> {
        out.push('{');
        Object { out, empty: true }
    }

    fn key(&mut self, key: &str) {
        if !self.empty {
            self.out.push(',');
        }
        self.empty = false;
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
    }

    /// JSON that stands as it is.
    pub fn raw(&mut self, key: &str, json: &str) {
        self.key(key);
        self.out.push_str(json);
    }

    pub fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        self.out.push('"');
        for character in text.chars() {
            // Nothing here holds a control character.
            if matches!(character, '"' | '\\') {
                self.out.push('\\');
            }
            self.out.push(character);
        }
        self.out.push('"');
    }

    pub fn number(&mut self, key: &str, number: u64) {
        self.key(key);
        let _ = write!(self.out, "{number}");
    }

    pub fn flag(&mut self, key: &str, flag: bool) {
        self.raw(key, if flag { "true" } else { "false" });
    }

    fn time(&mut self, key: &str, at: i64, ticks: u64, zone: &str) {
        self.key(key);
        self.out.push('"');
        calendar::write(self.out, at, ticks, zone);
        self.out.push('"');
    }

    pub fn object(&mut self, key: &str) -> Object<'_> {
        self.key(key);
        Object::open(self.out)
    }

    fn degrees(&mut self, key: &str, degrees: f64) {
        self.key(key);
        let _ = write!(self.out, "{degrees:?}");
    }

    pub fn close(self) {
        self.out.push('}');
    }
}

/// A random-looking id of version 4.
pub(super) fn uuid(bits: u64) -> String {
    let high = scramble(!bits);
    hexed(high, scramble(high))
}

/// An id of a request. They end in two zeros on the wire.
pub(super) fn request_id(bits: u64) -> String {
    let high = scramble(!bits);
    hexed(high, scramble(high) & !0xff)
}

fn hexed(high: u64, low: u64) -> String {
    let high = (high & 0xffff_ffff_ffff_0fff) | 0x4000;
    let low = (low & 0x3fff_ffff_ffff_ffff) | 1 << 63;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

/// 22 characters, of which the last two are always the same: a number of sixteen bytes in base64 for addresses.
fn token_id(bits: u64) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(22);
    let mut left = u128::from(bits) << 64 | u128::from(scramble(bits));
    for _ in 0..20 {
        text.push(char::from(DIGITS[usize::try_from(left & 63).unwrap_or(0)]));
        left >>= 6;
    }
    text.push_str("AA");
    text
}

fn address(ip: Ip) -> String {
    match ip {
        Ip::None => String::new(),
        Ip::V4(bits) => std::net::Ipv4Addr::from_bits(bits).to_string(),
        Ip::V6(bits) => std::net::Ipv6Addr::from_bits(bits).to_string(),
    }
}

/// Whom the record names.
pub(super) struct OnWire {
    pub display: String,
    pub principal: String,
    pub id: String,
    guest: bool,
}

pub(super) fn name(tenant: &Tenant, attacks: &Attacks, event: &Event) -> OnWire {
    match event.who {
        Who::Account(number) => {
            let person = Person::new(tenant, number);
            OnWire {
                display: person.display_name(),
                principal: person.principal_name(),
                id: person.id(tenant),
                guest: person.kind == Kind::Guest,
            }
        }
        Who::Workload(number) => workload(workloads::service(tenant, number)),
        Who::Managed(number) => workload(workloads::managed(tenant, number)),
        Who::Stranger(number) => {
            let name = &attacks.strangers[number as usize];
            OnWire {
                display: name.clone(),
                principal: name.clone(),
                id: "00000000-0000-0000-0000-000000000000".to_owned(),
                guest: false,
            }
        }
        Who::Unknown(bits) => OnWire {
            display: String::new(),
            principal: uuid(bits),
            id: "00000000-0000-0000-0000-000000000000".to_owned(),
            guest: false,
        },
    }
}

fn workload(of: workloads::Principal) -> OnWire {
    OnWire {
        display: of.name.clone(),
        principal: of.name,
        id: of.id,
        guest: false,
    }
}

/// Writes a record. `late` is by how much it arrives later than records do anyway.
pub(super) fn write(out: &mut String, tenant: &Tenant, event: &Event, named: &OnWire, late: i64) {
    let ip = address(event.place.ip);
    let correlation = uuid(event.correlation);
    let city = &CITIES[usize::from(event.place.city)];
    let interactive = event.log == Log::Interactive;
    let of_user = matches!(event.log, Log::Interactive | Log::NonInteractive);
    // Entra takes one to four minutes to write a record down.
    let spread = (scramble(event.id) % 180_000).cast_signed();
    let written = event.at + MINUTE + spread + late;

    let mut record = Object::open(out);
    record.time("time", written, event.id >> 14, "Z");
    record.text(
        "resourceId",
        "/tenants/6f3c2a91-4b0e-4d57-9a86-1c2f7be0d143/providers/Microsoft.aadiam",
    );
    record.text("operationName", "Sign-in activity");
    record.text("operationVersion", "1.0");
    record.text("category", event.log.category());
    record.text("tenantId", TENANT_ID);
    record.key("resultType");
    let _ = write!(record.out, "\"{}\"", event.code);
    record.text(
        "resultSignature",
        match (interactive, event.code) {
            (true, _) => "None",
            (false, 0) => "SUCCESS",
            (false, _) => "FAILURE",
        },
    );
    if event.code != 0 {
        record.text("resultDescription", reason(event.code));
    }
    record.number("durationMs", 0);
    if event.place.ip != Ip::None {
        record.text("callerIpAddress", &ip);
    }
    record.text("correlationId", &correlation);
    if of_user && !named.display.is_empty() {
        record.text("identity", &named.display);
    }
    record.number("Level", 4);
    if event.place.ip != Ip::None {
        record.text("location", city.country);
    }
    let mut properties = record.object("properties");
    properties.text("id", &request_id(event.id));
    properties.time("createdDateTime", event.at, event.ticks(), "+00:00");
    if of_user {
        user_properties(&mut properties, event, named, &ip, &correlation);
    } else {
        workload_properties(&mut properties, tenant, event, named, &ip, &correlation);
    }
    properties.close();
    record.close();
    out.push('\n');
}

fn user_properties(
    of: &mut Object<'_>,
    event: &Event,
    named: &OnWire,
    ip: &str,
    correlation: &str,
) {
    let interactive = event.log == Log::Interactive;
    let client = &CLIENTS[usize::from(event.client)];
    let (app, resource) = (
        &APPS[usize::from(event.app)],
        &APPS[usize::from(event.resource)],
    );
    let home = if named.guest {
        PARTNER_TENANT_ID
    } else {
        TENANT_ID
    };
    of.text("userDisplayName", &named.display);
    of.text("userPrincipalName", &named.principal);
    of.text("userId", &named.id);
    of.text("appId", app.id);
    of.text("appDisplayName", app.name);
    of.text("ipAddress", ip);
    status_of(of, event);
    of.text("clientAppUsed", client.used.name());
    of.text("userAgent", client.user_agent);
    device(of, event, client.os, client.browser);
    location(of, &event.place);
    if interactive {
        mfa_detail(of, event.proof);
    }
    of.text("correlationId", correlation);
    policies(of, event, interactive || event.code != 0);
    of.raw("authenticationContextClassReferences", "[]");
    of.text("originalRequestId", &request_id(event.id));
    of.flag("isInteractive", interactive);
    of.text("tokenIssuerName", "");
    of.text("tokenIssuerType", "AzureAD");
    of.raw(
        "authenticationProcessingDetails",
        match (interactive, client.used.is_legacy()) {
            (_, true) => r#"[{"key":"Legacy TLS (TLS 1.0, 1.1, 3DES)","value":"False"},{"key":"Is CAE Token","value":"False"},{"key":"Domain Hint Present","value":"False"}]"#,
            (true, _) => r#"[{"key":"Legacy TLS (TLS 1.0, 1.1, 3DES)","value":"False"},{"key":"Is CAE Token","value":"False"}]"#,
            (false, _) => r#"[{"key":"Legacy TLS (TLS 1.0, 1.1, 3DES)","value":"False"},{"key":"Oauth Scope Info","value":"[\"email\",\"openid\",\"profile\"]"},{"key":"Is CAE Token","value":"False"}]"#,
        },
    );
    of.raw(
        "networkLocationDetails",
        match event.place.named {
            Named::No => "[]",
            Named::Trusted => {
                r#"[{"networkType":"trustedNamedLocation","networkNames":["Contoso offices"]}]"#
            }
            Named::Plain => {
                r#"[{"networkType":"namedNetwork","networkNames":["Contoso other networks"]}]"#
            }
        },
    );
    of.text("clientCredentialType", "none");
    of.number("processingTimeInMilliseconds", 60 + event.id % 640);
    risk(of, event.risk, event.code);
    of.raw("riskEventTypes", "[]");
    of.raw(
        "riskEventTypes_v2",
        match event.risk {
            Risk::None => "[]",
            Risk::Low | Risk::Medium => r#"["unfamiliarFeatures"]"#,
            Risk::High => r#"["anonymizedIPAddress","unfamiliarFeatures"]"#,
        },
    );
    of.text("resourceDisplayName", resource.name);
    of.text("resourceId", resource.id);
    of.text("resourceTenantId", TENANT_ID);
    of.text("homeTenantId", home);
    of.text("tenantId", TENANT_ID);
    steps(of, event);
    of.raw(
        "authenticationRequirementPolicies",
        if event.verdict == Verdict::Met(REQUIRE_MFA)
            || event.verdict == Verdict::Failed(REQUIRE_MFA)
        {
            r#"[{"requirementProvider":"multiConditionalAccess","detail":"Conditional Access"}]"#
        } else {
            "[]"
        },
    );
    of.raw("sessionLifetimePolicies", "[]");
    of.text(
        "authenticationRequirement",
        if event.proof.is_multi_factor() {
            "multiFactorAuthentication"
        } else {
            "singleFactorAuthentication"
        },
    );
    of.text("alternateSignInName", &named.principal);
    of.text("signInIdentifier", &named.principal);
    of.text("servicePrincipalId", "");
    of.text("userType", if named.guest { "Guest" } else { "Member" });
    of.flag("flaggedForReview", false);
    of.flag("isTenantRestricted", false);
    of.number("autonomousSystemNumber", u64::from(event.place.asn));
    of.text(
        "crossTenantAccessType",
        if named.guest {
            "b2bCollaboration"
        } else {
            "none"
        },
    );
    of.raw("privateLinkDetails", "{}");
    of.text("ssoExtensionVersion", "");
    of.text("uniqueTokenIdentifier", &token_id(event.id));
    of.raw("authenticationStrengths", "[]");
    of.text("incomingTokenType", event.token.name());
    of.text("authenticationProtocol", event.protocol.name());
    of.raw("appServicePrincipalId", "null");
    of.text("resourceServicePrincipalId", &resource_principal(event));
    of.number("rngcStatus", 0);
    let bound = event.token == Token::Primary || event.proof == Proof::Hello;
    of.text(
        "signInTokenProtectionStatus",
        if bound { "bound" } else { "unbound" },
    );
    of.raw(
        "tokenProtectionStatusDetails",
        if bound {
            r#"{"signInSessionStatus":"bound","signInSessionStatusCode":0}"#
        } else {
            r#"{"signInSessionStatus":"unbound","signInSessionStatusCode":1002}"#
        },
    );
    of.text(
        "originalTransferMethod",
        if event.by_device_code {
            "deviceCodeFlow"
        } else {
            "none"
        },
    );
    of.flag("isThroughGlobalSecureAccess", false);
    of.text("globalSecureAccessIpAddress", "");
    of.raw(
        "signInEventTypes",
        if interactive {
            r#"["interactiveUser"]"#
        } else {
            r#"["nonInteractiveUser"]"#
        },
    );
    audiences(of, resource.id);
    if event.session == 0 {
        of.text("sessionId", "");
    } else {
        of.text("sessionId", &uuid(event.session));
    }
    owners(of, app.own, resource.own);
}

fn workload_properties(
    of: &mut Object<'_>,
    tenant: &Tenant,
    event: &Event,
    named: &OnWire,
    ip: &str,
    correlation: &str,
) {
    let resource = &APPS[usize::from(event.resource)];
    let (principal, managed) = match event.who {
        Who::Managed(number) => (workloads::managed(tenant, number), true),
        Who::Workload(number) => (workloads::service(tenant, number), false),
        _ => return,
    };
    of.raw("userId", "null");
    of.raw("agent", r#"{"agentType":"notAgentic","parentAppId":""}"#);
    of.text("appId", &principal.app_id);
    of.text("ipAddress", ip);
    status_of(of, event);
    let user_agent = CLIENTS[usize::from(event.client)].user_agent;
    if !user_agent.is_empty() {
        of.text("userAgent", user_agent);
    }
    location(of, &event.place);
    of.text("correlationId", correlation);
    of.text("conditionalAccessStatus", "notApplied");
    of.raw("appliedConditionalAccessPolicies", "[]");
    of.flag("isInteractive", false);
    of.text("tokenIssuerType", "AzureAD");
    of.raw(
        "authenticationProcessingDetails",
        r#"[{"key":"Azure AD App Authentication Library","value":"Family: MSAL Library: MSAL.NetCore 4.67.2 Platform: Linux"}]"#,
    );
    of.raw("networkLocationDetails", "[]");
    of.text(
        "clientCredentialType",
        if managed {
            "none"
        } else {
            principal.credential
        },
    );
    of.number("processingTimeInMilliseconds", 0);
    risk(of, event.risk, event.code);
    of.text("resourceDisplayName", resource.name);
    of.text("resourceId", resource.id);
    of.text("servicePrincipalName", &named.principal);
    of.text("servicePrincipalId", &named.id);
    of.flag("flaggedForReview", false);
    of.flag("isTenantRestricted", false);
    if !managed {
        of.number("autonomousSystemNumber", u64::from(event.place.asn));
    }
    of.text("crossTenantAccessType", "none");
    if !managed {
        let key = mix(tenant.seed, Purpose::Object, &[event.session]);
        of.text("servicePrincipalCredentialKeyId", &uuid(key));
    }
    of.text("uniqueTokenIdentifier", &token_id(event.id));
    of.text("incomingTokenType", "none");
    of.text("authenticationProtocol", "none");
    of.raw("appServicePrincipalId", "null");
    of.text("resourceServicePrincipalId", &resource_principal(event));
    of.text("signInTokenProtectionStatus", "none");
    of.text("originalTransferMethod", "none");
    of.flag("isThroughGlobalSecureAccess", false);
    of.raw(
        "signInEventTypes",
        if managed {
            r#"["managedIdentity"]"#
        } else {
            r#"["servicePrincipal"]"#
        },
    );
    audiences(of, resource.id);
    of.text("sessionId", "");
    owners(of, true, resource.own);
}

fn status_of(of: &mut Object<'_>, event: &Event) {
    let mut status = of.object("status");
    status.number("errorCode", u64::from(event.code));
    if event.code != 0 {
        status.text("failureReason", reason(event.code));
    }
    let details = match event.proof {
        Proof::SecondNeeded if event.code != 0 => "MFA required in Azure AD",
        Proof::Second(_) => "MFA completed in Azure AD",
        Proof::SecondFailed(_, text) => text.words(),
        Proof::SecondSkipped => "MFA requirement skipped due to IP address",
        Proof::Claim => "MFA requirement satisfied by claim in the token",
        Proof::Hello | Proof::Key | Proof::PhoneSignIn => {
            "MFA requirement satisfied by strong authentication"
        }
        Proof::WrongPassword if event.code == 50126 => {
            "The user didn't enter the right credentials.  It's expected to see some number of these errors in your logs due to users making mistakes."
        }
        _ => "",
    };
    if !details.is_empty() {
        status.text("additionalDetails", details);
    }
    status.close();
}

fn device(of: &mut Object<'_>, event: &Event, os: &str, browser: &str) {
    let mut device = of.object("deviceDetail");
    let known = event.device.trust != Trust::None;
    device.text(
        "deviceId",
        &if known {
            uuid(event.device.bits)
        } else {
            String::new()
        },
    );
    if known {
        let name = format!("CTS-{:05}", event.device.bits % 100_000);
        device.text("displayName", &name);
    }
    device.text("operatingSystem", os);
    device.text("browser", browser);
    if known {
        device.flag("isCompliant", event.device.compliant);
        device.flag(
            "isManaged",
            event.device.compliant || event.device.managed(),
        );
        device.text("trustType", event.device.trust.name());
    }
    device.close();
}

fn location(of: &mut Object<'_>, place: &Place) {
    let mut location = of.object("location");
    if place.ip == Ip::None {
        location.text("city", "");
        location.text("state", "");
        location.text("countryOrRegion", "");
        location.raw("geoCoordinates", r#"{"latitude":0.0,"longitude":0.0}"#);
    } else {
        let city = &CITIES[usize::from(place.city)];
        location.text("city", city.name);
        location.text("state", city.state);
        location.text("countryOrRegion", city.country);
        let mut point = location.object("geoCoordinates");
        point.degrees("latitude", city.latitude);
        point.degrees("longitude", city.longitude);
        point.close();
    }
    location.close();
}

fn method_name(method: Method) -> &'static str {
    match method {
        Method::Push => "Mobile app notification",
        Method::Code => "Mobile app verification code",
        Method::Text => "Text message",
        Method::Call => "Phone call approval (Authentication phone)",
    }
}

fn mfa_detail(of: &mut Object<'_>, proof: Proof) {
    match proof {
        Proof::Second(method) | Proof::SecondFailed(method, _) => {
            let mut detail = of.object("mfaDetail");
            detail.text("authMethod", method_name(method));
            if matches!(method, Method::Text | Method::Call) {
                detail.text("authDetail", "+XX XXXXXXX17");
            }
            detail.close();
        }
        _ => of.raw("mfaDetail", "{}"),
    }
}

fn policies(of: &mut Object<'_>, event: &Event, all: bool) {
    of.text(
        "conditionalAccessStatus",
        match event.verdict {
            Verdict::NotApplied => "notApplied",
            Verdict::Met(_) => "success",
            Verdict::Failed(_) => "failure",
        },
    );
    of.key("appliedConditionalAccessPolicies");
    of.out.push('[');
    // Refreshed tokens list the one policy that was evaluated, which keeps nine records of ten short.
    let mut first = true;
    for (index, policy) in POLICIES.iter().enumerate() {
        let named = matches!(event.verdict, Verdict::Met(at) | Verdict::Failed(at) if at == index);
        if !(all && event.proof != Proof::Nothing || named) {
            continue;
        }
        if !first {
            of.out.push(',');
        }
        first = false;
        let result = match event.verdict {
            Verdict::Met(at) if at == index => "success",
            Verdict::Failed(at) if at == index => "failure",
            _ if policy.report_only => "reportOnlyNotApplied",
            _ => "notApplied",
        };
        let mut one = Object::open(of.out);
        one.text("id", policy.id);
        one.text("displayName", policy.name);
        one.key("enforcedGrantControls");
        let _ = write!(one.out, "[{}]", policy.grants);
        one.key("enforcedSessionControls");
        let _ = write!(one.out, "[{}]", policy.sessions);
        one.text("result", result);
        let met = matches!(index, GUEST_TERMS | FREQUENCY) || named;
        one.number("conditionsSatisfied", if met { 3 } else { 1 });
        one.number("conditionsNotSatisfied", if named { 0 } else { 2 });
        one.close();
    }
    of.out.push(']');
}

fn risk(of: &mut Object<'_>, risk: Risk, code: u32) {
    of.text("riskDetail", "none");
    of.text("riskLevelAggregated", risk.name());
    of.text("riskLevelDuringSignIn", risk.name());
    let at_risk = risk != Risk::None && status(code) != "failure";
    of.text("riskState", if at_risk { "atRisk" } else { "none" });
}

fn audiences(of: &mut Object<'_>, resource: &str) {
    of.key("conditionalAccessAudiences");
    let _ = write!(of.out, "[\"{resource}\"]");
}

fn owners(of: &mut Object<'_>, own_app: bool, own_resource: bool) {
    let owner = |own| if own { TENANT_ID } else { MICROSOFT_TENANT_ID };
    of.text("appOwnerTenantId", owner(own_app));
    of.text("resourceOwnerTenantId", owner(own_resource));
}

fn resource_principal(event: &Event) -> String {
    uuid(mix(
        u64::from(event.resource),
        Purpose::Object,
        &[7_000_000],
    ))
}

/// One line of `authenticationDetails`.
struct Step<'a> {
    method: &'a str,
    detail: &'a str,
    succeeded: bool,
    result: &'a str,
    /// 0 is a reused claim, 1 a password; a real prompt has the time it was shown.
    sequence: u64,
}

fn steps(of: &mut Object<'_>, event: &Event) {
    of.key("authenticationDetails");
    of.out.push('[');
    let password = |result, succeeded| Step {
        method: "Password",
        detail: "Password in the cloud",
        succeeded,
        result,
        sequence: 1,
    };
    let right = password("Correct password", true);
    let earlier = |result, succeeded| Step {
        method: "Previously satisfied",
        detail: "",
        succeeded,
        result,
        sequence: 0,
    };
    let strong = |method| Step {
        method,
        detail: "",
        succeeded: true,
        result: "MFA requirement satisfied by strong authentication",
        sequence: 1,
    };
    let prompt = (event.at - 20 * SECOND).cast_unsigned();
    let second = |method, result, succeeded| Step {
        method: method_name(method),
        detail: "",
        succeeded,
        result,
        sequence: prompt,
    };
    match event.proof {
        Proof::Nothing => {}
        Proof::WrongPassword => push_step(
            of.out,
            event,
            &password(
                "Invalid username or password or Invalid on-premise username or password.",
                false,
            ),
        ),
        Proof::Refused => push_step(of.out, event, &password(reason(event.code), false)),
        Proof::Password => push_step(of.out, event, &right),
        Proof::SecondNeeded => {
            push_step(of.out, event, &right);
            let asked = Step {
                method: "",
                detail: "",
                succeeded: false,
                result: "MFA required in Azure AD",
                sequence: 0,
            };
            push_step(of.out, event, &asked);
        }
        Proof::Second(method) => {
            push_step(of.out, event, &right);
            push_step(
                of.out,
                event,
                &second(method, "MFA successfully completed", true),
            );
        }
        Proof::SecondFailed(method, text) => {
            push_step(of.out, event, &right);
            push_step(of.out, event, &second(method, text.words(), false));
        }
        Proof::SecondSkipped => {
            push_step(of.out, event, &right);
            let skipped = Step {
                method: "",
                detail: "",
                succeeded: true,
                result: "MFA requirement skipped due to IP address",
                sequence: 0,
            };
            push_step(of.out, event, &skipped);
        }
        Proof::Claim => {
            push_step(
                of.out,
                event,
                &earlier(
                    "First factor requirement satisfied by claim in the token",
                    true,
                ),
            );
            push_step(
                of.out,
                event,
                &earlier("MFA requirement satisfied by claim in the token", true),
            );
        }
        Proof::ClaimSingle => push_step(
            of.out,
            event,
            &earlier(
                "First factor requirement satisfied by claim in the token",
                true,
            ),
        ),
        Proof::Hello => push_step(of.out, event, &strong("Windows Hello for Business")),
        Proof::Key => push_step(of.out, event, &strong("FIDO2 security key")),
        Proof::PhoneSignIn => push_step(of.out, event, &strong("Passwordless phone sign-in")),
    }
    of.out.push(']');
}

fn push_step(out: &mut String, event: &Event, step: &Step<'_>) {
    if out.ends_with('}') {
        out.push(',');
    }
    let mut object = Object::open(out);
    object.time(
        "authenticationStepDateTime",
        event.at,
        event.ticks(),
        "+00:00",
    );
    if !step.method.is_empty() {
        object.text("authenticationMethod", step.method);
        object.text("authenticationMethodDetail", step.detail);
    }
    object.flag("succeeded", step.succeeded);
    object.text("authenticationStepResultDetail", step.result);
    object.text("authenticationStepRequirement", "Primary authentication");
    object.number("StatusSequence", 0);
    object.number("RequestSequence", step.sequence);
    object.close();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_look_like_ids() {
        let id = uuid(0);
        assert_eq!((id.len(), &id[14..15]), (36, "4"));
        assert_eq!(id, uuid(0));
        assert_ne!(id, uuid(1));
        assert!(request_id(77).ends_with("00"));
        assert_eq!(token_id(1).len(), 22);
    }

    #[test]
    fn text_is_escaped() {
        let mut out = String::new();
        let mut object = Object::open(&mut out);
        object.text("a", r#"say "x\y""#);
        object.number("b", 3);
        object.close();
        assert_eq!(out, r#"{"a":"say \"x\\y\"","b":3}"#);
    }
}
