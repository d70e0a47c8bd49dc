//! A user got in from a device that is said to be neither compliant nor managed.
//!
//! Only of a device that the tenant knows: of an unknown one, Graph says false where Azure Monitor says nothing, and the
//! same sign-in must not score by the way it travelled. Devices that are new for the user are for signals with memory.
use super::prelude::*;
use crate::input::words::mentions;

pub(super) const SIGNAL: Signal = Signal {
    id: "device_posture",
    summary: "Success from an unmanaged device",
    levels: &[&UNMANAGED],
    techniques: card(&["T1078.004"]),
    false_positives: card(&[
        "Private devices that the tenant allows",
        "Hybrid joined devices outside device management show the same flags; those are left out",
    ]),
    blind_spots: card(&[
        "A device that the tenant does not know at all",
        "A stolen token shows the flags of the device it was stolen from",
    ]),
    references: card(&[
        "https://github.com/SigmaHQ/sigma/blob/master/rules/cloud/azure/signin_logs/azure_ad_sign_ins_from_noncompliant_devices.yml",
        "https://github.com/Azure/Azure-Sentinel/blob/master/Hunting%20Queries/SigninLogs/SuccessfulSigninFromNon-CompliantDevice.yaml",
        "https://github.com/elastic/detection-rules/blob/main/rules/integrations/azure/persistence_entra_id_user_signed_in_from_unusual_device.toml",
    ]),
    options: &[],
    needs: None,
    check,
};

const UNMANAGED: Level = Level {
    name: "unmanaged",
    weight: Weight::Low,
    points: Opt::points(
        "device_posture.unmanaged_points",
        5,
        "Our weight: Sigma fires on one event, yet half of a tenant's phones can look like this",
    ),
};

fn check(case: &Case) -> Option<Hit> {
    let record = case.record;
    let unmanaged = case.class.status == Status::Success
        && record.flag(Field::IsCompliant) == Some(false)
        && record.flag(Field::IsManaged) == Some(false)
        && record.text(Field::DeviceId).is_some()
        && !record.is_workload();
    if !unmanaged || is_hybrid(record.text(Field::TrustType)) {
        return None;
    }
    case.hit(&UNMANAGED, "the device is neither compliant nor managed")
}

/// "Hybrid Azure AD joined" in sign-in logs, `ServerAd` where a tool has put the directory's word in its place.
fn is_hybrid(trust: Option<&str>) -> bool {
    trust.is_some_and(|trust| mentions(trust, "hybrid") || trust.eq_ignore_ascii_case("ServerAd"))
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::hits;

    #[test]
    fn fires_only_where_the_record_says_so() {
        let flags = r#""isCompliant":false,"isManaged":false"#;
        let known = format!(r#""deviceId":"b2c3",{flags}"#);
        let text = r#""deviceId":"b2c3","isCompliant":"False","isManaged":"false","trustType":"Azure AD registered""#;
        let rows = [
            (0, known.clone(), true),
            (0, text.to_owned(), true),
            // Near misses: a device nobody knows, as Graph and Azure Monitor tell it.
            (0, format!(r#""deviceId":"",{flags}"#), false),
            (0, r#""deviceId":"""#.to_owned(), false),
            // Flags not said, one of the two, hybrid joined, not a success.
            (0, r#""deviceId":"b2c3""#.to_owned(), false),
            (
                0,
                r#""deviceId":"b2c3","isCompliant":null,"isManaged":null"#.to_owned(),
                false,
            ),
            (
                0,
                r#""deviceId":"b2c3","isCompliant":false"#.to_owned(),
                false,
            ),
            (
                0,
                r#""deviceId":"b2c3","isCompliant":true,"isManaged":false"#.to_owned(),
                false,
            ),
            (
                0,
                r#""deviceId":"b2c3","isCompliant":false,"isManaged":true"#.to_owned(),
                false,
            ),
            (
                0,
                format!(r#"{known},"trustType":"Hybrid Azure AD joined""#),
                false,
            ),
            (50074, known, false),
        ];
        for (code, device, fires) in rows {
            let record =
                format!(r#""resultType":"{code}","properties":{{"deviceDetail":{{{device}}}}}"#);
            let hit = hits("device_posture", &record, "");
            assert_eq!(hit.is_some(), fires, "{record}");
        }
    }
}
