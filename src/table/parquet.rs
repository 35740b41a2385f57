//! A table as Parquet: every column optional, as INT64, DOUBLE or BYTE_ARRAY (UTF-8); not compressed, for what would compress
//! it is C code or has a licence that the tree does without, and dictionaries keep words small.

use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;

use super::{Kind, Table, Values};
use crate::error::{Error, Result};

/// Rows of a row group.
const GROUP: usize = 128 * 1024;

/// The whole file.
///
/// # Errors
/// [`Error::Record`] if a column cannot be written, which no record gives cause for.
pub fn parquet(table: &dyn Table) -> Result<Vec<u8>> {
    written(table).map_err(|error| Error::record(table.name(), format!("it cannot be made Parquet: {error}")))
}

fn written(table: &dyn Table) -> std::result::Result<Vec<u8>, ParquetError> {
    let columns = table.columns();
    let fields = columns.iter().map(|(name, kind)| field(name, *kind).map(Arc::new));
    let fields = fields.collect::<std::result::Result<Vec<_>, _>>()?;
    let schema = Arc::new(Type::group_type_builder(table.name()).with_fields(fields).build()?);
    let properties = WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_created_by(format!("subevo {}", env!("CARGO_PKG_VERSION")))
        .build();
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties))?;
    for start in (0..table.rows()).step_by(GROUP) {
        let rows = start..table.rows().min(start + GROUP);
        let mut group = writer.next_row_group()?;
        for i in 0..columns.len() {
            if let Some(mut column) = group.next_column()? {
                write(&mut column, table.values(i, rows.clone()))?;
                column.close()?;
            }
        }
        group.close()?;
    }
    writer.close()?;
    Ok(bytes)
}

fn field(name: &str, kind: Kind) -> std::result::Result<Type, ParquetError> {
    let (physical, logical) = match kind {
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Integer => (Physical::INT64, None),
        Kind::Number => (Physical::DOUBLE, None),
    };
    let field = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
    field.with_logical_type(logical).build()
}

fn write(column: &mut SerializedColumnWriter<'_>, values: Values<'_>) -> std::result::Result<(), ParquetError> {
    match values {
        Values::Text(texts) => batch::<ByteArrayType, _>(column, texts, ByteArray::from),
        // Signed, for pandas and polars subtract columns. No count comes near the end of the signed ones.
        Values::Integer(integers) => batch::<Int64Type, _>(column, integers, |x| i64::try_from(x).unwrap_or(i64::MAX)),
        Values::Number(numbers) => batch::<DoubleType, _>(column, numbers, |x| x),
    }
}

/// Writes what is there, and for each row whether it is.
fn batch<T: DataType, V>(
    column: &mut SerializedColumnWriter<'_>,
    values: Vec<Option<V>>,
    convert: impl Fn(V) -> T::T,
) -> std::result::Result<(), ParquetError> {
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let there: Vec<T::T> = values.into_iter().flatten().map(convert).collect();
    column.typed::<T>().write_batch(&there, Some(&levels), None)?;
    Ok(())
}
