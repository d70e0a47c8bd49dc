//! What people and programs sign in with: user agents, and the devices behind them.

/// How a client shows itself in a record.
pub(super) struct Client {
    pub user_agent: &'static str,
    pub os: &'static str,
    /// As Entra reads it from the user agent.
    pub browser: &'static str,
    pub used: Used,
}

/// The values of `clientAppUsed` that occur here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Used {
    Browser,
    Native,
    ActiveSync,
    Smtp,
    Imap,
    Other,
    None,
}

impl Used {
    pub fn name(self) -> &'static str {
        match self {
            Used::Browser => "Browser",
            Used::Native => "Mobile Apps and Desktop clients",
            Used::ActiveSync => "Exchange ActiveSync",
            Used::Smtp => "Authenticated SMTP",
            Used::Imap => "IMAP4",
            Used::Other => "Other clients",
            Used::None => "Unknown",
        }
    }

    pub fn is_legacy(self) -> bool {
        matches!(
            self,
            Used::ActiveSync | Used::Smtp | Used::Imap | Used::Other
        )
    }
}

/// An index into [`CLIENTS`].
pub(super) type ClientIndex = u8;

const fn client(
    user_agent: &'static str,
    os: &'static str,
    browser: &'static str,
    used: Used,
) -> Client {
    Client {
        user_agent,
        os,
        browser,
        used,
    }
}

macro_rules! clients {
    ($($name:ident = $user_agent:expr, $os:expr, $browser:expr, $used:ident;)*) => {
        #[derive(Clone, Copy)]
        #[allow(clippy::upper_case_acronyms, non_camel_case_types)]
        enum Order { $($name),* }
        $(pub(super) const $name: ClientIndex = Order::$name as ClientIndex;)*
        pub(super) const CLIENTS: &[Client] = &[$(client($user_agent, $os, $browser, Used::$used)),*];
    };
}

clients! {
    EDGE_144 = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/144.0.0.0 Safari/537.36 Edg/144.0.0.0", "Windows10", "Edge 144.0.0", Browser;
    EDGE_145 = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 Safari/537.36 Edg/145.0.0.0", "Windows10", "Edge 145.0.0", Browser;
    CHROME_144 = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/144.0.0.0 Safari/537.36", "Windows10", "Chrome 144.0.0", Browser;
    CHROME_145 = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 Safari/537.36", "Windows10", "Chrome 145.0.0", Browser;
    FIREFOX_147 = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:147.0) Gecko/20100101 Firefox/147.0", "Windows10", "Firefox 147.0", Browser;
    MAC_SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Safari/605.1.15", "MacOs", "Safari 18.3", Browser;
    MAC_CHROME = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 Safari/537.36", "MacOs", "Chrome 145.0.0", Browser;
    LINUX_FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0", "Linux", "Firefox 147.0", Browser;
    IPHONE_SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Mobile/15E148 Safari/604.1", "Ios 18.3", "Mobile Safari 18.3", Browser;
    ANDROID_CHROME = "Mozilla/5.0 (Linux; Android 15; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 Mobile Safari/537.36", "Android 15", "Chrome Mobile 145.0.0", Browser;
    WINDOWS_LOGON = "Windows-AzureAD-Authentication-Provider/1.0", "Windows10", "", Native;
    WINDOWS_BROKER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; WebView/3.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/70.0.3538.102 Safari/537.36 Edge/18.26100", "Windows10", "Edge 18.26100", Native;
    MAC_BROKER = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)", "MacOs", "", Native;
    LINUX_BROKER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko)", "Linux", "", Native;
    IPHONE_BROKER = "Mozilla/5.0 (compatible; MSAL 1.0)", "Ios 18.3", "Mobile Safari", Native;
    ANDROID_BROKER = "Dalvik/2.1.0 (Linux; U; Android 15; SM-S921B Build/AP3A.240905.015.A2)", "Android 15", "Android", Native;
    DEVICE_HANDSHAKE = "Mozilla/5.0 (compatible; MSAL 1.0) PKeyAuth/1.0", "Ios 18.3", "", Native;
    AZURE_CLI = "python-requests/2.32.3", "", "Python Requests 2.32", Native;
    AZURE_POWERSHELL = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 Safari/537.36 PowerShell/7.5", "Windows10", "", Native;
    WINDOWS_POWERSHELL = "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.26100.3037", "Windows", "", Native;
    VS_CODE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Code/1.98.0 Chrome/132.0.6834.196 Electron/34.2.0 Safari/537.36", "Windows10", "Chrome 132.0.6834", Native;
    MEETING_ROOM = "Mozilla/5.0 (Linux; Android 12; Teams Rooms) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/132.0.0.0 Mobile Safari/537.36", "Android 12", "Chrome Mobile 132.0.0", Native;
    SCAN_TO_MAIL = "BAV2ROPC", "", "", Smtp;
    OLD_MAIL_PROGRAM = "CBAInPROD", "", "", Imap;
    PHONE_MAIL = "Apple-iPhone15C4/2204.74", "Ios 18.3", "", ActiveSync;
    SDK = "", "", "", None;
    // Tools of attackers. Some of them are what anybody's browser would send.
    PYTHON = "python-requests/2.31.0", "", "Python Requests 2.31", Native;
    GO = "Go-http-client/1.1", "", "", Native;
    CURL = "curl/8.9.1", "", "", Native;
    OLD_CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/109.0.0.0 Safari/537.36", "Windows10", "Chrome 109.0.0", Browser;
    KIT_CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36", "Windows10", "Chrome 143.0.0", Browser;
    NODE = "node", "", "", Browser;
    AXIOS = "axios/1.7.9", "", "", Browser;
    TEAM_FILTRATION = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Teams/1.3.00.30866 Chrome/80.0.3987.165 Electron/8.5.1 Safari/537.36", "Windows10", "Chrome 80.0.3987", Native;
    AZUREHOUND = "azurehound/v2.2.1", "", "", Native;
    ROADTX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Trident/7.0; rv:11.0) like Gecko", "Windows10", "IE 11.0", Native;
    SWEEP_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 12_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.0 Mobile/15E148 Safari/604.1", "Ios 12.0", "Mobile Safari 12.0", Browser;
    SWEEP_ANDROID = "Mozilla/5.0 (Linux; Android 9; SM-G960U) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/92.0.4515.131 Mobile Safari/537.36", "Android 9", "Chrome Mobile 92.0.4515", Browser;
    SWEEP_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:90.0) Gecko/20100101 Firefox/90.0", "MacOs", "Firefox 90.0", Browser;
    SWEEP_LINUX = "Mozilla/5.0 (X11; Linux i686; rv:90.0) Gecko/20100101 Firefox/90.0", "Linux", "Firefox 90.0", Browser;
    SWEEP_WINDOWS_PHONE = "Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/52.0.2743.116 Mobile Safari/537.36 Edge/15.14977", "WindowsPhone 10.0", "Edge 15.14977", Browser;
    OLD_OUTLOOK = "Microsoft Office/15.0 (Windows NT 10.0; Microsoft Outlook 15.0.5589; Pro)", "Windows10", "", Other;
    DAEMON_PYTHON = "azsdk-python-identity/1.19.0 Python/3.12.3 (Linux-6.8.0-1021-azure-x86_64)", "", "", None;
    DAEMON_CLI = "azure-cli/2.70.0", "", "", None;
}

/// How a device is known to the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// The record names no device.
    None,
    EntraJoined,
    HybridJoined,
    Registered,
}

impl Trust {
    pub fn name(self) -> &'static str {
        match self {
            Trust::None => "",
            Trust::EntraJoined => "Azure AD joined",
            Trust::HybridJoined => "Hybrid Azure AD joined",
            Trust::Registered => "Azure AD registered",
        }
    }
}

/// A device as a record shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Device {
    /// What its id is made of.
    pub bits: u64,
    pub trust: Trust,
    pub compliant: bool,
}

impl Device {
    pub const UNKNOWN: Device = Device {
        bits: 0,
        trust: Trust::None,
        compliant: false,
    };

    pub fn managed(&self) -> bool {
        matches!(self.trust, Trust::EntraJoined | Trust::HybridJoined)
    }
}
