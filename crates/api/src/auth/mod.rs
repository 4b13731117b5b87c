pub mod cookie; pub mod keys; pub mod passwords; pub mod tokens;
