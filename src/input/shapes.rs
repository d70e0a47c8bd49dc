//! Where each field lives in each wire shape: tables of member names, a sample line beside each.
//!
//! Azure Monitor keeps the record under `properties`, Log Analytics and Graph keep it at the top,
//! Elastic under `azure.signinlogs.properties`; the members are the same ones under the spellings that
//! [`super::keys`] sees through, so one table ([`PROPERTIES`]) serves the four. The Office 365 audit log
//! has names of its own.

use super::keys::Keys;

/// The form in which a record arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// Azure Monitor diagnostic setting: Event Hub or storage account.
    /// `{"time":"…","category":"SignInLogs","resultType":"50074","properties":{"id":"…",…}}`
    AzureMonitor,
    /// A row of a Log Analytics table.
    /// `{"TimeGenerated":"…","ResultType":"50074","CorrelationId":"…","AppDisplayName":"…",…,"Type":"SigninLogs"}`
    LogAnalytics,
    /// Microsoft Graph `auditLogs/signIns`.
    /// `{"id":"…","createdDateTime":"…","status":{"errorCode":50074,…},…}`
    Graph,
    /// Elastic's `azure.signinlogs` data stream.
    /// `{"@timestamp":"…","azure":{"signinlogs":{"result_type":"50074","properties":{…}}},"source":{"ip":"…"}}`
    Elastic,
    /// Office 365 Management Activity API, record type 15.
    /// `{"CreationTime":"…","Operation":"UserLoginFailed","RecordType":15,"ErrorNumber":"50074",…}`
    OfficeAudit,
}

impl Shape {
    /// All shapes, in the order in which they are counted.
    pub const ALL: [Shape; 5] = [
        Shape::AzureMonitor,
        Shape::LogAnalytics,
        Shape::Graph,
        Shape::Elastic,
        Shape::OfficeAudit,
    ];

    /// The name under which records of this shape are counted.
    pub fn label(self) -> &'static str {
        match self {
            Shape::AzureMonitor => "azure_monitor",
            Shape::LogAnalytics => "log_analytics",
            Shape::Graph => "graph",
            Shape::Elastic => "elastic",
            Shape::OfficeAudit => "office_365_audit",
        }
    }
}

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A single value of a record.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Field { $($(#[$doc])* $name,)* }

        impl Field {
            /// All, in the order of their declaration.
            pub const ALL: &'static [Field] = &[$(Field::$name,)*];

            /// How many there are.
            pub const COUNT: usize = Field::ALL.len();
        }
    };
}

fields! {
    /// Entra's request id; the same id can be written twice, see [`super::record::Record::id`].
    Id,
    /// Chosen by the client; can be reused, invented, and live for hours.
    CorrelationId,
    /// `correlationId` of the Azure Monitor envelope, which some senders fill with another value.
    EnvelopeCorrelationId,
    /// Unique to an attempt, the same over its records.
    OriginalRequestId,
    /// When the sign-in happened.
    Created,
    /// When the record was sent; minutes later since 2023.
    Emitted,
    /// Directory tenant (Azure Monitor, Elastic, Office 365); in Log Analytics `TenantId` is the workspace.
    TenantId,
    /// Directory tenant in Log Analytics.
    DirectoryTenantId,
    /// Tenant of the account.
    HomeTenantId,
    /// Tenant signed in to.
    ResourceTenantId,
    /// User principal name.
    UserPrincipalName,
    /// Object id; in an Office 365 audit record the user principal name.
    UserId,
    /// Office 365: object id.
    UserKey,
    /// Member or guest, in either case; in an Office 365 audit record a number of another meaning.
    UserType,
    /// Application (client) id.
    AppId,
    /// Application name.
    AppName,
    /// Id of the resource asked for.
    ResourceId,
    /// `resourceId` of the top-level object: the same in Graph, the tenant's path in Azure Monitor and Log Analytics.
    TopResourceId,
    /// Name of the resource asked for.
    ResourceName,
    /// Address of the client.
    Address,
    /// `callerIpAddress` of the Azure Monitor envelope.
    CallerAddress,
    /// Autonomous system number: a number, or text in Log Analytics.
    Asn,
    /// Elastic: autonomous system number by its own address table.
    SourceAsn,
    /// Client app, such as `Browser` or `IMAP4`.
    ClientApp,
    /// User agent header.
    UserAgent,
    /// Device object id; empty where the device is unknown.
    DeviceId,
    /// Whether the device is compliant.
    IsCompliant,
    /// Whether the device is managed.
    IsManaged,
    /// How the device is joined.
    TrustType,
    /// Operating system.
    OperatingSystem,
    /// Browser.
    Browser,
    /// Two-letter country.
    Country,
    /// Two-letter country of the envelope.
    EnvelopeCountry,
    /// City.
    City,
    /// Latitude in degrees.
    Latitude,
    /// Longitude in degrees.
    Longitude,
    /// Result code as a number.
    ErrorCode,
    /// Result code as text (Azure Monitor, Log Analytics, Elastic); `Success` or `Failure` after some normalisers.
    ResultType,
    /// Text of the result code.
    FailureReason,
    /// The same on the Azure Monitor envelope and in Log Analytics.
    ResultDescription,
    /// What became of the second factor, in words.
    AdditionalDetails,
    /// Elastic: failure reason with the additional details in brackets, both originals deleted.
    Message,
    /// Outcome of Conditional Access.
    ConditionalAccess,
    /// Single or multi factor.
    Requirement,
    /// Protocol, such as `deviceCode` or `ropc`.
    Protocol,
    /// Kind of token that came in.
    IncomingToken,
    /// Whether a person was there.
    IsInteractive,
    /// Log category.
    Category,
    /// First of the sign-in event types, such as `nonInteractiveUser`.
    EventType,
    /// Log Analytics table.
    Table,
    /// Name of the operation.
    OperationName,
    /// Identity Protection: risk of this sign-in.
    RiskDuringSignIn,
    /// Identity Protection: risk of the user.
    RiskAggregated,
    /// Identity Protection: whether the risk still stands.
    RiskState,
    /// Kind of cross-tenant access.
    CrossTenantAccess,
    /// Id of the token that was issued.
    TokenId,
    /// Session id.
    SessionId,
    /// Service principal id; empty for users.
    ServicePrincipalId,
    /// Service principal name.
    ServicePrincipalName,
    /// How the first token of the session was moved between devices.
    TransferMethod,
    /// Whether the token is bound to the device.
    TokenProtection,
    /// Kind of client credential.
    ClientCredential,
    /// Second factor used.
    MfaMethod,
    /// Office 365: what happened.
    Operation,
    /// Office 365: 15 for a sign-in.
    RecordType,
    /// Office 365: address, port included at times.
    ClientIp,
    /// Office 365: symbolic name of the result code.
    LogonError,
    /// Office 365: protocol and step, such as `OAuth2:Token`.
    RequestType,
    /// Office 365: target of the request.
    ObjectId,
}

/// What a member is and where its parts go.
#[derive(Clone, Copy)]
pub enum Member {
    /// A value to keep. Text, number and truth value are kept alike, as written.
    Leaf(Field),
    /// An object, or the same as JSON text in a string.
    Object(&'static Keys),
    /// An object in one shape and a plain value in another. A text is never read as JSON: the client chooses
    /// the user agent, and `{"original":"…"}` is one.
    ObjectOrLeaf(&'static Keys, Field),
    /// An array of texts of which the first is kept.
    FirstOf(Field),
    /// An array of `{"Name":…,"Value":…}`.
    Named(&'static Keys),
    /// The authentication steps.
    Steps,
    /// The Conditional Access policies.
    Policies,
    /// The named locations of the address.
    Networks,
    /// The records of an envelope.
    Records,
    /// A member of a step, policy, network or name-value pair.
    Part(Part),
}

/// A member of an object that a record holds several of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Step: how, such as `Password`.
    StepMethod,
    /// Step: what came of it, in words.
    StepDetail,
    /// Step: whether it succeeded; false is not a failed sign-in.
    StepSucceeded,
    /// Policy: its name.
    PolicyName,
    /// Policy: its id, for policies without a name.
    PolicyId,
    /// Policy: its result, a word or (2018) a number.
    PolicyResult,
    /// Policy: the grant controls it asks for.
    PolicyControls,
    /// Named location: its kind.
    NetworkType,
    /// Name-value pair: the name.
    Name,
    /// Name-value pair: the value.
    Value,
}

use Member::{FirstOf, Leaf, Named, Networks, Object, ObjectOrLeaf, Policies, Records, Steps};

/// Members of the top-level object that are not members of [`PROPERTIES`] as well, or mean something else there,
/// and then all of [`PROPERTIES`].
pub static TOP: Keys = Keys::before(
    &[
        ("properties", Object(&PROPERTIES)),
        ("records", Records),
        ("value", Records),
        // The envelope of Azure Monitor.
        ("time", Leaf(Field::Emitted)),
        ("tenantid", Leaf(Field::TenantId)),
        ("calleripaddress", Leaf(Field::CallerAddress)),
        ("correlationid", Leaf(Field::EnvelopeCorrelationId)),
        // "/tenants/…/providers/Microsoft.aadiam", and it can stand after the properties, whose resourceId is the real one.
        ("resourceid", Leaf(Field::TopResourceId)),
        // "location":"US" on the envelope and in Log Analytics, an object in Graph.
        ("location", ObjectOrLeaf(&LOCATION, Field::EnvelopeCountry)),
        // Log Analytics: differing names.
        ("timegenerated", Leaf(Field::Emitted)),
        ("aadtenantid", Leaf(Field::DirectoryTenantId)),
        ("resourceidentity", Leaf(Field::ResourceId)),
        ("locationdetails", Object(&LOCATION)),
        ("type", Leaf(Field::Table)),
        // Elastic.
        ("@timestamp", Leaf(Field::Emitted)),
        ("azure", Object(&ELASTIC_AZURE)),
        ("event", Object(&ELASTIC_EVENT)),
        ("source", Object(&ELASTIC_SOURCE)),
        ("client", Object(&ELASTIC_SOURCE)),
        (
            "useragent",
            ObjectOrLeaf(&ELASTIC_USER_AGENT, Field::UserAgent),
        ),
        ("geo", Object(&ELASTIC_GEO)),
        ("message", Leaf(Field::Message)),
        // Office 365.
        ("creationtime", Leaf(Field::Created)),
        ("operation", Leaf(Field::Operation)),
        ("recordtype", Leaf(Field::RecordType)),
        ("organizationid", Leaf(Field::TenantId)),
        ("userkey", Leaf(Field::UserKey)),
        ("clientip", Leaf(Field::ClientIp)),
        ("actoripaddress", Leaf(Field::CallerAddress)),
        ("objectid", Leaf(Field::ObjectId)),
        ("applicationid", Leaf(Field::AppId)),
        ("intersystemsid", Leaf(Field::CorrelationId)),
        ("errornumber", Leaf(Field::ErrorCode)),
        ("logonerror", Leaf(Field::LogonError)),
        ("actorcontextid", Leaf(Field::HomeTenantId)),
        ("targetcontextid", Leaf(Field::ResourceTenantId)),
        ("extendedproperties", Named(&OFFICE_EXTENDED)),
        ("deviceproperties", Named(&OFFICE_DEVICE)),
    ],
    Some(&PROPERTIES),
);

/// The sign-in itself: `properties` of Azure Monitor, the top level of Graph and Log Analytics,
/// `azure.signinlogs.properties` of Elastic.
pub static PROPERTIES: Keys = Keys::new(&[
    ("id", Leaf(Field::Id)),
    ("correlationid", Leaf(Field::CorrelationId)),
    ("originalrequestid", Leaf(Field::OriginalRequestId)),
    ("createddatetime", Leaf(Field::Created)),
    ("createdat", Leaf(Field::Created)),
    ("userprincipalname", Leaf(Field::UserPrincipalName)),
    ("userid", Leaf(Field::UserId)),
    ("usertype", Leaf(Field::UserType)),
    ("appid", Leaf(Field::AppId)),
    ("appdisplayname", Leaf(Field::AppName)),
    ("resourceid", Leaf(Field::ResourceId)),
    ("resourcedisplayname", Leaf(Field::ResourceName)),
    ("ipaddress", Leaf(Field::Address)),
    ("autonomoussystemnumber", Leaf(Field::Asn)),
    ("clientappused", Leaf(Field::ClientApp)),
    ("useragent", Leaf(Field::UserAgent)),
    ("devicedetail", Object(&DEVICE)),
    ("location", ObjectOrLeaf(&LOCATION, Field::EnvelopeCountry)),
    ("status", Object(&STATUS)),
    ("resulttype", Leaf(Field::ResultType)),
    ("resultdescription", Leaf(Field::ResultDescription)),
    ("conditionalaccessstatus", Leaf(Field::ConditionalAccess)),
    ("appliedconditionalaccesspolicies", Policies),
    ("conditionalaccesspolicies", Policies),
    ("authenticationrequirement", Leaf(Field::Requirement)),
    ("authenticationdetails", Steps),
    ("authenticationprotocol", Leaf(Field::Protocol)),
    ("incomingtokentype", Leaf(Field::IncomingToken)),
    ("isinteractive", Leaf(Field::IsInteractive)),
    ("signineventtypes", FirstOf(Field::EventType)),
    ("category", Leaf(Field::Category)),
    ("operationname", Leaf(Field::OperationName)),
    ("risklevelduringsignin", Leaf(Field::RiskDuringSignIn)),
    ("risklevelaggregated", Leaf(Field::RiskAggregated)),
    ("riskstate", Leaf(Field::RiskState)),
    ("crosstenantaccesstype", Leaf(Field::CrossTenantAccess)),
    ("hometenantid", Leaf(Field::HomeTenantId)),
    ("resourcetenantid", Leaf(Field::ResourceTenantId)),
    ("uniquetokenidentifier", Leaf(Field::TokenId)),
    ("sessionid", Leaf(Field::SessionId)),
    ("serviceprincipalid", Leaf(Field::ServicePrincipalId)),
    ("serviceprincipalname", Leaf(Field::ServicePrincipalName)),
    ("originaltransfermethod", Leaf(Field::TransferMethod)),
    ("signintokenprotectionstatus", Leaf(Field::TokenProtection)),
    ("networklocationdetails", Networks),
    ("clientcredentialtype", Leaf(Field::ClientCredential)),
    ("mfadetail", Object(&MFA)),
]);

static STATUS: Keys = Keys::new(&[
    ("errorcode", Leaf(Field::ErrorCode)),
    ("failurereason", Leaf(Field::FailureReason)),
    ("additionaldetails", Leaf(Field::AdditionalDetails)),
]);

static DEVICE: Keys = Keys::new(&[
    ("deviceid", Leaf(Field::DeviceId)),
    ("iscompliant", Leaf(Field::IsCompliant)),
    ("ismanaged", Leaf(Field::IsManaged)),
    ("trusttype", Leaf(Field::TrustType)),
    ("operatingsystem", Leaf(Field::OperatingSystem)),
    ("browser", Leaf(Field::Browser)),
]);

static LOCATION: Keys = Keys::new(&[
    ("countryorregion", Leaf(Field::Country)),
    ("city", Leaf(Field::City)),
    ("geocoordinates", Object(&COORDINATES)),
]);

static COORDINATES: Keys = Keys::new(&[
    ("latitude", Leaf(Field::Latitude)),
    ("longitude", Leaf(Field::Longitude)),
    ("lat", Leaf(Field::Latitude)),
    ("lon", Leaf(Field::Longitude)),
]);

static MFA: Keys = Keys::new(&[("authmethod", Leaf(Field::MfaMethod))]);

static ELASTIC_AZURE: Keys = Keys::new(&[
    ("tenantid", Leaf(Field::TenantId)),
    ("correlationid", Leaf(Field::EnvelopeCorrelationId)),
    ("signinlogs", Object(&ELASTIC_SIGNINLOGS)),
]);

/// What Elastic keeps below `azure.signinlogs`.
pub static ELASTIC_SIGNINLOGS: Keys = Keys::new(&[
    ("category", Leaf(Field::Category)),
    ("resulttype", Leaf(Field::ResultType)),
    ("resultdescription", Leaf(Field::ResultDescription)),
    ("operationname", Leaf(Field::OperationName)),
    ("tenantid", Leaf(Field::TenantId)),
    ("properties", Object(&PROPERTIES)),
]);

static ELASTIC_EVENT: Keys = Keys::new(&[("id", Leaf(Field::Id))]);

// `client` repeats `source`; the later of the two wins and they are the same address.
static ELASTIC_SOURCE: Keys = Keys::new(&[
    ("ip", Leaf(Field::CallerAddress)),
    ("as", Object(&ELASTIC_AS)),
]);

static ELASTIC_AS: Keys = Keys::new(&[("number", Leaf(Field::SourceAsn))]);

static ELASTIC_USER_AGENT: Keys = Keys::new(&[("original", Leaf(Field::UserAgent))]);

// The state of `location.state` lands in `country_name`, so only the code is of use.
static ELASTIC_GEO: Keys = Keys::new(&[
    ("countryisocode", Leaf(Field::EnvelopeCountry)),
    ("cityname", Leaf(Field::City)),
    ("location", Object(&COORDINATES)),
]);

static OFFICE_EXTENDED: Keys = Keys::new(&[
    ("useragent", Leaf(Field::UserAgent)),
    ("requesttype", Leaf(Field::RequestType)),
]);

static OFFICE_DEVICE: Keys = Keys::new(&[
    ("id", Leaf(Field::DeviceId)),
    ("os", Leaf(Field::OperatingSystem)),
    ("browsertype", Leaf(Field::Browser)),
    ("iscompliant", Leaf(Field::IsCompliant)),
    ("iscompliantandmanaged", Leaf(Field::IsManaged)),
    ("trusttype", Leaf(Field::TrustType)),
    ("sessionid", Leaf(Field::SessionId)),
]);

/// One authentication step.
pub static STEP: Keys = Keys::new(&[
    ("authenticationmethod", Member::Part(Part::StepMethod)),
    (
        "authenticationstepresultdetail",
        Member::Part(Part::StepDetail),
    ),
    ("succeeded", Member::Part(Part::StepSucceeded)),
]);

/// One Conditional Access policy.
pub static POLICY: Keys = Keys::new(&[
    ("displayname", Member::Part(Part::PolicyName)),
    ("id", Member::Part(Part::PolicyId)),
    ("result", Member::Part(Part::PolicyResult)),
    ("enforcedgrantcontrols", Member::Part(Part::PolicyControls)),
]);

/// One entry of the named locations.
pub static NETWORK: Keys = Keys::new(&[("networktype", Member::Part(Part::NetworkType))]);

/// One name-value pair of an Office 365 audit record.
pub static NAMED: Keys = Keys::new(&[
    ("name", Member::Part(Part::Name)),
    ("value", Member::Part(Part::Value)),
]);

/// Whether a record of some shape has a top-level member of this name, in whatever spelling.
pub fn is_known(name: &str) -> bool {
    TOP.find(name).is_some()
}

/// All tables, for tests.
#[cfg(test)]
pub static TABLES: [&Keys; 20] = [
    &TOP,
    &PROPERTIES,
    &STATUS,
    &DEVICE,
    &LOCATION,
    &COORDINATES,
    &MFA,
    &ELASTIC_AZURE,
    &ELASTIC_SIGNINLOGS,
    &ELASTIC_EVENT,
    &ELASTIC_SOURCE,
    &ELASTIC_AS,
    &ELASTIC_USER_AGENT,
    &ELASTIC_GEO,
    &OFFICE_EXTENDED,
    &OFFICE_DEVICE,
    &STEP,
    &POLICY,
    &NETWORK,
    &NAMED,
];
