//! The cells of an Arrow column as text: what `arrow-cast` writes, without compiling its casts between all types.

use arrow_array::{
    Array, ArrayAccessor, OffsetSizeTrait,
    cast::AsArray as _,
    types::{
        Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
        UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};
use arrow_schema::DataType;

/// Each cell as text, none where it is null: text, bytes of UTF-8, numbers, `true` and `false`, days
/// (`2026-11-29`), and a category's name.
///
/// # Errors
/// When the column holds something else, or bytes that are not UTF-8.
pub(crate) fn texts(column: &dyn Array) -> Result<Vec<Option<String>>, String> {
    Ok(match column.data_type() {
        DataType::Null => vec![None; column.len()],
        DataType::Utf8 => written(column.as_string::<i32>(), str::to_owned),
        DataType::LargeUtf8 => written(column.as_string::<i64>(), str::to_owned),
        DataType::Utf8View => written(column.as_string_view(), str::to_owned),
        DataType::Binary => decoded::<i32>(column)?,
        DataType::LargeBinary => decoded::<i64>(column)?,
        DataType::Boolean => written(column.as_boolean(), |value| value.to_string()),
        DataType::Int8 => written(column.as_primitive::<Int8Type>(), |value| value.to_string()),
        DataType::Int16 => written(column.as_primitive::<Int16Type>(), |value| value.to_string()),
        DataType::Int32 => written(column.as_primitive::<Int32Type>(), |value| value.to_string()),
        DataType::Int64 => written(column.as_primitive::<Int64Type>(), |value| value.to_string()),
        DataType::UInt8 => written(column.as_primitive::<UInt8Type>(), |value| value.to_string()),
        DataType::UInt16 => written(column.as_primitive::<UInt16Type>(), |value| value.to_string()),
        DataType::UInt32 => written(column.as_primitive::<UInt32Type>(), |value| value.to_string()),
        DataType::UInt64 => written(column.as_primitive::<UInt64Type>(), |value| value.to_string()),
        DataType::Float32 => written(column.as_primitive::<Float32Type>(), |value| {
            if small(value.into()) { value.to_string() } else { format!("{value:?}") }
        }),
        DataType::Float64 => written(column.as_primitive::<Float64Type>(), |value| {
            if small(value) { value.to_string() } else { format!("{value:?}") }
        }),
        DataType::Decimal128(..) => {
            let column = column.as_primitive::<Decimal128Type>();
            present(column, |row| column.value_as_string(row))
        }
        DataType::Date32 => {
            let column = column.as_primitive::<Date32Type>();
            present(column, |row| column.value_as_date(row).map(|day| day.to_string()).unwrap_or_default())
        }
        DataType::Dictionary(..) => {
            let column = column.as_any_dictionary();
            let (names, places) = (texts(column.values().as_ref())?, column.normalized_keys());
            let name = |row: usize| names.get(places[row]).cloned().flatten();
            (0..column.len()).map(|row| if column.is_null(row) { None } else { name(row) }).collect()
        }
        other => return Err(format!("a column of {other} holds neither text nor numbers")),
    })
}

/// Numbers that are written with a decimal point, although Rust writes them with an exponent.
fn small(value: f64) -> bool {
    (1e-5..1e-4).contains(&value.abs())
}

fn written<A: ArrayAccessor + Copy>(column: A, text: impl Fn(A::Item) -> String) -> Vec<Option<String>> {
    present(column, |row| text(column.value(row)))
}

fn present(column: impl Array, text: impl Fn(usize) -> String) -> Vec<Option<String>> {
    (0..column.len()).map(|row| column.is_valid(row).then(|| text(row))).collect()
}

fn decoded<O: OffsetSizeTrait>(column: &dyn Array) -> Result<Vec<Option<String>>, String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_owned()).map_err(|why| why.to_string());
    column.as_binary::<O>().iter().map(|cell| cell.map(text).transpose()).collect()
}

#[cfg(test)]
mod tests {
    use arrow_array::{
        BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array,
        Int64Array, LargeStringArray, NullArray, StringViewArray, Time32SecondArray,
    };

    use super::*;

    #[test]
    fn cells_are_written_as_arrow_writes_them() {
        let categories: DictionaryArray<Int8Type> =
            vec![Some("run"), None, Some("run")].into_iter().collect();
        let numbers = [1.0, 0.1, 0.00012, 0.000012, 1.2e-6, 1e15, 1e16, -2.5e-5];
        let cases: [(&dyn Array, &[&str]); 9] = [
            (&LargeStringArray::from(vec![Some("a b"), None]), &["a b", "-"]),
            (&StringViewArray::from(vec![Some("c"), None]), &["c", "-"]),
            (&BinaryArray::from(vec![Some("é".as_bytes()), None]), &["é", "-"]),
            (&BooleanArray::from(vec![Some(true), None, Some(false)]), &["true", "-", "false"]),
            (&Int64Array::from(vec![Some(-7), None]), &["-7", "-"]),
            (&Float32Array::from(vec![0.1, 3.0, 1.2e-5]), &["0.1", "3.0", "0.000012"]),
            (
                &Float64Array::from(numbers.to_vec()),
                &["1.0", "0.1", "0.00012", "0.000012", "1.2e-6", "1000000000000000.0", "1e16", "-0.000025"],
            ),
            (&Date32Array::from(vec![Some(20_786), None]), &["2026-11-29", "-"]),
            (&categories, &["run", "-", "run"]),
        ];
        for (column, right) in cases {
            let found = texts(column).unwrap();
            let found: Vec<&str> = found.iter().map(|cell| cell.as_deref().unwrap_or("-")).collect();
            assert_eq!(found, right, "{}", column.data_type());
        }
        let prices = Decimal128Array::from(vec![1_250]).with_precision_and_scale(6, 2).unwrap();
        assert_eq!(texts(&prices).unwrap(), [Some("12.50".to_owned())]);
        assert_eq!(texts(&NullArray::new(2)).unwrap(), [None, None]);
    }

    #[test]
    fn what_is_no_text_is_named() {
        let refused = texts(&Time32SecondArray::from(vec![1])).unwrap_err();
        assert_eq!(refused, "a column of Time32(s) holds neither text nor numbers");
        assert!(texts(&BinaryArray::from(vec![&b"\xff"[..]])).is_err());
    }
}
