//! Moments in queries, each there once at most, and times from one to another.

use std::time::Duration;

use avanzacast_kit::time;
use avanzacast_schemas::Moment;
use schemars::SchemaGenerator;

use crate::{event_query::must, operation::Parameter, problem::Problem};

/// A query as it came.
pub(crate) type Pairs = Vec<(String, String)>;

/// A parameter that is a moment.
pub(crate) const fn parameter(name: &'static str, about: &'static str) -> Parameter {
    Parameter::query(name, false, about, SchemaGenerator::subschema_for::<Moment>)
}

/// The value of a parameter that may be there once.
pub(crate) fn once<'a>(pairs: &'a Pairs, name: &str) -> Result<Option<&'a str>, Problem> {
    let mut values = pairs.iter().filter(|(of, _)| of == name).map(|(_, value)| value.as_str());
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(Problem::malformed(format!("the query has {name} too often"))),
    }
}

/// A moment; unset when the query has none of this name.
pub(crate) fn moment(pairs: &Pairs, name: &str) -> Result<Option<Moment>, Problem> {
    let text = once(pairs, name)?;
    let moment =
        text.map(|text| text.parse().map_err(|_| must(name, "a moment with its offset: 2026-02-02T02:40:00Z")));
    moment.transpose()
}

/// `from` and `to`, in this order where both are there.
pub(crate) fn from_to(pairs: &Pairs) -> Result<(Option<Moment>, Option<Moment>), Problem> {
    match (moment(pairs, "from")?, moment(pairs, "to")?) {
        (Some(from), Some(to)) if from > to => Err(Problem::malformed("from must not be after to")),
        from_to => Ok(from_to),
    }
}

/// By this machine's clock.
pub(crate) fn now() -> Moment {
    Moment(time::now_ms())
}

/// So much before a moment.
pub(crate) fn before(moment: Moment, time: Duration) -> Moment {
    Moment(moment.0.saturating_sub(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(query: &[(&str, &str)]) -> Pairs {
        query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_time_goes_from_a_moment_to_a_later_one() {
        let (early, late) = ("2026-02-02T02:40:00Z", "2026-02-02T04:40:00.001+02:00");
        let read = |query: &[(&str, &str)]| from_to(&pairs(query)).ok();
        assert_eq!(read(&[("other", "x")]), Some((None, None)));
        let both = read(&[("to", late), ("from", early)]).unwrap();
        assert_eq!(both.0.map(|from| from.plus(1)), both.1);
        assert!(read(&[("from", early), ("to", early)]).is_some());
        for wrong in [&[("from", late), ("to", early)][..], &[("from", "")], &[("to", "now")], &[("to", late); 2]] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
        assert_eq!(before(Moment(5_000), Duration::from_secs(3)), Moment(2_000));
    }
}
