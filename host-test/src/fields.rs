//! The fields of a record that a person asks for first, found in whichever shape the record has.
//!
//! For reading out only. What is decided comes from the component, which reads the record by itself.

use serde_json::Value;

/// Where a field can stand. The first place that holds something counts. Keys are compared without case, so one
/// path serves Azure Monitor, Log Analytics and Graph alike; a name in brackets picks an entry of a list of pairs.
pub type Places = &'static [&'static str];

/// A field of the first four shapes under one name, and of Elastic under another; further places behind.
macro_rules! places {
    ($name:literal, $elastic:literal $(, $more:literal)*) => {
        &[
            concat!("properties.", $name),
            $name,
            concat!("azure.signinlogs.properties.", $elastic),
            $($more,)*
        ]
    };
}

pub const TIME: Places = places!(
    "createdDateTime",
    "created_at",
    "CreationTime",
    "time",
    "TimeGenerated"
);
pub const DISPLAY_NAME: Places = places!(
    "userDisplayName",
    "user_display_name",
    "properties.servicePrincipalName",
    "servicePrincipalName",
    "azure.signinlogs.properties.service_principal_name",
    "identity"
);
pub const USER: Places = places!("userPrincipalName", "user_principal_name", "UserId");
pub const APP: Places = places!("appDisplayName", "app_display_name");
pub const APP_ID: Places = places!("appId", "app_id", "ApplicationId");
pub const RESOURCE: Places = places!("resourceDisplayName", "resource_display_name");
/// In a Log Analytics row `ResourceId` is the path of the tenant.
pub const RESOURCE_ID: Places = &[
    "properties.resourceId",
    "ResourceIdentity",
    "azure.signinlogs.properties.resource_id",
    "ObjectId",
    "resourceId",
];
pub const ADDRESS: Places = places!(
    "ipAddress",
    "ip_address",
    "callerIpAddress",
    "source.ip",
    "ActorIpAddress",
    "ClientIP"
);
pub const CITY: Places = places!(
    "location.city",
    "location.city",
    "LocationDetails.city",
    "geo.city_name"
);
pub const STATE: Places = places!("location.state", "location.state", "LocationDetails.state");
pub const COUNTRY: Places = places!(
    "location.countryOrRegion",
    "location.country_or_region",
    "LocationDetails.countryOrRegion",
    "geo.country_iso_code",
    "location"
);
pub const NETWORK: Places = places!(
    "autonomousSystemNumber",
    "autonomous_system_number",
    "source.as.number"
);
pub const SYSTEM: Places = places!(
    "deviceDetail.operatingSystem",
    "device_detail.operating_system",
    "DeviceProperties[OS]"
);
pub const BROWSER: Places = places!(
    "deviceDetail.browser",
    "device_detail.browser",
    "DeviceProperties[BrowserType]"
);
pub const DEVICE: Places = places!(
    "deviceDetail.displayName",
    "device_detail.display_name",
    "DeviceProperties[DisplayName]"
);
pub const TRUST: Places = places!("deviceDetail.trustType", "device_detail.trust_type");
pub const MANAGED: Places = places!("deviceDetail.isManaged", "device_detail.is_managed");
pub const COMPLIANT: Places = places!(
    "deviceDetail.isCompliant",
    "device_detail.is_compliant",
    "DeviceProperties[IsCompliant]"
);
pub const CLIENT: Places = places!("clientAppUsed", "client_app_used");
pub const USER_AGENT: Places = places!(
    "userAgent",
    "user_agent",
    "user_agent.original",
    "ExtendedProperties[UserAgent]"
);
pub const SIGN_IN_RISK: Places = places!("riskLevelDuringSignIn", "risk_level_during_signin");
pub const USER_RISK: Places = places!("riskLevelAggregated", "risk_level_aggregated");
pub const RISK_STATE: Places = places!("riskState", "risk_state");
pub const REASON: Places = places!(
    "status.failureReason",
    "status.failure_reason",
    "resultDescription",
    "LogonError",
    "message"
);
pub const DETAILS: Places = places!("status.additionalDetails", "status.additional_details");
pub const ID: Places = places!("id", "id", "event.id");
pub const FLOW: Places = places!(
    "correlationId",
    "correlation_id",
    "azure.correlation_id",
    "InterSystemsId"
);

/// The field as text. Absent, null and empty are all `None`.
pub fn text(record: &Value, places: Places) -> Option<String> {
    places
        .iter()
        .find_map(|path| at(record, &path.split('.').collect::<Vec<_>>()))
}

fn at(value: &Value, path: &[&str]) -> Option<String> {
    let Some((first, rest)) = path.split_first() else {
        return match value {
            Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(yes) => Some(yes.to_string()),
            _ => None,
        };
    };
    // Log Analytics writes some columns as JSON within a text.
    if let Value::String(text) = value {
        let inner: Value = serde_json::from_str(text).ok()?;
        return inner.is_object().then(|| at(&inner, path))?;
    }
    if let Some((list, name)) = first
        .strip_suffix(']')
        .and_then(|list| list.split_once('['))
    {
        let pair = member(value, list)?
            .as_array()?
            .iter()
            .find(|pair| pair.get("Name").and_then(Value::as_str) == Some(name))?;
        return at(pair.get("Value")?, rest);
    }
    at(member(value, first)?, rest)
}

fn member<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    let members = value.as_object()?;
    members.get(key).or_else(|| {
        let alike = members
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(key));
        alike.map(|(_, value)| value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_shape_gives_its_fields() {
        let azure = json!({"location": "DE", "callerIpAddress": "192.0.2.1", "resourceId": "/tenants/x",
            "properties": {"ipAddress": "", "location": {"city": "Bonn"}, "resourceId": "r", "userPrincipalName": "ada@contoso.example"}});
        let analytics = json!({"UserPrincipalName": "ada@contoso.example", "ResourceId": "/tenants/x", "ResourceIdentity": "r",
            "LocationDetails": "{\"city\": \"Bonn\"}", "IPAddress": "192.0.2.1", "Location": "DE"});
        let graph = json!({"userPrincipalName": "ada@contoso.example", "resourceId": "r", "ipAddress": "192.0.2.1",
            "location": {"city": "Bonn", "countryOrRegion": "DE"}});
        let elastic = json!({"source": {"ip": "192.0.2.1"}, "geo": {"city_name": "Bonn", "country_iso_code": "DE"},
            "azure": {"signinlogs": {"properties": {"user_principal_name": "ada@contoso.example", "resource_id": "r"}}}});
        for record in [azure, analytics, graph, elastic] {
            for (places, expected) in [
                (USER, "ada@contoso.example"),
                (ADDRESS, "192.0.2.1"),
                (CITY, "Bonn"),
                (COUNTRY, "DE"),
                (RESOURCE_ID, "r"),
            ] {
                assert_eq!(
                    text(&record, places).as_deref(),
                    Some(expected),
                    "{places:?} of {record}"
                );
            }
        }
    }

    #[test]
    fn an_audit_record_names_its_pairs() {
        let record = json!({"UserId": "ada@contoso.example", "ClientIP": "192.0.2.1",
            "ExtendedProperties": [{"Name": "UserAgent", "Value": "curl"}],
            "DeviceProperties": [{"Name": "OS", "Value": "Linux"}]});
        assert_eq!(text(&record, USER_AGENT).as_deref(), Some("curl"));
        assert_eq!(text(&record, SYSTEM).as_deref(), Some("Linux"));
        assert_eq!(text(&record, BROWSER), None);
    }

    #[test]
    fn null_and_empty_are_nothing() {
        for record in [
            json!({"userAgent": null}),
            json!({"userAgent": " "}),
            json!({"userAgent": {}}),
            json!([]),
        ] {
            assert_eq!(text(&record, USER_AGENT), None);
        }
    }
}
