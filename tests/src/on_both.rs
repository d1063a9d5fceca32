//! One story, told on both databases.

/// Makes two tests of one `async fn story(&Stack)`: `story::sqlite` and `story::postgres`. More environment
/// variables may follow, as pairs of texts, and `rooms: n` and `audits: n` for room and audit workers beside PostgreSQL (SQLite
/// has one of each).
#[macro_export]
macro_rules! on_both_databases {
    ($story:ident) => {
        $crate::on_both_databases!($story, []);
    };
    ($story:ident, [$($pair:expr),* $(,)?]) => {
        $crate::on_both_databases!($story, [$($pair),*], rooms: 0);
    };
    ($story:ident, [$($pair:expr),* $(,)?], rooms: $rooms:expr) => {
        $crate::on_both_databases!($story, [$($pair),*], rooms: $rooms, audits: 0);
    };
    ($story:ident, [$($pair:expr),* $(,)?], rooms: $rooms:expr, audits: $audits:expr) => {
        mod $story {
            fn env() -> Vec<(String, String)> {
                let pairs: Vec<(&str, &str)> = vec![$($pair),*];
                pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
            }

            #[tokio::test]
            async fn sqlite() {
                super::$story(&$crate::Stack::sqlite_with(env()).await).await;
            }

            #[tokio::test]
            async fn postgres() {
                $crate::require!($crate::Postgres::available());
                let options = $crate::StackOptions { env: env(), rooms: $rooms, audits: $audits, ..Default::default() };
                super::$story(&$crate::Stack::postgres(options).await).await;
            }
        }
    };
}
