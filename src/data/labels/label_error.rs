//! Labels that cannot be used, in words that say what would do.

use pipeline::dataset::labels::LabelError;

use crate::error::Usage;

/// A label that is usage error, with what would do.
pub fn wrong(why: LabelError) -> Usage {
    let usage = Usage::new(why.to_string());
    match why {
        LabelError::Unlabelled { .. } => usage.hint(
            "labels stand behind the paths of a list, are folders (folder/class/video.mp4, --class-level), or come \
             from --labels FILE.csv; --only-labelled leaves the others out",
        ),
        LabelError::Outside { .. } | LabelError::UnknownClass { .. } => usage
            .hint("--classes CLASSES.TXT names the classes, one per line; --class-level says which folder is the class"),
        LabelError::Score { .. } => usage.hint(
            "numbers are learnt by `tubelet finetune --set classifier.problem_type=regression --labels FILE.csv`; \
             --classes CLASSES.TXT, with these words as lines, says that they are names of classes",
        ),
        LabelError::Several { .. } => usage.hint(
            "several labels a video are learnt by `tubelet finetune --set \
             classifier.problem_type=multi_label_classification --labels FILE.csv`; --classes CLASSES.TXT, with these \
             words as lines, says that they are names of classes",
        ),
        LabelError::SameContent { .. } => {
            usage.hint("remove one of each pair, or use `--split test=0.2,by=content`, which keeps copies on one side")
        }
        _ => usage,
    }
}
