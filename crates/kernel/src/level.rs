//! Accreditation levels of people and levels of actions (`product.md`, "Accreditation levels").

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The text names no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a level")]
pub struct UnknownLevel(String);

macro_rules! level {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownLevel;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    other => Err(UnknownLevel(other.to_owned())),
                }
            }
        }
    };
}

level! {
    /// What a person may do.
    AccreditationLevel {
        /// Chat only.
        N0 = "N0",
        /// Technician: actions L1, reads SAFEGUARD.
        N1 = "N1",
        /// Senior technician: actions L1–L2, approves in SAFEGUARD.
        N2 = "N2",
        /// Admin: actions L1–L3, all of SAFEGUARD, Supervision.
        N3 = "N3",
        /// Super admin: everything, user management.
        N4 = "N4",
    }
}

level! {
    /// How risky an action is, from Greffe's own tool registry.
    ActionLevel {
        /// Read-only, public.
        L0 = "L0",
        /// Read.
        L1 = "L1",
        /// Reversible write, logged.
        L2 = "L2",
        /// Sensitive: needs an approval.
        L3 = "L3",
        /// Destructive: needs two approvals.
        L4 = "L4",
    }
}
