//! What each event changes in the directory.

use eventlog::RecordedEvent;
use events::users::{ServiceAccountEvent, SessionEvent, UserEvent};
use kernel::EventType;
use uuid::Uuid;

use super::{Directory, Person, REMEMBER, SERVICE_ACCOUNT, SESSION, ServiceAccount, USER};

impl Directory {
    /// Takes an event in; whether it was about an account.
    pub(super) fn apply(&mut self, event: &RecordedEvent) -> bool {
        let id = || event.aggregate_id.parse::<Uuid>().unwrap_or_default();
        match event.aggregate_type.as_str() {
            USER => with(event, |change| self.apply_user(id(), change)),
            SERVICE_ACCOUNT => with(event, |change| {
                self.apply_service(&event.aggregate_id, change)
            }),
            SESSION => with(event, |change| self.apply_session(id(), change)),
            _ => false,
        }
    }

    fn apply_user(&mut self, id: Uuid, change: UserEvent) {
        if let UserEvent::Registered(event) = change {
            self.by_username
                .insert(events::fold_user_name(&event.username), id);
            let person = Person {
                id,
                username: event.username,
                display_name: event.display_name,
                role: event.role.to_string(),
                level: event.accreditation_level,
                active: true,
                credential_id: event.credential_id,
                valid_from: 0,
            };
            self.people.insert(id, person);
            return;
        }
        let Some(person) = self.people.get_mut(&id) else {
            return;
        };
        match change {
            UserEvent::Registered(_) => {}
            UserEvent::PasswordChanged(event) => {
                person.credential_id = Some(event.credential_id);
                person.valid_from = event.changed_at.timestamp();
            }
            UserEvent::LevelChanged(event) => person.level = event.to,
            UserEvent::RoleChanged(event) => person.role = event.to.to_string(),
            UserEvent::Disabled(event) => {
                person.active = false;
                // Enabling the account again does not bring its old sessions back.
                person.valid_from = event.disabled_at.timestamp() + 1;
            }
            UserEvent::Enabled(_) => person.active = true,
        }
    }

    fn apply_service(&mut self, name: &str, change: ServiceAccountEvent) {
        if let ServiceAccountEvent::Created(event) = change {
            let account = ServiceAccount {
                name: event.name.clone(),
                owner: event.owner_id,
                scopes: event.scopes.iter().map(ToString::to_string).collect(),
                active: true,
                credential_id: event.credential_id,
            };
            self.services.insert(event.name, account);
            return;
        }
        let Some(account) = self.services.get_mut(name) else {
            return;
        };
        match change {
            ServiceAccountEvent::Created(_) => {}
            ServiceAccountEvent::ScopesChanged(event) => {
                account.scopes = event.scopes.iter().map(ToString::to_string).collect();
            }
            ServiceAccountEvent::KeyRotated(event) => account.credential_id = event.credential_id,
            ServiceAccountEvent::Disabled(_) => account.active = false,
        }
    }

    fn apply_session(&mut self, id: Uuid, change: SessionEvent) {
        if let SessionEvent::Revoked(event) = change {
            // Sessions that could have run when this one ended have long ended themselves.
            self.revoked
                .retain(|_, at| *at > event.revoked_at - REMEMBER);
            self.revoked.insert(id, event.revoked_at);
        }
    }
}

/// Decodes an event; one that this build cannot read changes nothing here and is said so.
fn with<E: EventType>(event: &RecordedEvent, apply: impl FnOnce(E)) -> bool {
    match event.decode::<E>() {
        Ok(change) => {
            apply(change);
            true
        }
        Err(error) => {
            tracing::error!(event.position = event.position, error = %error, "an account's event cannot be read");
            false
        }
    }
}
