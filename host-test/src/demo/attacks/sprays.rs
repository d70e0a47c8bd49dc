//! Few passwords, many accounts.

use super::{SPRAYERS, Scene, answer_to_right_password, answer_to_wrong_password, rated};
use crate::demo::calendar::{HOUR, MINUTE, SECOND};
use crate::demo::clients::{self, ClientIndex, Used};
use crate::demo::people::Person;
use crate::demo::places::Place;
use crate::demo::record::{Event, Proof, Protocol, Verdict, Who};
use crate::demo::tenant::{self, AppIndex, BLOCK_LEGACY};

/// How one spray is done.
struct Spray {
    client: ClientIndex,
    app: AppIndex,
    resource: AppIndex,
    protocol: Protocol,
    /// Between two tries.
    pause: i64,
    rounds: usize,
    /// The code of a try that the endpoint itself refuses, at times.
    refused: Option<u32>,
}

impl Spray {
    fn of(scene: &mut Scene<'_>) -> Spray {
        let (client, app, resource) = *scene.dice.pick(&SPRAYERS);
        Spray {
            client,
            app,
            resource,
            protocol: if clients::CLIENTS[usize::from(client)].used == Used::Browser {
                Protocol::None
            } else {
                Protocol::Ropc
            },
            pause: *scene.dice.pick(&[2, 8, 25, 60]) * SECOND,
            rounds: if scene.dice.chance(700) { 1 } else { 2 },
            refused: None,
        }
    }

    /// Tries the book from wherever `address` says. Who is hit has the tried password.
    fn run(
        &self,
        scene: &mut Scene<'_>,
        book: &[Person],
        hit: Option<&Person>,
        mut address: impl FnMut(&mut Scene<'_>) -> Place,
    ) {
        let mut at = scene.start;
        let pages = self.protocol == Protocol::None;
        // Slow sprays do not take longer than an evening.
        let tries = i64::try_from(book.len() * self.rounds).unwrap_or(1).max(1);
        let pause = self.pause.min(4 * HOUR / tries);
        for round in 0..self.rounds {
            for person in book {
                at += scene.dice.between(pause / 2, pause * 3 / 2);
                let place = address(scene);
                let who = Who::Account(person.number);
                let apps = (self.app, self.resource);
                let template = Event {
                    protocol: self.protocol,
                    ..scene.record(who, at, place, self.client, apps)
                };
                if round + 1 == self.rounds && hit.is_some_and(|hit| hit.number == person.number) {
                    self.right(scene, person, template, pages);
                    continue;
                }
                let refused = self.refused.filter(|_| scene.dice.chance(550));
                scene.flow(template, |flow, dice| {
                    if let Some(code) = refused {
                        flow.step(0, code, Proof::Nothing);
                        return;
                    }
                    let locked = if dice.chance(25) { 10 } else { 0 };
                    let (code, proof) = answer_to_wrong_password(person, locked, dice);
                    flow.step(0, code, proof);
                });
            }
            at += scene.dice.between(5 * MINUTE, 30 * MINUTE);
        }
    }

    fn right(&self, scene: &mut Scene<'_>, person: &Person, template: Event, pages: bool) {
        let legacy = clients::CLIENTS[usize::from(self.client)].used.is_legacy();
        let risk = rated(scene.dice);
        let mut inside = template;
        scene.flow(template, |flow, _| {
            let (code, proof, verdict) = if legacy {
                (53003, Proof::Password, Verdict::Failed(BLOCK_LEGACY))
            } else {
                answer_to_right_password(person, pages)
            };
            let event = flow.step(0, code, proof);
            event.verdict = verdict;
            event.risk = risk;
            if let Some(mark) = &mut event.attack {
                mark.climax = true;
            }
            inside = *event;
        });
        if inside.code == 0 {
            inside.session = scene.dice.bits();
            let count = scene.dice.count(2, 5);
            scene.harvest(&inside, count);
        }
    }
}

/// Whose password the spray guesses: nobody's, somebody's whom a policy protects, or somebody's whom none does.
/// They join the book at a place of their own.
fn hit(scene: &mut Scene<'_>, book: &mut Vec<Person>) -> Option<Person> {
    let person = match scene.dice.below(20) {
        0..7 => return None,
        7..13 => scene.employee(),
        _ => scene.exempt(),
    };
    book.retain(|other| other.number != person.number);
    let at = scene.dice.count(book.len() / 2, book.len());
    book.insert(at, person);
    Some(person)
}

/// From one address.
pub(super) fn one_address(scene: &mut Scene<'_>) {
    let spray = Spray::of(scene);
    let count = scene.dice.count(15, 120);
    let mut book = scene.address_book(count);
    let hit = hit(scene, &mut book);
    let place = scene.any_address();
    spray.run(scene, &book, hit.as_ref(), |_| place);
}

/// From an address each.
pub(super) fn many_addresses(scene: &mut Scene<'_>) {
    let mut spray = Spray::of(scene);
    spray.rounds = 1;
    let count = scene.dice.count(30, 180);
    let mut book = scene.address_book(count);
    let hit = hit(scene, &mut book);
    let pool: Vec<Place> = (0..scene.dice.count(22, 90))
        .map(|_| scene.any_address())
        .collect();
    spray.run(scene, &book, hit.as_ref(), |scene| *scene.dice.pick(&pool));
}

/// At the endpoint of seamless single sign-on, which for long wrote no log at all.
pub(super) fn seamless_sso(scene: &mut Scene<'_>) {
    let spray = Spray {
        client: *scene
            .dice
            .pick(&[clients::PYTHON, clients::GO, clients::CURL]),
        app: tenant::AAD_POWERSHELL,
        resource: tenant::DIRECTORY,
        protocol: Protocol::None,
        pause: *scene.dice.pick(&[1, 4, 12]) * SECOND,
        rounds: 1,
        refused: Some(81016),
    };
    let count = scene.dice.count(15, 80);
    let mut book = scene.address_book(count);
    let hit = hit(scene, &mut book);
    let place = scene.any_address();
    spray.run(scene, &book, hit.as_ref(), |_| place);
}

/// Through IMAP, SMTP or an old Outlook, which cannot ask for a second factor and are therefore blocked.
pub(super) fn legacy(scene: &mut Scene<'_>) {
    let spray = Spray {
        client: *scene.dice.pick(&[
            clients::OLD_MAIL_PROGRAM,
            clients::SCAN_TO_MAIL,
            clients::OLD_OUTLOOK,
        ]),
        app: tenant::EXCHANGE,
        resource: tenant::EXCHANGE,
        protocol: Protocol::Ropc,
        pause: *scene.dice.pick(&[5, 30, 120]) * SECOND,
        rounds: if scene.dice.chance(600) { 1 } else { 2 },
        refused: None,
    };
    let count = scene.dice.count(12, 50);
    let mut book = scene.address_book(count);
    let hit = hit(scene, &mut book);
    let pool: Vec<Place> = (0..scene.dice.count(1, 4))
        .map(|_| scene.any_address())
        .collect();
    spray.run(scene, &book, hit.as_ref(), |scene| *scene.dice.pick(&pool));
}
