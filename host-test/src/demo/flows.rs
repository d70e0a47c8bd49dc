//! What people do at a sign-in page: one method per flow, each a few records that belong together.
//!
//! The sequences, and whether id and correlation stay the same within them, are those of real records. See the
//! reference of multi-record flows.

use super::calendar::{HOUR, MINUTE, SECOND};
use super::clients::{self, ClientIndex, Used};
use super::people::{Kind, Machine, Method, Person};
use super::places::{CITIES, Named, Place};
use super::random::Dice;
use super::record::{Event, Flow, FlowName, Log, Proof, Protocol, Risk, Text, Token, Verdict, Who};
use super::tenant::{self, AppIndex, GUEST_TERMS, REQUIRE_DEVICE, REQUIRE_MFA, Tenant};

/// Somebody in front of a device, on a day.
pub(super) struct Desk<'a> {
    /// Take-offs and landings: in between nobody signs in.
    pub flights: [Option<(i64, i64)>; 2],
    pub tenant: &'a Tenant,
    pub person: &'a Person,
    pub day: i64,
    pub dice: &'a mut Dice,
    pub out: &'a mut Vec<Event>,
}

/// When, where and on which device.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seat {
    pub at: i64,
    pub place: Place,
    pub machine: Machine,
}

/// Applications that people open in a browser, with what they ask access to.
const WEB: [(AppIndex, AppIndex); 9] = [
    (tenant::OFFICE_HOME, tenant::GRAPH),
    (tenant::OUTLOOK_WEB, tenant::EXCHANGE),
    (tenant::SHAREPOINT, tenant::SHAREPOINT),
    (tenant::TEAMS_WEB, tenant::GRAPH),
    (tenant::EXPENSES, tenant::EXPENSES),
    (tenant::TIMESHEETS, tenant::TIMESHEETS),
    (tenant::CRM, tenant::CRM),
    (tenant::TICKETS, tenant::TICKETS),
    (tenant::MY_APPS, tenant::DIRECTORY),
];

impl Desk<'_> {
    /// A record of this person in a browser.
    fn in_browser(&mut self, name: FlowName, seat: &Seat) -> Event {
        // Three or four applications make up a person's day.
        let habit = u64::from(self.person.number) + self.dice.below(4);
        let (app, resource) = WEB[usize::try_from(habit % 9).unwrap_or(0)];
        self.record(name, seat, seat.machine.browser, (app, resource))
    }

    /// A record of this person with any client.
    pub fn record(
        &self,
        name: FlowName,
        seat: &Seat,
        client: ClientIndex,
        (app, resource): (AppIndex, AppIndex),
    ) -> Event {
        Event {
            app,
            resource,
            place: seat.place,
            client,
            device: seat.machine.device,
            protocol: match clients::CLIENTS[usize::from(client)].used {
                Used::Browser => Protocol::None,
                _ => Protocol::OAuth,
            },
            session: self.person.session(self.tenant, client, self.day),
            flow: name,
            ..Event::blank(Who::Account(self.person.number), seat.at)
        }
    }

    /// How this person proves who they are when nothing has to be typed.
    fn at_ease(&self, place: &Place, device_managed: bool) -> (Proof, Verdict) {
        if self.person.passwordless && device_managed {
            (Proof::Hello, Verdict::Met(REQUIRE_MFA))
        } else if place.trusted() || self.person.exempt {
            (Proof::ClaimSingle, Verdict::NotApplied)
        } else {
            (Proof::Claim, Verdict::Met(REQUIRE_MFA))
        }
    }

    /// How long it takes to find the phone.
    fn prompt(&mut self) -> i64 {
        if self.dice.chance(30) {
            self.dice.between(10 * MINUTE, 25 * MINUTE)
        } else {
            self.dice.skewed(5 * SECOND, 70 * SECOND)
        }
    }

    /// Writes a flow: `steps` adds its records.
    fn flow(&mut self, template: Event, steps: impl FnOnce(&mut Flow<'_>, &mut Dice)) {
        let in_the_air = self.flights.iter().flatten();
        for (off, land) in in_the_air {
            if (*off..*land).contains(&template.at) {
                return;
            }
        }
        let abroad = CITIES[usize::from(template.place.city)].country
            != CITIES[usize::from(self.person.city())].country;
        let mut template = template;
        // Identity Protection takes travellers and private VPNs for strangers, at times.
        if template.log == Log::Interactive && template.place.named == Named::No {
            template.risk = self.dice.weighted(&[
                (Risk::None, 1000),
                (Risk::Low, if abroad { 60 } else { 3 }),
                (Risk::Medium, if abroad { 25 } else { 1 }),
            ]);
        }
        let bits = self.dice.bits();
        let mut flow = Flow::new(self.out, template, bits);
        steps(&mut flow, self.dice);
        flow.finish(self.tenant.begin, self.tenant.end);
    }

    /// The sign-in itself, password typed: with or without a second factor, as the place and the person ask for.
    fn password_and_more(&mut self, template: Event, before: &[(i64, u32, Proof)]) {
        let wait = self.prompt();
        let (person, typing) = (*self.person, self.dice.skewed(3 * SECOND, 30 * SECOND));
        self.flow(template, |flow, _| {
            for (after, code, proof) in before {
                flow.step(*after, *code, *proof);
            }
            let first = if before.is_empty() { 0 } else { typing };
            finish_sign_in(flow, &person, first, wait);
        });
    }

    /// Windows Hello at the lock screen.
    pub fn windows_logon(&mut self, seat: &Seat) {
        let event = self.record(
            FlowName::WindowsLogon,
            seat,
            clients::WINDOWS_LOGON,
            (tenant::WINDOWS, tenant::DIRECTORY),
        );
        let proof = if self.person.passwordless {
            Proof::Hello
        } else {
            Proof::Password
        };
        self.flow(event, |flow, _| {
            flow.step(0, 0, proof);
        });
    }

    /// One of the flows that need nothing but a person and a device.
    pub fn sign_in(&mut self, name: FlowName, seat: &Seat) {
        let event = self.in_browser(name, seat);
        match name {
            FlowName::SilentSignIn => self.silent(event, &[]),
            FlowName::SilentAlone => {
                let event = self.nameless(event);
                let tabs = self.dice.count(1, 3);
                self.flow(event, |flow, dice| {
                    for _ in 0..tabs {
                        flow.step(dice.skewed(0, 5 * SECOND), 50058, Proof::Nothing);
                    }
                });
            }
            FlowName::Consent => {
                let declined = self.dice.chance(250);
                self.flow(event, |flow, dice| {
                    flow.step(0, 50058, Proof::Nothing);
                    flow.step(
                        dice.skewed(2 * SECOND, 9 * SECOND),
                        65001,
                        Proof::ClaimSingle,
                    );
                    if declined {
                        flow.step(
                            dice.skewed(5 * SECOND, 60 * SECOND),
                            65004,
                            Proof::ClaimSingle,
                        );
                    } else if dice.chance(700) {
                        flow.step(dice.skewed(5 * SECOND, 60 * SECOND), 0, Proof::ClaimSingle);
                    }
                });
            }
            FlowName::AccountChoice => {
                let chosen = self.dice.chance(850);
                let (proof, verdict) = self.at_ease(&event.place, event.device.managed());
                self.flow(event, |flow, dice| {
                    flow.step(0, 16000, Proof::ClaimSingle);
                    if chosen {
                        let after = dice.skewed(4 * SECOND, 90 * SECOND);
                        flow.step(after, 0, proof).verdict = verdict;
                    }
                });
            }
            FlowName::ClaimSignIn | FlowName::Passwordless => {
                let (mut proof, verdict) = self.at_ease(&event.place, event.device.managed());
                if name == FlowName::Passwordless {
                    proof = *self.dice.pick(&[Proof::Key, Proof::PhoneSignIn]);
                }
                self.flow(event, |flow, _| {
                    flow.step(0, 0, proof).verdict = verdict;
                });
            }
            FlowName::WrongPassword => {
                let tries = self.dice.weighted(&[(1, 70), (2, 22), (3, 8)]);
                let typed = [0, 14 * SECOND, 11 * SECOND].map(|after| {
                    let slip = self.dice.below(7000).cast_signed();
                    (
                        if after == 0 { 0 } else { after + slip },
                        50126,
                        Proof::WrongPassword,
                    )
                });
                self.password_and_more(event, &typed[..tries]);
            }
            FlowName::PageLeftOpen => {
                self.password_and_more(event, &[(0, 50089, Proof::Nothing)]);
            }
            FlowName::BackButton => self.flow(event, |flow, _| {
                flow.step(0, 900_561, Proof::Nothing);
            }),
            FlowName::ServiceFault => {
                let (proof, verdict) = self.at_ease(&event.place, false);
                self.flow(event, |flow, dice| {
                    flow.step(0, 90025, Proof::Nothing);
                    let after = dice.skewed(3 * SECOND, 40 * SECOND);
                    flow.step(after, 0, proof).verdict = verdict;
                });
            }
            FlowName::SeamlessSso => {
                let code = *self.dice.pick(&[81010, 81014]);
                self.password_and_more(event, &[(0, code, Proof::Nothing)]);
            }
            FlowName::StaySignedIn => {
                let wait = self.prompt();
                let (person, answered) = (*self.person, self.dice.chance(700));
                self.flow(event, |flow, dice| {
                    if needs_second(&person, &flow.template) {
                        flow.template.verdict = Verdict::Failed(REQUIRE_MFA);
                        flow.step(0, 50074, Proof::SecondNeeded);
                        flow.template.verdict = Verdict::Met(REQUIRE_MFA);
                    }
                    flow.step(wait, 50140, completed(&person, &flow.template));
                    if answered {
                        flow.new_correlation();
                        flow.step(dice.skewed(3 * SECOND, 50 * SECOND), 0, Proof::ClaimSingle);
                    }
                });
            }
            FlowName::PasswordExpired => {
                let code = *self.dice.pick(&[50055, 50144]);
                let change = self.dice.skewed(40 * SECOND, 5 * MINUTE);
                let also = if self.dice.chance(300) {
                    vec![(0, code, Proof::Password), (change, 50125, Proof::Password)]
                } else {
                    vec![(0, code, Proof::Password)]
                };
                self.password_and_more(event, &also);
            }
            FlowName::SessionRevoked => {
                let code = *self.dice.pick(&[50132, 50133, 50173]);
                if code == 50173 {
                    self.token_refused(FlowName::SessionRevoked, seat, 50173);
                    return;
                }
                self.password_and_more(event, &[(0, code, Proof::Nothing)]);
            }
            FlowName::MistypedName => {
                self.password_and_more(event, &[(0, 50034, Proof::WrongPassword)]);
            }
            FlowName::Enrolment | FlowName::RollOut => self.enrolment(event),
            FlowName::PromptUnanswered | FlowName::SecondFailed | FlowName::MistakenDeny => {
                self.second_factor_trouble(event);
            }
            FlowName::TermsOfUse => self.flow(event, |flow, dice| {
                flow.template.verdict = Verdict::Failed(GUEST_TERMS);
                flow.step(0, 50158, Proof::ClaimSingle);
                if dice.chance(850) {
                    flow.template.verdict = Verdict::Met(GUEST_TERMS);
                    flow.step(dice.skewed(10 * SECOND, 4 * MINUTE), 0, Proof::ClaimSingle);
                }
            }),
            FlowName::DeviceRefused => {
                let event = Event {
                    app: tenant::EXPENSES,
                    resource: tenant::EXPENSES,
                    verdict: Verdict::Failed(REQUIRE_DEVICE),
                    ..event
                };
                let tries = self.dice.count(1, 3);
                self.flow(event, |flow, dice| {
                    for _ in 0..tries {
                        let after = dice.skewed(SECOND, 60 * SECOND);
                        flow.step(after, 53000, Proof::ClaimSingle);
                    }
                });
            }
            // A browser sign-in with password, and whatever else is asked for.
            _ => self.password_and_more(event, &[]),
        }
    }

    /// Silent sign-in finds no session at first, then the browser's.
    fn silent(&mut self, event: Event, before: &[u32]) {
        let (proof, verdict) = self.at_ease(&event.place, event.device.managed());
        let nameless = self.dice.chance(120).then(|| self.nameless(event).who);
        self.flow(event, |flow, dice| {
            for code in before {
                flow.step(SECOND, *code, Proof::Nothing);
            }
            let first = flow.step(0, 50058, Proof::Nothing);
            first.who = nameless.unwrap_or(first.who);
            let after = dice.skewed(SECOND, 12 * SECOND);
            flow.step(after, 0, proof).verdict = verdict;
        });
    }

    /// The same record before the service knows who it is.
    fn nameless(&mut self, event: Event) -> Event {
        let who = if self.dice.chance(500) {
            Who::Unknown(self.dice.bits())
        } else {
            event.who
        };
        Event { who, ..event }
    }

    /// Sent to register a second factor.
    fn enrolment(&mut self, event: Event) {
        let known = self.dice.below(100);
        let method = self.person.method;
        let proof = Proof::Second(method);
        self.flow(event, |flow, dice| {
            flow.template.verdict = Verdict::Failed(REQUIRE_MFA);
            match known {
                0..45 => {
                    flow.step(0, 50072, Proof::Password);
                }
                45..70 => {
                    flow.step(0, 50076, Proof::SecondNeeded);
                }
                70..85 => {
                    flow.step(0, 50079, Proof::Password);
                    flow.step(dice.skewed(5 * SECOND, 40 * SECOND), 50072, Proof::Password);
                }
                _ => {
                    // Tries again without having registered.
                    flow.step(0, 50072, Proof::Password);
                    flow.step(dice.skewed(MINUTE, 9 * MINUTE), 50072, Proof::Password);
                }
            }
            if dice.chance(720) {
                flow.template.verdict = Verdict::Met(REQUIRE_MFA);
                let after = dice.skewed(50 * SECOND, 8 * MINUTE);
                flow.step(after, 0, proof);
            }
        });
    }

    /// The second factor is asked for and does not come, at first.
    fn second_factor_trouble(&mut self, event: Event) {
        let method = self.person.method;
        let text = match (event.flow, method) {
            (FlowName::MistakenDeny, Method::Call) => Text::Fraud,
            (FlowName::MistakenDeny, _) => Text::Declined,
            (FlowName::SecondFailed, Method::Push) => Text::WrongNumber,
            (FlowName::SecondFailed, _) => Text::WrongCode,
            (_, Method::Push) => Text::NoReply,
            (_, Method::Call) => *self.dice.pick(&[Text::Voicemail, Text::HungUp]),
            _ => Text::NeverEntered,
        };
        let told = event.flow != FlowName::PromptUnanswered || self.dice.chance(600);
        let tries = if event.flow == FlowName::SecondFailed {
            self.dice.weighted(&[(1, 70), (2, 20), (3, 10)])
        } else {
            1
        };
        let again = self.dice.chance(750);
        let later = if self.dice.chance(600) {
            self.dice.skewed(10 * SECOND, 3 * MINUTE)
        } else {
            self.dice.between(10 * MINUTE, 90 * MINUTE)
        };
        let wait = self.prompt();
        let person = *self.person;
        self.flow(event, |flow, dice| {
            flow.template.verdict = Verdict::Failed(REQUIRE_MFA);
            flow.step(0, 50074, Proof::SecondNeeded);
            for _ in 0..tries {
                if told {
                    let after = dice.between(15 * SECOND, 70 * SECOND);
                    flow.update(after, 500_121, Proof::SecondFailed(method, text));
                }
            }
            if again {
                flow.new_correlation();
                flow.template.verdict = Verdict::NotApplied;
                finish_sign_in(flow, &person, later, wait);
            }
        });
    }

    /// A forgotten password: several tries, then a reset, by oneself or by the helpdesk.
    pub fn forgotten_password(&mut self, seat: &Seat) {
        let event = self.in_browser(FlowName::ForgottenPassword, seat);
        let tries = self.dice.count(4, 9);
        let (wait, person) = (self.prompt(), *self.person);
        let by_helpdesk = self.dice.chance(400);
        self.flow(event, |flow, dice| {
            for _ in 0..tries {
                flow.step(
                    dice.skewed(5 * SECOND, 90 * SECOND),
                    50126,
                    Proof::WrongPassword,
                );
            }
            if tries > 7 {
                flow.step(dice.skewed(5 * SECOND, 60 * SECOND), 50053, Proof::Refused);
            }
            let reset = if by_helpdesk {
                dice.between(10 * MINUTE, 70 * MINUTE)
            } else {
                dice.between(2 * MINUTE, 8 * MINUTE)
            };
            flow.new_correlation();
            let code = if by_helpdesk { 50055 } else { 50125 };
            flow.step(reset, code, Proof::Password);
            finish_sign_in(flow, &person, dice.skewed(30 * SECOND, 3 * MINUTE), wait);
        });
    }

    /// After a password change an old mail program on a phone goes on with the old password, for hours.
    pub fn stale_phone(&mut self, seat: &Seat, place_at: impl Fn(i64) -> Place) {
        let event = Event {
            device: clients::Device::UNKNOWN,
            protocol: Protocol::Ropc,
            session: 0,
            ..self.record(
                FlowName::StalePhone,
                seat,
                clients::PHONE_MAIL,
                (tenant::EXCHANGE, tenant::EXCHANGE),
            )
        };
        let tries = self.dice.count(12, 60);
        let often = *self.dice.pick(&[2, 5, 10, 15]) * MINUTE;
        let until = seat.at + 8 * HOUR;
        self.flow(event, |flow, dice| {
            for turn in 0..tries {
                // Ten wrong passwords lock the account for a minute, and longer each time.
                let locked = turn >= 10 && dice.chance(700);
                let (code, proof) = if locked {
                    (50053, Proof::Refused)
                } else {
                    (50126, Proof::WrongPassword)
                };
                flow.new_correlation();
                let after = often + dice.skewed(0, often);
                if flow.template.at + after > until {
                    return;
                }
                flow.template.place = place_at(flow.template.at + after);
                flow.step(after, code, proof);
            }
        });
    }

    /// The phone of somebody who has left.
    pub fn leaver_phone(&mut self, seat: &Seat) {
        let event = self.record(
            FlowName::LeaverPhone,
            seat,
            seat.machine.native,
            (tenant::OUTLOOK_MOBILE, tenant::EXCHANGE),
        );
        let event = Event {
            log: if self.dice.chance(700) {
                Log::NonInteractive
            } else {
                Log::Interactive
            },
            token: Token::Refresh,
            ..event
        };
        self.flow(event, |flow, dice| {
            for _ in 0..dice.count(1, 3) {
                flow.step(dice.skewed(2 * SECOND, MINUTE), 50057, Proof::Refused);
            }
        });
    }

    /// A token that is renewed without anybody noticing.
    pub fn refresh(&mut self, seat: &Seat, app: AppIndex, resources: &[AppIndex]) {
        let managed = seat.machine.device.managed();
        let (proof, verdict) = match self.at_ease(&seat.place, false) {
            (Proof::Hello, verdict) => (Proof::Claim, verdict),
            other => other,
        };
        let event = Event {
            log: Log::NonInteractive,
            token: if managed {
                Token::Primary
            } else {
                Token::Refresh
            },
            verdict,
            ..self.record(
                FlowName::Refresh,
                seat,
                seat.machine.native,
                (app, resources[0]),
            )
        };
        self.flow(event, |flow, _| {
            for resource in resources {
                flow.template.resource = *resource;
                flow.step(400, 0, proof);
            }
        });
    }

    /// A token that was refused, and the sign-in that follows.
    pub fn token_refused(&mut self, name: FlowName, seat: &Seat, code: u32) {
        let event = Event {
            log: Log::NonInteractive,
            token: Token::Refresh,
            ..self.record(
                name,
                seat,
                seat.machine.native,
                (tenant::OFFICE, tenant::EXCHANGE),
            )
        };
        let (person, wait) = (*self.person, self.prompt());
        let answered = self.dice.chance(800);
        self.flow(event, |flow, dice| {
            for _ in 0..dice.count(1, 3) {
                flow.step(dice.skewed(SECOND, 20 * SECOND), code, Proof::Nothing);
            }
            if answered {
                flow.template.log = Log::Interactive;
                flow.template.token = Token::None;
                let after = dice.skewed(20 * SECOND, 25 * MINUTE);
                finish_sign_in(flow, &person, after, wait);
            }
        });
    }

    /// A phone has to show that it is the device it says it is.
    pub fn device_handshake(&mut self, seat: &Seat) {
        let event = self.record(
            FlowName::DeviceHandshake,
            seat,
            clients::DEVICE_HANDSHAKE,
            (tenant::OUTLOOK_MOBILE, tenant::EXCHANGE),
        );
        let (proof, verdict) = self.at_ease(&seat.place, false);
        let native = seat.machine.native;
        self.flow(event, |flow, dice| {
            flow.step(0, 50097, Proof::ClaimSingle);
            flow.template.client = native;
            let after = dice.skewed(SECOND, 8 * SECOND);
            flow.step(after, 0, proof).verdict = verdict;
        });
    }

    /// A new phone: the broker registers it, the authenticator moves, and the second factor stumbles once.
    pub fn new_phone(&mut self, seat: &Seat, new: Machine) {
        let seat = Seat {
            machine: new,
            ..*seat
        };
        let event = self.record(
            FlowName::NewPhone,
            &seat,
            new.native,
            (tenant::BROKER, tenant::REGISTRATION),
        );
        let (person, wait) = (*self.person, self.prompt());
        self.flow(event, |flow, dice| {
            finish_sign_in(flow, &person, 0, wait);
            flow.new_correlation();
            flow.template.verdict = Verdict::NotApplied;
            for (app, resource) in [
                (tenant::AUTHENTICATOR, tenant::DIRECTORY),
                (tenant::OUTLOOK_MOBILE, tenant::EXCHANGE),
                (tenant::TEAMS, tenant::GRAPH),
            ] {
                flow.template.app = app;
                flow.template.resource = resource;
                let after = dice.skewed(30 * SECOND, 6 * MINUTE);
                flow.step(after, 0, completed(&person, &flow.template));
            }
        });
    }

    /// A developer signs in to a command line with a device code, or a meeting room to its panel.
    pub fn device_code(&mut self, seat: &Seat) {
        let room = self.person.kind == Kind::Room;
        let (name, tool, app, resource) = if room {
            (
                FlowName::MeetingRoom,
                clients::MEETING_ROOM,
                tenant::BROKER,
                tenant::GRAPH,
            )
        } else {
            (
                FlowName::DeviceCode,
                clients::AZURE_CLI,
                tenant::CLI,
                tenant::MANAGEMENT,
            )
        };
        let browser = seat.machine.browser;
        let device = seat.machine.device;
        let polls = self.dice.count(3, 14);
        let given_up = self.dice.chance(150);
        let event = Event {
            device: clients::Device::UNKNOWN,
            protocol: Protocol::None,
            ..self.record(name, seat, tool, (app, resource))
        };
        let (proof, verdict) = self.at_ease(&seat.place, false);
        self.flow(event, |flow, _| {
            let polling = Event {
                log: Log::NonInteractive,
                session: 0,
                ..flow.template
            };
            let begin = flow.template;
            flow.template = polling;
            for _ in 0..polls {
                flow.step(5 * SECOND, 70016, Proof::Nothing);
            }
            if given_up {
                flow.step(15 * MINUTE, 70019, Proof::Nothing);
                return;
            }
            let at = flow.template.at;
            flow.template = Event {
                at,
                client: browser,
                device,
                ..begin
            };
            if !room {
                flow.step(3 * SECOND, 50199, proof).verdict = verdict;
            }
            flow.template.client = tool;
            flow.template.device = clients::Device::UNKNOWN;
            flow.template.protocol = Protocol::DeviceCode;
            flow.step(4 * SECOND, 0, proof).verdict = verdict;
            // The tool then renews what it was given.
            flow.new_correlation();
            flow.template.log = Log::NonInteractive;
            flow.template.protocol = Protocol::None;
            flow.template.by_device_code = true;
            flow.template.token = Token::Refresh;
            flow.step(MINUTE, 0, proof).verdict = verdict;
        });
    }

    /// Administrators and developers at their tools.
    pub fn tools(&mut self, seat: &Seat) {
        let (client, app, resource) = if self.person.kind == Kind::Admin {
            *self.dice.pick(&[
                (
                    clients::WINDOWS_POWERSHELL,
                    tenant::AAD_POWERSHELL,
                    tenant::DIRECTORY,
                ),
                (
                    clients::AZURE_POWERSHELL,
                    tenant::AZ_POWERSHELL,
                    tenant::MANAGEMENT,
                ),
                (clients::AZURE_POWERSHELL, tenant::GRAPH_CLI, tenant::GRAPH),
                (seat.machine.browser, tenant::PORTAL, tenant::MANAGEMENT),
                (seat.machine.browser, tenant::PORTAL, tenant::MANAGEMENT),
            ])
        } else {
            *self.dice.pick(&[
                (clients::AZURE_CLI, tenant::CLI, tenant::MANAGEMENT),
                (clients::VS_CODE, tenant::CODE, tenant::MANAGEMENT),
                (clients::VS_CODE, tenant::CODE, tenant::GRAPH),
                (seat.machine.browser, tenant::PORTAL, tenant::MANAGEMENT),
            ])
        };
        let event = self.record(FlowName::AdminTools, seat, client, (app, resource));
        let (proof, verdict) = self.at_ease(&seat.place, false);
        let typed = self.dice.chance(350);
        let (person, wait) = (*self.person, self.prompt());
        self.flow(event, |flow, dice| {
            if typed {
                finish_sign_in(flow, &person, 0, wait);
            } else {
                flow.step(0, 0, proof).verdict = verdict;
            }
            flow.template.log = Log::NonInteractive;
            flow.template.token = Token::Refresh;
            flow.new_correlation();
            for _ in 0..dice.count(0, 4) {
                let after = dice.skewed(2 * SECOND, 40 * MINUTE);
                flow.step(after, 0, proof).verdict = verdict;
            }
        });
    }

    /// An application that fails for everybody, who all try again.
    pub fn broken_app(&mut self, seat: &Seat) {
        let event = self.record(
            FlowName::BrokenApp,
            seat,
            seat.machine.browser,
            (tenant::TICKETS, tenant::TICKETS),
        );
        let code = [50011, 700_016, 7_000_215][usize::try_from(self.tenant.seed % 3).unwrap_or(0)];
        self.flow(event, |flow, dice| {
            for _ in 0..dice.count(1, 4) {
                flow.new_correlation();
                flow.step(dice.skewed(SECOND, 40 * MINUTE), code, Proof::Nothing);
            }
        });
    }
}

/// Whether the tenant asks this person for a second factor at this place.
fn needs_second(person: &Person, event: &Event) -> bool {
    !event.place.trusted() && !person.exempt
}

/// What a success shows, when the password was typed.
fn completed(person: &Person, event: &Event) -> Proof {
    if needs_second(person, event) {
        Proof::Second(person.method)
    } else if event.place.trusted() {
        Proof::SecondSkipped
    } else {
        Proof::Password
    }
}

/// The password is right `after` the record before. Where a second factor is asked for it comes `wait` later, and
/// the record is updated under its id.
fn finish_sign_in(flow: &mut Flow<'_>, person: &Person, after: i64, wait: i64) {
    if needs_second(person, &flow.template) {
        flow.template.verdict = Verdict::Failed(REQUIRE_MFA);
        flow.step(after, 50074, Proof::SecondNeeded);
        flow.template.verdict = Verdict::Met(REQUIRE_MFA);
        flow.update(wait, 0, Proof::Second(person.method));
    } else {
        flow.step(after, 0, completed(person, &flow.template));
    }
}
