//! Base64url as tokens spell it (RFC 7515, section 2): no padding, no blanks, no unused bits.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::JoseFault;

const STRICT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(false),
);

/// Spells bytes.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    STRICT.encode(bytes)
}

/// Reads bytes; every byte string has one spelling only, so two different texts never mean the same.
pub fn decode(text: &str) -> Result<Vec<u8>, JoseFault> {
    STRICT.decode(text).map_err(|error| {
        JoseFault::new(match error {
            base64::DecodeError::InvalidByte(_, b'=') => "Base64url carries no padding (`=`)".to_owned(),
            base64::DecodeError::InvalidByte(at, _) => format!("character {} is none of Base64url", at + 1),
            base64::DecodeError::InvalidLastSymbol { .. } => "its last character has unused bits set".to_owned(),
            base64::DecodeError::InvalidPadding => "Base64url carries no padding (`=`)".to_owned(),
            base64::DecodeError::InvalidLength(_) => "it has a length that Base64url cannot have".to_owned(),
        })
    })
}
