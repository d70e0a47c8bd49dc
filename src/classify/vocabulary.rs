//! The words a class is made of: status, cause, first factor and outcome.
//!
//! The status says how the record ended, the cause says why. Most causes follow from the result code alone (`codes`);
//! a step text (`texts`), the Conditional Access policies or a later record of the same flow can put a closer one in its
//! place. Labels are wire values: once released, a label keeps its meaning.

/// Makes an enum with one row per word: the variant, its label on the wire, and a sentence for an operator.
macro_rules! words {
    ($(#[$about:meta])* pub enum $name:ident { $($word:ident $label:literal $meaning:literal,)+ }) => {
        $(#[$about])*
        #[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $(#[doc = $meaning] $word,)+
        }

        impl $name {
            /// Every word, in the order declared.
            pub const ALL: &[Self] = &[$(Self::$word,)+];

            /// The value written to the record: lower case, words joined by `_`.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$word => $label,)+
                }
            }

            /// One sentence for an operator who has never heard the label.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$word => $meaning,)+
                }
            }
        }
    };
}

words! {
    /// How the record ended: the three states of the Entra portal.
    pub enum Status {
        Success     "success"     "A session or token was issued.",
        Interrupted "interrupted" "The user or app has to do something more before the sign-in can go on.",
        Failure     "failure"     "The sign-in was refused or went wrong.",
    }
}

words! {
    /// Is the password, or another first factor, known to have been right? This separates harmless friction from
    /// "someone has the password".
    pub enum FirstFactor {
        Proved  "proved"  "The first factor was checked and right.",
        Failed  "failed"  "The first factor was checked and wrong.",
        Unknown "unknown" "The record does not say whether a first factor was checked.",
    }
}

words! {
    /// What became of an interrupted sign-in, as far as this record and later ones of its flow tell.
    pub enum Outcome {
        Pending   "pending"   "The user may still finish; this record does not tell.",
        Completed "completed" "A later record of the same flow succeeded.",
        Abandoned "abandoned" "Nobody went on with it: the record says so, or the time allowed has passed.",
        Denied    "denied"    "The second factor was declined or reported as fraud.",
    }
}

words! {
    /// Why the record ended as it did.
    ///
    /// `TermsOfUse` never comes from a code (50158 says only "external challenge"): the policy's control names it.
    /// `MfaDenied` and `UserAbandoned` mostly come from the step text of 500121, and `UserAbandoned` also from silence.
    pub enum Cause {
        None "none"
            "The request completed.",
        SsoSilent "sso_silent"
            "A silent sign-in found no usable session, ticket or browser token; a visible sign-in usually follows.",
        KmsiPrompt "kmsi_prompt"
            "The stay-signed-in page was shown after a correct sign-in.",
        AppConfirm "app_confirm"
            "A page asked the user to confirm the app or tenant; in a device-code flow this can be a phishing lead.",
        AccountPicker "account_picker"
            "Several sessions, or one of another account or tenant, so the user was sent to pick an account.",
        UserAbandoned "user_abandoned"
            "The user stopped answering: a prompt or call went unanswered, or the request was ended.",
        MfaRequired "mfa_required"
            "A second factor was asked for and had not been given when the record was written.",
        MfaSetup "mfa_setup"
            "The user was sent to register a second factor, or was not allowed to register one from this place or device.",
        MfaFailed "mfa_failed"
            "A second factor was tried and not accepted.",
        MfaDenied "mfa_denied"
            "The user declined the second factor or reported it as fraud.",
        SessionExpired "session_expired"
            "A token, session or page was too old or had been revoked, so the user or app has to sign in again.",
        PasswordChange "password_change"
            "The password has expired or must be changed or registered, or changing it did not work.",
        RedirectBroken "redirect_broken"
            "A browser hand-off failed or was re-routed: redirect address, cookie, storage, cloud or back button.",
        ExternalChallenge "external_challenge"
            "The user was sent to a third-party second factor, a custom control or a terms-of-use page.",
        TermsOfUse "terms_of_use"
            "The user had to accept terms of use.",
        CaDevice "ca_device"
            "The device has to register, authenticate, be compliant or be joined.",
        CaApp "ca_app"
            "An approved app, app protection or a broker app is needed.",
        PolicyBlock "policy_block"
            "A block in Conditional Access, security defaults, tenant restrictions or cross-tenant access refused the sign-in.",
        RiskBlock "risk_block"
            "The sign-in was refused because the user or the sign-in is held to be risky.",
        Consent "consent"
            "The app needs the consent of the user or an administrator, or the user refused it.",
        DeviceCode "device_code"
            "A device-code or QR-code sign-in is waiting, has expired, was mistyped or was refused.",
        BadCredentials "bad_credentials"
            "The password or other first factor was wrong.",
        AccountLocked "account_locked"
            "Smart lockout stopped the account, or the address was judged malicious.",
        UserNotFound "user_not_found"
            "The user or tenant is not known here.",
        AccountRestricted "account_restricted"
            "The account is disabled, outside its hours, not assigned to the app, or stopped by an age or guest rule.",
        AppError "app_error"
            "The application made a mistake in its set-up, its request or its own credential.",
        ServiceError "service_error"
            "The identity provider, an on-premises agent or throttling caused a fault.",
        Unknown "unknown"
            "The code is not in the table, or nobody has documented what it stands for.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_snake_case(label: &str) -> bool {
        label.starts_with(|c: char| c.is_ascii_lowercase())
            && label.split('_').all(|part| !part.is_empty())
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    }

    fn check(labels: &[&str], meanings: &[&str]) {
        for (at, label) in labels.iter().enumerate() {
            assert!(is_snake_case(label), "{label}");
            assert!(!labels[..at].contains(label), "{label} twice");
        }
        for (at, meaning) in meanings.iter().enumerate() {
            assert!(meaning.starts_with(char::is_uppercase), "{meaning}");
            assert!(meaning.ends_with('.'), "{meaning}");
            assert!(!meanings[..at].contains(meaning), "{meaning} twice");
        }
    }

    #[test]
    fn labels_and_meanings_are_unique_and_well_formed() {
        macro_rules! check_all {
            ($($name:ident)+) => {$(
                let labels: Vec<_> = $name::ALL.iter().map(|word| word.label()).collect();
                let meanings: Vec<_> = $name::ALL.iter().map(|word| word.meaning()).collect();
                check(&labels, &meanings);
            )+};
        }
        check_all!(Status FirstFactor Outcome Cause);
    }

    #[test]
    fn released_labels_stay() {
        let labels = |all: &[Cause]| all.iter().map(|c| c.label()).collect::<Vec<_>>().join(" ");
        assert_eq!(
            labels(Cause::ALL),
            "none sso_silent kmsi_prompt app_confirm account_picker user_abandoned mfa_required mfa_setup mfa_failed \
             mfa_denied session_expired password_change redirect_broken external_challenge terms_of_use ca_device ca_app \
             policy_block risk_block consent device_code bad_credentials account_locked user_not_found \
             account_restricted app_error service_error unknown"
        );
        assert_eq!(Status::ALL.len(), 3);
        assert_eq!(FirstFactor::ALL.len(), 3);
        assert_eq!(Outcome::ALL.len(), 4);
    }
}
