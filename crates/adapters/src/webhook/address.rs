//! Where messages may go. Whoever may register a webhook must not thereby reach what only this machine can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// Characters of a URL.
const URL_CHARS: usize = 2_048;

/// Checks a URL as far as it can be told without resolving it.
pub(super) fn check_url(text: &str, private: bool) -> Result<Url, &'static str> {
    if text.len() > URL_CHARS {
        return Err("a url has at most 2048 characters");
    }
    let url = Url::parse(text).map_err(|_| "not an absolute url like https://shop.example/koi")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("the scheme is http or https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a url holds no user and no password");
    }
    if url.fragment().is_some() {
        return Err("a url has no fragment");
    }
    let literal = match url.host() {
        Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
        Some(Host::Domain(_)) => None,
        None => return Err("a url names a host"),
    };
    match literal {
        Some(ip) if !allowed(ip, private) => Err("messages do not go to this address"),
        _ => Ok(url),
    }
}

/// Whether a message may go to an address. Link-local ones are where clouds keep their credentials.
pub(super) fn allowed(ip: IpAddr, private: bool) -> bool {
    match ip {
        IpAddr::V4(ip) => allowed_v4(ip, private),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => allowed_v4(ip, private),
            None => allowed_v6(ip, private),
        },
    }
}

fn allowed_v4(ip: Ipv4Addr, private: bool) -> bool {
    let [a, b, ..] = ip.octets();
    if a == 0 || ip.is_link_local() || ip.is_multicast() || a >= 240 {
        return false;
    }
    // 100.64/10 is shared by carriers (RFC 6598), 198.18/15 is for benches (RFC 2544).
    let inner = ip.is_private() || ip.is_loopback() || (a == 100 && b & 0xc0 == 64) || (a == 198 && b & 0xfe == 18);
    private || !inner
}

fn allowed_v6(ip: Ipv6Addr, private: bool) -> bool {
    let first = ip.segments()[0];
    if ip.is_unspecified() || ip.is_multicast() || first & 0xffc0 == 0xfe80 {
        return false;
    }
    // fc00::/7 is private (RFC 4193); 64:ff9b::/96 and 2002::/16 carry IPv4 addresses that were not looked at.
    let inner = ip.is_loopback() || first & 0xfe00 == 0xfc00 || first == 0x64 || first == 0x2002;
    private || !inner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_those_that_messages_may_go_to() {
        for (url, anywhere, outside) in [
            ("https://shop.example/koi?x=1", true, true),
            ("http://127.0.0.1:9000/", true, false),
            ("http://[::1]:9000/", true, false),
            ("http://10.1.2.3/", true, false),
            ("http://2130706433/", true, false),
            ("http://169.254.169.254/latest", false, false),
            ("http://[::ffff:169.254.169.254]/", false, false),
            ("http://[fe80::1]/", false, false),
            ("http://0.0.0.0/", false, false),
            ("http://224.0.0.1/", false, false),
            ("ftp://shop.example/", false, false),
            ("file:///etc/passwd", false, false),
            ("https://ada:secret@shop.example/", false, false),
            ("https://shop.example/#part", false, false),
            ("shop.example", false, false),
            ("", false, false),
        ] {
            assert_eq!(check_url(url, true).is_ok(), anywhere, "{url} with private addresses");
            assert_eq!(check_url(url, false).is_ok(), outside, "{url} without");
        }
        assert!(check_url(&format!("https://shop.example/{}", "x".repeat(URL_CHARS)), true).is_err());
    }

    #[test]
    fn addresses_are_judged_by_their_ranges() {
        for (ip, anywhere, outside) in [
            ("93.184.216.34", true, true),
            ("2606:2800:220:1::1", true, true),
            ("192.168.1.1", true, false),
            ("172.16.0.1", true, false),
            ("100.64.0.1", true, false),
            ("198.18.0.1", true, false),
            ("::ffff:10.0.0.1", true, false),
            ("fd00::1", true, false),
            ("64:ff9b::a00:1", true, false),
            ("255.255.255.255", false, false),
            ("ff02::1", false, false),
            ("::", false, false),
        ] {
            let parsed: IpAddr = ip.parse().unwrap();
            assert_eq!((allowed(parsed, true), allowed(parsed, false)), (anywhere, outside), "{ip}");
        }
    }
}
