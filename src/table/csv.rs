//! A table as CSV (RFC 4180): a header, then a line for each row. What is missing is empty; numbers that are none are `NaN`,
//! `inf` and `-inf`, the words that pandas and polars read as floats.

use super::{Table, Values};

/// Rows whose values are looked up at a time.
const CHUNK: usize = 4_096;

/// The whole file.
pub fn csv(table: &dyn Table) -> Vec<u8> {
    let names: Vec<&str> = table.columns().into_iter().map(|(name, _)| name).collect();
    let mut out = format!("{}\n", names.join(","));
    for start in (0..table.rows()).step_by(CHUNK) {
        let rows = start..table.rows().min(start + CHUNK);
        let columns: Vec<Values<'_>> = (0..names.len()).map(|i| table.values(i, rows.clone())).collect();
        for row in 0..rows.len() {
            for (i, values) in columns.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                field(&mut out, values, row);
            }
            out.push('\n');
        }
    }
    out.into_bytes()
}

fn field(out: &mut String, values: &Values<'_>, row: usize) {
    match values {
        Values::Text(texts) => quoted(out, texts[row].unwrap_or_default()),
        Values::Integer(integers) => out.push_str(&integers[row].map_or(String::new(), |x| x.to_string())),
        // The shortest decimals that are this number, with a point or an exponent, so that a column of whole numbers is one
        // of floats all the same; NaN and infinities as `NaN`, `inf` and `-inf`.
        Values::Number(numbers) => out.push_str(&numbers[row].map_or(String::new(), |x| format!("{x:?}"))),
    }
}

fn quoted(out: &mut String, text: &str) {
    if text.contains([',', '"', '\n', '\r']) {
        out.push('"');
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::super::column::{integer, number, text, Rows};
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be_and_numbers_keep_their_bits() {
        type Row = (Option<&'static str>, Option<u64>, Option<f64>);
        let rows: Vec<Row> = vec![
            (Some("plain"), Some(7), Some(0.1 + 0.2)),
            (Some("a,b \"c\"\nd"), None, None),
            (None, Some(0), Some(3.0)),
            (Some(""), Some(u64::MAX), Some(f64::NAN)),
            (Some("x"), None, Some(f64::INFINITY)),
            (Some("x"), None, Some(f64::NEG_INFINITY)),
            (Some("x"), None, Some(-1e-300)),
        ];
        let columns = vec![text("a", |row: &Row| row.0), integer("b", |row| row.1), number("c", |row| row.2)];
        let found = csv(&Rows { name: "t", columns, rows });
        let expected =
            "a,b,c\nplain,7,0.30000000000000004\n\"a,b \"\"c\"\"\nd\",,\n,0,3.0\n,18446744073709551615,NaN\n\
                        x,,inf\nx,,-inf\nx,,-1e-300\n";
        assert_eq!(String::from_utf8(found).unwrap(), expected);
    }

    #[test]
    fn more_rows_than_are_looked_up_at_a_time_are_all_there_in_order() {
        let rows: Vec<u64> = (0..2 * CHUNK as u64 + 1).collect();
        let found = csv(&Rows { name: "t", columns: vec![integer("i", |row: &u64| Some(*row))], rows: rows.clone() });
        let expected: String = rows.iter().map(|row| format!("{row}\n")).collect();
        assert_eq!(String::from_utf8(found).unwrap(), format!("i\n{expected}"));
    }
}
