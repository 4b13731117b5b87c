//! Addresses: which peers are proxies of ours, and what counts as one party.

use std::{
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

/// A range of addresses, as `10.0.0.0/8`; a bare address is a range of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    prefix: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an address nor a range like 10.0.0.0/8")]
pub struct InvalidNetwork(String);

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let invalid = || InvalidNetwork(text.to_owned());
        let (address, prefix) = text
            .split_once('/')
            .map_or((text, None), |it| (it.0, Some(it.1)));
        let first: IpAddr = address.trim().parse().map_err(|_| invalid())?;
        let longest = width(first);
        let prefix = match prefix {
            None => longest,
            Some(digits) => digits.trim().parse().map_err(|_| invalid())?,
        };
        match prefix <= longest {
            true => Ok(Self { first, prefix }),
            false => Err(invalid()),
        }
    }
}

impl Network {
    /// This machine and private networks: where a proxy of one's own usually is.
    pub fn private() -> Vec<Self> {
        let ranges = [
            "127.0.0.0/8",
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "::1",
            "fc00::/7",
        ];
        ranges
            .iter()
            .filter_map(|range| range.parse().ok())
            .collect()
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        let (width, other) = (width(self.first), width(address));
        // A prefix of 0 covers the whole family; shifting by the whole width would overflow.
        let ignored = width - self.prefix;
        let fixed = |address: IpAddr| bits(address).checked_shr(ignored).unwrap_or(0);
        width == other && fixed(self.first) == fixed(address)
    }
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Under what an address is counted: an IPv6 address under its /64, of which one party has 2^64.
pub fn party(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(v6)) => {
            let network = Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64);
            format!("{network}/64")
        }
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_contain_what_they_say() {
        let contains = |range: &str, address: &str| {
            let range: Network = range.parse().unwrap();
            range.contains(address.parse().unwrap())
        };
        assert!(contains("10.0.0.0/8", "10.255.1.2") && !contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("192.0.2.7", "192.0.2.7") && !contains("192.0.2.7", "192.0.2.8"));
        assert!(contains("0.0.0.0/0", "8.8.8.8") && !contains("0.0.0.0/0", "::1"));
        assert!(contains("::/0", "2001:db8::1"));
        assert!(
            contains("2001:db8::/32", "2001:db8:1::1") && !contains("2001:db8::/32", "2001:db9::1")
        );
        for bad in ["", "10.0.0.0/33", "10.0.0.0/x", "::/129", "proxy.example"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
        assert_eq!(Network::private().len(), 6);
    }

    #[test]
    fn one_party_has_a_whole_ipv6_network() {
        assert_eq!(party("2001:db8:0:1:aaaa::1"), "2001:db8:0:1::/64");
        assert_eq!(party("2001:db8:0:1:bbbb::2"), "2001:db8:0:1::/64");
        assert_ne!(party("2001:db8:0:2::1"), party("2001:db8:0:1::1"));
        assert_eq!(party("192.0.2.1"), "192.0.2.1");
        assert_eq!(party("unknown"), "unknown");
    }
}
