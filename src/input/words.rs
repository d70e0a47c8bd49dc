//! Words that fields hold: log categories, policy results, risk levels, truth values; and how texts are compared
//! without regard to ASCII case.

/// The log that a record belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// `SignInLogs`: a user; mostly, not always, interactive.
    User,
    /// `NonInteractiveUserSignInLogs`: a client on behalf of a user. FIDO2 refreshes are here since April 2025.
    NonInteractiveUser,
    /// `ServicePrincipalSignInLogs`
    ServicePrincipal,
    /// `ManagedIdentitySignInLogs`
    ManagedIdentity,
    /// `ADFSSignInLogs`: AD FS and the NPS extension; most fields are missing.
    AdFs,
    /// `MicrosoftServicePrincipalSignInLogs`
    MicrosoftServicePrincipal,
}

impl Category {
    /// All categories, in the order in which they are counted.
    pub const ALL: [Category; 6] = [
        Category::User,
        Category::NonInteractiveUser,
        Category::ServicePrincipal,
        Category::ManagedIdentity,
        Category::AdFs,
        Category::MicrosoftServicePrincipal,
    ];

    /// The name under which records of this category are counted.
    pub fn label(self) -> &'static str {
        match self {
            Category::User => "SignInLogs",
            Category::NonInteractiveUser => "NonInteractiveUserSignInLogs",
            Category::ServicePrincipal => "ServicePrincipalSignInLogs",
            Category::ManagedIdentity => "ManagedIdentitySignInLogs",
            Category::AdFs => "ADFSSignInLogs",
            Category::MicrosoftServicePrincipal => "MicrosoftServicePrincipalSignInLogs",
        }
    }

    /// Reads the `category` of Azure Monitor, the `Type` of Log Analytics, or a Graph sign-in event type.
    /// `None` for anything that is not a sign-in.
    pub(super) fn parse(text: &str) -> Option<Category> {
        const NAMES: [(&str, Category); 20] = [
            ("SignInLogs", Category::User),
            // Seen in 2018, and what Microsoft's schema page still says.
            ("SignIn", Category::User),
            ("interactiveUser", Category::User),
            ("NonInteractiveUserSignInLogs", Category::NonInteractiveUser),
            (
                "AADNonInteractiveUserSignInLogs",
                Category::NonInteractiveUser,
            ),
            ("nonInteractiveUser", Category::NonInteractiveUser),
            ("ServicePrincipalSignInLogs", Category::ServicePrincipal),
            ("AADServicePrincipalSignInLogs", Category::ServicePrincipal),
            ("servicePrincipal", Category::ServicePrincipal),
            ("ManagedIdentitySignInLogs", Category::ManagedIdentity),
            ("AADManagedIdentitySignInLogs", Category::ManagedIdentity),
            ("managedIdentity", Category::ManagedIdentity),
            ("ADFSSignInLogs", Category::AdFs),
            ("ADFSSignIn", Category::AdFs),
            ("AADADFSSignInLogs", Category::AdFs),
            ("adfs", Category::AdFs),
            (
                "MicrosoftServicePrincipalSignInLogs",
                Category::MicrosoftServicePrincipal,
            ),
            (
                "AADMicrosoftServicePrincipalSignInLogs",
                Category::MicrosoftServicePrincipal,
            ),
            (
                "MicrosoftServicePrincipal",
                Category::MicrosoftServicePrincipal,
            ),
            ("unknownFutureValue", Category::User),
        ];
        let row = NAMES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text))?;
        Some(row.1)
    }
}

/// The result of a Conditional Access policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PolicyResult {
    /// Applied and satisfied.
    Success,
    /// Applied and not satisfied.
    Failure,
    /// Applied and not yet satisfied: the user is being asked.
    Interrupt,
    /// Its conditions did not hold. Most of the entries of a record are this.
    NotApplied,
    /// Switched off.
    NotEnabled,
    /// Would have been one of the above; nothing is enforced.
    ReportOnly,
    /// Anything else.
    #[default]
    Unknown,
}

impl PolicyResult {
    pub(super) fn parse(text: &str) -> PolicyResult {
        const NAMES: [(&str, PolicyResult); 9] = [
            ("notApplied", PolicyResult::NotApplied),
            ("notEnabled", PolicyResult::NotEnabled),
            ("success", PolicyResult::Success),
            ("failure", PolicyResult::Failure),
            ("interrupt", PolicyResult::Interrupt),
            // Records of 2018 have numbers.
            ("0", PolicyResult::Success),
            ("1", PolicyResult::Failure),
            ("2", PolicyResult::NotApplied),
            ("3", PolicyResult::NotEnabled),
        ];
        if begins(text, "reportOnly") {
            return PolicyResult::ReportOnly;
        }
        NAMES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text))
            .map_or(PolicyResult::Unknown, |row| row.1)
    }

    /// Whether the policy was enforced and not satisfied.
    pub fn is_unsatisfied(self) -> bool {
        matches!(self, PolicyResult::Failure | PolicyResult::Interrupt)
    }
}

/// How an Identity Protection level reads. `Hidden` is what tenants without the P2 licence get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// Not given, or not shown to this tenant.
    Hidden,
    /// No risk.
    None,
    /// Low.
    Low,
    /// A word that Microsoft has added since, such as `unknownFutureValue`.
    Other,
    /// Medium.
    Medium,
    /// High.
    High,
}

/// `true`, `"True"` and `1`, and their opposites.
pub(super) fn truth_of(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") || text == "1" {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") || text == "0" {
        Some(false)
    } else {
        None
    }
}

/// What follows an opening, whatever its case; `None` where the text begins otherwise.
pub(crate) fn after<'a>(text: &'a str, opening: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(opening.len())?;
    head.eq_ignore_ascii_case(opening).then_some(rest)
}

/// Whether the text begins with an opening, whatever its case.
pub(crate) fn begins(text: &str, opening: &str) -> bool {
    after(text, opening).is_some()
}

/// Is the word or phrase anywhere in the text? ASCII letters match in either case, others only as they are.
pub(crate) fn mentions(text: &str, phrase: &str) -> bool {
    // An empty phrase is in no text; saying so here keeps the panic of `windows(0)` out of the sandbox.
    let Some(&first) = phrase.as_bytes().first() else {
        return false;
    };
    // Two that are the same but for case are the same with this bit; what else has it too is told apart afterwards.
    let first = first | 0x20;
    text.as_bytes().windows(phrase.len()).any(|window| {
        window.first().is_some_and(|byte| byte | 0x20 == first)
            && window.eq_ignore_ascii_case(phrase.as_bytes())
    })
}
