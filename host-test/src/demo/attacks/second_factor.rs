//! The password is known and the second factor is in the way.

use super::{Scene, answer_to_right_password, rated};
use crate::demo::calendar::{HOUR, MINUTE, SECOND};
use crate::demo::clients::{self, ClientIndex, Used};
use crate::demo::people::{Kind, Method, Person};
use crate::demo::places::{BLOCKED_COUNTRIES, hosting};
use crate::demo::record::{Event, Proof, Protocol, Text, Verdict, Who};
use crate::demo::tenant::{
    self, AppIndex, BLOCK_COUNTRIES, BLOCK_LEGACY, REQUIRE_DEVICE, REQUIRE_MFA,
};

const BROWSERS: [ClientIndex; 4] = [
    clients::KIT_CHROME,
    clients::OLD_CHROME,
    clients::CHROME_145,
    clients::FIREFOX_147,
];

fn at_page(scene: &mut Scene<'_>, person: &Person, at: i64) -> Event {
    let place = scene.rented(person);
    let client = *scene.dice.pick(&BROWSERS);
    let app = *scene.dice.pick(&[
        (tenant::OFFICE_HOME, tenant::GRAPH),
        (tenant::OUTLOOK_WEB, tenant::EXCHANGE),
        (tenant::PORTAL, tenant::MANAGEMENT),
    ]);
    Event {
        session: scene.dice.bits(),
        ..scene.record(Who::Account(person.number), at, place, client, app)
    }
}

/// Prompts until the user gives in, or codes until one is right.
pub(super) fn fatigue(scene: &mut Scene<'_>) {
    let by_code = scene.dice.chance(250);
    let method = if by_code { Method::Code } else { Method::Push };
    let person = scene.victim(|person| {
        person.method == method
            && !person.exempt
            && matches!(person.kind, Kind::Office | Kind::Admin)
    });
    let mut template = at_page(scene, &person, scene.start);
    let (tries, pause) = if by_code {
        (scene.dice.count(20, 60), (8 * SECOND, 40 * SECOND))
    } else {
        let hurried = scene.dice.chance(650);
        let pause = if hurried {
            (15 * SECOND, 70 * SECOND)
        } else {
            (90 * SECOND, 5 * MINUTE)
        };
        (scene.dice.count(8, 30), pause)
    };
    let given_in = scene.dice.chance(550);
    let new_sessions = by_code || scene.dice.chance(500);
    for turn in 0..tries {
        let last = turn + 1 == tries;
        let text = if by_code {
            if last && !given_in {
                Text::TooManyCodes
            } else {
                Text::WrongCode
            }
        } else {
            scene.dice.weighted(&[
                (Text::NoReply, 60),
                (Text::Declined, 30),
                (Text::WrongNumber, 7),
                (Text::Duplicate, 3),
            ])
        };
        let text = if last && !by_code && !given_in {
            Text::Fraud
        } else {
            text
        };
        if new_sessions {
            template.session = scene.dice.bits();
        }
        let mut end = template.at;
        scene.flow(template, |flow, dice| {
            flow.template.verdict = Verdict::Failed(REQUIRE_MFA);
            if dice.chance(850) {
                flow.step(0, 50074, Proof::SecondNeeded);
            } else {
                flow.step(0, 500_121, Proof::SecondFailed(method, text));
                return;
            }
            let after = dice.between(8 * SECOND, 60 * SECOND);
            flow.update(after, 500_121, Proof::SecondFailed(method, text));
            end = flow.template.at;
        });
        template.at = end + scene.dice.between(pause.0, pause.1);
    }
    if given_in {
        let risk = rated(scene.dice);
        let mut inside = template;
        scene.flow(template, |flow, dice| {
            flow.template.verdict = Verdict::Failed(REQUIRE_MFA);
            flow.step(0, 50074, Proof::SecondNeeded);
            flow.template.verdict = Verdict::Met(REQUIRE_MFA);
            let event = flow.update(
                dice.between(5 * SECOND, 40 * SECOND),
                0,
                Proof::Second(method),
            );
            event.risk = risk;
            climax(event);
            inside = *event;
        });
        let count = scene.dice.count(2, 6);
        scene.harvest(&inside, count);
    }
}

fn climax(event: &mut Event) {
    if let Some(mark) = &mut event.attack {
        mark.climax = true;
    }
}

/// One try, or two or three, and no further.
pub(super) fn stopped_once(scene: &mut Scene<'_>) {
    let person = scene.employee();
    let mut template = at_page(scene, &person, scene.start);
    let how = scene.dice.below(4);
    if how == 1 {
        let city = *scene.dice.pick(&BLOCKED_COUNTRIES);
        let (bits, provider) = (scene.dice.bits(), scene.dice.below(64));
        template.place = hosting(bits, provider, city, false);
    }
    let tries = scene.dice.count(1, 3);
    scene.flow(template, |flow, dice| {
        for _ in 0..tries {
            let after = dice.skewed(5 * SECOND, 4 * MINUTE);
            match how {
                1 => {
                    flow.template.verdict = Verdict::Failed(BLOCK_COUNTRIES);
                    flow.step(after, 53003, Proof::Password);
                }
                2 => {
                    flow.template.app = tenant::EXPENSES;
                    flow.template.resource = tenant::EXPENSES;
                    flow.template.verdict = Verdict::Failed(REQUIRE_DEVICE);
                    flow.step(after, 53000, Proof::Password);
                }
                _ => {
                    flow.template.verdict = Verdict::Failed(REQUIRE_MFA);
                    flow.step(after, 50074, Proof::SecondNeeded);
                }
            }
            flow.new_correlation();
        }
    });
}

/// A leaked list: one right password an account, from one address.
pub(super) fn leaked_list(scene: &mut Scene<'_>) {
    let count = scene.dice.count(6, 45);
    let book = scene.address_book(count);
    let place = scene.any_address();
    let page = scene.dice.chance(500);
    let (client, app) = if page {
        (
            *scene.dice.pick(&BROWSERS),
            (tenant::OFFICE_HOME, tenant::GRAPH),
        )
    } else {
        (clients::PYTHON, (tenant::CLI, tenant::MANAGEMENT))
    };
    let pause = *scene.dice.pick(&[4, 15, 60]) * SECOND;
    let mut at = scene.start;
    for person in book {
        // Somebody whom no policy asks would be in; this list did not have them.
        if person.exempt {
            continue;
        }
        let old = scene.dice.chance(150);
        let template = Event {
            protocol: if page { Protocol::None } else { Protocol::Ropc },
            ..scene.record(Who::Account(person.number), at, place, client, app)
        };
        scene.flow(template, |flow, _| {
            if old && person.kind != Kind::Leaver {
                flow.step(0, 50126, Proof::WrongPassword);
                return;
            }
            let (code, proof, verdict) = answer_to_right_password(&person, page);
            flow.step(0, code, proof).verdict = verdict;
        });
        at += scene.dice.between(pause / 2, pause * 2);
    }
}

/// Stopped, then guessing.
pub(super) fn stopped_then_failed(scene: &mut Scene<'_>) {
    let mut at = scene.start;
    for _ in 0..scene.dice.count(1, 3) {
        let person = scene.employee();
        let template = at_page(scene, &person, at);
        let method = person.method;
        let wrong = match method {
            Method::Push => Text::NoReply,
            _ => Text::WrongCode,
        };
        let how = scene.dice.below(3);
        let rounds = scene.dice.count(2, 5);
        // Changing the exit may lead into a country that is blocked.
        let (bits, city) = (scene.dice.bits(), *scene.dice.pick(&BLOCKED_COUNTRIES));
        let blocked = hosting(bits, scene.dice.below(64), city, false);
        scene.flow(template, |flow, dice| {
            for _ in 0..rounds {
                flow.template.verdict = Verdict::Failed(REQUIRE_MFA);
                flow.step(
                    dice.skewed(10 * SECOND, 90 * SECOND),
                    50074,
                    Proof::SecondNeeded,
                );
                let after = dice.skewed(8 * SECOND, 2 * MINUTE);
                flow.template.verdict = Verdict::NotApplied;
                match how {
                    0 => flow.step(after, 50126, Proof::WrongPassword),
                    1 => flow.step(after, 500_121, Proof::SecondFailed(method, wrong)),
                    _ => {
                        let event = flow.step(after, 53003, Proof::Password);
                        event.verdict = Verdict::Failed(BLOCK_COUNTRIES);
                        event.place = blocked;
                        event
                    }
                };
            }
        });
        at += scene.dice.between(3 * MINUTE, 15 * MINUTE);
    }
}

/// One account, all evening.
pub(super) fn stopped_again(scene: &mut Scene<'_>) {
    let person = scene.employee();
    let template = at_page(scene, &person, scene.start);
    let tries = scene.dice.count(6, 20);
    let pause = *scene.dice.pick(&[2, 6, 15]) * MINUTE;
    scene.flow(template, |flow, dice| {
        flow.template.verdict = Verdict::Failed(REQUIRE_MFA);
        for _ in 0..tries {
            flow.new_correlation();
            let code = if dice.chance(800) { 50074 } else { 50076 };
            flow.step(dice.skewed(pause / 2, pause), code, Proof::SecondNeeded);
            if flow.template.at > template.at + 6 * HOUR {
                return;
            }
        }
    });
}

/// Everything that answers to a password, in a few minutes, each with another user agent.
pub(super) fn sweep(scene: &mut Scene<'_>) {
    let open = scene.dice.chance(350);
    let person = if open {
        scene.exempt()
    } else {
        scene.employee()
    };
    let place = scene.rented(&person);
    let doors: [(ClientIndex, AppIndex, AppIndex); 10] = [
        (
            clients::WINDOWS_POWERSHELL,
            tenant::GRAPH_CLI,
            tenant::GRAPH,
        ),
        (
            clients::WINDOWS_POWERSHELL,
            tenant::AZ_POWERSHELL,
            tenant::MANAGEMENT,
        ),
        (clients::OLD_OUTLOOK, tenant::EXCHANGE, tenant::EXCHANGE),
        (clients::SWEEP_IPHONE, tenant::OFFICE_HOME, tenant::GRAPH),
        (clients::SWEEP_ANDROID, tenant::OFFICE_HOME, tenant::GRAPH),
        (clients::SWEEP_MAC, tenant::OUTLOOK_WEB, tenant::EXCHANGE),
        (clients::SWEEP_LINUX, tenant::OFFICE_HOME, tenant::GRAPH),
        (
            clients::SWEEP_WINDOWS_PHONE,
            tenant::OFFICE_HOME,
            tenant::GRAPH,
        ),
        (clients::OLD_CHROME, tenant::PORTAL, tenant::MANAGEMENT),
        (clients::PHONE_MAIL, tenant::EXCHANGE, tenant::EXCHANGE),
    ];
    let pause = *scene.dice.pick(&[3, 8, 18]) * SECOND;
    let mut at = scene.start;
    let skipped = scene.dice.below(4);
    for (turn, (client, app, resource)) in (0..).zip(doors) {
        if turn == skipped {
            continue;
        }
        at += scene.dice.between(pause / 2, pause * 2);
        let used = clients::CLIENTS[usize::from(client)].used;
        let template = Event {
            protocol: if used == Used::Browser {
                Protocol::None
            } else {
                Protocol::Ropc
            },
            ..scene.record(
                Who::Account(person.number),
                at,
                place,
                client,
                (app, resource),
            )
        };
        scene.flow(template, |flow, _| {
            if used.is_legacy() {
                let event = flow.step(0, 53003, Proof::Password);
                event.verdict = Verdict::Failed(BLOCK_LEGACY);
                return;
            }
            let (code, proof, verdict) = answer_to_right_password(&person, used == Used::Browser);
            flow.step(0, code, proof).verdict = verdict;
        });
    }
}
