//! Prometheus' text format, as far as the driver needs it.

/// Sum of the samples of `name` whose labels hold `label`, such as `event="a"`; "" = all of them.
pub(crate) fn sum(text: &str, name: &str, label: &str) -> Option<f64> {
    let samples = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        if !rest.starts_with(['{', ' ']) || !rest.contains(label) {
            return None;
        }
        rest.rsplit(' ').next()?.parse::<f64>().ok()
    });
    samples.reduce(|a, b| a + b)
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn adds_the_labels_of_one_name() {
        let text = "# TYPE a gauge\na{event=\"x\"} 1\na{event=\"y z\"} 2\nab 7\nb 1.5\n";
        assert_eq!(sum(text, "a", ""), Some(3.0));
        assert_eq!(sum(text, "a", "event=\"x\""), Some(1.0));
        assert_eq!(sum(text, "b", ""), Some(1.5));
        assert_eq!(sum(text, "c", ""), None);
    }
}
