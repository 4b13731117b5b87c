use std::path::PathBuf;
use std::time::Duration;

use async_nats::{Client, ConnectOptions};
use embedded::{NatsCredentials, NatsUser, UserKind};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufStream},
    net::TcpStream,
    sync::Mutex,
};

use crate::temporary::TemporaryServers;

/// The lowest bcrypt allows: nats-server checks one at every connect.
const BCRYPT_COST: u32 = 4;

/// A nats-server of its own, with JetStream and the repository's `nats.conf`.
pub struct TestNats {
    servers: TemporaryServers,
    users: Mutex<Vec<NatsUser>>,
}

/// Starts a nats-server that knows only the platform.
pub async fn nats() -> TestNats {
    let servers = TemporaryServers::start(|config| config.want_postgres = false).await;
    TestNats {
        servers,
        users: Mutex::default(),
    }
}

impl TestNats {
    /// `nats://127.0.0.1:<port>`, without credentials.
    pub fn url(&self) -> String {
        self.servers
            .servers
            .nats_url()
            .expect("nats-server was started")
    }

    /// `nats://platform:<password>@127.0.0.1:<port>`.
    pub fn platform_url(&self) -> String {
        let NatsCredentials { user, password } = self.credentials();
        self.url()
            .replace("nats://", &format!("nats://{user}:{password}@"))
    }

    /// Of the platform.
    pub fn credentials(&self) -> NatsCredentials {
        self.servers
            .servers
            .nats_credentials()
            .expect("nats-server was started")
    }

    /// Connected as `platform`. Reconnects by itself after [`TestNats::restart`].
    pub async fn client(&self) -> Client {
        let NatsCredentials { user, password } = self.credentials();
        let options = ConnectOptions::with_user_and_password(user, password);
        options
            .reconnect_delay_callback(|_| Duration::from_millis(20))
            .connect(self.url())
            .await
            .expect("connect to nats-server")
    }

    /// Connected as a service or reader, with its own inbox prefix.
    pub async fn client_as(&self, name: &str, password: &str) -> Client {
        ConnectOptions::with_user_and_password(name.to_owned(), password.to_owned())
            .custom_inbox_prefix(format!("_INBOX.{name}"))
            .reconnect_delay_callback(|_| Duration::from_millis(20))
            .connect(self.url())
            .await
            .expect("connect to nats-server")
    }

    /// Sends bytes as they are, as a client that does not keep to the protocol may; returns once the
    /// server has read them.
    pub async fn send_raw(&self, name: &str, password: &str, bytes: &[u8]) {
        let address = self.url().replace("nats://", "");
        let stream = TcpStream::connect(address).await;
        let mut stream = BufStream::new(stream.expect("reach nats-server"));
        let connect = format!(
            "CONNECT {{\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true,\
             \"user\":\"{name}\",\"pass\":\"{password}\"}}\r\n"
        );
        let sent = [connect.as_bytes(), bytes, b"PING\r\n"].concat();
        stream.write_all(&sent).await.expect("write to nats-server");
        stream.flush().await.expect("write to nats-server");
        let mut line = String::new();
        while !line.starts_with("PONG") {
            line.clear();
            let read = stream.read_line(&mut line).await;
            assert!(
                read.expect("read from nats-server") > 0,
                "the server hung up"
            );
            assert!(!line.starts_with("-ERR"), "{line}");
        }
    }

    /// Adds a user and returns its password once the server knows it.
    pub async fn add_user(&self, name: &str, kind: UserKind) -> String {
        let password = format!("{name}-password");
        let hash = bcrypt::hash(&password, BCRYPT_COST).expect("hash a password");
        let user = NatsUser::new(name, hash, kind).expect("a valid user");
        let mut users = self.users.lock().await;
        users.push(user);
        self.servers
            .servers
            .set_nats_users(&users)
            .await
            .expect("reload nats-server");
        password
    }

    /// Takes a user away; its connections are closed.
    pub async fn remove_user(&self, name: &str) {
        let mut users = self.users.lock().await;
        users.retain(|user| user.name() != name);
        self.servers
            .servers
            .set_nats_users(&users)
            .await
            .expect("reload nats-server");
    }

    /// Replaces all users but the platform.
    pub async fn set_users(&self, new: Vec<NatsUser>) {
        let mut users = self.users.lock().await;
        *users = new;
        self.servers
            .servers
            .set_nats_users(&users)
            .await
            .expect("reload nats-server");
    }

    /// Of the user `system`, who may remove streams.
    pub fn system_password(&self) -> String {
        let servers = &self.servers.servers;
        servers.nats_system_password().expect("nats-server runs")
    }

    /// Removes a stream, which clients cannot.
    pub async fn delete_stream(&self, stream: &str) {
        self.servers
            .servers
            .delete_nats_stream(stream)
            .await
            .expect("remove a stream");
    }

    /// Removes a consumer, which clients cannot.
    pub async fn delete_consumer(&self, stream: &str, consumer: &str) {
        self.servers
            .servers
            .delete_nats_consumer(stream, consumer)
            .await
            .expect("remove a consumer");
    }

    pub fn users_file(&self) -> PathBuf {
        self.servers.servers.nats_dir().join("users.conf")
    }

    /// Where JetStream keeps its streams.
    pub fn store_dir(&self) -> PathBuf {
        self.servers.servers.nats_dir().join("store/jetstream")
    }

    /// Killed by a test, it is started again at once; see [`TestNats::kill`].
    pub fn pid(&self) -> Option<u32> {
        self.servers.servers.nats_pid()
    }

    /// kill -9; stays down until [`TestNats::restart`].
    pub async fn kill(&self) {
        self.servers
            .servers
            .halt_nats()
            .await
            .expect("kill nats-server");
    }

    /// kill -9 if it runs, then starts it on the same port and waits until it answers.
    pub async fn restart(&self) {
        self.kill().await;
        self.servers
            .servers
            .resume_nats()
            .await
            .expect("restart nats-server");
    }
}
