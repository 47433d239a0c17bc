//! One-time passwords by time (RFC 6238), each given out once.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use aws_lc_rs::{digest, hmac};

/// Seconds that a code needs to arrive; one that has less left is not given out.
const MARGIN: u64 = 2;

/// How codes are made of a secret.
#[derive(Debug, Clone, Copy)]
pub(super) struct Method {
    pub(super) algorithm: hmac::Algorithm,
    pub(super) digits: u32,
}

/// Gives the code of a secret at a count of steps (RFC 4226, section 5.3).
pub(super) fn code(secret: &[u8], count: u64, method: Method) -> String {
    let mac = hmac::sign(&hmac::Key::new(method.algorithm, secret), &count.to_be_bytes());
    let mac = mac.as_ref();
    let offset = usize::from(mac.last().map_or(0, |b| b & 0x0f));
    let four = mac.iter().skip(offset).take(4).fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte));
    let number = (four & 0x7fff_ffff) % 10_u32.pow(method.digits);
    format!("{number:0width$}", width = method.digits as usize)
}

/// Reads Base32 (RFC 4648, section 6) as people copy it: any case, with blanks, dashes or padding.
pub(super) fn base32(text: &str) -> Option<Vec<u8>> {
    let (mut bits, mut held, mut out) = (0_u32, 0_u32, Vec::new());
    for c in text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '=')) {
        let value = match c.to_ascii_uppercase() {
            c @ 'A'..='Z' => c as u32 - 'A' as u32,
            c @ '2'..='7' => c as u32 - '2' as u32 + 26,
            _ => return None,
        };
        bits = (bits << 5) | value;
        held += 5;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from((bits >> held) & 0xff).unwrap_or(0));
        }
    }
    (!out.is_empty()).then_some(out)
}

/// Remembers the last step whose code was given out, by secret and length of steps; the secret itself is not kept.
#[derive(Debug, Default)]
pub(super) struct Gate(HashMap<(Vec<u8>, u64), u64>);

impl Gate {
    /// Takes the step of a time for a secret; the error is the second from which one is free.
    pub(super) fn take(&mut self, secret: &[u8], now: u64, step: u64) -> Result<u64, u64> {
        let key = (digest::digest(&digest::SHA256, secret).as_ref().to_vec(), step);
        let mut count = now / step;
        if step > 3 * MARGIN && step - now % step <= MARGIN {
            count += 1;
        }
        let free = self.0.get(&key).map_or(count, |used| count.max(used + 1));
        if free * step > now {
            return Err(free * step);
        }
        self.0.insert(key, free);
        Ok(free)
    }
}

/// Takes a step in the gate of this process.
pub(super) fn take(secret: &[u8], now: u64, step: u64) -> Result<u64, u64> {
    static GATE: LazyLock<Mutex<Gate>> = LazyLock::new(Mutex::default);
    GATE.lock().unwrap_or_else(PoisonError::into_inner).take(secret, now, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: seconds, and the codes with SHA-1, SHA-256 and SHA-512.
    const VECTORS: [(u64, [&str; 3]); 6] = [
        (59, ["94287082", "46119246", "90693936"]),
        (1_111_111_109, ["07081804", "68084774", "25091201"]),
        (1_111_111_111, ["14050471", "67062674", "99943326"]),
        (1_234_567_890, ["89005924", "91819424", "93441116"]),
        (2_000_000_000, ["69279037", "90698825", "38618901"]),
        (20_000_000_000, ["65353130", "77737706", "47863826"]),
    ];

    #[test]
    fn codes_are_those_of_the_rfc() {
        let algorithms = [(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, 20), (hmac::HMAC_SHA256, 32), (hmac::HMAC_SHA512, 64)];
        for (time, codes) in VECTORS {
            for ((algorithm, length), wanted) in algorithms.iter().zip(codes) {
                let secret: Vec<u8> = b"1234567890".iter().copied().cycle().take(*length).collect();
                let method = Method { algorithm: *algorithm, digits: 8 };
                assert_eq!(code(&secret, time / 30, method), wanted, "{time}");
            }
        }
    }

    #[test]
    fn secrets_are_read_as_people_copy_them() {
        assert_eq!(base32("GEZD GNBV-gy3tqojq====").unwrap(), b"1234567890");
        for bad in ["", "1", "GEZD0", "=", "é"] {
            assert_eq!(base32(bad), None, "{bad}");
        }
    }

    #[test]
    fn no_code_is_given_twice() {
        let mut gate = Gate::default();
        assert_eq!(gate.take(b"a", 3000, 30), Ok(100));
        assert_eq!(gate.take(b"a", 3001, 30), Err(3030), "used");
        assert_eq!(gate.take(b"b", 3001, 30), Ok(100), "another secret");
        assert_eq!(gate.take(b"a", 3029, 30), Err(3030));
        assert_eq!(gate.take(b"a", 3030, 30), Ok(101));
        assert_eq!(gate.take(b"c", 3028, 30), Err(3030), "it would be stale on arrival");
        assert_eq!(gate.take(b"a", 2000, 30), Err(3060), "a clock that was set back");
        assert_eq!(gate.take(b"a", 3031, 60), Ok(50), "steps of another length are counted otherwise");
    }
}
