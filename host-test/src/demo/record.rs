//! One record before it is written: everything that tells it from another, small enough to sort millions.

use super::clients::{self, ClientIndex, Device};
use super::people::Method;
use super::places::Place;
use super::tenant::{self, AppIndex};

/// A record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event {
    /// When it happened: `createdDateTime`.
    pub at: i64,
    pub who: Who,
    pub log: Log,
    pub code: u32,
    pub proof: Proof,
    pub verdict: Verdict,
    pub app: AppIndex,
    pub resource: AppIndex,
    pub place: Place,
    pub client: ClientIndex,
    pub device: Device,
    pub protocol: Protocol,
    pub token: Token,
    /// The session began with a device code: `originalTransferMethod`.
    pub by_device_code: bool,
    pub risk: Risk,
    pub id: u64,
    pub correlation: u64,
    pub session: u64,
    pub outcome: Option<Outcome>,
    pub flow: FlowName,
    pub attack: Option<Mark>,
}

/// Whose sign-in it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// A person or another account of the tenant, by number.
    Account(u32),
    /// A service principal, by number.
    Workload(u16),
    /// A managed identity, by number.
    Managed(u16),
    /// A name that the tenant does not have, by its place among [`super::attacks::Attacks::strangers`].
    Stranger(u32),
    /// Nobody yet: silent sign-in has only a number to show.
    Unknown(u64),
}

/// The log that a record belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Log {
    Interactive,
    NonInteractive,
    Workload,
    Managed,
}

impl Log {
    pub fn category(self) -> &'static str {
        match self {
            Log::Interactive => "SignInLogs",
            Log::NonInteractive => "NonInteractiveUserSignInLogs",
            Log::Workload => "ServicePrincipalSignInLogs",
            Log::Managed => "ManagedIdentitySignInLogs",
        }
    }
}

/// What the record shows of the factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// Nothing was asked yet.
    Nothing,
    WrongPassword,
    /// A refusal that stands in the password step: disabled, locked.
    Refused,
    /// Right password, and nothing else asked for.
    Password,
    /// Right password, second factor asked for.
    SecondNeeded,
    /// Right password, second factor given.
    Second(Method),
    /// Right password, second factor tried and not passed.
    SecondFailed(Method, Text),
    /// Right password, second factor not asked for at this location.
    SecondSkipped,
    /// Token or session good enough for both factors.
    Claim,
    /// The same, where one factor was enough.
    ClaimSingle,
    /// Windows Hello.
    Hello,
    /// A security key.
    Key,
    /// The phone alone.
    PhoneSignIn,
}

impl Proof {
    pub fn is_multi_factor(self) -> bool {
        matches!(
            self,
            Proof::SecondNeeded
                | Proof::Second(_)
                | Proof::SecondFailed(..)
                | Proof::Claim
                | Proof::Hello
                | Proof::Key
                | Proof::PhoneSignIn
        )
    }
}

/// How a second factor failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    NoReply,
    NeverEntered,
    Voicemail,
    HungUp,
    Declined,
    Fraud,
    WrongCode,
    WrongNumber,
    TooManyCodes,
    Duplicate,
}

impl Text {
    /// As the service words it.
    pub fn words(self) -> &'static str {
        match self {
            Text::NoReply => "MFA denied; user did not respond to mobile app notification",
            Text::NeverEntered => "MFA denied; user never entered the verification code",
            Text::Voicemail => "MFA denied; phone call went to voicemail",
            Text::HungUp => {
                "MFA denied; user hung up the phone call without succeeding the authentication"
            }
            Text::Declined => "MFA denied; user declined the authentication",
            Text::Fraud => "MFA denied; Phone App Reported Fraud",
            Text::WrongCode => "MFA denied; user entered incorrect code",
            Text::WrongNumber => "MFA denied; user did not select the correct number",
            Text::TooManyCodes => "MFA denied; entered incorrect code too many times",
            Text::Duplicate => "MFA denied; duplicate authentication attempt",
        }
    }

    pub fn is_denial(self) -> bool {
        matches!(self, Text::Declined | Text::Fraud)
    }

    pub fn is_silence(self) -> bool {
        matches!(
            self,
            Text::NoReply | Text::NeverEntered | Text::Voicemail | Text::HungUp
        )
    }
}

/// What Conditional Access said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    NotApplied,
    /// The policy at this place was met.
    Met(usize),
    /// The policy at this place was not met.
    Failed(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    None,
    OAuth,
    DeviceCode,
    Ropc,
}

impl Protocol {
    pub fn name(self) -> &'static str {
        match self {
            Protocol::None => "none",
            Protocol::OAuth => "oAuth2",
            Protocol::DeviceCode => "deviceCode",
            Protocol::Ropc => "ropc",
        }
    }
}

/// What was traded for the new token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    None,
    Refresh,
    Primary,
}

impl Token {
    pub fn name(self) -> &'static str {
        match self {
            Token::None => "none",
            Token::Refresh => "refreshToken",
            Token::Primary => "primaryRefreshToken",
        }
    }
}

/// What Identity Protection thinks of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Risk {
    None,
    Low,
    Medium,
    High,
}

impl Risk {
    pub fn name(self) -> &'static str {
        match self {
            Risk::None => "none",
            Risk::Low => "low",
            Risk::Medium => "medium",
            Risk::High => "high",
        }
    }
}

/// How the flow of an interrupted record ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A later record of the flow succeeded.
    Completed,
    /// Nobody finished it.
    Abandoned,
    /// The user, or a policy, refused it.
    Denied,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Completed => "completed",
            Outcome::Abandoned => "abandoned",
            Outcome::Denied => "denied",
        }
    }
}

/// That a record belongs to an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub family: u8,
    pub run: u16,
    pub climax: bool,
}

macro_rules! flows {
    ($($name:ident = $text:expr;)*) => {
        /// What the records of a flow are part of, by name in the truth.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum FlowName { $($name),* }
        impl FlowName {
            /// All of them.
            #[cfg(test)]
            pub const ALL: &[FlowName] = &[$(FlowName::$name),*];
            pub fn name(self) -> &'static str {
                match self { $(FlowName::$name => $text),* }
            }
        }
    };
}

flows! {
    Attack = "attack";
    Refresh = "refresh";
    WindowsLogon = "windows_logon";
    Passwordless = "passwordless";
    ClaimSignIn = "claim_sign_in";
    PasswordOnly = "password_only";
    BrowserMfa = "browser_mfa";
    PromptUnanswered = "prompt_unanswered";
    SecondFailed = "second_factor_failed";
    MistakenDeny = "mistaken_deny";
    SilentSignIn = "silent_sign_in";
    SilentAlone = "silent_alone";
    Consent = "consent";
    AccountChoice = "account_choice";
    StaySignedIn = "stay_signed_in";
    WrongPassword = "wrong_password";
    ForgottenPassword = "forgotten_password";
    PasswordExpired = "password_expired";
    StalePhone = "stale_phone";
    Enrolment = "enrolment";
    RollOut = "roll_out";
    SessionRevoked = "session_revoked";
    PageLeftOpen = "page_left_open";
    TermsOfUse = "terms_of_use";
    DeviceHandshake = "device_handshake";
    TokenExpired = "token_expired";
    ShorterTokens = "shorter_tokens";
    ScanToMail = "scan_to_mail";
    DeviceCode = "device_code";
    MeetingRoom = "meeting_room";
    LeaverPhone = "leaver_phone";
    AdminTools = "admin_tools";
    BrokenApp = "broken_app";
    DeviceRefused = "device_refused";
    BackButton = "back_button";
    ServiceFault = "service_fault";
    SeamlessSso = "seamless_sso";
    NewPhone = "new_phone";
    MistypedName = "mistyped_name";
    Workload = "workload";
    WorkloadBroken = "workload_broken";
    ManagedIdentity = "managed_identity";
}

impl Event {
    /// What `at` leaves out: ten-thousandths of a millisecond.
    pub fn ticks(&self) -> u64 {
        self.id % 10_000
    }

    /// A record of which only the account and the time are settled.
    pub fn blank(who: Who, at: i64) -> Event {
        Event {
            at,
            who,
            log: Log::Interactive,
            code: 0,
            proof: Proof::Nothing,
            verdict: Verdict::NotApplied,
            app: tenant::OFFICE_HOME,
            resource: tenant::GRAPH,
            place: Place::NOWHERE,
            client: clients::EDGE_145,
            device: Device::UNKNOWN,
            protocol: Protocol::None,
            token: Token::None,
            by_device_code: false,
            risk: Risk::None,
            id: 0,
            correlation: 0,
            session: 0,
            outcome: None,
            flow: FlowName::Refresh,
            attack: None,
        }
    }
}

/// A flow being written: records that are about one thing a user wants. It begins with a template, and each step
/// adds a record that differs from it in what the step says.
pub(super) struct Flow<'a> {
    out: &'a mut Vec<Event>,
    first: usize,
    pub template: Event,
    ids: u64,
}

impl<'a> Flow<'a> {
    /// `bits` make the ids of this flow.
    pub fn new(out: &'a mut Vec<Event>, template: Event, bits: u64) -> Flow<'a> {
        let first = out.len();
        let template = Event {
            correlation: super::random::scramble(!bits),
            ..template
        };
        Flow {
            out,
            first,
            template,
            ids: bits,
        }
    }

    /// Another correlation from here on. The client chooses it, and chooses again after some pages.
    pub fn new_correlation(&mut self) {
        self.ids = super::random::scramble(self.ids);
        self.template.correlation = self.ids;
    }

    /// Adds a record `after` milliseconds after the one before it.
    pub fn step(&mut self, after: i64, code: u32, proof: Proof) -> &mut Event {
        self.ids = super::random::scramble(self.ids);
        self.template.at += after;
        self.template.id = self.ids;
        self.push(code, proof)
    }

    /// The same, under the id of the record before: a record that was updated arrives again.
    pub fn update(&mut self, after: i64, code: u32, proof: Proof) -> &mut Event {
        self.template.at += after;
        self.push(code, proof)
    }

    fn push(&mut self, code: u32, proof: Proof) -> &mut Event {
        let at = self.out.len();
        self.out.push(Event {
            code,
            proof,
            ..self.template
        });
        &mut self.out[at]
    }

    /// Ends the flow: drops what lies outside the demo and settles how each interrupted record ended.
    pub fn finish(self, begin: i64, end: i64) {
        settle(self.out, self.first, begin, end);
    }
}

/// Settles the records from `first` on. What lies before `begin`, or not before `end`, never was: a record whose
/// success comes after the end of the demo was abandoned, as far as anybody can see.
fn settle(out: &mut Vec<Event>, first: usize, begin: i64, end: i64) {
    let mut kept = first;
    for index in first..out.len() {
        let event = out[index];
        if (begin..end).contains(&event.at) {
            out[kept] = event;
            kept += 1;
        }
    }
    out.truncate(kept);
    let mut after = Outcome::Abandoned;
    for event in out[first..].iter_mut().rev() {
        match (super::truth::status(event.code), event.proof) {
            ("success", _) => after = Outcome::Completed,
            ("interrupted", _) => event.outcome = Some(after),
            (_, Proof::SecondFailed(_, text))
                if text.is_denial() && after == Outcome::Abandoned =>
            {
                after = Outcome::Denied;
            }
            _ if matches!(event.code, 53000 | 53003 | 65004) && after == Outcome::Abandoned => {
                after = Outcome::Denied;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome::{Abandoned, Completed, Denied};
    use super::*;

    fn outcomes(steps: &[(i64, u32, Proof)], end: i64) -> Vec<Option<Outcome>> {
        let mut out = Vec::new();
        let mut flow = Flow::new(&mut out, Event::blank(Who::Account(1), 100), 5);
        for (after, code, proof) in steps {
            flow.step(*after, *code, *proof);
        }
        flow.finish(0, end);
        out.iter().map(|event| event.outcome).collect()
    }

    #[test]
    fn an_interrupt_ends_as_its_flow_ends() {
        let asked = (1, 50074, Proof::SecondNeeded);
        let given = (1, 0, Proof::Second(Method::Push));
        let declined = (
            1,
            500_121,
            Proof::SecondFailed(Method::Push, Text::Declined),
        );
        let silent = (1, 500_121, Proof::SecondFailed(Method::Push, Text::NoReply));
        for (steps, expected) in [
            (vec![asked], vec![Some(Abandoned)]),
            (vec![asked, given], vec![Some(Completed), None]),
            (vec![asked, silent], vec![Some(Abandoned), None]),
            (vec![asked, declined], vec![Some(Denied), None]),
            (
                vec![asked, declined, given],
                vec![Some(Completed), None, None],
            ),
            (vec![given, asked], vec![None, Some(Abandoned)]),
        ] {
            assert_eq!(outcomes(&steps, 1000), expected, "{steps:?}");
        }
        // The success comes when the demo is over.
        assert_eq!(outcomes(&[asked, given], 102), [Some(Abandoned)]);
    }
}
