//! Frame shards and manifests that promise more than they hold.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, Int32Array, LargeBinaryArray, ListArray, RecordBatch, StringArray, UInt16Array, UInt64Array,
    types::{Int64Type, UInt32Type},
};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, Encoding, ZstdLevel},
    file::{
        metadata::KeyValue,
        properties::{WriterProperties, WriterPropertiesBuilder},
    },
};
use schemas::frame_shard::{self, FrameShardFacts, StoredPixels};

use crate::Attack;

/// A dataset of `videos` videos with a clip of one frame each.
fn facts(videos: u64) -> FrameShardFacts {
    FrameShardFacts {
        seed: 1,
        videos,
        clips_per_video: 1,
        clips_per_shard: u32::MAX,
        frames: 1,
        stride: 1,
        short_side: 0,
        pixels: StoredPixels::Rgb,
        source: String::new(),
        made_by: String::new(),
    }
}

fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_dictionary_enabled(false)
}

/// A shard with one row, whose blob has so many zeros and whose name is so long.
fn shard(facts: &FrameShardFacts, blob: usize, name: usize) -> Vec<u8> {
    shard_of_rows(facts, &["a".repeat(name)], blob, properties())
}

/// A shard of 40 rows with these names one behind the other, in which the length of name 20 is `length`.
fn shard_with_length(encoding: Encoding, length: u32) -> Vec<u8> {
    let names: Vec<_> = (0..40).map(|row| format!("films/{row:02}.mp4")).collect();
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_data_page_row_count_limit(1)
        .set_write_batch_size(1)
        .set_column_data_page_row_count_limit("video".into(), 40)
        .set_column_encoding("video".into(), encoding);
    let mut bytes = shard_of_rows(&facts(40), &names, 3_000_000 / 40, properties);
    let plain = [&12u32.to_le_bytes()[..], b"films/20.mp4"].concat();
    // Blocks of 128 in four parts, of 40 lengths.
    let packed = [0x80, 1, 4, 40];
    let find = |wanted: &[u8]| bytes.windows(wanted.len()).position(|some| some == wanted).unwrap();
    match encoding {
        Encoding::PLAIN => {
            let at = find(&plain);
            bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
        }
        _ => {
            let at = find(&packed) + 3;
            let parts = [0, 7, 14, 21].map(|shift| (length >> shift) as u8 | 128);
            bytes[at..at + 4].copy_from_slice(&parts);
            bytes[at + 4] = (length >> 28) as u8;
        }
    }
    bytes
}

/// A shard whose rows have these names, and blobs of so many zeros each.
fn shard_of_rows(
    facts: &FrameShardFacts,
    names: &[String],
    blob: usize,
    properties: WriterPropertiesBuilder,
) -> Vec<u8> {
    // The digests cover nothing, as in a shard that was made to harm.
    let digests = KeyValue::new("tubelet.blocks".to_owned(), r#"{"covered":0,"digests":[]}"#.to_owned());
    let schema = frame_shard::schema(facts);
    let pairs = schema.metadata().iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    let pairs = pairs.chain([digests]).collect();
    let bare = Arc::new(arrow_schema::Schema::new(schema.fields().clone()));
    let zeros = vec![0; blob];
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(0..names.len() as u64)),
        Arc::new(StringArray::from_iter_values(names)),
        Arc::new(Int32Array::from(vec![None; names.len()])),
        Arc::new(UInt16Array::from(vec![1000; names.len()])),
        Arc::new(UInt16Array::from(vec![(blob / 3000) as u16; names.len()])),
        Arc::new(ListArray::from_iter_primitive::<UInt32Type, _, _>(vec![Some([Some(0)]); names.len()])),
        Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(vec![Some([Some(0)]); names.len()])),
        Arc::new(LargeBinaryArray::from_iter_values(vec![&zeros; names.len()])),
    ];
    // What lists may miss is said by the schema's own fields.
    let columns = columns.into_iter().zip(bare.fields()).map(|(column, field)| match field.data_type() {
        arrow_schema::DataType::List(item) => {
            let (_, offsets, items, _) =
                column.as_any().downcast_ref::<ListArray>().unwrap().clone().into_parts();
            Arc::new(ListArray::new(Arc::clone(item), offsets, items, None)) as ArrayRef
        }
        _ => column,
    });
    let batch = RecordBatch::try_new(Arc::clone(&bare), columns.collect()).unwrap();
    let properties = properties.set_key_value_metadata(Some(pairs)).build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, bare, Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// A manifest with one column of so many rows, each of so many letters.
fn manifest(rows: usize, letters: usize) -> Vec<u8> {
    let row = "a".repeat(letters);
    let column: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|_| row.as_str())));
    let batch = RecordBatch::try_from_iter([("path", column)]).unwrap();
    let mut bytes = Vec::new();
    let format = KeyValue::new(frame_shard::VERSION_KEY.to_owned(), schemas::manifest::VERSION.to_owned());
    let properties = properties().set_key_value_metadata(Some(vec![format])).build();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// `bytes` with the four bytes that code a size of a page as a number (zigzag) standing for another.
fn with_size(mut bytes: Vec<u8>, is: u32, shall_be: u32) -> Vec<u8> {
    let coded = |size: u32| {
        let size = size << 1;
        [size as u8 | 128, (size >> 7) as u8 | 128, (size >> 14) as u8 | 128, (size >> 21) as u8]
    };
    let at = bytes.windows(4).position(|window| window == coded(is)).unwrap();
    bytes[at..at + 4].copy_from_slice(&coded(shall_be));
    bytes
}

pub fn attacks() -> Vec<Attack> {
    let shard_of = |name: &str, make: Box<dyn Fn() -> Vec<u8>>| {
        Attack::new(format!("shard-{name}/frames-00000.parquet"), make)
    };
    let promising = |name: &str, change: fn(&mut FrameShardFacts)| {
        shard_of(
            name,
            Box::new(move || {
                let mut facts = facts(1);
                change(&mut facts);
                shard(&facts, 3_000_000, 9)
            }),
        )
    };
    vec![
        promising("as-it-is", |_| {}),
        promising("videos-9", |facts| facts.videos = 1_000_000_000),
        promising("videos-60", |facts| facts.videos = 1 << 60),
        promising("videos-64", |facts| facts.videos = u64::MAX),
        promising("clips", |facts| (facts.videos, facts.clips_per_video) = (1 << 31, u32::MAX)),
        promising("clips-per-video", |facts| facts.clips_per_video = u32::MAX),
        promising("no-clips-per-shard", |facts| facts.clips_per_shard = 0),
        promising("frames", |facts| facts.frames = u32::MAX),
        shard_of("bomb", Box::new(|| shard(&facts(1), 300 << 20, 9))),
        shard_of("bomb-of-letters", Box::new(|| shard(&facts(1), 9, 100 << 20))),
        // The value, and the four bytes of its length.
        shard_of(
            "size-of-a-page",
            Box::new(|| with_size(shard(&facts(1), 3_000_000, 9), 3_000_004, 130_000_000)),
        ),
        shard_of("lengths-as-they-are", Box::new(|| shard_with_length(Encoding::PLAIN, 12))),
        shard_of("length-behind-its-page", Box::new(|| shard_with_length(Encoding::PLAIN, u32::MAX))),
        shard_of(
            "packed-lengths",
            Box::new(|| shard_with_length(Encoding::DELTA_LENGTH_BYTE_ARRAY, 0x7fff_ffff)),
        ),
        Attack::new("manifest-letters/manifest.parquet", || manifest(1, 100 << 20)),
        Attack::new("manifest-rows/manifest.parquet", || manifest(1_000_000, 0)),
        Attack::new("manifest-long-rows/manifest.parquet", || manifest(20_000, 9000)),
    ]
}
