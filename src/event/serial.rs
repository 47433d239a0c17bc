//! How durations and shared texts are written and read back.

/// Durations as milliseconds with microsecond precision.
pub(super) mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(in crate::event) fn serialize<S: Serializer>(d: &Duration, s: S) -> Result<S::Ok, S::Error> {
        #[expect(clippy::cast_precision_loss, reason = "a run's microseconds fit 52 bits")]
        s.serialize_f64(d.as_micros() as f64 / 1000.0)
    }

    pub(in crate::event) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        let micros = (f64::deserialize(d)? * 1000.0).round();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
        Ok(Duration::from_micros(micros as u64))
    }
}

/// Shared text as text.
pub(super) mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(in crate::event) fn serialize<S: Serializer>(s: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(s)
    }

    pub(in crate::event) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
        String::deserialize(from).map(Arc::from)
    }
}
