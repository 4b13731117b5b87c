//! When a component counts as better or worse: not at every single answer.

use events::workflow::HealthStatus;

/// So many answers in a row that are worse than what is believed make it worse.
const WORSE_AFTER: usize = 3;
/// So many that are better make it better.
const BETTER_AFTER: usize = 2;

/// What is believed of one component. The first answer is believed at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hysteresis {
    believed: Option<HealthStatus>,
    /// The last answers, all of them worse or all better than what is believed.
    streak: Vec<HealthStatus>,
}

impl Hysteresis {
    /// What is believed, if anything was heard yet.
    pub fn believed(&self) -> Option<HealthStatus> {
        self.believed
    }

    /// Takes one more answer; what is believed from now on, if that has changed. Of several answers
    /// in a row the one nearest to what was believed counts: all of them went at least so far.
    pub fn hear(&mut self, answer: HealthStatus) -> Option<HealthStatus> {
        let Some(believed) = self.believed else {
            self.believed = Some(answer);
            return self.believed;
        };
        let is_worse = answer > believed;
        let goes_on = self.streak.iter().all(|it| (*it > believed) == is_worse);
        if answer == believed || !goes_on {
            self.streak.clear();
        }
        if answer == believed {
            return None;
        }
        self.streak.push(answer);
        let (enough, nearest) = match is_worse {
            true => (WORSE_AFTER, self.streak.iter().min()),
            false => (BETTER_AFTER, self.streak.iter().max()),
        };
        let nearest = nearest.copied().filter(|_| self.streak.len() >= enough)?;
        self.streak.clear();
        self.believed = Some(nearest);
        self.believed
    }
}

#[cfg(test)]
mod tests {
    use HealthStatus::{Degraded, Down, Ok};
    use proptest::prelude::*;

    use super::*;

    /// What is believed after each answer.
    fn after(answers: &[HealthStatus]) -> Vec<HealthStatus> {
        let mut it = Hysteresis::default();
        answers
            .iter()
            .map(|answer| {
                it.hear(*answer);
                it.believed().unwrap()
            })
            .collect()
    }

    #[test]
    fn the_first_answer_counts_at_once() {
        for status in [Ok, Degraded, Down] {
            let mut it = Hysteresis::default();
            assert_eq!((it.believed(), it.hear(status)), (None, Some(status)));
            assert_eq!(it.hear(status), None, "nothing has changed");
        }
    }

    #[test]
    fn three_bad_in_a_row_make_it_worse_and_two_good_better() {
        assert_eq!(after(&[Ok, Down, Down]), [Ok, Ok, Ok]);
        assert_eq!(after(&[Ok, Down, Down, Down]), [Ok, Ok, Ok, Down]);
        assert_eq!(after(&[Down, Ok, Ok]), [Down, Down, Ok]);
    }

    #[test]
    fn an_answer_as_believed_starts_the_count_again() {
        assert_eq!(after(&[Ok, Down, Down, Ok, Down, Down]), [Ok; 6]);
        assert_eq!(after(&[Down, Ok, Down, Ok, Down]), [Down; 5]);
        assert_eq!(
            after(&[Degraded, Down, Down, Ok, Down, Down]),
            [Degraded; 6],
            "so does one on the other side"
        );
    }

    #[test]
    fn it_goes_only_as_far_as_all_of_them_went() {
        assert_eq!(after(&[Ok, Down, Degraded, Down]).last(), Some(&Degraded));
        assert_eq!(
            after(&[Ok, Down, Degraded, Down, Down, Down, Down]).last(),
            Some(&Down)
        );
        assert_eq!(after(&[Down, Ok, Degraded]).last(), Some(&Degraded));
    }

    proptest! {
        #[test]
        fn what_is_believed_changes_only_after_enough_in_a_row(
            answers in prop::collection::vec(prop::sample::select(vec![Ok, Degraded, Down]), 1..60)
        ) {
            let believed = after(&answers);
            for n in 1..answers.len() {
                let (before, now) = (believed[n - 1], believed[n]);
                if now > before {
                    prop_assert!(answers[n.saturating_sub(2)..=n].iter().all(|it| *it >= now));
                    prop_assert!(n > WORSE_AFTER - 1);
                }
                if now < before {
                    prop_assert!(answers[n.saturating_sub(1)..=n].iter().all(|it| *it <= now));
                }
            }
            // Enough of the same always get through, also after others on the way.
            let mut it = Hysteresis::default();
            answers.iter().for_each(|answer| { it.hear(*answer); });
            for _ in 0..2 * WORSE_AFTER { it.hear(Down); }
            prop_assert_eq!(it.believed(), Some(Down));
            for _ in 0..2 * BETTER_AFTER { it.hear(Ok); }
            prop_assert_eq!(it.believed(), Some(Ok));
        }
    }
}
