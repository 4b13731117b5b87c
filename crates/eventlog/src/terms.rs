//! Search in sealed texts: a blind index of words.
//!
//! A row keeps the keyed fingerprints of its words and of their beginnings, so that `q=` finds them
//! without any word being stored. Whoever has the master key could test a guess, also of an
//! erased subject until its rows are rebuilt.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use uuid::Uuid;

use crate::Vault;

/// The shortest beginning of a word that can be searched for.
const SHORTEST_PREFIX: usize = 2;
/// Beginnings longer than this are cut.
const LONGEST_PREFIX: usize = 16;
/// A UUID without its hyphens (characters).
const UUID_WORD: usize = 32;
/// A row's index is bounded, but for ids; what comes later in a very long text is not found.
const MOST_TERMS: usize = 2_000;

/// Lower case without accents: `Médical` and `MEDICAL` are one word.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Words of letters and digits, cut; a UUID is one word, which alone is longer than those.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for token in fold(text).split_whitespace() {
        if let Ok(id) = Uuid::try_parse(token) {
            words.push(id.simple().to_string());
            continue;
        }
        let parts = token.split(|c: char| !c.is_alphanumeric());
        let parts = parts.filter(|part| !part.is_empty());
        words.extend(parts.map(|part| part.chars().take(LONGEST_PREFIX).collect::<String>()));
    }
    words
}

/// Nobody remembers how an id begins, and its beginnings would be most of an index.
fn is_whole(word: &str) -> bool {
    word.len() == UUID_WORD && word.is_ascii()
}

/// The terms of a batch's rows, as three arrays to bind. A statement takes a row's own out of `all` by
/// `($1::bigint[])[n.first_term:n.last_term]`, which is `NULL` where `None` was pushed. PostgreSQL has no
/// arrays of arrays of different lengths, and numbers written as text take it much longer to read.
#[derive(Default)]
pub struct TermColumn {
    pub all: Vec<i64>,
    /// Places in `all`, from 1.
    pub first: Vec<Option<i32>>,
    pub last: Vec<Option<i32>>,
}

impl TermColumn {
    /// The next row's terms.
    pub fn push(&mut self, terms: Option<Vec<i64>>) {
        let Some(terms) = terms else {
            self.first.push(None);
            self.last.push(None);
            return;
        };
        // PostgreSQL refuses a parameter of 1 GB, which is far fewer terms.
        let place = |length: usize| i32::try_from(length).unwrap_or(i32::MAX);
        self.first.push(Some(place(self.all.len() + 1)));
        self.all.extend(terms);
        self.last.push(Some(place(self.all.len())));
    }
}

/// A row's terms while its words are read. Few are sorted once, at the end, which is four times as fast
/// as a set; a long text whose words begin alike would be sorted again at each word.
#[derive(Default)]
struct RowTerms {
    few: Vec<i64>,
    many: BTreeSet<i64>,
}

impl RowTerms {
    /// Adds a word's, and says whether the row is full now.
    fn add(&mut self, word: &[i64]) -> bool {
        self.few.extend_from_slice(word);
        if self.few.len() + self.many.len() < MOST_TERMS {
            return false;
        }
        self.many.extend(self.few.drain(..));
        self.many.len() >= MOST_TERMS
    }

    /// Each once, in order.
    fn into_vec(mut self) -> Vec<i64> {
        if self.many.is_empty() {
            self.few.sort_unstable();
            self.few.dedup();
            return self.few;
        }
        self.many.extend(self.few);
        self.many.into_iter().collect()
    }
}

impl Vault {
    /// What a row keeps of its texts, for a `bigint[]` column with a GIN index.
    pub fn index_terms<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Vec<i64> {
        let mut terms = RowTerms::default();
        let mut seen = HashSet::new();
        for word in texts.into_iter().flat_map(words) {
            // A name stands in several places of a row.
            if seen.contains(&word) {
                continue;
            }
            if is_whole(&word) {
                terms.few.push(self.term(&word));
                seen.insert(word);
                continue;
            }
            if terms.add(&self.terms_of(&word)) {
                break;
            }
            seen.insert(word);
        }
        terms.into_vec()
    }

    /// The word and its beginnings.
    fn terms_of(&self, word: &str) -> Arc<[i64]> {
        let terms = || {
            let ends = word
                .char_indices()
                .map(|(at, letter)| at + letter.len_utf8());
            let shortest = word.char_indices().nth(SHORTEST_PREFIX - 1);
            let from = shortest.map_or(word.len(), |(at, letter)| at + letter.len_utf8());
            ends.filter(|end| *end >= from)
                .map(|end| self.term(&word[..end]))
                .collect()
        };
        // A number, as of a ticket, hardly comes again: it would drive words out.
        match word.bytes().any(|byte| byte.is_ascii_digit()) {
            true => terms(),
            false => self.inner.terms.get_with_by_ref(word, terms),
        }
    }

    /// What a row must contain (`terms @> $1`) to match every word of the query, each as a beginning.
    pub fn query_terms(&self, query: &str) -> Vec<i64> {
        words(query)
            .iter()
            .map(|word| self.term(word))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    fn term(&self, word: &str) -> i64 {
        let [a, b, c, d, e, f, g, h, ..] = self.fingerprint("term", word);
        i64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_case_and_accents() {
        assert_eq!(fold("ÉTÉ Médical Œuvre"), "ete medical œuvre");
    }

    #[tokio::test]
    async fn finds_words_by_their_beginning_only() {
        let pool = sqlx::PgPool::connect_lazy("postgres://nowhere/none").unwrap();
        let vault = Vault::new(pool, &[7; 32]);
        let id = "0198c1d2-aaaa-7bbb-8ccc-000000000001";
        let row = vault.index_terms(["Reset MDP - Jean Dupont", "ticket 1234", id]);
        let matches = |query: &str| vault.query_terms(query).iter().all(|t| row.contains(t));
        for found in [
            "jean",
            "DUPONT",
            "dup jea",
            "1234",
            "12",
            "réset mdp",
            "jean.dupont",
            id,
            "0198C1D2AAAA7BBB8CCC000000000001",
        ] {
            assert!(matches(found), "{found}");
        }
        for missed in ["upont", "jeanne", "12345", "reset xyz", "0198c1d2", "aaaa"] {
            assert!(!matches(missed), "{missed}");
        }
    }

    #[tokio::test]
    async fn a_long_text_is_indexed_up_to_the_word_that_makes_it_full() {
        let pool = sqlx::PgPool::connect_lazy("postgres://nowhere/none").unwrap();
        let vault = Vault::new(pool, &[7; 32]);
        // Each says the same beginnings again, and adds a term or a few.
        let words: Vec<String> = (1000..9000).map(|n| format!("beginalike{n}")).collect();
        let mut set: BTreeSet<i64> = BTreeSet::new();
        let mut wanted = vec![];
        for word in &words {
            set.extend(vault.terms_of(word).iter());
            wanted.push(set.iter().copied().collect::<Vec<_>>());
            if set.len() >= MOST_TERMS {
                break;
            }
        }
        let most = wanted.len();
        for length in [1, 10, most - 1, most, most + 1, words.len()] {
            let row = vault.index_terms(words[..length].iter().map(String::as_str));
            assert_eq!(row, wanted[length.min(most) - 1], "{length} words");
        }
    }

    #[tokio::test]
    async fn each_row_gets_its_own_terms() {
        let db = testkit::fresh_database().await;
        let batches = [
            vec![Some(vec![3, 4]), None, Some(vec![]), Some(vec![5])],
            vec![None, Some(vec![])],
        ];
        for rows in batches {
            let mut column = TermColumn::default();
            rows.iter().for_each(|terms| column.push(terms.clone()));
            let read: Vec<Option<Vec<i64>>> = sqlx::query_scalar(
                "SELECT ($1::bigint[])[n.first_term:n.last_term]
                 FROM unnest($2::integer[], $3::integer[]) AS n(first_term, last_term)",
            )
            .bind(column.all)
            .bind(column.first)
            .bind(column.last)
            .fetch_all(&db.pool)
            .await
            .unwrap();
            assert_eq!(read, rows);
        }
    }
}
