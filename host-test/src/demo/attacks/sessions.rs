//! Somebody is in already: tokens and sessions that are not their user's any more.

use super::{Scene, rated};
use crate::demo::calendar::{MINUTE, SECOND};
use crate::demo::clients::{self, Device};
use crate::demo::people::{Kind, Person};
use crate::demo::places::{ATTACKER_CITIES, CITIES, Place, hosting, kilometres};
use crate::demo::record::{Event, FlowName, Log, Proof, Protocol, Token, Verdict, Who};
use crate::demo::tenant::{self, REQUIRE_MFA};

fn climax(event: &mut Event) {
    if let Some(mark) = &mut event.attack {
        mark.climax = true;
    }
}

/// What the victim's record becomes in the hands of somebody else.
fn taken(scene: &Scene<'_>, event: &Event, place: Place) -> Event {
    Event {
        place,
        device: Device::UNKNOWN,
        proof: Proof::Claim,
        verdict: Verdict::Met(REQUIRE_MFA),
        flow: FlowName::Attack,
        attack: Some(scene.mark),
        outcome: None,
        ..*event
    }
}

/// A refresh token, minutes after it was issued. One token from a new network may be a VPN; by the sixth within the
/// hour it should be told, and that is the climax.
pub(super) fn token_replay(scene: &mut Scene<'_>) {
    let (person, event) = scene.signed_in(|_| true);
    let place = scene.rented(&person);
    let same_session = scene.dice.chance(600);
    let client = *scene.dice.pick(&[
        clients::PYTHON,
        clients::KIT_CHROME,
        clients::ROADTX,
        clients::WINDOWS_BROKER,
    ]);
    let mut template = Event {
        log: Log::NonInteractive,
        token: Token::Refresh,
        protocol: Protocol::OAuth,
        client,
        at: event.at + scene.dice.between(MINUTE, 9 * MINUTE),
        ..taken(scene, &event, place)
    };
    if !same_session {
        template.session = scene.dice.bits();
    }
    for turn in 0..scene.dice.count(6, 16) {
        let (app, resource) = *scene.dice.pick(&[
            (tenant::OFFICE, tenant::GRAPH),
            (tenant::OFFICE, tenant::EXCHANGE),
            (tenant::TEAMS, tenant::SHAREPOINT),
            (tenant::AZ_POWERSHELL, tenant::MANAGEMENT),
            (tenant::BROKER, tenant::REGISTRATION),
        ]);
        template.app = app;
        template.resource = resource;
        scene.flow(template, |flow, _| {
            let event = flow.step(0, 0, Proof::Claim);
            if turn == 5 {
                climax(event);
            }
        });
        template.at += scene.dice.skewed(10 * SECOND, 3 * MINUTE);
    }
}

/// The victim types password and second factor into a page that passes both on.
pub(super) fn phishing_proxy(scene: &mut Scene<'_>) {
    let (person, near) = scene.signed_in(|event| event.flow != FlowName::WindowsLogon);
    let proxy = scene.rented(&person);
    // Most kits pass the victim's user agent on, some speak with their own.
    let client = match scene.dice.below(10) {
        0 => clients::NODE,
        1 => clients::AXIOS,
        2 | 3 => clients::KIT_CHROME,
        _ => person.laptop.browser,
    };
    let prompted = scene.dice.chance(650);
    let risk = rated(scene.dice);
    let template = Event {
        at: near.at + scene.dice.between(MINUTE, 40 * MINUTE),
        device: Device::UNKNOWN,
        session: scene.dice.bits(),
        ..scene.record(
            Who::Account(person.number),
            near.at,
            proxy,
            client,
            (tenant::OFFICE_HOME, tenant::GRAPH),
        )
    };
    let mut inside = template;
    scene.flow(template, |flow, dice| {
        if dice.chance(300) {
            flow.step(0, 50058, Proof::Nothing);
        }
        if dice.chance(120) {
            flow.step(
                dice.skewed(5 * SECOND, 40 * SECOND),
                50126,
                Proof::WrongPassword,
            );
        }
        let after = dice.skewed(4 * SECOND, 40 * SECOND);
        let event = if prompted {
            flow.template.verdict = Verdict::Failed(REQUIRE_MFA);
            flow.step(after, 50074, Proof::SecondNeeded);
            flow.template.verdict = Verdict::Met(REQUIRE_MFA);
            let wait = dice.skewed(6 * SECOND, 60 * SECOND);
            flow.update(wait, 0, Proof::Second(person.method))
        } else {
            flow.template.verdict = Verdict::Met(REQUIRE_MFA);
            flow.step(after, 0, Proof::Claim)
        };
        event.risk = risk;
        climax(event);
        inside = *event;
    });
    // Whoever collects the session reads the mail from somewhere else.
    if scene.dice.chance(600) {
        inside.place = scene.rented(&person);
        inside.client = clients::KIT_CHROME;
    }
    inside.at += scene.dice.skewed(MINUTE, 30 * MINUTE);
    let mut page = inside;
    for _ in 0..scene.dice.count(1, 3) {
        let (app, resource) = *scene.dice.pick(&[
            (tenant::OUTLOOK_WEB, tenant::EXCHANGE),
            (tenant::SHAREPOINT, tenant::SHAREPOINT),
            (tenant::MY_SIGN_INS, tenant::DIRECTORY),
        ]);
        page.at += scene.dice.skewed(20 * SECOND, 8 * MINUTE);
        scene.flow(
            Event {
                app,
                resource,
                attack: Some(scene.mark),
                ..page
            },
            |flow, _| {
                flow.step(0, 0, Proof::Claim);
            },
        );
    }
    let count = scene.dice.count(2, 8);
    page.attack = Some(scene.mark);
    scene.harvest(&page, count);
}

/// A browser's cookie, in several hands.
pub(super) fn session_theft(scene: &mut Scene<'_>) {
    let (person, event) = scene.signed_in(|event| {
        clients::CLIENTS[usize::from(event.client)].used == clients::Used::Browser
            && event.session != 0
    });
    let mut at = event.at + scene.dice.between(4 * MINUTE, 50 * MINUTE);
    let mut first = true;
    for _ in 0..scene.dice.count(2, 4) {
        let place = scene.rented(&person);
        let own_browser = scene.dice.chance(500);
        for _ in 0..scene.dice.count(1, 4) {
            let (app, resource) = *scene.dice.pick(&[
                (tenant::OFFICE_HOME, tenant::GRAPH),
                (tenant::OUTLOOK_WEB, tenant::EXCHANGE),
                (tenant::SHAREPOINT, tenant::SHAREPOINT),
                (tenant::TEAMS_WEB, tenant::GRAPH),
            ]);
            let mut template = Event {
                at,
                app,
                resource,
                ..taken(scene, &event, place)
            };
            if !own_browser {
                template.client = clients::KIT_CHROME;
            }
            template.log = if scene.dice.chance(500) {
                Log::Interactive
            } else {
                Log::NonInteractive
            };
            let begins = std::mem::take(&mut first);
            scene.flow(template, |flow, _| {
                let event = flow.step(0, 0, Proof::Claim);
                if begins {
                    climax(event);
                }
            });
            at += scene.dice.skewed(30 * SECOND, 8 * MINUTE);
        }
        at += scene.dice.skewed(2 * MINUTE, 25 * MINUTE);
    }
}

/// Far away, minutes later.
pub(super) fn impossible_travel(scene: &mut Scene<'_>) {
    let (person, event) = scene.signed_in(|event| event.place.city < 24);
    let far: Vec<u8> = ATTACKER_CITIES
        .iter()
        .copied()
        .filter(|city| {
            kilometres(event.place.city, *city) > 2500
                && CITIES[usize::from(*city)].country != CITIES[usize::from(person.city())].country
        })
        .collect();
    let city = *scene.dice.pick(&far);
    let (bits, provider) = (scene.dice.bits(), scene.dice.below(64));
    let prompted = scene.dice.chance(400);
    let risk = rated(scene.dice);
    let template = Event {
        at: event.at + scene.dice.between(6 * MINUTE, 55 * MINUTE),
        client: *scene.dice.pick(&[
            clients::KIT_CHROME,
            clients::OLD_CHROME,
            person.laptop.browser,
        ]),
        session: scene.dice.bits(),
        app: tenant::OUTLOOK_WEB,
        resource: tenant::EXCHANGE,
        protocol: Protocol::None,
        log: Log::Interactive,
        ..taken(scene, &event, hosting(bits, provider, city, false))
    };
    let mut inside = template;
    scene.flow(template, |flow, dice| {
        let event = if prompted {
            flow.template.verdict = Verdict::Failed(REQUIRE_MFA);
            flow.step(0, 50074, Proof::SecondNeeded);
            flow.template.verdict = Verdict::Met(REQUIRE_MFA);
            flow.update(
                dice.skewed(5 * SECOND, 50 * SECOND),
                0,
                Proof::Second(person.method),
            )
        } else {
            flow.step(0, 0, Proof::Claim)
        };
        event.risk = risk;
        climax(event);
        inside = *event;
    });
    inside.attack = Some(scene.mark);
    let count = scene.dice.count(1, 4);
    scene.harvest(&inside, count);
}

/// The victim confirms a code on their own device; the token goes to whoever asked for the code.
pub(super) fn device_code(scene: &mut Scene<'_>) {
    let (person, near) = scene.signed_in(|event| event.flow != FlowName::WindowsLogon);
    let place = scene.rented(&person);
    let (app, resource) = *scene.dice.pick(&[
        (tenant::BROKER, tenant::GRAPH),
        (tenant::OFFICE, tenant::GRAPH),
        (tenant::CLI, tenant::MANAGEMENT),
    ]);
    let tool = *scene
        .dice
        .pick(&[clients::PYTHON, clients::KIT_CHROME, clients::AZURE_CLI]);
    let session = scene.dice.bits();
    let redeemed_there = scene.dice.chance(600);
    let seen_polling = scene.dice.chance(400);
    let at = near.at + scene.dice.between(MINUTE, 30 * MINUTE);
    let theirs = Event {
        session,
        ..scene.record(
            Who::Account(person.number),
            at,
            place,
            tool,
            (app, resource),
        )
    };
    let (own_place, own_device, own_client) = (near.place, near.device, browser_of(&person));
    let mut inside = theirs;
    scene.flow(theirs, |flow, dice| {
        if seen_polling {
            flow.template.log = Log::NonInteractive;
            flow.template.session = 0;
            for _ in 0..dice.count(2, 12) {
                flow.step(5 * SECOND, 70016, Proof::Nothing);
            }
            flow.template.log = Log::Interactive;
            flow.template.session = session;
        }
        flow.template.place = own_place;
        flow.template.device = own_device;
        flow.template.client = own_client;
        flow.step(dice.skewed(5 * SECOND, 90 * SECOND), 50199, Proof::Claim);
        if redeemed_there {
            flow.template.place = place;
            flow.template.device = Device::UNKNOWN;
            flow.template.client = tool;
        }
        flow.template.protocol = Protocol::DeviceCode;
        flow.template.verdict = Verdict::Met(REQUIRE_MFA);
        let event = flow.step(dice.skewed(2 * SECOND, 12 * SECOND), 0, Proof::Claim);
        climax(event);
        inside = *event;
    });
    inside = Event {
        place,
        device: Device::UNKNOWN,
        client: tool,
        protocol: Protocol::None,
        by_device_code: true,
        attack: Some(scene.mark),
        ..inside
    };
    let count = scene.dice.count(2, 8);
    scene.harvest(&inside, count);
}

fn browser_of(person: &Person) -> clients::ClientIndex {
    if person.kind == Kind::Frontline {
        person.phone.browser
    } else {
        person.laptop.browser
    }
}
