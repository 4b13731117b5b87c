//! Accounts made without HTTP: the first administrator, and those of the command line.
