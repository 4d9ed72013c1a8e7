//! The kubelet's probe worker: how many answers in a row change what is published of a container.
//!
//! Source: Kubernetes, `pkg/kubelet/prober/worker.go`.

/// How many answers in a row count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Good ones.
    pub success: u32,
    /// Bad ones.
    pub failure: u32,
}

/// What a worker remembers of the answers so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Worker {
    last: Option<bool>,
    run: u32,
}

impl Worker {
    /// Takes an answer; what is published, if so many in a row were alike.
    pub fn answered(&mut self, good: bool, thresholds: Thresholds) -> Option<bool> {
        if self.last == Some(good) {
            self.run += 1;
        } else {
            (self.last, self.run) = (Some(good), 1);
        }
        let enough = if good { thresholds.success } else { thresholds.failure };
        (self.run >= enough).then_some(good)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(answers: &str, success: u32, failure: u32) -> Vec<Option<bool>> {
        let mut worker = Worker::default();
        answers.chars().map(|answer| worker.answered(answer == '+', Thresholds { success, failure })).collect()
    }

    #[test]
    fn so_many_in_a_row_count() {
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(published("+--+---", 1, 3), [yes, None, None, yes, None, None, no]);
        assert_eq!(published("+-++", 2, 1), [None, no, None, yes]);
        assert_eq!(published("----", 1, 3), [None, None, no, no]);
    }
}
