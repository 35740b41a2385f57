//! A comparison as CSV (RFC 4180): a line for each row, every key written out; what there is not is empty.

use crate::compare::{Block, Comparison, Key, Quantity, Row};
use crate::record::Side;

/// The columns.
const HEADER: &str = "first,second,first_method,second_method,data,model,subset,subset_size,background,axes,at,level,\
    quantity,metric,name,of,place,layer,position,unit,n,reached_first,reached_second,mean_first,mean_second,difference,median_difference,ci_low,ci_high,\
    wilcoxon_n,w_plus,p,p_holm,rank_biserial,d_z,never_reached_first,never_reached_second,not_measured_first,\
    not_measured_second,not_finite_first,not_finite_second,seeds";

/// All rows.
pub fn csv(found: &Comparison) -> String {
    let lines = found.blocks.iter().flat_map(|block| block.rows.iter().map(move |row| line(block, row)));
    std::iter::once(format!("{HEADER}\n")).chain(lines).collect()
}

fn line(block: &Block, row: &Row) -> String {
    let (cell, paired) = (&block.cell, &row.paired);
    let key = match &row.quantity {
        Quantity::Measured(key) => Some(key.clone()),
        Quantity::Plain(_) => None,
    };
    let part = |part: fn(Key) -> Option<String>| key.clone().and_then(part).unwrap_or_default();
    let both = |[a, b]: [usize; 2]| [a.to_string(), b.to_string()];
    let seeds: Vec<String> = row.pairs.iter().map(|(seed, _)| seed.to_string()).collect();
    let mut fields = Vec::new();
    fields.extend(block.learners.clone());
    fields.extend(block.methods.map(|method| method.name().to_string()));
    fields.extend([cell.data.clone(), cell.model.clone(), cell.subset.clone(), block.subset_size.to_string()]);
    fields.extend([cell.background.name().to_string(), cell.axes.join(" ")]);
    fields.extend([row.moment.at().name().to_string(), row.moment.level().map_or(String::new(), number)]);
    fields.extend([
        row.quantity.to_string(),
        part(|key| Some(key.metric)),
        part(|key| Some(key.name)),
        part(|key| key.of),
    ]);
    fields.extend([part(|key| key.at.map(|at| at.to_string())), part(|key| key.layer)]);
    let side = |side| if side == Side::Pre { "pre".to_string() } else { "post".to_string() };
    fields.extend([key.as_ref().and_then(|key| key.position).map(side).unwrap_or_default(), row.unit.clone()]);
    fields.push(paired.n.to_string());
    fields.extend(row.reached.map(number));
    fields.extend(paired.means.map(number));
    fields.extend([paired.difference, paired.median, paired.interval[0], paired.interval[1]].map(number));
    fields.push(paired.wilcoxon.n.to_string());
    let statistic = if paired.n == 0 { f64::NAN } else { paired.wilcoxon.statistic };
    fields.extend([statistic, paired.wilcoxon.p, row.p_holm, paired.rank_biserial, paired.d_z].map(number));
    fields.extend([row.never_reached, row.not_measured, row.not_finite].into_iter().flat_map(both));
    fields.push(seeds.join(" "));
    let quoted: Vec<String> = fields.iter().map(|field| quoted(field)).collect();
    format!("{}\n", quoted.join(","))
}

/// The shortest decimals that are this number; nothing for NaN.
fn number(x: f64) -> String {
    if x.is_nan() {
        String::new()
    } else {
        format!("{x}")
    }
}

fn quoted(field: &str) -> String {
    match field.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_with_commas_and_quotes_are_one_field() {
        assert_eq!(quoted("radii.quantile:of=random,at=0.5"), "\"radii.quantile:of=random,at=0.5\"");
        assert_eq!(quoted("a \"b\"\nc"), "\"a \"\"b\"\"\nc\"");
        assert_eq!(
            (quoted("plain text"), number(0.1 + 0.2), number(f64::NAN)),
            ("plain text".into(), "0.30000000000000004".into(), String::new())
        );
    }
}
