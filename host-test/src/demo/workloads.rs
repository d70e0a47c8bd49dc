//! Service principals and managed identities: programs that sign in as themselves.

use super::calendar::{DAY, HOUR, MINUTE, SECOND, weekday};
use super::clients::{self, ClientIndex};
use super::people::Person;
use super::places::{CLOUD_REGIONS, Place, cloud, office};
use super::random::{Dice, Purpose, mix};
use super::record::{Event, Flow, FlowName, Log, Proof, Who};
use super::tenant::{self, AppIndex, Tenant};
use super::wire::uuid;

/// What a program's records say about it.
pub(super) struct Principal {
    pub name: String,
    pub id: String,
    pub app_id: String,
    pub credential: &'static str,
}

/// What a service principal does all day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duty {
    /// Builds and releases, each time from another machine of a cloud.
    Pipeline,
    /// A server in an office.
    Batch,
    /// Another company's service, always from its own addresses.
    Integration,
    /// A probe that signs in every few minutes.
    Monitor,
    /// Its secret has run out and nobody has noticed.
    Expired,
}

const NAMES: [(Duty, &str); 5] = [
    (Duty::Pipeline, "deploy"),
    (Duty::Batch, "nightly-export"),
    (Duty::Integration, "hr-sync"),
    (Duty::Monitor, "probe"),
    (Duty::Expired, "old-report"),
];

pub(super) fn duty(number: u16) -> Duty {
    NAMES[usize::from(number) % NAMES.len()].0
}

pub(super) fn service(tenant: &Tenant, number: u16) -> Principal {
    let (duty, name) = NAMES[usize::from(number) % NAMES.len()];
    let bits = mix(tenant.seed, Purpose::Workload, &[u64::from(number)]);
    Principal {
        name: format!("{name}-{number:02}"),
        id: uuid(bits),
        app_id: uuid(mix(bits, Purpose::Workload, &[])),
        credential: match duty {
            Duty::Pipeline => "federatedIdentityCredential",
            Duty::Integration => "clientAssertion",
            _ => "clientSecret",
        },
    }
}

pub(super) fn managed(tenant: &Tenant, number: u16) -> Principal {
    let bits = mix(tenant.seed, Purpose::Workload, &[u64::from(number), 1]);
    Principal {
        name: format!(
            "{}-{number:02}",
            ["vm-erp", "aks-shop", "func-mail"][usize::from(number % 3)]
        ),
        id: uuid(bits),
        app_id: uuid(mix(bits, Purpose::Workload, &[])),
        credential: "none",
    }
}

/// Where a service principal's next sign-in comes from, and with what.
pub(super) fn habit(
    tenant: &Tenant,
    number: u16,
    dice: &mut Dice,
) -> (Place, ClientIndex, AppIndex) {
    let own = mix(tenant.seed, Purpose::Workload, &[u64::from(number), 2]);
    let region = CLOUD_REGIONS[usize::from(number % 4)];
    match duty(number) {
        // Hosted runners live in a few regions and get a new address for each job.
        Duty::Pipeline => {
            let region = if dice.chance(850) {
                region
            } else {
                *dice.pick(&CLOUD_REGIONS)
            };
            let client = *dice.pick(&[clients::DAEMON_CLI, clients::SDK]);
            (cloud(dice.bits(), region), client, tenant::MANAGEMENT)
        }
        Duty::Batch | Duty::Expired => {
            let place = office(
                usize::from(number) % 2,
                tenant.people_of_site(usize::from(number) % 2),
                0,
            );
            (place, clients::SDK, tenant::GRAPH)
        }
        Duty::Integration => {
            let address = own.wrapping_add(dice.below(3) << 58);
            (cloud(address, region), clients::SDK, tenant::GRAPH)
        }
        Duty::Monitor => (
            cloud(own, region),
            clients::DAEMON_PYTHON,
            tenant::KEY_VAULT,
        ),
    }
}

fn template(who: Who, log: Log, at: i64) -> Event {
    Event {
        log,
        flow: FlowName::Workload,
        // Which key it signs in with.
        session: match who {
            Who::Workload(number) => 1_000_000 + u64::from(number),
            _ => 0,
        },
        ..Event::blank(who, at)
    }
}

/// A service principal's record with the given code.
pub(super) fn sign_in(number: u16, at: i64, habit: (Place, ClientIndex, AppIndex)) -> Event {
    Event {
        place: habit.0,
        client: habit.1,
        app: habit.2,
        resource: habit.2,
        ..template(Who::Workload(number), Log::Workload, at)
    }
}

/// A day of a service principal.
pub(super) fn plan_service(tenant: &Tenant, number: u16, day: i64, out: &mut Vec<Event>) {
    let of = [u64::from(number), day.cast_unsigned()];
    let mut dice = Dice::new(tenant.seed, Purpose::WorkloadDay, &of);
    let work_day = weekday(day) < 5;
    let (mut at, until, low, high) = match duty(number) {
        Duty::Pipeline if work_day => (7 * HOUR, 19 * HOUR, 4 * MINUTE, 70 * MINUTE),
        Duty::Pipeline => (9 * HOUR, 15 * HOUR, HOUR, 5 * HOUR),
        Duty::Batch => (HOUR, 4 * HOUR, 10 * MINUTE, 50 * MINUTE),
        Duty::Integration => (5 * MINUTE, DAY, 25 * MINUTE, 35 * MINUTE),
        Duty::Monitor => (MINUTE, DAY, 19 * MINUTE, 21 * MINUTE),
        Duty::Expired => (2 * HOUR, DAY, 55 * MINUTE, 65 * MINUTE),
    };
    while at < until {
        let habit = habit(tenant, number, &mut dice);
        let mut event = sign_in(number, day * DAY + at, habit);
        let mut code = 0;
        if duty(number) == Duty::Expired {
            code = if number.is_multiple_of(2) {
                7_000_222
            } else {
                7_000_215
            };
            event.flow = FlowName::WorkloadBroken;
        } else if dice.chance(4) {
            code = 90025;
        }
        let mut flow = Flow::new(out, event, dice.bits());
        flow.step(0, code, Proof::Nothing);
        if code == 90025 {
            flow.step(2 * SECOND, 0, Proof::Nothing);
        }
        flow.finish(tenant.begin, tenant.end);
        at += dice.between(low, high);
    }
}

/// A day of a managed identity. Its records name no address.
pub(super) fn plan_managed(tenant: &Tenant, number: u16, day: i64, out: &mut Vec<Event>) {
    let of = [u64::from(number), day.cast_unsigned(), 1];
    let mut dice = Dice::new(tenant.seed, Purpose::WorkloadDay, &of);
    let mut at = dice.between(0, 2 * HOUR);
    while at < DAY {
        let event = Event {
            place: Place::NOWHERE,
            client: clients::SDK,
            resource: *dice.pick(&[tenant::KEY_VAULT, tenant::STORAGE]),
            flow: FlowName::ManagedIdentity,
            ..template(Who::Managed(number), Log::Managed, day * DAY + at)
        };
        let mut flow = Flow::new(out, event, dice.bits());
        flow.step(0, 0, Proof::Nothing);
        flow.finish(tenant.begin, tenant.end);
        at += dice.between(80 * MINUTE, 4 * HOUR);
    }
}

/// The scanner's mailbox sends what people scan, with the password in its configuration.
pub(super) fn plan_scanner(
    tenant: &Tenant,
    person: &Person,
    day: i64,
    dice: &mut Dice,
    out: &mut Vec<Event>,
) {
    if weekday(day) > 4 {
        return;
    }
    let mut at = 8 * HOUR + dice.skewed(0, HOUR);
    while at < 17 * HOUR {
        let event = Event {
            app: tenant::EXCHANGE,
            resource: tenant::EXCHANGE,
            place: person.at_office(tenant),
            client: clients::SCAN_TO_MAIL,
            protocol: super::record::Protocol::Ropc,
            flow: FlowName::ScanToMail,
            ..Event::blank(Who::Account(person.number), person.midnight(day) + at)
        };
        let mut flow = Flow::new(out, event, dice.bits());
        flow.step(0, 0, Proof::Password);
        flow.finish(tenant.begin, tenant.end);
        at += dice.between(40 * MINUTE, 3 * HOUR);
    }
}
