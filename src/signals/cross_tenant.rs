//! The account's home is another tenant, whose own rules for second factors and devices this tenant may not see.
//!
//! Mostly partners at work, so it only adds to others. Staff of a service provider and pass-through users are expected
//! and stay silent.
use super::prelude::*;

pub(super) const SIGNAL: Signal = Signal {
    id: "cross_tenant",
    summary: "Account of another tenant",
    levels: &[&SUPPORT, &GUEST],
    techniques: card(&["T1199", "T1078.004"]),
    false_positives: card(&[
        "Guests and partners at work; the home tenant logs its own users' visits elsewhere too",
        "An open support case, for the support level",
    ]),
    blind_spots: card(&[
        "Service providers with delegated rights (serviceProvider), who are a way in when they are broken into",
        "Records that do not carry crossTenantAccessType",
    ]),
    references: card(&[
        "https://github.com/Azure/Azure-Sentinel/blob/master/Solutions/Microsoft%20Entra%20ID/Analytic%20Rules/AzurePortalSigninfromanotherAzureTenant.yaml",
        "https://github.com/SigmaHQ/sigma/blob/master/rules-placeholder/cloud/azure/signin_logs/azure_users_authenticating_to_other_azure_ad_tenants.yml",
        "https://learn.microsoft.com/graph/api/resources/signin",
    ]),
    options: &[],
    needs: None,
    check,
};

const SUPPORT: Level = Level {
    name: "support",
    weight: Weight::Low,
    points: Opt::points(
        "cross_tenant.support_points",
        10,
        "Our weight: rare, and expected only while a support case is open; no public rule",
    ),
};
const GUEST: Level = Level {
    name: "guest",
    weight: Weight::Low,
    points: Opt::points(
        "cross_tenant.guest_points",
        5,
        "Our weight: Sentinel and Sigma ask for more (the Azure portal, an own tenant) before they fire",
    ),
};

fn check(case: &Case) -> Option<Hit> {
    let access = case.record.text(Field::CrossTenantAccess)?;
    if case.class.first_factor != FirstFactor::Proved {
        return None;
    }
    let is = |word: &str| access.eq_ignore_ascii_case(word);
    if is("b2bCollaboration") {
        return case.hit(&GUEST, "a guest of another tenant");
    }
    if is("b2bDirectConnect") {
        return case.hit(&GUEST, "a user of another tenant by direct connect");
    }
    if is("microsoftSupport") {
        return case.hit(&SUPPORT, "Microsoft support in this tenant");
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::signals::bench::hits;

    #[test]
    fn fires_on_guests_and_support() {
        let rows = [
            (0, "b2bCollaboration", Some(5)),
            (0, "B2BCollaboration", Some(5)),
            (50074, "b2bCollaboration", Some(5)),
            (0, "b2bDirectConnect", Some(5)),
            (0, "microsoftSupport", Some(10)),
            // Near misses: expected kinds of access, none at all, one that Microsoft adds one day.
            (0, "passthrough", None),
            (0, "serviceProvider", None),
            (0, "none", None),
            (0, "", None),
            (0, "unknownFutureValue", None),
            // Refused at the border, or a wrong password.
            (500213, "b2bCollaboration", None),
            (50126, "b2bCollaboration", None),
        ];
        for (code, access, points) in rows {
            let record = format!(
                r#""resultType":"{code}","properties":{{"crossTenantAccessType":"{access}"}}"#
            );
            let hit = hits("cross_tenant", &record, "");
            assert_eq!(hit.map(|hit| hit.points), points, "{code} {access}");
        }
    }
}
