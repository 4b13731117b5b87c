//! JetStream as a cluster of three: any one server may go, and nothing stops and nothing is lost.

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use async_nats::jetstream::{self, stream::Info};
use testkit::assert_stream_is_log;

use crate::{
    load::Load,
    place::{Up, cluster::Cluster, eventually},
};

const NODES: usize = 3;
const PASSWORD: &str = "platform-of-a-cluster";
const ALL: &str = "api,relay,projector,workflows";

#[tokio::test(flavor = "multi_thread")]
async fn one_of_three_nats_servers_may_go_at_any_time() {
    let mut cluster = Cluster::new().await;
    let mut nodes = Nodes::new(cluster.place.folder.path().join("three"));
    (0..NODES).for_each(|nth| nodes.start(nth));
    cluster.more = vec![
        ("NATS_URL", nodes.urls()),
        ("NATS_REPLICAS", NODES.to_string()),
    ];
    let mut processes = [cluster.spawn(ALL), cluster.spawn(ALL)];
    processes.iter_mut().for_each(Up::until_ready);
    let admin = cluster.sign_in(&processes[0], "admin").await;
    let client = nodes.client().await;
    let info = eventually("all replicas are there", || whole(&client)).await;
    assert_eq!(info.config.num_replicas, NODES);

    let load = Load::start(&admin, 3);
    for round in 0..NODES {
        // The one that leads the stream, which is another one each time or not: as it is in life.
        let leader = eventually("the stream has a leader", || leader(&client)).await;
        let gone = nodes.kill(&leader);
        let at = load.accepted();
        eventually("commands go on", || async {
            (load.accepted() > at + 50).then_some(())
        })
        .await;
        // Two are a majority: what is accepted now is published now.
        let head = position(&cluster).await;
        eventually("the stream goes on with two", || async {
            let (info, _) = state(&client).await?;
            (info.state.last_sequence >= head).then_some(())
        })
        .await;
        nodes.start(gone);
        eventually("the third has caught up", || whole(&client)).await;
        println!("round {round}: {leader} was away");
    }
    let accepted = load.stop_and_check(&cluster.database.pool).await;
    let events = assert_stream_is_log(&cluster.database.pool, &client).await;
    println!("{accepted} commands accepted, {events} events in the stream");
    processes.into_iter().for_each(Up::stop);
}

async fn position(cluster: &Cluster) -> u64 {
    let head: i64 = sqlx::query_scalar("SELECT max(position) FROM events")
        .fetch_one(&cluster.database.pool)
        .await
        .unwrap();
    head as u64
}

/// The stream's state, and who leads it; none while the cluster makes up its mind.
async fn state(client: &async_nats::Client) -> Option<(Info, String)> {
    let context = jetstream::new(client.clone());
    let mut stream = context.get_stream("EVENTS").await.ok()?;
    let info = stream.info().await.ok()?.clone();
    let leader = info.cluster.clone()?.leader?;
    Some((info, leader))
}

async fn leader(client: &async_nats::Client) -> Option<String> {
    state(client).await.map(|(_, leader)| leader)
}

/// Once every replica has all of it.
async fn whole(client: &async_nats::Client) -> Option<Info> {
    let (info, _) = state(client).await?;
    let replicas = &info.cluster.as_ref()?.replicas;
    let is_whole =
        replicas.len() == NODES - 1 && replicas.iter().all(|it| it.current && !it.offline);
    is_whole.then_some(info)
}

/// Three nats-servers, each with the file nats.conf, a name of its own and the block `cluster`.
struct Nodes {
    folder: PathBuf,
    ports: Vec<u16>,
    routes: Vec<u16>,
    running: Vec<Option<Child>>,
}

impl Nodes {
    fn new(folder: PathBuf) -> Self {
        // All at once: two of them must not be the same.
        let probes: Vec<TcpListener> = (0..2 * NODES)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let mut ports: Vec<u16> = probes
            .iter()
            .map(|probe| probe.local_addr().unwrap().port())
            .collect();
        let routes = ports.split_off(NODES);
        Self {
            folder,
            ports,
            routes,
            running: (0..NODES).map(|_| None).collect(),
        }
    }

    fn urls(&self) -> String {
        let urls: Vec<String> = self
            .ports
            .iter()
            .map(|port| format!("nats://platform:{PASSWORD}@127.0.0.1:{port}"))
            .collect();
        urls.join(",")
    }

    async fn client(&self) -> async_nats::Client {
        let servers: Vec<String> = self
            .ports
            .iter()
            .map(|port| format!("nats://127.0.0.1:{port}"))
            .collect();
        async_nats::ConnectOptions::with_user_and_password("platform".into(), PASSWORD.into())
            .connect(&servers[..])
            .await
            .unwrap()
    }

    fn start(&mut self, nth: usize) {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        let home = self.folder.join(name(nth));
        fs::create_dir_all(&home).unwrap();
        let routes: Vec<String> = self
            .routes
            .iter()
            .map(|port| format!("nats-route://127.0.0.1:{port}"))
            .collect();
        let conf = fs::read_to_string(root.join("nats.conf")).unwrap();
        let named = conf.replace(
            "server_name: greffe",
            &format!("server_name: {}", name(nth)),
        );
        assert_ne!(named, conf);
        let cluster = format!(
            "cluster {{ name: greffe, listen: \"127.0.0.1:{}\", routes: {routes:?} }}\n",
            self.routes[nth]
        );
        fs::write(home.join("nats.conf"), named + &cluster).unwrap();
        fs::copy(root.join("users.conf"), home.join("users.conf")).unwrap();
        let log = fs::File::create(home.join("log")).unwrap();
        let child = Command::new(root.join(".tools/nats/nats-server"))
            .args(["-c", "nats.conf", "-a", "127.0.0.1", "-p"])
            .arg(self.ports[nth].to_string())
            .env("NATS_STORE_DIR", home.join("store"))
            .env("NATS_PLATFORM_PASSWORD", PASSWORD)
            .env("NATS_SYSTEM_PASSWORD", "system-of-a-cluster")
            .current_dir(&home)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.running[nth] = Some(child);
    }

    /// kill -9.
    fn kill(&mut self, leader: &str) -> usize {
        let nth = (0..NODES).find(|nth| name(*nth) == leader).unwrap();
        let mut child = self.running[nth].take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        nth
    }
}

fn name(nth: usize) -> String {
    format!("nats-{nth}")
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for child in self.running.iter_mut().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
