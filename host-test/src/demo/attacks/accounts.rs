//! One account after another: guessing, listing, locking, and accounts that should not be used any more.

use super::{SPRAYERS, Scene, answer_to_right_password, answer_to_wrong_password, rated};
use crate::demo::calendar::{MINUTE, SECOND};
use crate::demo::clients;
use crate::demo::people::{Kind, Method, Person};
use crate::demo::places::Place;
use crate::demo::record::{Event, Log, Proof, Protocol, Token, Verdict, Who};
use crate::demo::tenant::{self, REQUIRE_MFA};

fn climax(event: &mut Event) {
    if let Some(mark) = &mut event.attack {
        mark.climax = true;
    }
}

/// Password after password. The last one is right.
pub(super) fn brute_force(scene: &mut Scene<'_>) {
    let open = scene.dice.chance(650);
    let person = if open {
        scene.exempt()
    } else {
        scene.employee()
    };
    let (client, app, resource) = *scene.dice.pick(&SPRAYERS);
    let addresses: Vec<Place> = (0..scene.dice.count(1, 3))
        .map(|_| scene.rented(&person))
        .collect();
    let tries = scene.dice.count(25, 150);
    let pause = *scene.dice.pick(&[2, 6, 40]) * SECOND;
    let who = Who::Account(person.number);
    let mut at = scene.start;
    for turn in 0..tries {
        let place = *scene.dice.pick(&addresses);
        let template = scene.record(who, at, place, client, (app, resource));
        scene.flow(template, |flow, dice| {
            // Behind a lockout the service still tells some wrong passwords as such.
            let before = if turn % 12 == 11 { 10 } else { 0 };
            let (code, proof) = answer_to_wrong_password(&person, before, dice);
            flow.step(0, code, proof);
        });
        at += scene.dice.between(pause / 2, pause * 3 / 2);
    }
    let template = Event {
        session: scene.dice.bits(),
        ..scene.record(who, at, addresses[0], client, (app, resource))
    };
    let risk = rated(scene.dice);
    let mut inside = template;
    scene.flow(template, |flow, _| {
        let (code, proof, verdict) = answer_to_right_password(&person, true);
        let event = flow.step(0, code, proof);
        event.verdict = verdict;
        event.risk = risk;
        climax(event);
        inside = *event;
    });
    if inside.code == 0 {
        inside.attack = Some(scene.mark);
        let count = scene.dice.count(1, 5);
        scene.harvest(&inside, count);
    }
}

/// An old list of accounts: some are disabled, one is not.
pub(super) fn disabled_pivot(scene: &mut Scene<'_>) {
    let place = scene.any_address();
    let (client, app, resource) = *scene.dice.pick(&SPRAYERS);
    let mut at = scene.start;
    let mut disabled = std::collections::BTreeSet::new();
    for _ in 0..scene.dice.count(2, 6) {
        let person = scene.victim(|person| person.kind == Kind::Leaver);
        // A tenant without enough leavers has its few tried again; nobody else is disabled.
        if person.kind == Kind::Leaver {
            disabled.insert(person.number);
        }
    }
    for number in disabled {
        let tries = scene.dice.count(1, 4);
        let template = scene.record(Who::Account(number), at, place, client, (app, resource));
        scene.flow(template, |flow, dice| {
            for _ in 0..tries {
                flow.step(dice.skewed(2 * SECOND, 40 * SECOND), 50057, Proof::Refused);
            }
        });
        at += scene.dice.between(20 * SECOND, 8 * MINUTE);
    }
    for _ in 0..scene.dice.count(1, 2) {
        let person = scene.exempt();
        let template = Event {
            session: scene.dice.bits(),
            ..scene.record(
                Who::Account(person.number),
                at,
                place,
                client,
                (app, resource),
            )
        };
        let mut inside = template;
        scene.flow(template, |flow, _| {
            let (code, proof, verdict) = answer_to_right_password(&person, true);
            let event = flow.step(0, code, proof);
            event.verdict = verdict;
            climax(event);
            inside = *event;
        });
        if inside.code == 0 {
            inside.attack = Some(scene.mark);
            let count = scene.dice.count(1, 4);
            scene.harvest(&inside, count);
        }
        at += scene.dice.between(MINUTE, 10 * MINUTE);
    }
}

/// Enough wrong passwords for a lockout each.
pub(super) fn lockout_burst(scene: &mut Scene<'_>) {
    let count = scene.dice.count(20, 60);
    let book = scene.address_book(count);
    let pool: Vec<Place> = (0..scene.dice.count(1, 6))
        .map(|_| scene.any_address())
        .collect();
    let (client, app, resource) = *scene.dice.pick(&SPRAYERS);
    let pause = *scene.dice.pick(&[5, 15, 30]) * SECOND;
    let mut at = scene.start;
    for person in book {
        let place = *scene.dice.pick(&pool);
        let template = scene.record(
            Who::Account(person.number),
            at,
            place,
            client,
            (app, resource),
        );
        // Most of the wrong passwords were tried where no log shows them.
        let seen = scene.dice.count(0, 3);
        let locked = scene.dice.count(1, 3);
        scene.flow(template, |flow, dice| {
            for turn in 0..seen + locked {
                let (code, proof) = if person.kind == Kind::Leaver {
                    (50057, Proof::Refused)
                } else if turn < seen {
                    (50126, Proof::WrongPassword)
                } else {
                    (50053, Proof::Refused)
                };
                flow.step(dice.skewed(SECOND, 6 * SECOND), code, proof);
            }
        });
        at += scene.dice.between(pause / 2, pause * 3 / 2);
    }
}

/// Names made of names.
pub(super) fn enumeration(scene: &mut Scene<'_>) {
    let count = scene.dice.count(30, 240);
    let pool: Vec<Place> = (0..scene.dice.count(1, 3))
        .map(|_| scene.any_address())
        .collect();
    let (client, app, resource) = *scene.dice.pick(&SPRAYERS);
    let pause = (*scene.dice.pick(&[1, 5, 30]) * SECOND).min(2 * 60 * MINUTE / 240);
    let mut at = scene.start;
    for turn in 0..count {
        let people = u64::from(scene.tenant.people.max(1));
        let number = u32::try_from(scene.dice.below(people)).unwrap_or(0);
        let person = Person::new(scene.tenant, number);
        let place = *scene.dice.pick(&pool);
        // One guess in ten is somebody.
        let exists = scene.dice.chance(100);
        let who = if exists {
            Who::Account(number)
        } else {
            let form = scene.dice.below(6);
            scene.strangers.push(made_up(&person, form, turn));
            Who::Stranger(u32::try_from(scene.strangers.len() - 1).unwrap_or(0))
        };
        let template = scene.record(who, at, place, client, (app, resource));
        scene.flow(template, |flow, dice| {
            let (code, proof) = if exists {
                answer_to_wrong_password(&person, 0, dice)
            } else {
                (50034, Proof::WrongPassword)
            };
            flow.step(0, code, proof);
        });
        at += scene.dice.between(pause / 2, pause * 3 / 2);
    }
}

/// A name in one of the forms that companies use, though not this one.
fn made_up(person: &Person, form: u64, turn: usize) -> String {
    let first = person.first_name().to_ascii_lowercase();
    let last = person.last_name().to_ascii_lowercase();
    let initial = &first[..1];
    let name = match form {
        0 => format!("{initial}.{last}"),
        1 => format!("{initial}{last}"),
        2 => format!("{first}{last}"),
        3 => format!("{last}.{first}"),
        4 => format!("{first}_{last}"),
        _ => {
            const COMMON: [&str; 8] = [
                "admin", "info", "support", "sales", "test", "backup", "helpdesk", "office",
            ];
            format!("{}{}", COMMON[turn % 8], turn / 8)
        }
    };
    format!("{name}@contoso.example")
}

/// Nobody has used it for months, so nobody has registered a second factor: whoever comes first does.
pub(super) fn dormant(scene: &mut Scene<'_>) {
    let person = scene.victim(|person| person.kind == Kind::Dormant);
    let place = scene.rented(&person);
    let client = *scene.dice.pick(&[clients::KIT_CHROME, clients::OLD_CHROME]);
    let template = Event {
        session: scene.dice.bits(),
        ..scene.record(
            Who::Account(person.number),
            scene.start,
            place,
            client,
            (tenant::OFFICE_HOME, tenant::GRAPH),
        )
    };
    let guesses = if scene.dice.chance(400) {
        scene.dice.count(1, 4)
    } else {
        0
    };
    let mut inside = template;
    scene.flow(template, |flow, dice| {
        for _ in 0..guesses {
            flow.step(
                dice.skewed(4 * SECOND, 60 * SECOND),
                50126,
                Proof::WrongPassword,
            );
        }
        let after = dice.skewed(4 * SECOND, 60 * SECOND);
        let event = if person.exempt {
            flow.step(after, 0, Proof::Password)
        } else {
            flow.step(after, 50072, Proof::Password).verdict = Verdict::Failed(REQUIRE_MFA);
            flow.template.verdict = Verdict::Met(REQUIRE_MFA);
            let wait = dice.skewed(60 * SECOND, 6 * MINUTE);
            flow.step(wait, 0, Proof::Second(Method::Code))
        };
        climax(event);
        inside = *event;
    });
    inside.attack = Some(scene.mark);
    let count = scene.dice.count(2, 6);
    scene.harvest(&inside, count);
}

/// Tools that read a directory.
pub(super) fn tools(scene: &mut Scene<'_>) {
    let person = scene.employee();
    let place = scene.rented(&person);
    let hound = scene.dice.chance(500);
    let who = Who::Account(person.number);
    let session = scene.dice.bits();
    let mut template = Event {
        session,
        protocol: Protocol::OAuth,
        verdict: Verdict::Met(REQUIRE_MFA),
        ..scene.record(
            who,
            scene.start,
            place,
            if hound {
                clients::AZUREHOUND
            } else {
                clients::WINDOWS_POWERSHELL
            },
            (tenant::AAD_POWERSHELL, tenant::DIRECTORY),
        )
    };
    if hound {
        template.log = Log::NonInteractive;
        template.token = Token::Refresh;
        let count = scene.dice.count(2, 9);
        scene.flow(template, |flow, dice| {
            climax(flow.step(0, 0, Proof::Claim));
            for turn in 0..count {
                flow.new_correlation();
                flow.template.resource = [tenant::GRAPH, tenant::MANAGEMENT][turn % 2];
                flow.template.app = tenant::AZ_POWERSHELL;
                flow.step(dice.skewed(2 * SECOND, 5 * MINUTE), 0, Proof::Claim);
            }
        });
        return;
    }
    scene.flow(template, |flow, dice| {
        flow.step(0, 0, Proof::Claim);
        flow.new_correlation();
        flow.template.app = tenant::AZ_POWERSHELL;
        flow.template.resource = tenant::MANAGEMENT;
        climax(flow.step(dice.between(15 * SECOND, 4 * MINUTE), 0, Proof::Claim));
    });
}
