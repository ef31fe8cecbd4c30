//! The name of a class.

/// A class as it is shown: one that has no name but its number says that it is a class.
pub fn shown(classes: &[String], class: usize) -> String {
    match classes.get(class) {
        Some(name) if *name != class.to_string() => name.clone(),
        _ => format!("class {class}"),
    }
}
