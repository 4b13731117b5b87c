//! Declares an event enum so that each persisted literal is written exactly once, with the kinds of
//! actors that its metadata may name.

/// Declares an adjacently tagged event enum, its literals and the JSON Schema of each `data`.
macro_rules! event_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident($payload:ty) = $literal:literal by [$($by:ident),+],)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "type", content = "data")]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $literal)] $variant($payload),)+
        }

        impl $name {
            /// Every persisted literal of this aggregate.
            pub const TYPE_NAMES: &'static [&'static str] = &[$($literal),+];

            const fn literal(&self) -> &'static str {
                match self { $(Self::$variant(_) => $literal),+ }
            }

            /// Who may have caused each event, by persisted literal; `None` if it is not of this enum.
            pub fn emitters(type_name: &str) -> Option<&'static [kernel::ActorKind]> {
                match type_name {
                    $($literal => Some(&[$(kernel::ActorKind::$by),+]),)+
                    _ => None,
                }
            }

            /// The JSON Schema of each event's `data` as it is stored, by persisted literal.
            pub fn schemas() -> Vec<(&'static str, schemars::Schema)> {
                vec![$(($literal, schemars::schema_for!($payload))),+]
            }
        }

        impl cqrs_es::DomainEvent for $name {
            fn event_type(&self) -> String {
                self.literal().to_owned()
            }

            fn event_version(&self) -> String {
                kernel::EventType::schema_version(self).to_string()
            }
        }
    };
}

pub(crate) use event_enum;
