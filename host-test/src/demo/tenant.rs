//! The tenant: its size, its applications and policies, and what happens to all of it on a day.

use super::calendar::DAY;
use super::places::SITES;
use super::random::{Purpose, mix};

/// The tenant of the demo.
pub(super) const TENANT_ID: &str = "6f3c2a91-4b0e-4d57-9a86-1c2f7be0d143";
/// The tenant that its guests come from.
pub(super) const PARTNER_TENANT_ID: &str = "c2b8a7d4-0f35-4e61-8b9c-5d7e1a40f286";
/// Microsoft's own, which owns its applications.
pub(super) const MICROSOFT_TENANT_ID: &str = "f8cdef31-a31e-4b4a-93e4-5f571e91255a";

/// What all of a demo follows from.
#[derive(Debug, Clone)]
pub(super) struct Tenant {
    pub seed: u64,
    pub people: u32,
    /// Days since 1970.
    pub first_day: i64,
    pub days: i64,
    /// The demo covers instants from here, included, to `end`, excluded.
    pub begin: i64,
    pub end: i64,
}

/// What befalls a whole office or everybody. Each comes once a week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happening {
    /// An office gets the policy that asks for a second factor.
    RollOut,
    /// An application has lost its secret or its address.
    BrokenApp,
    /// Token lifetimes were shortened over night, so everybody's are too old.
    ShorterTokens,
    /// Several people go to a conference abroad.
    Conference,
}

impl Tenant {
    pub fn new(seed: u64, people: u32, first_day: i64, days: i64) -> Tenant {
        Tenant {
            seed,
            people,
            first_day,
            days,
            begin: first_day * DAY,
            end: (first_day + days) * DAY,
        }
    }

    /// About as many as work at a site.
    pub fn people_of_site(&self, site: usize) -> u64 {
        u64::from(self.people) * SITES[site].share / 100 + 1
    }

    pub fn rooms(&self) -> u32 {
        self.people / 100 + 1
    }

    /// Accounts without a person.
    pub fn fixtures(&self) -> u32 {
        self.rooms() + self.people / 120 + 1
    }

    pub fn workloads(&self) -> u16 {
        u16::try_from(3 + self.people / 40).unwrap_or(400).min(400)
    }

    pub fn managed_identities(&self) -> u16 {
        u16::try_from(2 + self.people / 60).unwrap_or(400).min(400)
    }

    /// Whether something befalls the tenant on a day. Within a short demo everything comes at least once, as far as
    /// the weekdays allow.
    pub fn happens(&self, what: Happening, day: i64) -> bool {
        let from = day - self.first_day;
        let within = self.days.min(5);
        let turn = mix(self.seed, Purpose::Tenant, &[what as u64]) % within.cast_unsigned();
        from.rem_euclid(7) == turn.cast_signed()
    }

    /// The office that a roll-out reaches, one whose location is not trusted.
    pub fn roll_out_site(&self) -> usize {
        [2, 3][usize::from(self.seed.is_multiple_of(2))]
    }
}

/// An application or what it asks access to.
pub(super) struct App {
    pub id: &'static str,
    pub name: &'static str,
    /// Owned by the tenant itself.
    pub own: bool,
}

/// An index into [`APPS`].
pub(super) type AppIndex = u8;

macro_rules! apps {
    ($($name:ident = $id:expr, $shown:expr, $own:expr;)*) => {
        #[derive(Clone, Copy)]
        #[allow(clippy::upper_case_acronyms, non_camel_case_types)]
        enum Order { $($name),* }
        $(pub(super) const $name: AppIndex = Order::$name as AppIndex;)*
        pub(super) const APPS: &[App] = &[$(App { id: $id, name: $shown, own: $own }),*];
    };
}

apps! {
    OFFICE_HOME = "4765445b-32c6-49b0-83e6-1d93765276ca", "OfficeHome", false;
    TEAMS = "1fec8e78-bce4-4aaf-ab1b-5451cc387264", "Microsoft Teams", false;
    TEAMS_WEB = "5e3ce6c0-2b1f-4285-8d4b-75ee78787346", "Microsoft Teams Web Client", false;
    OFFICE = "d3590ed6-52b3-4102-aeff-aad2292ab01c", "Microsoft Office", false;
    OUTLOOK_MOBILE = "27922004-5251-4030-b22d-91ecd9a37ea4", "Outlook Mobile", false;
    OUTLOOK_WEB = "9199bf20-a13f-4107-85dc-02114787ef48", "One Outlook Web", false;
    ONEDRIVE = "ab9b8c07-8f02-4f72-87fa-80105867a763", "OneDrive SyncEngine", false;
    SHAREPOINT = "00000003-0000-0ff1-ce00-000000000000", "Office 365 SharePoint Online", false;
    EXCHANGE = "00000002-0000-0ff1-ce00-000000000000", "Office 365 Exchange Online", false;
    EDGE = "ecd6b820-32c2-49b6-98a6-444530e5a77a", "Microsoft Edge", false;
    PORTAL = "c44b4083-3bb0-49c1-b47d-974e53cbdf3c", "Azure Portal", false;
    MY_APPS = "2793995e-0a7d-40d7-bd35-6968ba142197", "My Apps", false;
    MY_SIGN_INS = "19db86c3-b2b9-44cc-b339-36da233a3be2", "My Signins", false;
    AUTHENTICATOR = "4813382a-8fa7-425e-ab75-3b753aab3abb", "Microsoft Authenticator App", false;
    BROKER = "29d9ed98-a469-4536-ade2-f981bc1d605e", "Microsoft Authentication Broker", false;
    WINDOWS = "38aa3b87-a06d-4817-b275-7a316988d93b", "Windows Sign In", false;
    CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46", "Microsoft Azure CLI", false;
    AZ_POWERSHELL = "1950a258-227b-4e31-a9cf-717495945fc2", "Microsoft Azure PowerShell", false;
    AAD_POWERSHELL = "1b730954-1685-4b74-9bfd-dac224a7b894", "Azure Active Directory PowerShell", false;
    GRAPH_CLI = "14d82eec-204b-4c2f-b7e8-296a70dab67e", "Microsoft Graph Command Line Tools", false;
    CODE = "aebc6443-996d-45c2-90f0-388ff96faa56", "Visual Studio Code", false;
    GRAPH = "00000003-0000-0000-c000-000000000000", "Microsoft Graph", false;
    DIRECTORY = "00000002-0000-0000-c000-000000000000", "Windows Azure Active Directory", false;
    MANAGEMENT = "797f4846-ba00-4fd7-ba43-dac1f8f63013", "Windows Azure Service Management API", false;
    REGISTRATION = "01cb2876-7ebd-4aa4-9cc9-d28bd4d359a9", "Device Registration Service", false;
    KEY_VAULT = "cfa8b339-82a2-471a-a3c9-0fc0be7a4093", "Azure Key Vault", false;
    STORAGE = "e406a681-f3d4-42a8-90b6-c2b029497af1", "Azure Storage", false;
    EXPENSES = "3f0b7d7e-6a51-4c0f-9d3e-5b1f7c2a9e10", "Contoso Expenses", true;
    TIMESHEETS = "6b0f3d5a-27c4-4e19-8f72-c9a1e4d60b38", "Contoso Timesheets", true;
    CRM = "a4d81c62-93be-4f0d-b7a5-0e6c3f9d2b71", "Contoso CRM", true;
    TICKETS = "d7e5f1a9-48c3-4b26-8e90-f2a6b4c83d15", "Contoso Tickets", true;
}

/// What one of the tenant's Conditional Access policies asks for.
pub(super) struct Policy {
    pub id: &'static str,
    pub name: &'static str,
    pub grants: &'static str,
    pub sessions: &'static str,
    pub report_only: bool,
}

const fn policy(
    id: &'static str,
    name: &'static str,
    grants: &'static str,
    sessions: &'static str,
    report_only: bool,
) -> Policy {
    Policy {
        id,
        name,
        grants,
        sessions,
        report_only,
    }
}

pub(super) const REQUIRE_MFA: usize = 0;
pub(super) const BLOCK_LEGACY: usize = 1;
pub(super) const REQUIRE_DEVICE: usize = 2;
pub(super) const BLOCK_COUNTRIES: usize = 3;
pub(super) const GUEST_TERMS: usize = 4;
pub(super) const FREQUENCY: usize = 5;

pub(super) const POLICIES: [Policy; 7] = [
    policy(
        "0f1d6c1e-2a34-4e0b-9f6d-3b1c8a70e501",
        "CA001 Require MFA for all users",
        r#""Mfa""#,
        "",
        false,
    ),
    policy(
        "2c90f4a3-7e16-4b5d-9c83-a0d15be72f23",
        "CA003 Block legacy authentication",
        r#""Block""#,
        "",
        false,
    ),
    policy(
        "3d12b8e4-90a7-4c6f-8d24-b1e26cf83a34",
        "CA010 Compliant device for finance apps",
        r#""RequireCompliantDevice""#,
        "",
        false,
    ),
    policy(
        "6045eb17-c3da-4f92-9057-e4159f2b6d67",
        "CA030 Block countries without staff",
        r#""Block""#,
        "",
        false,
    ),
    policy(
        "7156fc28-d4eb-40a3-8168-f526a03c7e78",
        "CA040 Guest terms of use",
        r#""Contoso guest terms of use""#,
        "",
        false,
    ),
    policy(
        "82670d39-e5fc-41b4-9279-0637b14d8f89",
        "CA050 Sign-in frequency",
        "",
        r#""SignInFrequency""#,
        false,
    ),
    policy(
        "93781e4a-f60d-42c5-838a-1748c25e909a",
        "CA090 Block device code flow",
        r#""Block""#,
        "",
        true,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_happens_within_a_short_demo() {
        for seed in 0..50 {
            for days in 1..9 {
                let tenant = Tenant::new(seed, 100, 20_514, days);
                for what in [
                    Happening::RollOut,
                    Happening::BrokenApp,
                    Happening::ShorterTokens,
                    Happening::Conference,
                ] {
                    let happened = (0..days).any(|day| tenant.happens(what, 20_514 + day));
                    assert!(happened, "{what:?}, seed {seed}, {days} days");
                }
            }
        }
    }
}
