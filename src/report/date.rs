//! Moments as people read them.

/// Days from 1970-01-01 to the first of March of the year 0, in the calendar of today.
const TO_MARCH_0: u64 = 719_468;
/// Days of 400 years.
const ERA: u64 = 146_097;

/// Seconds since 1970 as date and time, as in `2024-02-29 23:59 UTC`.
pub(super) fn date(unix_seconds: u64) -> String {
    let days = unix_seconds / 86_400 + TO_MARCH_0;
    let (era, day) = (days / ERA, days % ERA);
    // Years from March to February, so that the day that is not in every year is the last of one.
    let year = (day - day / 1_460 + day / 36_524 - day / (ERA - 1)) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = 400 * era + year + u64::from(month <= 2);
    let day = day - (153 * from_march + 2) / 5 + 1;
    let minutes = unix_seconds / 60;
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", minutes / 60 % 24, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // date -u -d @SECONDS
        for (seconds, text) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_827_696, "2000-02-29 12:34 UTC"),
            (1_709_251_199, "2024-02-29 23:59 UTC"),
            (1_709_251_200, "2024-03-01 00:00 UTC"),
            (1_767_225_599, "2025-12-31 23:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00 UTC"),
        ] {
            assert_eq!(date(seconds), text);
        }
    }
}
